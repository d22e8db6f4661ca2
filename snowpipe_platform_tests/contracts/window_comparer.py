"""What every WindowComparer promises, against an oracle in plain Python. A backend's test gives `make_comparer`."""

from collections import Counter
from datetime import timedelta
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given, settings

from snowpipe_platform.records import Landed, LandedWindow
from snowpipe_platform.spec.manifest import PLATFORM_COLUMNS
from snowpipe_platform.spec.watermark import Interval
from snowpipe_platform_tests.contracts.recognizer import NOON, SCHEMA, Log, batch_of, ordered

HOURS = Interval(NOON.replace(hour=1), NOON.replace(hour=3))
"""The window of all these tests: hours 1 and 2."""

row = st.tuples(st.one_of(st.none(), st.integers(0, 3)), st.integers(0, 4), st.sampled_from(["a", "b"]), st.just(0))
rows_of = st.lists(row, max_size=6)


def hashed(rows, *, content="no hash of anything", operations=None):
    """Rows as bronze keeps them, with a content hash that is wrong for each."""
    table = pa.Table.from_batches([batch_of(rows)])
    table = table.append_column("_content_hash", pa.array([content] * len(rows), pa.string()))
    place = table.schema.get_field_index("_operation")
    if operations is not None:
        table = table.set_column(place, "_operation", pa.array(operations, pa.string()))
    return table.select([*SCHEMA.names, *PLATFORM_COLUMNS])


def window(log, interval=HOURS, *, arrivals=()):
    manifests = [m.model_copy(update={"kind": "arrival"}) if m.number in arrivals else m for m in log.landed.manifests]
    landed = Landed(tuple(manifests), log.landed.locations)
    return LandedWindow(interval, landed, landed)


def told(rows):
    return [(r["id"], r["at"].hour, r["name"]) for r in rows.to_pylist()]


class WindowComparerContract:
    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(landed=st.lists(rows_of, max_size=3), read=rows_of, size=st.integers(1, 3))
    def test_both_ways_agree_with_plain_python(self, make_comparer, landed, read, size):
        """A key's last change is its highest hour, of those the one landed last."""
        read = ordered([r for r in read if r[1] in (1, 2)], snapshot=False)
        with TemporaryDirectory() as folder:
            log = Log(folder)
            latest, images = {}, {}
            for number, rows in enumerate(landed):
                log.land(hashed(rows))
                for place, (key, hour, name, _) in enumerate(rows):
                    latest[key] = max(latest.get(key, (-1,)), (hour, number, place))
                    known = images.setdefault((key, hour), (number, set()))
                    images[key, hour] = (number, {name} | (known[1] if known[0] == number else set()))
            missing, gone = self.compare(make_comparer, log, read, size)
        lacking = [r[:3] for r in read if r[2] not in images.get((r[0], r[1]), (0, set()))[1]]
        assert missing == list(dict.fromkeys(lacking))
        shown = {key for key, *_ in read}
        assert set(gone) == {key for key, (hour, *_) in latest.items() if hour in (1, 2) and key not in shown}
        assert len(gone) == len(set(gone))

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(landed=st.lists(rows_of, max_size=3), read=rows_of, size=st.integers(1, 3))
    def test_without_a_key_copies_are_counted_both_ways(self, make_comparer, landed, read, size):
        read = ordered([r for r in read if r[1] in (1, 2)], snapshot=False)
        with TemporaryDirectory() as folder:
            log = Log(folder)
            for rows in landed:
                log.land(hashed(rows))
            there = Counter(r[:3] for rows in landed for r in rows if r[1] in (1, 2))
            missing, beyond = self.compare(make_comparer, log, read, size, key=[])
        assert Counter(missing) == Counter(r[:3] for r in read) - there
        assert beyond == (there - Counter(r[:3] for r in read)).total()

    def compare(self, make_comparer, log, read, size, *, key=("id",)):
        """The rows that bronze lacks; the keys, or how many copies, that the source does not show."""
        comparison = make_comparer(schema=SCHEMA, key=list(key), watermark="at", landed=window(log))
        starts = range(0, len(read), size)
        missing = [r for at in starts for r in told(comparison.new_rows(batch_of(read[at : at + size], start=at)).rows)]
        if key:
            beyond = [r["id"] for keys in comparison.unshown_keys() for r in keys.to_pylist()]
        else:
            beyond = comparison.unshown_copies()
        comparison.close()
        return missing, beyond

    def test_a_stored_hash_vouches_for_nothing(self, make_comparer, tmp_path):
        log = Log(tmp_path)
        honest = make_comparer(schema=SCHEMA, key=["id"], watermark="at", landed=window(log))
        content = honest.new_rows(batch_of([(1, 1, "a", 0)])).rows["_content_hash"][0].as_py()
        honest.close()
        log.land(hashed([(1, 1, "altered", 0)], content=content))
        missing, _ = self.compare(make_comparer, log, [(1, 1, "a", 0)], 1)
        assert missing == [(1, 1, "a")]

    def test_a_deleted_key_is_not_unshown_and_a_row_of_it_is_closed_until_a_later_one(self, make_comparer, tmp_path):
        log = Log(tmp_path)
        log.land(hashed([(1, 1, "a", 0), (2, 1, "a", 0)]))
        log.land(hashed([(1, 2, None, 0)], content="delete", operations=["delete"]))
        comparison = make_comparer(schema=SCHEMA, key=["id"], watermark="at", landed=window(log))
        rows = pa.Table.from_batches([batch_of([(1, 1, "a", 0), (1, 3, "a", 0), (2, 1, "b", 0), (9, 1, "a", 0)])])
        assert comparison.is_closed(rows).to_pylist() == [True, False, False, False]
        assert [r for keys in comparison.unshown_keys() for r in keys.to_pylist()] == [{"id": 2}]
        comparison.close()

    def test_a_dropped_file_says_nothing_about_the_source(self, make_comparer, tmp_path):
        log = Log(tmp_path)
        log.land(hashed([(1, 1, "a", 0), (2, 2, "a", 0)]))
        log.land(hashed([(2, 2, "dropped", 0), (3, 1, "dropped", 0)]))
        landed = window(log, arrivals={2})
        comparison = make_comparer(schema=SCHEMA, key=["id"], watermark="at", landed=landed)
        assert [r for keys in comparison.unshown_keys() for r in keys.to_pylist()] == [{"id": 1}]
        comparison.close()

    def test_the_window_of_rows_without_a_watermark(self, make_comparer, tmp_path):
        log = Log(tmp_path)
        rows = hashed([(1, 1, "a", 0), (2, 1, "a", 0)])
        at = pa.array([NOON - timedelta(hours=1), None], pa.timestamp("us"))
        log.land(rows.set_column(rows.schema.get_field_index("at"), "at", at))
        landed = window(log, interval=None)
        comparison = make_comparer(schema=SCHEMA, key=["id"], watermark="at", landed=landed)
        assert [r for keys in comparison.unshown_keys() for r in keys.to_pylist()] == [{"id": 2}]
        comparison.close()

    @pytest.mark.parametrize("key", [["id"], []], ids=["with a key", "without"])
    def test_where_nothing_is_landed_everything_is_missing(self, make_comparer, tmp_path, key):
        missing, beyond = self.compare(make_comparer, Log(tmp_path), [(1, 1, "a", 0)], 1, key=key)
        assert (missing, beyond) == ([(1, 1, "a")], [] if key else 0)

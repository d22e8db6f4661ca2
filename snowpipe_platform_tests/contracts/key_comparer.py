"""What every KeyComparer promises. A backend's test gives `make_comparer`."""

from datetime import datetime, timedelta

import pyarrow as pa
import pytest

from snowpipe_platform.records import KeyCounts
from snowpipe_platform.spec.ranges import Ranges
from snowpipe_platform.spec.watermark import Interval
from snowpipe_platform_tests.contracts.recognizer import Log

NOON = datetime(2024, 3, 1, 12)
SCHEMA = pa.schema([("id", pa.int32()), ("at", pa.timestamp("us")), ("name", pa.string())])
HOUR = timedelta(hours=1)


def images(*rows):
    """Rows (id, hour of the instant, operation) as bronze keeps them."""
    count = len(rows)
    instants = pa.array([NOON.replace(hour=hour) for _, hour, _ in rows], pa.timestamp("us"))
    return pa.table(
        {
            "id": pa.array([key for key, _, _ in rows], pa.int32()),
            "at": instants,
            "name": pa.array(["a"] * count, pa.string()),
            "extraction_timestamp": pa.array([NOON] * count, pa.timestamp("us")),
            "source_system": pa.array(["shop"] * count, pa.string()),
            "_row_number": pa.array(range(count), pa.int64()),
            "_content_hash": pa.array(["h"] * count, pa.string()),
            "_instant": instants,
            "_nanoseconds": pa.array([0] * count, pa.int16()),
            "_operation": pa.array([operation for _, _, operation in rows], pa.string()),
        }
    )


def source(*rows):
    """Rows (id, hour of the watermark or None, operation) as a comparison reads them."""
    marks = [None if hour is None else NOON.replace(hour=hour) for _, hour, _ in rows]
    return pa.table(
        {
            "id": pa.array([key for key, _, _ in rows], pa.int32()),
            "at": pa.array(marks, pa.timestamp("us")),
            "_operation": pa.array([operation for _, _, operation in rows], pa.string()),
        }
    )


class KeyComparerContract:
    """unread: below 10 o'clock unless a test says otherwise."""

    @pytest.fixture
    def log(self, tmp_path, file_format):
        return Log(tmp_path, file_format=file_format)

    @pytest.fixture
    def found(self, make_comparer, log):
        """Counts, keys gone and keys back with their instants, of a comparison at noon."""

        def find(*batches, unread=10, with_nulls=True):
            ranges = Ranges.of([Interval(None, NOON.replace(hour=unread))])
            options = {"at": NOON, "unread": ranges, "with_nulls": with_nulls, "landed": log.landed}
            comparer = make_comparer(schema=SCHEMA, key=["id"], watermark="at", **options)
            try:
                for batch in batches:
                    comparer.add(batch)
                counts = comparer.compare()
                back = [*comparer.back(nulls=False), *comparer.back(nulls=True)]
                return counts, self._keys(comparer.gone()), self._keys(back)
            finally:
                comparer.close()

        return find

    @staticmethod
    def _keys(batches):
        return [(row["id"], row["_instant"]) for batch in batches for row in batch.to_pylist()]

    def test_of_nothing_there_is_nothing(self, found):
        assert found() == (KeyCounts(0, 0, 0, 0), [], [])

    def test_keys_gone_come_by_key_at_the_comparisons_instant(self, log, found):
        log.land(images((3, 1, "upsert"), (1, 2, "upsert"), (2, 3, "upsert")))
        assert found(source((2, 3, "upsert"))) == (KeyCounts(1, 3, 2, 0), [(1, NOON), (3, NOON)], [])

    def test_the_latest_change_by_instant_then_entry_then_row_is_a_keys_state(self, log, found):
        log.land(images((1, 5, "upsert"), (2, 5, "delete"), (3, 5, "upsert"), (3, 5, "delete")))
        log.land(images((1, 4, "delete"), (2, 5, "upsert")))
        assert found() == (KeyCounts(0, 2, 2, 0), [(1, NOON), (2, NOON)], [])

    def test_a_later_instant_than_the_comparisons_is_kept(self, log, found):
        log.land(images((1, 15, "upsert"), (2, 16, "delete")))
        _, gone, back = found(source((2, 5, "upsert")))
        assert (gone, back) == ([(1, NOON + 3 * HOUR)], [(2, NOON + 4 * HOUR)])

    def test_a_key_is_back_unless_a_coming_extraction_reads_a_later_change_of_it(self, log, found):
        log.land(images(*((key, 11, "delete") for key in range(4))))
        rows = source((0, 9, "upsert"), (1, 10, "upsert"), (2, 11, "upsert"), (3, 12, "upsert"))
        counts, _, back = found(rows)
        assert (counts, [key for key, _ in back]) == (KeyCounts(4, 0, 0, 3), [0, 1, 2])
        _, _, back = found(rows, unread=13)
        assert [key for key, _ in back] == [0, 1, 2, 3]

    def test_a_marked_row_is_not_at_the_source_unless_another_of_its_key_is(self, log, found):
        log.land(images((1, 1, "upsert"), (2, 1, "upsert"), (3, 1, "upsert")))
        rows = source((1, 1, "delete"), (2, 1, "delete"), (2, 1, "upsert"), (3, 11, "delete"))
        assert found(rows) == (KeyCounts(1, 3, 1, 0), [(1, NOON)], [])

    @pytest.mark.parametrize(("with_nulls", "expected"), [(True, [(1, NOON)]), (False, [])])
    def test_a_row_without_a_watermark_opens_a_key_where_it_is_wanted(self, log, found, with_nulls, expected):
        log.land(images((1, 1, "delete"), (2, 1, "upsert")))
        counts, gone, back = found(source((1, None, "upsert"), (2, None, "upsert")), with_nulls=with_nulls)
        assert (counts, gone, back) == (KeyCounts(2, 1, 0, len(expected)), [], expected)

    def test_null_is_a_key_and_a_key_is_counted_once(self, log, found):
        log.land(images((None, 1, "upsert"), (1, 1, "upsert")))
        rows = source((1, 1, "upsert"), (1, 2, "upsert"))
        assert found(rows, rows) == (KeyCounts(1, 2, 1, 0), [(None, NOON)], [])
        assert found(rows, source((None, 1, "upsert")))[0] == KeyCounts(2, 2, 0, 0)

    def test_a_key_that_dropped_files_alone_brought_is_left_alone(self, log, found):
        log.land(images((1, 1, "upsert"), (2, 1, "delete")))
        log.manifests[0] = log.manifests[0].model_copy(update={"kind": "arrival"})
        log.land(images((3, 1, "upsert")))
        assert found(source((2, 1, "upsert"))) == (KeyCounts(1, 1, 1, 0), [(3, NOON)], [])

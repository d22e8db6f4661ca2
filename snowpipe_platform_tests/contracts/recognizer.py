"""What every Recognizer promises, against an oracle in plain Python. A backend's test gives `make_recognizer`."""

import itertools
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given, settings

from snowpipe_platform.backends.local_bronze import LocalBronze
from snowpipe_platform.records import Landed
from snowpipe_platform.spec.manifest import PLATFORM_COLUMNS, ColumnSpec, Manifest

NOON = datetime(2024, 3, 1, 12)
SCHEMA = pa.schema([("id", pa.int32()), ("at", pa.timestamp("us")), ("name", pa.string())])

key = st.one_of(st.none(), st.integers(0, 2))
row = st.tuples(key, st.integers(0, 2), st.sampled_from([None, "", "a", "1:a"]), st.sampled_from([0, 5]))
reads = st.lists(st.lists(row, max_size=8), min_size=1, max_size=4)


def batch_of(rows, *, start=0, schema=SCHEMA):
    """Rows (id, hour, name, nanoseconds) in the order a source gives them, with the platform's columns but the hash."""
    count = len(rows)
    own = {"id": [r[0] for r in rows], "at": [NOON.replace(hour=r[1]) for r in rows], "name": [r[2] for r in rows]}
    columns = {name: pa.array(own[name], schema.field(name).type) for name in schema.names}
    columns |= {
        "extraction_timestamp": pa.array([NOON] * count, pa.timestamp("us")),
        "source_system": pa.array(["shop"] * count, pa.string()),
        "_row_number": pa.array(range(start, start + count), pa.int64()),
        "_instant": columns["at"],
        "_nanoseconds": pa.array([r[3] for r in rows], pa.int16()),
        "_operation": pa.array(["upsert"] * count, pa.string()),
    }
    return pa.record_batch(columns)


def ordered(rows, *, snapshot):
    """By watermark, then key, as the source is asked for them."""
    return sorted(rows, key=lambda r: ((0, 0) if snapshot else (r[1], r[3]), r[0] is None, r[0] or 0))


class Log:
    """Extractions of one query, landed as files."""

    def __init__(self, folder, *, file_format="parquet"):
        self.store, self.manifests, self._format = LocalBronze(Path(folder)), [], file_format

    def land(self, rows, schema=SCHEMA):
        number = len(self.manifests) + 1
        attempt = self.store.begin("orders", folder="", extraction_id=str(number), file_format=self._format)
        files = (attempt.write(rows, watermark_min=None, watermark_max=None),) if rows.num_rows else ()
        types = {"int32": "int32", "int64": "int64", "timestamp[us]": "timestamp(6)", "string": "string"}
        columns = tuple(ColumnSpec(name=field.name, type=types[str(field.type)]) for field in schema)
        facts = {"entity": "orders", "query": "orders", "query_fingerprint": "", "mode": "incremental", "run_id": "r"}
        facts |= {"source_system": "shop", "load_day": date(2024, 3, 1), "extracted_at": NOON}
        facts |= {"rows_read": 0, "rows_landed": rows.num_rows, "rows_known": 0}
        self.manifests.append(
            Manifest(
                number=number,
                extraction_id=str(number),
                columns=columns,
                files=files,
                file_format=self._format,
                **facts,
            )
        )

    @property
    def landed(self):
        locations = {file.path: self.store.locate(file) for m in self.manifests for file in m.files}
        return Landed(tuple(self.manifests), locations)


class Oracle:
    """The rule of recognition, straight from its words."""

    def __init__(self, *, mode, ordered=True):
        self._mode, self._ordered, self._copies = mode, ordered, Counter()
        self._latest, self._ever = {}, {}

    def new(self, rows):
        """Which rows of one extraction are to be landed, in order."""
        if self._mode == "bag":
            read, fresh = Counter(), []
            for row in rows:
                read[row] += 1
                if read[row] > self._copies[row]:
                    fresh.append(row)
            self._copies.update(fresh)
            return fresh
        places = {place: {row for row in rows if self.place(row) == place} for place in map(self.place, rows)}
        fresh = []
        for row in rows:
            place = self.place(row)
            counted = self._ever if self._ordered and len(places[place]) > 1 else self._latest
            if row not in counted.get(place, set()) and row not in fresh:
                fresh.append(row)
        for place in {self.place(row) for row in fresh}:
            self._latest[place] = {row for row in fresh if self.place(row) == place}
            self._ever[place] = self._ever.get(place, set()) | self._latest[place]
        return fresh

    def place(self, row):
        """The key, and the watermark with all its digits where there is one."""
        return (row[0], row[1], row[3]) if self._mode == "key" else row[0]


def batches(rows, size, *, mode):
    """Rows in their order, about `size` at a time; those of one place together."""
    place, found = Oracle(mode=mode).place, []
    for row in rows:
        if found and (len(found[-1]) < size or (mode != "bag" and place(found[-1][-1]) == place(row))):
            found[-1].append(row)
        else:
            found.append([row])
    return found


class RecognizerContract:
    @pytest.mark.parametrize("mode", ["key", "bag", "snapshot"])
    @settings(max_examples=20, deadline=None, derandomize=True)
    @given(reads=reads, size=st.integers(1, 4), file_format=st.sampled_from(["parquet", "json"]))
    def test_it_agrees_with_the_rule(self, make_recognizer, mode, reads, size, file_format):
        with TemporaryDirectory() as folder:
            log, oracle = Log(folder, file_format=file_format), Oracle(mode=mode)
            for read in reads:
                # A snapshot has no watermark, and so none of its digits.
                rows = ordered([(*r[:3], 0) if mode == "snapshot" else r for r in read], snapshot=mode == "snapshot")
                expected = oracle.new(rows)
                found, known = self.recognize(make_recognizer, log, mode, rows, size)
                assert [tuple(r) for r in found] == expected
                assert known == len(rows) - len(expected)

    @pytest.mark.parametrize("mode", ["key", "bag", "snapshot"])
    @settings(max_examples=8, deadline=None, derandomize=True)
    @given(reads=reads, size=st.integers(1, 4))
    def test_it_agrees_with_the_rule_in_any_order(self, make_recognizer, mode, reads, size):
        with TemporaryDirectory() as folder:
            log, oracle = Log(folder), Oracle(mode=mode, ordered=False)
            for read in reads:
                rows = [(*r[:3], 0) if mode == "snapshot" else r for r in read]
                expected = oracle.new(rows)
                found, known = self.recognize(make_recognizer, log, mode, rows, size, ordered=False)
                assert [tuple(r) for r in found] == expected
                assert known == len(rows) - len(expected)

    def recognize(self, make_recognizer, log, mode, rows, size, *, ordered=True):
        recognizer = make_recognizer(
            schema=SCHEMA,
            key=[] if mode == "bag" else ["id"],
            watermark=None if mode == "snapshot" else "at",
            landed=log.landed,
            ordered=ordered,
        )
        together = (
            batches(rows, size, mode=mode) if ordered else [rows[at : at + size] for at in range(0, len(rows), size)]
        )
        starts = itertools.accumulate(map(len, together), initial=0)
        parts = [
            recognizer.new_rows(batch_of(part, start=start)) for part, start in zip(together, starts, strict=False)
        ]
        recognizer.close()
        empty = batch_of([]).schema.append(pa.field("_content_hash", pa.string())).empty_table()
        landed = (
            pa.concat_tables([part.rows for part in parts])
            if parts
            else empty.select([*SCHEMA.names, *PLATFORM_COLUMNS])
        )
        log.land(landed)
        found = [(r["id"], r["at"].hour, r["name"], r["_nanoseconds"]) for r in landed.to_pylist()]
        return found, sum(part.known for part in parts)

    def test_columns_come_back_in_their_own_types_and_order(self, make_recognizer):
        recognizer = make_recognizer(schema=SCHEMA, key=["id"], watermark="at", landed=Landed((), {}))
        found = recognizer.new_rows(batch_of([(1, 1, "a", 0)])).rows
        recognizer.close()
        assert found.schema.names == [*SCHEMA.names, *PLATFORM_COLUMNS]
        assert found.schema.field("id").type == pa.int32()
        assert len(found["_content_hash"][0].as_py()) == 32

    def test_an_empty_batch_has_no_new_row(self, make_recognizer):
        recognizer = make_recognizer(schema=SCHEMA, key=["id"], watermark="at", landed=Landed((), {}))
        found = recognizer.new_rows(batch_of([]))
        recognizer.close()
        assert (found.rows.num_rows, found.known) == (0, 0)

    def test_missing_keys_are_those_landed_and_never_read(self, make_recognizer, tmp_path):
        log = Log(tmp_path)
        self.recognize(make_recognizer, log, "snapshot", [(0, 0, "a", 0), (1, 0, "b", 0), (2, 0, "c", 0)], 2)
        recognizer = make_recognizer(schema=SCHEMA, key=["id"], watermark=None, landed=log.landed)
        for part in ([(1, 0, "changed", 0)], [(2, 0, "c", 0)]):
            recognizer.new_rows(batch_of(part))
        assert [row for keys in recognizer.missing_keys() for row in keys.to_pylist()] == [{"id": 0}]
        recognizer.close()

    @pytest.mark.case("A57")
    def test_a_row_landed_before_its_keys_tombstone_is_new_again(self, make_recognizer, tmp_path):
        log = Log(tmp_path)
        self.recognize(make_recognizer, log, "key", [(1, 5, "a", 0)], 2)
        rows = pa.Table.from_batches([batch_of([(1, 5, None, 0)])])
        rows = rows.set_column(rows.schema.get_field_index("at"), "at", pa.nulls(1, pa.timestamp("us")))
        rows = rows.set_column(rows.schema.get_field_index("_operation"), "_operation", pa.array(["delete"]))
        rows = rows.append_column("_content_hash", pa.array(["delete"]))
        log.land(rows.select([*SCHEMA.names, *PLATFORM_COLUMNS]))
        found, _ = self.recognize(make_recognizer, log, "key", [(1, 5, "a", 0)], 2)
        assert found == [(1, 5, "a", 0)]
        assert self.recognize(make_recognizer, log, "key", [(1, 5, "a", 0)], 2) == ([], 1)

"""Comparison of a source's keys with those landed, with DuckDB.

Both sides lie in a private database on disk, each key as a 128-bit hash of its canonical text, in buckets of that hash.
One bucket at a time is joined, so memory follows the size of a bucket and not the number of keys.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa

from snowpipe_platform.backends.canonical_text import key_text
from snowpipe_platform.backends.duckdb_errors import lake_errors
from snowpipe_platform.backends.duckdb_sql import MANIFEST_NUMBER, QUIET, bronze_sql, identifier, literal, type_sql
from snowpipe_platform.backends.spill import spill_folder
from snowpipe_platform.records import KeyCounts, Landed
from snowpipe_platform.spec.manifest import DELETE, INSTANT, OPERATION, PLATFORM_COLUMNS, ROW_NUMBER
from snowpipe_platform.spec.ranges import Ranges
from snowpipe_platform.spec.watermark import WatermarkKind

MEMORY_LIMIT = "512MB"
BUCKET_ROWS = 1_000_000
"""Landed rows of a bucket, about: joined they take some 200 MB."""
_READ_ROWS = 100_000
_NO_ROOM = f"Comparing keys may use {MEMORY_LIMIT}: the key's values are too long for that."


class DuckDBKeyComparer:
    """The `KeyComparer` of one comparison.

    Tables `landed`: each image of each key. `source`: each row read. `found`: the keys to close and to open, once they
    are compared. Key columns are called k0, k1 and so on, as a source's may have any name.
    """

    def __init__(  # noqa: PLR0913 - what a comparison depends on
        self,
        *,
        schema: pa.Schema,
        key: Sequence[str],
        watermark: str,
        landed: Landed,
        at: datetime,
        unread: Ranges,
        with_nulls: bool,
    ) -> None:
        self._types = ibis.Schema.from_pyarrow(schema)
        self._key, self._watermark = list(key), watermark
        self._at, self._unread, self._with_nulls = at, unread, with_nulls
        self._own = [f"k{position}" for position in range(len(key))]
        rows = sum(manifest.rows_landed for manifest in landed.manifests)
        self._buckets = rows // BUCKET_ROWS + 1
        self._spill = spill_folder()
        settings = {"memory_limit": MEMORY_LIMIT, "temp_directory": self._spill.name, "preserve_insertion_order": False}
        self._database = duckdb.connect(str(Path(self._spill.name) / "keys.duckdb"), config=settings)
        try:
            self._create()
            self._load(landed)
        except BaseException:
            self.close()
            raise

    @lake_errors(out_of_memory=_NO_ROOM)
    def add(self, rows: pa.Table) -> None:
        self._database.register("read_now", rows)
        try:
            self._database.execute(
                f"INSERT INTO source SELECT {self._hashed}, {OPERATION} <> {literal(DELETE)}, "  # noqa: S608
                f"{identifier(self._watermark)} FROM read_now"
            )
        finally:
            self._database.unregister("read_now")

    @lake_errors(out_of_memory=_NO_ROOM)
    def compare(self) -> KeyCounts:
        at_source = is_open = 0
        for bucket in range(self._buckets):
            self._database.execute(f"CREATE OR REPLACE TEMP TABLE compared AS {self._compared_sql()}", [bucket, bucket])
            counted = self._database.execute(
                "SELECT count(*) FILTER (is_live), count(*) FILTER (is_open) FROM compared"
            ).fetchone() or (0, 0)
            at_source, is_open = at_source + counted[0], is_open + counted[1]
            self._database.execute(f"INSERT INTO found {self._found_sql()}", self._found_values)
        self._database.execute("DROP TABLE IF EXISTS compared")
        gone, back = self._database.execute(
            "SELECT count(*) FILTER (is_gone), count(*) FILTER (NOT is_gone) FROM found"
        ).fetchone() or (0, 0)
        return KeyCounts(at_source, is_open, gone, back)

    def gone(self) -> Iterator[pa.RecordBatch]:
        return self._found("is_gone", order=self._own)

    def back(self, *, nulls: bool) -> Iterator[pa.RecordBatch]:
        has_watermark = "NOT has_watermark" if nulls else "has_watermark"
        return self._found(f"NOT is_gone AND {has_watermark}", order=["instant", *self._own])

    def close(self) -> None:
        self._database.close()
        self._spill.cleanup()

    def _create(self) -> None:
        self._database.execute(QUIET)
        typed = ", ".join(
            f"{own} {type_sql(self._types[name])}" for own, name in zip(self._own, self._key, strict=True)
        )
        hashed, mark = "bucket UBIGINT, hash UHUGEINT", type_sql(self._types[self._watermark])
        landed = f"{hashed}, instant TIMESTAMP, number BIGINT, row_number BIGINT, is_open BOOLEAN, is_own BOOLEAN"
        self._database.execute(f"CREATE TABLE landed ({landed}, {typed})")
        self._database.execute(f"CREATE TABLE source ({hashed}, is_live BOOLEAN, mark {mark})")
        self._database.execute(
            f"CREATE TABLE found (is_gone BOOLEAN, has_watermark BOOLEAN, instant TIMESTAMP, {typed})"
        )

    @lake_errors(out_of_memory=_NO_ROOM)
    def _load(self, landed: Landed) -> None:
        wanted = {name: self._types[name] for name in self._key}
        added = {name: PLATFORM_COLUMNS[name] for name in (INSTANT, OPERATION, ROW_NUMBER)}
        images = bronze_sql(landed.manifests, landed.locations, ibis.schema(wanted | added))
        dropped = [str(manifest.number) for manifest in landed.manifests if manifest.kind == "arrival"]
        is_own = f"{MANIFEST_NUMBER} NOT IN ({', '.join(dropped)})" if dropped else "true"
        keys = ", ".join(identifier(name) for name in self._key)
        self._database.execute(
            f"INSERT INTO landed SELECT {self._hashed}, {INSTANT}, {MANIFEST_NUMBER}, {ROW_NUMBER}, "  # noqa: S608
            f"{OPERATION} <> {literal(DELETE)}, {is_own}, {keys} FROM ({images})"
        )

    @property
    def _hashed(self) -> str:
        text = key_text(self._key, self._types)
        return f"hash({text}) % {self._buckets}, md5_number({text})"

    def _compared_sql(self) -> str:
        """One row for each key of a bucket, as the log has it and as the source does."""
        keys = ", ".join(f"any_value({own}) AS {own}" for own in self._own)
        latest = "max_by(is_open, struct_pack(i := instant, n := number, r := row_number))"
        log = (
            f"SELECT hash, {latest} AND bool_or(is_own) AS is_open, NOT {latest} AND bool_or(is_own) AS is_closed, "  # noqa: S608
            f"max(instant) AS newest, {keys} FROM landed WHERE bucket = ? GROUP BY hash"
        )
        source = (
            "SELECT hash, bool_or(is_live) AS is_live, max(mark) FILTER (is_live) AS live_mark, "
            "max(mark) FILTER (NOT is_live) AS dead_mark FROM source WHERE bucket = ? GROUP BY hash"
        )
        return (
            f"SELECT is_open, is_closed, newest, coalesce(is_live, false) AS is_live, live_mark, dead_mark, "  # noqa: S608
            f"{', '.join(self._own)} FROM ({log}) FULL JOIN ({source}) USING (hash)"
        )

    def _found_sql(self) -> str:
        """What a coming extraction reads as a later change of the key is left to it."""
        keys, back = ", ".join(self._own), f"is_closed AND is_live AND NOT {self._waits('live_mark')}"
        if not self._with_nulls:
            back += " AND live_mark IS NOT NULL"
        return (
            f"SELECT is_open, live_mark IS NOT NULL, greatest(newest, ?), {keys} FROM compared "  # noqa: S608
            f"WHERE (is_open AND NOT is_live AND NOT {self._waits('dead_mark')}) OR ({back})"
        )

    def _waits(self, mark: str) -> str:
        within = (f"({'' if i.lower is None else f'{mark} >= ? AND '}{mark} < ?)" for i in self._unread.intervals)
        unread = " OR ".join(within) or "false"
        is_later = "true" if self._is_number else f"CAST({mark} AS TIMESTAMP) > newest"
        return f"coalesce(NOT ({unread}) AND {is_later}, false)"

    @property
    def _found_values(self) -> list[object]:
        ends = (end for interval in self._unread.intervals for end in (interval.lower, interval.upper))
        bounds = [end for end in ends if end is not None]
        return [self._at, *bounds, *bounds]

    @property
    def _is_number(self) -> bool:
        return WatermarkKind.of(self._types[self._watermark], column=self._watermark) is WatermarkKind.NUMBER

    def _found(self, condition: str, *, order: Sequence[str]) -> Iterator[pa.RecordBatch]:
        named = zip(self._own, self._key, strict=True)
        keys = ", ".join(f"{own} AS {identifier(name)}" for own, name in named)
        sql = f"SELECT {keys}, instant AS {INSTANT} FROM found WHERE {condition} ORDER BY {', '.join(order)}"  # noqa: S608
        with lake_errors(out_of_memory=_NO_ROOM):
            yield from self._database.execute(sql).to_arrow_reader(_READ_ROWS)

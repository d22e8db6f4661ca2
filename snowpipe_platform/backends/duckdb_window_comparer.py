"""Comparison of a window's landed rows with the source's, with DuckDB over Arrow batches.

What bronze lacks is told as `duckdb_recognizer` tells new rows, so that it is what an extraction of the window would
land. The other way the keys that were read are kept in its database, which spills, and taken from those landed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.backends.duckdb_errors import lake_errors
from snowpipe_platform.backends.duckdb_recognizer import DuckDBRecognizer
from snowpipe_platform.backends.duckdb_sql import MANIFEST_NUMBER, identifier, literal
from snowpipe_platform.records import Landed, LandedWindow, Recognized
from snowpipe_platform.spec.manifest import DELETE, INSTANT, NANOSECONDS, OPERATION, ROW_NUMBER

_READ_ROWS = 100_000
_KEY, _POSITION, _LOWER, _UPPER = "__key", "__position", "__lower", "__upper"
_LAST = ", ".join(f"{column} DESC" for column in (INSTANT, NANOSECONDS, MANIFEST_NUMBER, ROW_NUMBER))
"""The order of a key's history, the last change first."""


class DuckDBWindowComparer(DuckDBRecognizer):
    """The `WindowComparer` of one window.

    Tables of its database besides the recognizer's: `window_bounds`; `shown`, the keys read; `unshown`, those landed in
    the window and not read; `closed`, those whose last change is a delete.
    """

    def __init__(self, *, schema: pa.Schema, key: Sequence[str], watermark: str, landed: LandedWindow) -> None:
        self._window, self._knows_closed = landed, False
        rows = replace(landed.rows, hashes_vouch=False)
        super().__init__(schema=schema, key=key, watermark=watermark, landed=rows)
        self._database.execute(f"CREATE TEMP TABLE shown ({_KEY} VARCHAR)")

    @lake_errors()
    def new_rows(self, batch: pa.RecordBatch) -> Recognized:
        if self._key:
            with self._registered(batch=pa.Table.from_batches([batch])):
                self._database.execute(f"INSERT INTO shown SELECT DISTINCT {self._key_text()} FROM batch")  # noqa: S608
        return super().new_rows(batch)

    def unshown_keys(self) -> Iterator[pa.RecordBatch]:
        if not self._key or not self._has_landed:
            return
        with lake_errors():
            self._bind_window()
            within, key = self._within(), f"{self._key_text()} AS {_KEY}"
            landed = f"SELECT DISTINCT {key} FROM ({self._bronze(self._window.rows)}) WHERE {within}"  # noqa: S608
            self._database.execute(
                f"CREATE OR REPLACE TEMP TABLE unshown AS FROM ({landed}) ANTI JOIN shown USING ({_KEY})"
            )
            last = self._last_of("unshown")
            dropped = [entry.number for entry in self._window.history.manifests if entry.kind == "arrival"]
            extracted = f"NOT list_contains({dropped}::BIGINT[], {MANIFEST_NUMBER})"
            keys = ", ".join(map(identifier, self._key))
            found = self._database.execute(
                f"SELECT {keys} FROM ({last}) WHERE {OPERATION} <> {literal(DELETE)} AND {within} AND {extracted} "  # noqa: S608
                f"ORDER BY {_KEY}"
            )
            yield from found.to_arrow_reader(_READ_ROWS)

    @lake_errors()
    def is_closed(self, rows: pa.Table) -> pa.Array:
        if not self._key or not self._has_landed or not rows.num_rows:
            return pa.repeat(pa.scalar(value=False), rows.num_rows)
        self._know_closed()
        with self._registered(asked=rows.append_column(_POSITION, pa.array(range(rows.num_rows), pa.int64()))):
            asked = f"SELECT {_POSITION}, {INSTANT} AS asked_at, {self._key_text()} AS {_KEY} FROM asked"  # noqa: S608
            found = self._database.execute(
                f"SELECT {_POSITION} FROM ({asked}) JOIN closed USING ({_KEY}) WHERE asked_at <= {INSTANT}"  # noqa: S608
            )
            positions = found.to_arrow_table()[_POSITION].combine_chunks()
        return pc.is_in(pa.array(range(rows.num_rows), pa.int64()), value_set=positions)

    @lake_errors()
    def unshown_copies(self) -> int:
        if self._key or not self._has_landed:
            return 0
        ((count,),) = self._database.execute("SELECT coalesce(sum(greatest(copies, 0)), 0) FROM landed").fetchall()
        return int(count)

    def _bronze(self, landed: Landed) -> str:
        """Without a key, rows of other windows are no copies of this one's."""
        source = super()._bronze(landed)
        if self._key:
            return source
        self._bind_window()
        return f"SELECT * FROM ({source}) WHERE {self._within()}"  # noqa: S608

    def _know_closed(self) -> None:
        """Once: of the keys that were ever deleted, those that still are."""
        if self._knows_closed:
            return
        history, is_delete = self._bronze(self._window.history), f"{OPERATION} = {literal(DELETE)}"
        deleted = f"SELECT DISTINCT {self._key_text()} AS {_KEY} FROM ({history}) WHERE {is_delete}"  # noqa: S608
        self._database.execute(f"CREATE TEMP TABLE deleted AS {deleted}")
        self._database.execute(
            f"CREATE TEMP TABLE closed AS SELECT {_KEY}, {INSTANT} FROM ({self._last_of('deleted')}) WHERE {is_delete}"  # noqa: S608
        )
        self._knows_closed = True

    def _last_of(self, keys: str) -> str:
        """SQL for the last change of each key of a table."""
        history = f"SELECT *, {self._key_text()} AS {_KEY} FROM ({self._bronze(self._window.history)})"  # noqa: S608
        return (
            f"SELECT * FROM ({history}) SEMI JOIN {keys} USING ({_KEY}) "  # noqa: S608
            f"QUALIFY row_number() OVER (PARTITION BY {_KEY} ORDER BY {_LAST}) = 1"
        )

    def _bind_window(self) -> None:
        interval = self._window.interval
        if interval is None:
            return
        dtype = _bound_type(self._types[self._watermark].to_pyarrow())
        bounds = {_LOWER: [interval.lower], _UPPER: [interval.upper]}
        with self._registered(bound=pa.table({name: pa.array(one, dtype) for name, one in bounds.items()})):
            self._database.execute("CREATE OR REPLACE TEMP TABLE window_bounds AS FROM bound")

    def _within(self) -> str:
        """SQL for whether a landed row is of the window."""
        column = identifier(self._watermark or "")
        if self._window.interval is None:
            return f"{column} IS NULL"
        lower, upper = (f"(SELECT {name} FROM window_bounds)" for name in (_LOWER, _UPPER))  # noqa: S608
        return f"({column} < {upper} AND ({lower} IS NULL OR {column} >= {lower}))"


def _bound_type(column: pa.DataType) -> pa.DataType:
    """The exclusive bound of a number lies one step above the highest, which the column's own type may not hold."""
    if pa.types.is_integer(column):
        return pa.decimal128(38, 0)
    return pa.decimal128(38, column.scale) if pa.types.is_decimal(column) else column

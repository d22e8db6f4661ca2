"""Rows of one reading that were read before in it, by their content hash."""

from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.spec.manifest import CONTENT_HASH


class Repeats(Protocol):
    """Leaves out what an earlier row of the reading said already."""

    def leave_out(self, rows: pa.Table) -> pa.Table:
        """The rows that are the first of their content, in their order."""


class RepeatsInTies:
    """For rows ordered by watermark, then key: equal rows lie in one tie, and only a batch's last one can go on."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._last: pa.Table | None = None
        self._content: list[str] = []

    def leave_out(self, rows: pa.Table) -> pa.Table:
        if rows.num_rows == 0:
            return rows
        rows = _first_of_each(rows)
        before = pa.array(self._content, pa.string())
        self._go_on(rows)
        return rows.filter(pc.invert(pc.is_in(rows[CONTENT_HASH], value_set=before)))

    def _go_on(self, rows: pa.Table) -> None:
        last = rows.select(self._columns).slice(rows.num_rows - 1)
        in_tie = _equal_to(last, rows)
        goes_on = self._last is not None and self._last.equals(last)
        self._content = [*(self._content if goes_on else []), *rows.filter(in_tie)[CONTENT_HASH].to_pylist()]
        self._last = last


class RepeatsAnywhere:
    """For rows in any order: what was read lies in a table of the recognizer's database, which spills."""

    def __init__(self, database: Any) -> None:  # noqa: ANN401 - duckdb's connection is untyped here
        self._database = database
        database.execute("CREATE TEMP TABLE read_before (content VARCHAR)")

    def leave_out(self, rows: pa.Table) -> pa.Table:
        if rows.num_rows == 0:
            return rows
        rows = _first_of_each(rows)
        self._database.register("read_now", rows.select([CONTENT_HASH]))
        try:
            repeated = self._database.execute(
                f"SELECT {CONTENT_HASH} FROM read_now SEMI JOIN read_before ON {CONTENT_HASH} = content"  # noqa: S608
            ).to_arrow_table()
            fresh = rows.filter(pc.invert(pc.is_in(rows[CONTENT_HASH], value_set=repeated[CONTENT_HASH])))
            self._database.execute(
                f"INSERT INTO read_before SELECT {CONTENT_HASH} FROM read_now "  # noqa: S608
                f"ANTI JOIN read_before ON {CONTENT_HASH} = content"
            )
        finally:
            self._database.unregister("read_now")
        return fresh


def _first_of_each(rows: pa.Table) -> pa.Table:
    content = rows[CONTENT_HASH]
    if pc.count_distinct(content).as_py() == rows.num_rows:
        return rows
    positions = pa.table({"content": content, "at": pa.array(range(rows.num_rows), pa.int64())})
    first = positions.group_by("content", use_threads=False).aggregate([("at", "min")])["at_min"]
    return rows.take(first.sort())


def _equal_to(row: pa.Table, rows: pa.Table) -> pa.ChunkedArray:
    """Which rows equal the one row in all its columns, null being equal to null."""
    equal = pa.repeat(pa.scalar(value=True), rows.num_rows)
    for name in row.column_names:
        value = row[name][0]
        same = pc.equal(rows[name], value) if value.is_valid else pc.is_null(rows[name])
        equal = pc.and_(equal, pc.fill_null(same, fill_value=False))
    return equal

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
    """For rows ordered by watermark, then key: equal rows lie in one tie, and only a batch's last one can go on.

    A tie that goes on is remembered in a table of the recognizer's database, which spills, however many batches it has.
    """

    def __init__(self, columns: Sequence[str], database: Any) -> None:  # noqa: ANN401 - duckdb's connection is untyped here
        self._columns, self._before = columns, _ReadBefore(database)
        self._last: pa.Table | None = None
        self._open: pa.Table | None = None

    def leave_out(self, rows: pa.Table) -> pa.Table:
        if rows.num_rows == 0:
            return rows
        ties = rows.select(self._columns)
        first, last = ties.slice(0, 1), ties.slice(ties.num_rows - 1)
        rows = _first_of_each(rows)
        if self._open is not None and self._last is not None and self._last.equals(first):
            self._before.remember(self._open)
            rows = self._before.leave_out(rows)
        else:
            self._before.forget()
        self._last, self._open = last, rows.filter(_equal_to(last, rows)).select([CONTENT_HASH])
        return rows


class RepeatsAnywhere:
    """For rows in any order: all that was read is remembered in a table of the recognizer's database, which spills."""

    def __init__(self, database: Any) -> None:  # noqa: ANN401 - duckdb's connection is untyped here
        self._before = _ReadBefore(database)

    def leave_out(self, rows: pa.Table) -> pa.Table:
        if rows.num_rows == 0:
            return rows
        fresh = self._before.leave_out(_first_of_each(rows))
        self._before.remember(fresh.select([CONTENT_HASH]))
        return fresh


class _ReadBefore:
    """Content hashes in a table of their own; made when the first are remembered."""

    def __init__(self, database: Any) -> None:  # noqa: ANN401 - duckdb's connection is untyped here
        self._database = database
        self._is_there = False

    def remember(self, hashes: pa.Table) -> None:
        if not self._is_there:
            self._database.execute("CREATE TEMP TABLE read_before (content VARCHAR)")
            self._is_there = True
        self._with_now(hashes, f"INSERT INTO read_before SELECT {CONTENT_HASH} FROM read_now")  # noqa: S608

    def leave_out(self, rows: pa.Table) -> pa.Table:
        """The rows whose content is not remembered."""
        if not self._is_there:
            return rows
        repeated = self._with_now(
            rows.select([CONTENT_HASH]),
            f"SELECT {CONTENT_HASH} FROM read_now SEMI JOIN read_before ON {CONTENT_HASH} = content",  # noqa: S608
        )
        return rows.filter(pc.invert(pc.is_in(rows[CONTENT_HASH], value_set=repeated[CONTENT_HASH])))

    def forget(self) -> None:
        if self._is_there:
            self._database.execute("DROP TABLE read_before")
            self._is_there = False

    def _with_now(self, hashes: pa.Table, statement: str) -> pa.Table:
        self._database.register("read_now", hashes)
        try:
            return self._database.execute(statement).to_arrow_table()
        finally:
            self._database.unregister("read_now")


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

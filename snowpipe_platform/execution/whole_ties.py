"""Batches of rows in order, cut so that the rows of one tie lie in one batch."""

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.execution.bronze_rows import ReadRows


def whole_ties(batches: Iterable[ReadRows], columns: Sequence[str], *, at_most: int) -> Iterator[ReadRows]:
    """The same rows in the same order; rows that are equal in `columns`, and so lie together, in one batch.

    A tie that has grown beyond `at_most` rows is passed on in parts: whoever has so many rows of one key and watermark
    has no key, and memory has an end. At most one batch is held back.
    """
    held: ReadRows | None = None
    for batch in batches:
        if not batch.rows.num_rows:
            continue
        if held is None:
            held = batch
            continue
        start = _start_of_last(held.rows, columns)
        goes_on = _values(held.rows, columns, -1) == _values(batch.rows, columns, 0)
        if not goes_on or held.rows.num_rows - start > at_most:
            yield held
            held = batch
            continue
        if start:
            yield held.slice(0, start)
        held = held.slice(start).then(batch)
    if held is not None:
        yield held


def _start_of_last(rows: pa.Table, columns: Sequence[str]) -> int:
    """Where the last tie begins."""
    last = rows.num_rows - 1
    equal = pa.repeat(pa.scalar(value=True), rows.num_rows)
    for name in columns:
        value = rows[name][last]
        same = pc.equal(rows[name], value) if value.is_valid else pc.is_null(rows[name])
        equal = pc.and_(equal, pc.fill_null(same, fill_value=False))
    return int(pc.index(equal, value=True).as_py())


def _values(rows: pa.Table, columns: Sequence[str], at: int) -> list[object]:
    at %= rows.num_rows
    return [rows[name][at] for name in columns]

"""JSON lines that keep every value: nulls are left out, and all but text, booleans and nulls is written as text.

A JSON number would be read as a double; text survives and is cast back with the manifest's schema.
"""

import json
from typing import Protocol

import pyarrow as pa

WRITE_ROWS = 10_000


class _Writable(Protocol):
    def write(self, data: bytes, /) -> int: ...


def write_json_lines(rows: pa.Table, file: _Writable) -> None:
    """One object per row, columns in order. Binary values become hex digits."""
    for start in range(0, rows.num_rows, WRITE_ROWS):
        columns = {name: _texts(rows[name].slice(start, WRITE_ROWS)) for name in rows.column_names}
        for values in zip(*columns.values(), strict=True):
            present = {name: value for name, value in zip(columns, values, strict=True) if value is not None}
            file.write(json.dumps(present, ensure_ascii=False).encode() + b"\n")


def _texts(column: pa.ChunkedArray) -> list[str | bool | None]:
    if pa.types.is_binary(column.type):
        return [None if value is None else value.hex() for value in column.to_pylist()]
    values: list[str | bool | None] = (
        column if pa.types.is_boolean(column.type) else column.cast(pa.string())
    ).to_pylist()
    return values

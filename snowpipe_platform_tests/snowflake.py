"""A stand-in for Snowflake: batches as its connector hands them over, behind the real `Warehouse` port.

warehouse = Snowflake(fields, [first_batch, second_batch], clock=moment("2024-03-02"))
world.swap(warehouse=warehouse)

fields: the columns as a query's description has them, with `logicalType`, `precision` and `scale` as metadata. A batch
may have its own width or unit of a column, and no metadata, as snowflake-connector-python 4.8.1 does. Bounds, order and
counts are the statement's, run by DuckDB over `updated_at` and `ID`, a row's position, in whose order rows have to be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.records import Parameter

WATERMARK, POSITION = "updated_at", "ID"


def column(name: str, logical: str, dtype: pa.DataType, **told: int) -> pa.Field:
    """A column as Snowflake describes it: `column("n", "FIXED", pa.int64(), precision=38, scale=0)`."""
    metadata = {"logicalType": logical, **{key: str(value) for key, value in told.items()}}
    return pa.field(name, dtype, metadata=metadata)


@dataclass
class Snowflake:
    fields: list[pa.Field]
    batches: list[pa.RecordBatch]
    now: datetime
    dialect: str = "duckdb"

    def clock(self) -> datetime:
        return self.now

    def schema(self, sql: str, parameters: Sequence[Parameter] = ()) -> pa.Schema:  # noqa: ARG002 - the port's
        return pa.schema(self.fields)

    def stream(self, sql: str, parameters: Sequence[Parameter] = ()) -> Iterator[pa.RecordBatch]:
        wanted = [row[-1] for row in self._run(sql, parameters)]
        assert wanted == sorted(wanted), "the rows of a batch are in the order of the watermark"
        first = 0
        for batch in self.batches:
            inside = [position - first for position in wanted if first <= position < first + batch.num_rows]
            first += batch.num_rows
            if inside:
                yield batch.take(pa.array(inside, pa.int64()))

    def scalar(self, sql: str, parameters: Sequence[Parameter] = ()) -> object:
        return self._run(sql, parameters)[0][0]

    def _run(self, sql: str, parameters: Sequence[Parameter]) -> list[tuple[Any, ...]]:
        marks = pa.concat_arrays([_micros(batch.column(WATERMARK)) for batch in self.batches])
        positions = pa.array(range(len(marks)), pa.int64())
        with duckdb.connect() as connection:
            connection.register("orders", pa.table({WATERMARK: marks, POSITION: positions}))
            return connection.execute(sql, list(parameters)).fetchall()


def _micros(marks: pa.Array) -> pa.Array:
    floored = pc.floor_temporal(marks, unit="microsecond") if marks.type.unit == "ns" else marks
    return floored.cast(pa.timestamp("us", marks.type.tz)).cast(pa.timestamp("us"))

"""Arrow data as sources return it, in the types bronze keeps.

Instants become tz-naive UTC microseconds, rounded down; nested values become JSON text; unsigned 64-bit integers become
decimals. One type per column for a whole extraction, whatever a batch happens to hold.
"""

import json
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.errors import SourceError

INSTANT_TYPE = pa.timestamp("us")
MAX_DECIMAL_DIGITS = 38


def bronze_schema(source: pa.Schema) -> pa.Schema:
    """The columns and types bronze keeps of a query's columns. Raises SourceError for two columns of one name."""
    names = [name.lower() for name in source.names]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        msg = f"the query returns {', '.join(map(repr, doubled))} more than once. Give each column its own alias."
        raise SourceError(msg)
    return pa.schema([pa.field(name, bronze_type(field.type)) for name, field in zip(names, source, strict=True)])


def bronze_type(source: pa.DataType) -> pa.DataType:  # noqa: PLR0911 - one line per family of types
    """The type bronze keeps for a source type."""
    types = pa.types
    if types.is_dictionary(source):
        return bronze_type(source.value_type)
    if types.is_timestamp(source):
        return INSTANT_TYPE
    if types.is_date(source):
        return pa.date32()
    if types.is_uint64(source):
        return pa.decimal128(20, 0)
    if types.is_decimal(source) and source.precision <= MAX_DECIMAL_DIGITS:
        return pa.decimal128(source.precision, source.scale)
    if types.is_large_binary(source) or types.is_fixed_size_binary(source):
        return pa.binary()
    if types.is_float16(source):
        return pa.float32()
    keeps_its_type = types.is_boolean(source) or types.is_integer(source) or types.is_floating(source)
    if keeps_its_type or types.is_binary(source):
        return source
    return pa.string()


def to_bronze(batch: pa.RecordBatch, schema: pa.Schema, *, time_zones: Mapping[str, str]) -> pa.Table:
    """The batch's own columns in the types of `schema`. time_zones: the zone of columns kept in local time.

    An instant the zone skips takes the later clock, one it has twice the earlier."""
    by_name = {name.lower(): batch.column(index) for index, name in enumerate(batch.schema.names)}
    return pa.table([_column(by_name[field.name], field, time_zones.get(field.name)) for field in schema], schema=schema)


def nanoseconds(column: pa.Array) -> pa.Array:
    """The digits below a microsecond, 0 to 999; zero for what has none."""
    if not (pa.types.is_timestamp(column.type) and column.type.unit == "ns"):
        return pa.array([0] * len(column), pa.int16())
    since_epoch = column.cast(pa.int64())
    micros = _floor_to_micros(column).cast(pa.int64())
    return pc.fill_null(pc.subtract(since_epoch, pc.multiply(micros, 1000)), 0).cast(pa.int16())


def _floor_to_micros(column: pa.Array) -> pa.Array:
    """A cast alone would round instants before 1970 up."""
    if column.type.unit == "ns":
        column = pc.floor_temporal(column, unit="microsecond")
    return column.cast(pa.timestamp("us", tz=column.type.tz))


def _column(column: pa.Array, field: pa.Field, zone: str | None) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        if pa.types.is_timestamp(column.type) and field.type == INSTANT_TYPE:
            column = _floor_to_micros(column)
            if zone is not None and column.type.tz is None:
                column = pc.assume_timezone(column, zone, ambiguous="earliest", nonexistent="latest")
            return column.cast(pa.timestamp("us", tz="UTC")).cast(INSTANT_TYPE) if column.type.tz else column
        if pa.types.is_nested(column.type):
            values = (None if value is None else json.dumps(value, default=str) for value in column.to_pylist())
            return pa.array(values, pa.string())
        return column if column.type == field.type else column.cast(field.type)
    except pa.ArrowInvalid as error:
        msg = (
            f"column {field.name!r} was declared {field.type} by the source and holds a value that does not fit. "
            "Cast it in the query's SQL."
        )
        raise SourceError(msg) from error

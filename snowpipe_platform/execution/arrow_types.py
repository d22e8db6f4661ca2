"""Arrow data as sources return it, in the types bronze keeps.

Instants become tz-naive UTC microseconds, rounded down; nested values become JSON text; unsigned 64-bit integers become
decimals. One type per column for a whole extraction, whatever a batch happens to hold: the declared one where the
source says it.
"""

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.errors import SourceError
from snowpipe_platform.execution.declared_types import INSTANT_TYPE, declared_type
from snowpipe_platform.execution.nested_json import json_texts
from snowpipe_platform.spec.manifest import PLATFORM_COLUMNS

MAX_DECIMAL_DIGITS = 38
FIRST_DAY, LAST_DAY = -719_162, 2_932_896
"""0001-01-01 and 9999-12-31, from 1970-01-01."""
_MICROSECONDS = 86_400_000_000
_YEARS = {
    pa.date32(): (pa.int32(), FIRST_DAY, LAST_DAY),
    INSTANT_TYPE: (pa.int64(), FIRST_DAY * _MICROSECONDS, (LAST_DAY + 1) * _MICROSECONDS - 1),
}
"""How values of a type are stored, and the first and last that is kept."""
RULE_PREFIX = "_rule_"
"""Starts the columns a read adds: whether a row meets a rule of its query."""
RESERVED_COLUMNS = frozenset(PLATFORM_COLUMNS) | {"manifest_number", "source_file", "load_day"}


def bronze_schema(source: pa.Schema) -> pa.Schema:
    """The columns and types bronze keeps of a query's columns. Raises SourceError for a name that cannot be kept."""
    names = [name.lower() for name in source.names]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        msg = f"the query returns {', '.join(map(repr, doubled))} more than once. Give each column its own alias."
        raise SourceError(msg)
    taken = sorted(name for name in names if name in RESERVED_COLUMNS or name.startswith(RULE_PREFIX))
    if taken:
        found = ", ".join(map(repr, taken))
        msg = f"the query returns {found}, a name the platform gives to a column of its own. Alias it."
        raise SourceError(msg)
    kept = [declared_type(field) or bronze_type(field.type) for field in source]
    return pa.schema([pa.field(name, dtype) for name, dtype in zip(names, kept, strict=True)])


def bronze_type(source: pa.DataType) -> pa.DataType:  # noqa: PLR0911 - one line per family of types
    """The type bronze keeps for a source type."""
    types = pa.types
    if types.is_dictionary(source):
        return bronze_type(source.value_type)
    if isinstance(source, pa.BaseExtensionType):
        return bronze_type(source.storage_type)
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
    zones = {name.lower(): zone for name, zone in time_zones.items()}
    return pa.table([_column(by_name[field.name], field, zones.get(field.name)) for field in schema], schema=schema)


def json_objects(rows: pa.Table) -> list[str]:
    """Each row as a JSON object, for a person: nulls left out, all but booleans as text, binary as hex digits."""
    columns = {name: _texts(rows[name]) for name in rows.column_names}
    objects = (
        {n: v for n, v in zip(columns, values, strict=True) if v is not None}
        for values in zip(*columns.values(), strict=True)
    )
    return [json.dumps(value, ensure_ascii=False, sort_keys=True) for value in objects]


def from_json_objects(texts: Sequence[str], schema: pa.Schema) -> pa.Table:
    """The rows that `json_objects` wrote; a column that a text does not have is null.

    Raises SourceError for a text that its column's type cannot hold.
    """
    rows = [json.loads(text) for text in texts]
    try:
        return pa.table([_values([row.get(field.name) for row in rows], field.type) for field in schema], schema=schema)
    except (pa.ArrowInvalid, ValueError) as error:
        raise SourceError(f"a stored row does not fit the columns bronze has now: {error}") from error


def _values(texts: Sequence[str | bool | None], dtype: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(dtype):
        return pa.array(texts, dtype)
    if pa.types.is_binary(dtype):
        return pa.array([None if text is None else bytes.fromhex(str(text)) for text in texts], dtype)
    return pa.array(texts, pa.string()).cast(dtype)


def _texts(column: pa.ChunkedArray) -> list[str | bool | None]:
    if pa.types.is_binary(column.type):
        return [None if value is None else value.hex() for value in column.to_pylist()]
    return (column if pa.types.is_boolean(column.type) else column.cast(pa.string())).to_pylist()  # type: ignore[no-any-return]


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
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        kept = _cast(column, field.type, zone)
    except (pa.ArrowNotImplementedError, ValueError, OverflowError, KeyError) as error:
        msg = f"column {field.name!r} holds a {column.type} that is no {field.type}. Cast it in the query's SQL."
        raise SourceError(msg) from error
    _refuse_years(kept, field.name)
    return kept


def _cast(column: pa.Array, dtype: pa.DataType, zone: str | None) -> pa.Array:
    if pa.types.is_timestamp(column.type) and dtype == INSTANT_TYPE:
        column = _floor_to_micros(column)
        if zone is not None and column.type.tz is None:
            column = pc.assume_timezone(column, zone, ambiguous="earliest", nonexistent="latest")
        return column.cast(pa.timestamp("us", tz="UTC")).cast(INSTANT_TYPE) if column.type.tz else column
    if pa.types.is_nested(column.type):
        return json_texts(column)
    _refuse_rounding(column.type, dtype)
    return column if column.type == dtype else column.cast(dtype)


def _refuse_years(column: pa.Array, name: str) -> None:
    """Python's dates end there, and with them PyIceberg's statistics and most readers; Snowflake's `9999-12-31` of a
    session behind UTC lies beyond."""
    if column.type not in _YEARS:
        return
    stored, first, last = _YEARS[column.type]
    ends = pc.min_max(column.cast(stored)).as_py()
    if ends["min"] is not None and not first <= ends["min"] <= ends["max"] <= last:
        raise SourceError(
            f"column {name!r} holds a value outside the years 1 to 9999 in UTC, which no Python reads. Bound it in the "
            f"query's SQL, such as least({name}, '9999-12-31'), or cast it to text there."
        )


def _refuse_rounding(found: pa.DataType, kept: pa.DataType) -> None:
    """Arrow refuses a value that a type cannot hold, but rounds to and from floats without a word."""
    types = pa.types
    narrows = types.is_floating(found) and types.is_floating(kept) and found.bit_width > kept.bit_width
    if (
        narrows
        or (types.is_floating(found) and types.is_decimal(kept))
        or (types.is_decimal(found) and types.is_floating(kept))
    ):
        raise ValueError(kept)

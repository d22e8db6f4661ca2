"""Rows as a test writes them, in the types of a table."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa

from snowpipe_platform.errors import ConfigurationError, did_you_mean
from snowpipe_platform.execution.arrow_types import bronze_type
from snowpipe_platform.execution.change_rows import ORIGIN_COLUMNS
from snowpipe_platform.spec.manifest import (
    EXTRACTION_TIMESTAMP,
    INSTANT,
    NANOSECONDS,
    OPERATION,
    PLATFORM_COLUMNS,
    ROW_NUMBER,
    SOURCE_SYSTEM,
    UPSERT,
)
from snowpipe_platform.spec.table import (
    CHANGE_TYPE,
    CHANGED_AT,
    FAILED_RULES,
    LOAD_DAY,
    MANIFEST_NUMBER,
    SOURCE_FILE,
    SOURCE_ROW,
    STATUS,
    VALID,
    ChangesTable,
    Table,
)

Row = Mapping[str, Any]

FIRST_INSTANT = datetime(2024, 1, 1)  # noqa: DTZ001 - instants are naive UTC
"""Of the first row that says nothing of its time; each further row is a second later."""
GIVEN = "given"
EXTRACTED = PLATFORM_COLUMNS | ORIGIN_COLUMNS
INSTANT_TYPE = dt.Timestamp(scale=6)


def require_rows(rows: object, *, about: str) -> None:
    """Raises ConfigurationError for what is no list of dicts."""
    if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows):
        raise ConfigurationError(f"{about}: rows are a list of dicts, one for each row: [{{'order_id': 'a'}}, ...].")


def lake_rows(table: Table, rows: Sequence[Row]) -> pa.Table:
    """Rows of a silver or gold table. Of a changes table only the accepted ones: no other table sees the others."""
    if isinstance(table, ChangesTable):
        rows = [{**_change_defaults(number, row), **row} for number, row in enumerate(rows)]
        rows = [row for row in rows if row[STATUS] == VALID]
    return typed_rows(rows, table.schema, about=table.name)


def bronze_rows(table: ChangesTable, rows: Sequence[Row], *, watermark: str | None, reads_text: bool) -> pa.Table:
    """Rows of the changes table's source, each column in the type that Python shows, or in the contract's where `types`
    does not convert the column and its values fit. reads_text: '2024-03-01' fits a date; otherwise text is text.
    """
    hints = {name: dtype for name, dtype in table.contract_schema.items() if name not in table.types}
    if watermark is not None:
        hints.setdefault(watermark, INSTANT_TYPE)
    about = table.upstream[0]
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        if name.startswith("_") and name not in EXTRACTED:
            raise ConfigurationError(f"{about}: no column {name!r}. {did_you_mean(name, list(EXTRACTED))}")
    source = [name for name in names if name not in EXTRACTED]
    types = {}
    for name in source:
        values = [value for row in rows if (value := row.get(name)) is not None]
        is_text = not reads_text and all(isinstance(value, str) for value in values)
        types[name] = _source_type(values, None if is_text else hints.get(name), f"{about}: {name}")
    full = [{**_extracted_defaults(number, row, watermark), **row} for number, row in enumerate(rows)]
    return typed_rows(full, ibis.schema(types | EXTRACTED), about=about)


def typed_rows(rows: Sequence[Row], schema: ibis.Schema, *, about: str) -> pa.Table:
    """The rows with all columns of the schema, null where they say nothing. Raises ConfigurationError naming row and
    column for a name or value that does not fit."""
    arrow = schema.to_pyarrow()
    columns: dict[str, list[object]] = {name: [] for name in schema}
    for number, row in enumerate(rows):
        for name in row:
            if name not in schema:
                raise ConfigurationError(f"{about}: no column {name!r}. {did_you_mean(name, list(schema))}")
        for name, dtype in schema.items():
            value, place = row.get(name), f"{about}: row {number}, {name}"
            columns[name].append(_exact(_plain(value, dtype, place), value, dtype, arrow.field(name).type, place))
    return pa.table([pa.array(columns[field.name], field.type) for field in arrow], schema=arrow)


def _exact(value: object, given: object, dtype: dt.DataType, arrow: pa.DataType, place: str) -> object:
    """The value as Arrow gives it back. A decimal is rescaled; what would lose digits or change its kind is refused."""
    try:
        return pa.scalar(value, arrow).as_py()
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise ConfigurationError(f"{place}: {given!r} is no {dtype}.") from error


def _plain(value: Any, dtype: dt.DataType, place: str) -> object:  # noqa: ANN401, PLR0911 - any value; one line per type
    """Text as the date, instant or decimal it writes; inner values of structs and arrays too."""
    if value is None:
        return None
    if dtype.is_struct() and isinstance(value, Mapping):
        for name in value:
            if name not in dtype.names:
                raise ConfigurationError(f"{place}: no field {name!r}. {did_you_mean(name, list(dtype.names))}")
        return {name: _plain(value.get(name), inner, f"{place}.{name}") for name, inner in dtype.fields.items()}
    if dtype.is_array() and isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(inner, dtype.value_type, place) for inner in value]
    try:
        if dtype.is_timestamp():
            return _instant(value)
        if dtype.is_date():
            return date.fromisoformat(value) if isinstance(value, str) else _only_date(value)
        if dtype.is_decimal() and isinstance(value, str):
            return Decimal(value)
    except (ValueError, ArithmeticError, TypeError) as error:
        raise ConfigurationError(f"{place}: {value!r} is no {dtype}.") from error
    return value


def _instant(value: object) -> datetime:
    """Tz-naive UTC. Raises TypeError or ValueError for what is none."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, date):
        return datetime.combine(value, time())
    raise TypeError(value)


def _only_date(value: object) -> date:
    if type(value) is date:
        return value
    raise TypeError(value)


def _source_type(values: Sequence[object], hint: dt.DataType | None, place: str) -> dt.DataType:
    """The hint where every value fits it, else the type bronze keeps of such Python values."""
    if hint is not None and _fits(values, hint):
        return hint
    try:
        found = bronze_type(pa.array(values).type) if values else pa.string()
    except pa.ArrowException as error:
        raise ConfigurationError(f"{place}: the rows have values of several types. Give it one.") from error
    return ibis.schema(pa.schema([("column", found)]))["column"]


def _fits(values: Sequence[object], hint: dt.DataType) -> bool:
    try:
        typed_rows([{"column": value} for value in values], ibis.schema({"column": hint}), about="")
    except ConfigurationError:
        return False
    return True


def _change_defaults(number: int, row: Row) -> dict[str, object]:
    changed_at = _instant(row.get(CHANGED_AT, FIRST_INSTANT + timedelta(seconds=number)))
    return {
        CHANGED_AT: changed_at,
        CHANGE_TYPE: UPSERT,
        LOAD_DAY: changed_at.date(),
        STATUS: VALID,
        FAILED_RULES: [],
        MANIFEST_NUMBER: 1,
        SOURCE_FILE: GIVEN,
        SOURCE_ROW: number,
    }


def _extracted_defaults(number: int, row: Row, watermark: str | None) -> dict[str, object]:
    """As an extraction would have it: the change is at its watermark, where that is an instant."""
    at = row.get(INSTANT, row.get(watermark) if watermark is not None else None)
    try:
        instant = _instant(at)
    except (TypeError, ValueError):
        instant = FIRST_INSTANT + timedelta(seconds=number)
    return {
        EXTRACTION_TIMESTAMP: instant,
        SOURCE_SYSTEM: GIVEN,
        ROW_NUMBER: number,
        INSTANT: instant,
        NANOSECONDS: 0,
        OPERATION: UPSERT,
        MANIFEST_NUMBER: 1,
        SOURCE_FILE: GIVEN,
        LOAD_DAY: instant.date(),
    }

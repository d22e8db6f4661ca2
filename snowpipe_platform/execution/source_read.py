"""The SQL an extraction sends: the user's own, wrapped so that it is bounded and ordered. Values are always bound."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from snowpipe_platform.ports import Parameter
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.watermark import Interval, Watermark, WatermarkKind
from snowpipe_platform.spec.watermark_sql import null_watermark_sql, placeholder_count

RULE_PREFIX = "_rule_"

_BELOW_EVERYTHING: dict[WatermarkKind, Watermark] = {
    WatermarkKind.TIMESTAMP: datetime(1, 1, 1),  # noqa: DTZ001 - instants are naive UTC
    WatermarkKind.DATE: date(1, 1, 1),
    WatermarkKind.NUMBER: Decimal(-(10**37)),
}


@dataclass(frozen=True)
class SourceRead:
    """One statement and its bound values. nulls: it reads the rows without a watermark."""

    sql: str
    parameters: tuple[Parameter, ...]
    nulls: bool = False


def bounded_read(
    query: Query, interval: Interval, kind: WatermarkKind, *, columns: Sequence[str], dialect: str
) -> SourceRead:
    """Rows of `[lower, upper)`, ordered by watermark, then key. Raises nothing; `columns` are the source's own names."""
    column = quoted(query.watermark_column or "", columns)
    conditions, values = [f"{column} < ?"], [_parameter(interval.upper)]
    if interval.lower is not None:
        conditions, values = [f"{column} >= ?", *conditions], [_parameter(interval.lower), *values]
    order = [column, *(quoted(name, columns) for name in query.primary_key)]
    sql = _wrapped(query, where=" AND ".join(conditions), order=order)
    return SourceRead(sql, (*user_parameters(query, interval.lower, kind, dialect=dialect), *values))


def null_read(query: Query, *, columns: Sequence[str], dialect: str) -> SourceRead | None:
    """Rows whose watermark is null, ordered by key; None where the user's SQL hides them."""
    sql = null_rows_sql(query, dialect=dialect)
    if sql is None:
        return None
    column = quoted(query.watermark_column or "", columns)
    order = [quoted(name, columns) for name in query.primary_key]
    return SourceRead(_wrapped(query, base=sql, where=f"{column} IS NULL", order=order), (), nulls=True)


def full_read(query: Query, *, columns: Sequence[str]) -> SourceRead:
    """A snapshot, ordered by key."""
    return SourceRead(_wrapped(query, where=None, order=[quoted(name, columns) for name in query.primary_key]), ())


def null_rows_sql(query: Query, *, dialect: str) -> str | None:
    """The user's SQL reading the rows its own watermark condition would hide."""
    if placeholder_count(query.sql, dialect) == 0:
        return query.sql
    return null_watermark_sql(query.sql, query.watermark_column or "", dialect)


def count_null_watermarks(query: Query, *, columns: Sequence[str], dialect: str) -> SourceRead | None:
    """How many rows have no watermark, where the SQL allows to count them."""
    sql = null_rows_sql(query, dialect=dialect)
    if sql is None:
        return None
    column = quoted(query.watermark_column or "", columns)
    return SourceRead(f"SELECT count(*) FROM ({sql}) AS source_query WHERE {column} IS NULL", ())


def count_above(
    query: Query, upper: Watermark, kind: WatermarkKind, *, columns: Sequence[str], dialect: str
) -> SourceRead:
    """How many rows stand at or above the bound: what a later run will read."""
    column = quoted(query.watermark_column or "", columns)
    sql = f"SELECT count(*) FROM ({query.sql}) AS source_query WHERE {column} >= ?"
    return SourceRead(sql, (*user_parameters(query, upper, kind, dialect=dialect), _parameter(upper)))


def highest_watermark(query: Query, kind: WatermarkKind, *, columns: Sequence[str], dialect: str) -> SourceRead:
    """The greatest watermark there is."""
    column = quoted(query.watermark_column or "", columns)
    sql = f"SELECT max({column}) FROM ({query.sql}) AS source_query"
    return SourceRead(sql, user_parameters(query, None, kind, dialect=dialect))


def user_parameters(
    query: Query, lower: Watermark | None, kind: WatermarkKind | None, *, dialect: str
) -> tuple[Parameter, ...]:
    """What is bound to the user's own `?`: strictly below `lower`, so that `>` and `>=` mean the same."""
    if kind is None or placeholder_count(query.sql, dialect) == 0:
        return ()
    return (_parameter(_BELOW_EVERYTHING[kind] if lower is None else kind.step(lower)),)


def quoted(name: str, columns: Sequence[str]) -> str:
    """The source's spelling of a column as a quoted identifier."""
    spelt = next((column for column in columns if column.lower() == name.lower()), name)
    return '"' + spelt.replace('"', '""') + '"'


def _wrapped(query: Query, *, where: str | None, order: Sequence[str], base: str | None = None) -> str:
    rules = "".join(
        f", coalesce(({rule.expression}), false) AS {quoted(RULE_PREFIX + rule.name, ())}" for rule in query.rules
    )
    condition = "" if where is None else f" WHERE {where}"
    sorting = f" ORDER BY {', '.join(order)}" if order else ""
    return f"SELECT *{rules} FROM ({base or query.sql}) AS source_query{condition}{sorting}"  # noqa: S608 - the user's SQL


def _parameter(value: Watermark) -> Parameter:
    return value

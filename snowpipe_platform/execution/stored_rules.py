"""Judge stored rows by the rules of their query, at the source: it alone knows what its SQL means."""

from collections.abc import Sequence

import ibis
import pyarrow as pa
import sqlglot
from ibis.backends.sql.datatypes import get_type_mapper
from sqlglot import exp

from snowpipe_platform.execution.source_read import SourceRead, quoted
from snowpipe_platform.ports import Warehouse
from snowpipe_platform.records import Parameter
from snowpipe_platform.spec.extraction import Query, QueryRule
from snowpipe_platform.spec.watermark_sql import trimmed_sql

ROWS_PER_STATEMENT = 200
_POSITION = "snowpipe_row"


def reasons_to_keep_out(query: Query, rows: pa.Table, source: pa.Schema, warehouse: Warehouse) -> list[str]:
    """For each row the first rule that keeps it out now, or by which it cannot be judged; empty for one that is let in.

    rows: in bronze types. source: the query's columns as the source has them. Raises SourceError, TransientSourceError.
    """
    reasons = [""] * rows.num_rows
    for rule in (rule for rule in query.rules if rule.on_violation != "land"):
        columns = _columns(rule, source, warehouse.dialect)
        lost = [field.name.lower() for field in columns if _is_kept_otherwise(field, query, rows)]
        if lost:
            found = f"cannot be judged by {rule.name}: bronze keeps {', '.join(lost)} in another form"
            broken = dict.fromkeys(range(rows.num_rows), found)
        else:
            broken = dict.fromkeys(_broken(rule, columns, rows, warehouse), f"still breaks {rule.name}")
        for position, reason in broken.items():
            reasons[position] = reasons[position] or reason
    return reasons


def _columns(rule: QueryRule, source: pa.Schema, dialect: str) -> list[pa.Field]:
    """The source's columns that the rule names."""
    condition = sqlglot.parse_one(trimmed_sql(rule.expression, dialect), dialect=dialect)
    named = {column.name.lower() for column in condition.find_all(exp.Column)}
    return [field for field in source if field.name.lower() in named]


def _is_kept_otherwise(field: pa.Field, query: Query, rows: pa.Table) -> bool:
    """Whether the stored value is not the one the source's own column has: local time became UTC, a list JSON."""
    name = field.name.lower()
    is_local = name in map(str.lower, query.time_zones)
    return is_local or pa.types.is_nested(field.type) or name not in rows.column_names


def _broken(rule: QueryRule, columns: Sequence[pa.Field], rows: pa.Table, warehouse: Warehouse) -> list[int]:
    """Positions of the rows that break the rule; NULL counts as broken."""
    positions: list[int] = []
    for start in range(0, rows.num_rows, ROWS_PER_STATEMENT):
        read = _statement(rule, columns, rows.slice(start, ROWS_PER_STATEMENT), warehouse.dialect)
        for batch in warehouse.stream(read.sql, read.parameters):
            positions += [start + position for position in batch.column(0).to_pylist()]
    return positions


def _statement(rule: QueryRule, columns: Sequence[pa.Field], rows: pa.Table, dialect: str) -> SourceRead:
    """Every value is bound, and cast to the type that the source's column has."""
    types = ibis.Schema.from_pyarrow(pa.schema(columns))
    mapper = get_type_mapper(dialect)
    casts = "".join(f", CAST(? AS {mapper.to_string(types[f.name])}) AS {quoted(f.name)}" for f in columns)
    selected = " UNION ALL ".join(f"SELECT {n} AS {quoted(_POSITION)}{casts}" for n in range(rows.num_rows))
    condition = f"NOT coalesce(({trimmed_sql(rule.expression, dialect)}), false)"
    sql = f"SELECT {quoted(_POSITION)} FROM ({selected}) AS stored_rows WHERE {condition}"  # noqa: S608
    values = [rows[field.name.lower()].to_pylist() for field in columns]
    parameters: list[Parameter] = [value for row in zip(*values, strict=True) for value in row]
    return SourceRead(sql, tuple(parameters))

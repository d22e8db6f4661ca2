"""A rule tried on the contract's columns when definitions load: whether it is an expression, and what it looks at."""

from dataclasses import replace

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
from pandera.api.ibis.types import IbisData

from snowpipe_platform.errors import ContractError, did_you_mean
from snowpipe_platform.spec.check_arguments import is_decimal
from snowpipe_platform.spec.rule import Rule

OWN = "rows"
UNTYPED_DECIMAL = dt.Decimal(18, 3)
"""DuckDB's DECIMAL without digits."""


def tried(rule: Rule, schema: ibis.Schema, where: str) -> Rule:
    """The rule with the other tables it looks at. Raises ContractError for one that cannot be an expression, by name.

    schema: the contract's columns and types.
    """
    about = f"{where}: check {rule.id!r}"
    own = ibis.table(schema, name=OWN)
    try:
        broken = rule.breaks(own)
    except Exception as error:
        hint = " ".join([f"{str(error).rstrip('.')}.", _missing(error)]).strip()
        msg = f"{about} cannot be compiled: {hint} It must return a boolean Ibis column of: {', '.join(schema)}."
        raise ContractError(msg) from error
    others = set(broken.op().find((ops.Reduction, ops.WindowFunction, ops.Relation))) - {own.op()}
    if rule.scope == "row" and others:
        raise ContractError(f"{about} looks at other rows than its own. Declare it with scope='table'.")
    _refuse_cut_decimals(broken, about)
    tables = [table for table in broken.op().find(ops.PhysicalTable) if table != own.op()]
    for table in tables:
        if not isinstance(table, ops.UnboundTable):
            raise ContractError(f"{about} looks at rows that are in no table. Use isin(), or related() of a table.")
    return replace(rule, related=tuple(sorted(tables, key=lambda table: str(table.name))))


def _refuse_cut_decimals(broken: ir.BooleanValue, about: str) -> None:
    """Ibis 12 writes a decimal without a type with three digits behind the point; drop when it keeps them all."""
    for value in broken.op().find(ops.Literal):
        if value.dtype.is_decimal() and value.dtype.precision is None and not is_decimal(value.value, UNTYPED_DECIMAL):
            msg = f"{about} compares with {value.value}, which Ibis would cut to three digits. Give it its type: "
            raise ContractError(f"{msg}ibis.literal(Decimal('{value.value}'), 'decimal(38, 10)').")


def _missing(error: Exception) -> str:
    """The nearest column, where the check asked a table for one it does not have; the table, where it asked what it was
    given for a column."""
    table, name = getattr(error, "obj", None), getattr(error, "name", None)
    if isinstance(table, IbisData):
        return f"Write data.table.{name}." if table.key is None else "Write data.table[data.key]."
    return did_you_mean(str(name), list(table.columns)) if isinstance(table, ir.Table) else ""

"""The rows a table's code makes, checked against its contract."""

from collections.abc import Mapping

import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from snowpipe_platform.errors import PipelineError, did_you_mean
from snowpipe_platform.spec.schema_change import holds
from snowpipe_platform.spec.table import Table


def contract_rows(table: Table, rows: ir.Table) -> ir.Table:
    """The contract's columns in its order and types.

    Raises PipelineError for a column that was not made, or whose type holds values that the contract's does not.
    """
    if not isinstance(rows, ir.Table):
        found = type(rows).__name__
        raise PipelineError(
            f"{table.name}: build() returns a {found}, no Ibis table. Return one in {table.defined_in}."
        )
    for name in table.contract_schema:
        if name not in rows.columns:
            hint = did_you_mean(name, list(rows.columns))
            msg = f"{table.name}: build() makes no column {name!r}, which its contract has. {hint}"
            raise PipelineError(f"{msg} Make it in {table.defined_in}.")
    refuse_types(table, {name: rows[name].type() for name in table.contract_schema}, made_by="build()")
    return rows.select(**{name: rows[name].cast(dtype) for name, dtype in table.contract_schema.items()})


def refuse_types(table: Table, made: Mapping[str, dt.DataType], *, made_by: str) -> None:
    """Raises PipelineError, with the casts to write, for columns that a cast to the contract's type could change."""
    wanted = table.contract_schema
    wrong = [
        f"{name!r} is {found}, wanted is {wanted[name]}: write {_mend(wanted[name], found)}"
        for name, found in made.items()
        if not holds(wanted[name], found)
    ]
    if wrong:
        msg = f"{table.name}: {made_by} makes other types than the contract's. {'; '.join(wrong)}."
        raise PipelineError(f"{msg} Mend it in {table.defined_in}.")


def _mend(wanted: dt.DataType, found: dt.DataType) -> str:
    """Explicit where engines differ: one rounds to an integer, the other cuts."""
    if wanted.is_date() and found.is_timestamp():
        return ".date()"
    rounds = wanted.is_integer() and (found.is_floating() or found.is_decimal())
    return f'{".round()" if rounds else ""}.cast("{wanted}")'

"""The rows a table's code makes, checked against its contract."""

from collections.abc import Mapping

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir

from snowpipe_platform.errors import PipelineError, did_you_mean
from snowpipe_platform.spec.history import VERSION_COLUMNS
from snowpipe_platform.spec.schema_change import holds
from snowpipe_platform.spec.table import Table


def contract_rows(table: Table, rows: ir.Table) -> ir.Table:
    """The contract's columns in its order and types.

    Raises PipelineError for a column that was not made, or whose type holds values that the contract's does not, and
    for one that was made and is not in the contract. What is only taken along from an input is left out.
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
    _refuse_undeclared(table, rows)
    refuse_types(table, {name: rows[name].type() for name in table.contract_schema}, made_by="build()")
    return rows.select(**{name: rows[name].cast(dtype) for name, dtype in table.contract_schema.items()})


def _refuse_undeclared(table: Table, rows: ir.Table) -> None:
    """A misspelt column would be lost, and the one it was meant to be stay as an input has it."""
    read = [name for source in rows.op().find(ops.UnboundTable) for name in source.schema]
    known = {*table.contract_schema, *read, *VERSION_COLUMNS}
    made = [name for name in rows.columns if name not in known and not _is_taken_along(rows[name].op())]
    if made:
        hint = did_you_mean(made[0], list(table.contract_schema))
        msg = f"{table.name}: build() makes {', '.join(map(repr, made))}, which its contract does not have. {hint}"
        mend = "Declare it there, or drop() it" if len(made) == 1 else "Declare them there, or drop() them"
        raise PipelineError(f"{msg} {mend}, in {table.defined_in}.")


def _is_taken_along(value: ops.Value) -> bool:
    """Whether it is a column of an input as it is, whatever a join calls it."""
    while isinstance(value, ops.Field):
        if isinstance(value.rel, ops.UnboundTable):
            return True
        value = value.rel.values.get(value.name)
    return False


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

"""The rows a table's code makes, checked against its contract."""

import ibis.expr.types as ir

from snowpipe_platform.errors import PipelineError, did_you_mean
from snowpipe_platform.spec.table import Table


def contract_rows(table: Table, rows: ir.Table) -> ir.Table:
    """The contract's columns in its order and types. Raises PipelineError for a column that was not made."""
    for name in table.contract_schema:
        if name not in rows.columns:
            hint = did_you_mean(name, list(rows.columns))
            msg = (
                f"{table.name}: build() makes no column {name!r}, which its contract has. {hint} See {table.defined_in}"
            )
            raise PipelineError(msg)
    return rows.select(**{name: rows[name].cast(dtype) for name, dtype in table.contract_schema.items()})

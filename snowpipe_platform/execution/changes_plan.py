"""What a run of a changes table does: which entries of the bronze log it takes in."""

from collections.abc import Sequence

import ibis
import ibis.expr.datatypes as dt

from snowpipe_platform.execution.change_rows import bronze_table, change_rows
from snowpipe_platform.execution.inputs import TableInputs
from snowpipe_platform.execution.plan import Plan, TableRequest
from snowpipe_platform.records import BronzeRows
from snowpipe_platform.spec.consumption import Consumption
from snowpipe_platform.spec.manifest import PLATFORM_COLUMNS, Manifest
from snowpipe_platform.spec.schema_change import widest
from snowpipe_platform.spec.table import ChangesTable


def changes_plan(request: TableRequest, table: ChangesTable, inputs: TableInputs, consumed: Consumption) -> Plan:
    done = consumed.manifests.get(table.source, frozenset())
    day = None if request.rebuild else request.day
    pending = [
        manifest
        for manifest in inputs.log
        if (request.rebuild or manifest.number not in done) and (day is None or manifest.load_day == day)
    ]
    if not pending and not (request.rebuild and inputs.base is not None):
        return Plan(request, inputs.base, "nothing", "nothing new in bronze", consumed)
    numbers = frozenset(manifest.number for manifest in pending)
    after = Consumption({table.source: numbers if request.rebuild else done | numbers})
    columns = source_columns(inputs.log)
    bronze = bronze_table(table, columns)
    schema = ibis.schema(dict(columns.items()) | PLATFORM_COLUMNS)
    rows = BronzeRows(tuple(pending), inputs.bronze_locations, schema)
    return Plan(
        request,
        inputs.base,
        "replace_all" if request.rebuild else "append",
        f"{len(pending)} extraction{'s' if len(pending) != 1 else ''} to consume",
        after,
        expression=change_rows(table, bronze),
        sources={f"bronze/{table.source}": rows},
    )


def source_columns(log: Sequence[Manifest]) -> ibis.Schema:
    """All columns the entity ever had, each in the widest of its types."""
    columns: dict[str, dt.DataType] = {}
    for manifest in log:
        for column in manifest.columns:
            found = ibis.dtype(column.type)
            columns[column.name] = widest(columns[column.name], found) if column.name in columns else found
    return ibis.schema(columns)

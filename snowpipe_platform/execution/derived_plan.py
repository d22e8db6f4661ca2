"""What a run of a derived table does: which of its rows changed inputs touch."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from snowpipe_platform.execution.contract_rows import contract_rows, refuse_types
from snowpipe_platform.execution.inputs import TableInputs
from snowpipe_platform.execution.plan import TOUCHED, Plan, TableRequest
from snowpipe_platform.execution.table_code import code_errors
from snowpipe_platform.records import LakeRows, Rows
from snowpipe_platform.spec.consumption import Consumption
from snowpipe_platform.spec.history import changed_scope, restrict
from snowpipe_platform.spec.table import CHANGE_SIDE, DerivedTable

CHANGED_SUFFIX = "#changed"


def derived_plan(request: TableRequest, table: DerivedTable, inputs: TableInputs, consumed: Consumption) -> Plan:
    missing = [name for name in table.inputs if inputs.states[name] is None]
    if missing:
        return Plan(request, inputs.base, "nothing", f"waits for {', '.join(missing)}", consumed)
    states = {name: state for name, state in inputs.states.items() if state is not None}
    after = Consumption({}, {name: state.as_upstream for name, state in states.items()})
    reason = _rebuild_reason(request, inputs)
    if after.is_level_with(consumed) and inputs.base is not None and reason is None:
        return Plan(request, inputs.base, "nothing", "inputs have not changed", consumed)
    unbound = {name: ibis.table(inputs.schemas[name], name=name) for name in table.inputs}
    sources: dict[str, Rows] = {name: LakeRows(inputs.paths[name], inputs.schemas[name]) for name in table.inputs}
    if reason is not None:
        expression = derived_rows(table, unbound)
        return Plan(request, inputs.base, "replace_all", reason, after, expression=expression, sources=sources)
    changed = {name: rows for name, rows in inputs.changed.items() if rows.before.paths or rows.after.paths}
    names = {name: changed_table(name, rows.after.schema) for name, rows in changed.items()}
    sources |= {name + CHANGED_SUFFIX: rows for name, rows in changed.items()}
    if not changed:
        return Plan(request, inputs.base, "append", "inputs changed no row", after)
    return Plan(
        request,
        inputs.base,
        "replace_touched",
        f"changes in {', '.join(names)}",
        after,
        expression=derived_rows(table, _restricted(table, unbound)),
        touched=touched_scope(table, names, unbound),
        sources=sources,
    )


def _rebuild_reason(request: TableRequest, inputs: TableInputs) -> str | None:
    """Why all rows are made anew; None when only those that changed inputs touch."""
    if inputs.base is None:
        return "first run"
    if request.rebuild:
        return "rebuild"
    return "what it consumed cannot be compared any more" if inputs.lost_history else None


def changed_table(name: str, schema: ibis.Schema) -> ir.Table:
    """The unbound rows of an input that differ from what was consumed, with the side each is on."""
    return ibis.table(dict(schema.items()) | {CHANGE_SIDE: "string"}, name=name + CHANGED_SUFFIX)


def touched_scope(table: DerivedTable, changed: Mapping[str, ir.Table], inputs: Mapping[str, ir.Table]) -> ir.Table:
    """The scope values that changed inputs make stale. Raises PipelineError for code that does not fit."""
    types = {name: table.contract_schema[name] for name in table.scope}
    with code_errors(table, {**inputs, **changed}, mend="Mend touched() in"):
        rows = changed_scope(changed, table.scope) if table.touched is None else table.touched(changed, inputs)
        found = {name: rows[name].type() for name in types}
    refuse_types(table, found, made_by="touched()")
    return rows.select(**{name: rows[name].cast(dtype) for name, dtype in types.items()}).distinct()


def _restricted(table: DerivedTable, inputs: Mapping[str, ir.Table]) -> dict[str, ir.Table]:
    scope = {name: table.contract_schema[name] for name in table.scope}
    touched = ibis.table(scope, name=TOUCHED)
    return {
        name: restrict(rows, touched, table.scope) if set(table.scope) <= set(rows.columns) else rows
        for name, rows in inputs.items()
    }


def derived_rows(table: DerivedTable, inputs: Mapping[str, ir.Table]) -> ir.Table:
    """The table's rows as its contract has them. Raises PipelineError for code that does not fit inputs or contract."""
    with code_errors(table, inputs, mend="Mend build() in"):
        rows = table.build(inputs)
    return contract_rows(table, rows)

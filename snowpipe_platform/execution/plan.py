"""Decide what a run of one table does: which rows it reads, what it replaces. Pure once its inputs are known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from snowpipe_platform.errors import PipelineError, did_you_mean
from snowpipe_platform.execution.change_rows import bronze_table, change_rows
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.inputs import TableInputs, read_inputs
from snowpipe_platform.execution.table_code import code_error
from snowpipe_platform.records import BronzeRows, LakeRows, Rows, TableState
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption, UpstreamCommit
from snowpipe_platform.spec.history import changed_scope, restrict
from snowpipe_platform.spec.manifest import PLATFORM_COLUMNS
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.schema_change import widest
from snowpipe_platform.spec.table import CHANGE_SIDE, ChangesTable, DerivedTable, Table

TOUCHED = "touched"
CHANGED_SUFFIX = "#changed"
CODE_VERSION_PROPERTY = "snowpipe.code-version"
"""The code of the oldest rows: rows that a run adds or replaces do not make the others new."""

Operation = Literal["nothing", "append", "replace_touched", "replace_all"]


@dataclass(frozen=True)
class TableRequest:
    """One table to bring up to date. load_day: only what was landed for that day. rebuild: from all inputs, anew.
    override: who publishes rows beyond a rule's tolerance, and why; recorded with the commit."""

    pipeline: Pipeline
    table: Table
    identity: RunIdentity
    load_day: date | None = None
    rebuild: bool = False
    override: str | None = None


@dataclass(frozen=True)
class Plan:
    """One commit, decided: `expression` over the names in `sources` gives the rows to write.

    touched: the scope values to replace, over the `#changed` names; None when rows are appended or all are replaced.
    consumed: what the table will have consumed after the commit.
    """

    request: TableRequest
    base: TableState | None
    operation: Operation
    reason: str
    consumed: Consumption
    expression: ir.Table | None = None
    touched: ir.Table | None = None
    sources: Mapping[str, Rows] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        return self.request.table

    @property
    def code_version(self) -> str:
        """Of the oldest rows there will be in the table."""
        if self.base is None or self.operation == "replace_all":
            return self.table.code_version
        return self.base.properties.get(CODE_VERSION_PROPERTY, self.table.code_version)


def plan_table(request: TableRequest, ground: Ground) -> Plan:
    """Read the state of the table and of what it reads, and decide."""
    return decide(request, read_inputs(request.pipeline, request.table, ground))


def decide(request: TableRequest, inputs: TableInputs) -> Plan:
    """The plan that follows from the inputs. Raises PipelineError when the table's code does not fit them."""
    consumed = (
        Consumption() if inputs.base is None else Consumption.decode(inputs.base.properties.get(CONSUMED_PROPERTY))
    )
    if isinstance(request.table, ChangesTable):
        return _changes_plan(request, request.table, inputs, consumed)
    if isinstance(request.table, DerivedTable):
        return _derived_plan(request, request.table, inputs, consumed)
    raise PipelineError(f"{request.table.defined_in}: {type(request.table).__name__} is no kind of table that runs.")


def _changes_plan(request: TableRequest, table: ChangesTable, inputs: TableInputs, consumed: Consumption) -> Plan:
    done = consumed.manifests.get(table.source, frozenset())
    day = None if request.rebuild else request.load_day
    pending = [
        manifest
        for manifest in inputs.log
        if (request.rebuild or manifest.number not in done) and (day is None or manifest.load_day == day)
    ]
    if not pending and not (request.rebuild and inputs.base is not None):
        return Plan(request, inputs.base, "nothing", "nothing new in bronze", consumed)
    numbers = frozenset(manifest.number for manifest in pending)
    after = Consumption({table.source: numbers if request.rebuild else done | numbers})
    columns = _source_columns(inputs)
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


def _source_columns(inputs: TableInputs) -> ibis.Schema:
    """All columns the entity ever had, each in the widest of its types."""
    columns: dict[str, dt.DataType] = {}
    for manifest in inputs.log:
        for column in manifest.columns:
            found = ibis.dtype(column.type)
            columns[column.name] = widest(columns[column.name], found) if column.name in columns else found
    return ibis.schema(columns)


def _derived_plan(request: TableRequest, table: DerivedTable, inputs: TableInputs, consumed: Consumption) -> Plan:
    missing = [name for name in table.inputs if inputs.states[name] is None]
    if missing:
        return Plan(request, inputs.base, "nothing", f"waits for {', '.join(missing)}", consumed)
    states = {name: state for name, state in inputs.states.items() if state is not None}
    after = Consumption({}, {n: UpstreamCommit(s.snapshot_id, s.number) for n, s in states.items()})
    reason = _rebuild_reason(request, inputs)
    if after == consumed and inputs.base is not None and reason is None:
        return Plan(request, inputs.base, "nothing", "inputs have not changed", consumed)
    unbound = {name: ibis.table(inputs.schemas[name], name=name) for name in table.inputs}
    sources: dict[str, Rows] = {name: LakeRows(inputs.paths[name], inputs.schemas[name]) for name in table.inputs}
    if reason is not None:
        expression = _built(table, unbound)
        return Plan(request, inputs.base, "replace_all", reason, after, expression=expression, sources=sources)
    changed = {name: rows for name, rows in inputs.changed.items() if rows.before.paths or rows.after.paths}
    names = {name: _changed_table(name, rows.after.schema) for name, rows in changed.items()}
    sources |= {name + CHANGED_SUFFIX: rows for name, rows in changed.items()}
    if not changed:
        return Plan(request, inputs.base, "append", "inputs changed no row", after)
    return Plan(
        request,
        inputs.base,
        "replace_touched",
        f"changes in {', '.join(names)}",
        after,
        expression=_built(table, _restricted(table, unbound)),
        touched=_touched(table, names, unbound),
        sources=sources,
    )


def _rebuild_reason(request: TableRequest, inputs: TableInputs) -> str | None:
    """Why all rows are made anew; None when only those that changed inputs touch."""
    if inputs.base is None:
        return "first run"
    if request.rebuild:
        return "rebuild"
    return "what it consumed cannot be compared any more" if inputs.lost_history else None


def _changed_table(name: str, schema: ibis.Schema) -> ir.Table:
    return ibis.table(dict(schema.items()) | {CHANGE_SIDE: "string"}, name=name + CHANGED_SUFFIX)


def _touched(table: DerivedTable, changed: Mapping[str, ir.Table], inputs: Mapping[str, ir.Table]) -> ir.Table:
    rows = changed_scope(changed, table.scope) if table.touched is None else table.touched(changed, inputs)
    types = {name: table.contract_schema[name] for name in table.scope}
    return rows.select(**{name: rows[name].cast(dtype) for name, dtype in types.items()}).distinct()


def _restricted(table: DerivedTable, inputs: Mapping[str, ir.Table]) -> dict[str, ir.Table]:
    scope = {name: table.contract_schema[name] for name in table.scope}
    touched = ibis.table(scope, name=TOUCHED)
    return {
        name: restrict(rows, touched, table.scope) if set(table.scope) <= set(rows.columns) else rows
        for name, rows in inputs.items()
    }


def _built(table: DerivedTable, inputs: Mapping[str, ir.Table]) -> ir.Table:
    """The table's rows, checked against its contract."""
    try:
        rows = table.build(inputs)
    except (AttributeError, KeyError, ibis.common.exceptions.IbisError) as error:
        columns = {name: rows.columns for name, rows in inputs.items()}
        raise code_error(table, error, columns, mend="Mend build() in") from error
    for name in table.contract_schema:
        if name not in rows.columns:
            hint = did_you_mean(name, list(rows.columns))
            msg = (
                f"{table.name}: build() makes no column {name!r}, which its contract has. {hint} See {table.defined_in}"
            )
            raise PipelineError(msg)
    return rows.select(**{name: rows[name].cast(dtype) for name, dtype in table.contract_schema.items()})

"""What a run of an as-of table does: one analysis date, once all that happened before its end is there."""

from collections.abc import Mapping
from datetime import date

import ibis
import ibis.expr.types as ir

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.contract_rows import contract_rows
from snowpipe_platform.execution.inputs import TableInputs
from snowpipe_platform.execution.plan import WAITS_FOR, Plan, TableRequest
from snowpipe_platform.execution.table_code import code_errors
from snowpipe_platform.records import LakeRows, TableState
from snowpipe_platform.spec.analysis_dates import DATES_PROPERTY, AnalysisDates, end_of
from snowpipe_platform.spec.as_of import ANALYSIS_DATE, AsOfTable, known_by
from snowpipe_platform.spec.bronze_log import live_watermark, standing
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.watermark import Watermark

ANY_DATE = date(2000, 1, 1)
"""For trying and tracing a table's code: its columns are the same for every date."""


def as_of_plan(request: TableRequest, table: AsOfTable, inputs: TableInputs, consumed: Consumption) -> Plan:
    """The plan of one date. Raises ConfigurationError without a date, PipelineError for code that does not fit."""
    on = request.day
    if on is None:
        raise ConfigurationError(f"{table.name} has a state for each day: say which, with --partition {ANALYSIS_DATE}.")
    reason = waits_for(table, on, inputs)
    if reason is not None:
        return Plan(request, inputs.base, "nothing", f"waits for {reason}", consumed)
    dates = analysis_dates(inputs)
    why = why_made(request, on, dates, stale=f"changes from before the end of {on} came later")
    if why is None:
        return Plan(request, inputs.base, "nothing", f"nothing before the end of {on} has changed", consumed)
    states = {name: state for name, state in inputs.states.items() if state is not None}
    return Plan(
        request,
        inputs.base,
        "replace_date",
        why,
        Consumption({}, {name: state.as_upstream for name, state in states.items()}),
        expression=date_rows(table, on, {n: ibis.table(schema, name=n) for n, schema in inputs.schemas.items()}),
        sources={
            **{name: LakeRows(inputs.paths[name], inputs.schemas[name]) for name in table.inputs},
            **{name: LakeRows(inputs.paths_of(name, on), inputs.schemas[name]) for name in table.scores},
        },
        replaces={ANALYSIS_DATE: on},
        dates=dates.with_made(on, code_version=table.code_version),
    )


def is_waiting(plan: Plan) -> bool:
    """Whether the plan's date is not made, for want of something that others make. A date without a model to score it
    is complete as it is."""
    return is_not_made(plan) and plan.reason.startswith(WAITS_FOR)


def is_not_made(plan: Plan) -> bool:
    """Whether the plan's date has no state, and gets none, as something from before its end is not there yet."""
    return plan.operation == "nothing" and plan.request.day not in made_dates(plan.base).all


def analysis_dates(inputs: TableInputs) -> AnalysisDates:
    """The dates of a table, stale for all that its inputs have committed so far."""
    dates = made_dates(inputs.base)
    if inputs.lost_history:
        return AnalysisDates(dates.made, dates.all)
    return dates.with_stale(inputs.changed_dates).changed_since(inputs.first_change_at)


def made_dates(state: TableState | None) -> AnalysisDates:
    """As the table's own commit has them."""
    return AnalysisDates.decode(None if state is None else state.properties.get(DATES_PROPERTY))


def waits_for(table: AsOfTable, on: date, inputs: TableInputs) -> str | None:
    """The input that does not have everything from before the date's end yet; None when all do."""
    for name in table.inputs:
        state, log = inputs.states[name], inputs.logs[name]
        if state is None:
            return name
        taken = Consumption.decode(state.properties.get(CONSUMED_PROPERTY)).manifests
        done = frozenset().union(*taken.values())
        news = (entry for entry in log if entry.kind != "watermark" and entry.number not in done)
        if not _is_landed(log, on) or any(entry.load_day <= on for entry in news):
            return f"{name} up to {on}"
    return None


def date_rows(table: AsOfTable, on: date, inputs: Mapping[str, ir.Table]) -> ir.Table:
    """The table's rows of the date, as its contract has them. Raises PipelineError."""
    known = {name: known_by(inputs[name], on) for name in table.inputs}
    known |= {name: rows_of_date(inputs[name], on) for name in table.scores}
    with code_errors(table, inputs, mend="Mend build() in"):
        rows = table.build(known, on)
        dated = rows.mutate(**{ANALYSIS_DATE: ibis.literal(on, "date")}) if isinstance(rows, ir.Table) else rows
    return contract_rows(table, dated)


def rows_of_date(rows: ir.Table, on: date) -> ir.Table:
    return rows.filter(rows[ANALYSIS_DATE] == ibis.literal(on, "date"))


def why_made(
    request: TableRequest, on: date, dates: AnalysisDates, *, stale: str, rebuilt: str = "rebuild"
) -> str | None:
    """Why a table's date is made by this run; None when it is as it would be. stale, rebuilt: how the kind says so."""
    if request.rebuild:
        return rebuilt
    if on not in dates.all:
        return f"first run for {on}"
    if on in dates.stale:
        return stale
    return "its code changed" if on in dates.by_other_code(request.table.code_version) else None


def _is_landed(log: tuple[Manifest, ...], on: date) -> bool:
    """Whether extraction has read to the date's end. Snapshots and numbers do not tell: then the load day does, and a
    snapshot that brought nothing new left no entry."""
    reached = live_watermark(log)
    if reached is not None and isinstance(reached, date):
        return _covers(reached, on)
    rows = [entry for entry in standing(log) if entry.kind != "comparison"]
    return bool(rows) and (rows[-1].mode == "full" or any(entry.load_day >= on for entry in rows))


def _covers(reached: Watermark, on: date) -> bool:
    end = end_of(on)
    return reached >= (end if type(reached) is type(end) else end.date())  # type: ignore[operator]

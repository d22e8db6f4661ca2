"""What a run of a feature group does: the rows of one analysis date that its source has and the history has not."""

from datetime import date

import ibis
import ibis.expr.types as ir

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.as_of_plan import analysis_dates, made_dates, why_made
from snowpipe_platform.execution.inputs import TableInputs
from snowpipe_platform.execution.plan import TARGET, WAITS_FOR, Plan, TableRequest
from snowpipe_platform.records import LakeRows
from snowpipe_platform.spec.analysis_dates import end_of
from snowpipe_platform.spec.as_of import ANALYSIS_DATE, DateByDate
from snowpipe_platform.spec.consumption import Consumption
from snowpipe_platform.spec.feature import CREATED_TIME, FeatureGroup, feature_rows, new_rows


def feature_plan(request: TableRequest, group: FeatureGroup, inputs: TableInputs, consumed: Consumption) -> Plan:
    """The plan of one date. Rows are added, whatever is asked: with `rebuild` the date is compared anew.

    Compared is what the source has now with what the history knows last, file by file of the date. So a date is
    complete after any run of it, whatever became of the runs before it, and taking the same commit in again adds
    nothing. Raises ConfigurationError without a date.
    """
    on = request.day
    if on is None:
        raise ConfigurationError(f"{group.name} has rows for each day: say which, with --partition {ANALYSIS_DATE}.")
    source = inputs.states[group.source]
    if source is None or on not in made_dates(source).all:
        return Plan(request, inputs.base, "nothing", f"{WAITS_FOR}{group.source} of {on}", consumed)
    dates = analysis_dates(inputs)
    why = why_made(request, on, dates, stale=made_anew(group, on), rebuilt="compared anew")
    if why is None:
        return Plan(request, inputs.base, "nothing", f"{group.source} of {on} has not changed", consumed)
    schema, own = inputs.schemas[group.source], group.schema
    rows = new_rows(
        group,
        ibis.table(schema, name=group.source),
        ibis.table(own, name=TARGET),
        on,
        made_at=inputs.made_at.get(on, inputs.first_made_at or source.committed_at),
    )
    return Plan(
        request,
        inputs.base,
        "append",
        why,
        Consumption({}, {group.source: source.as_upstream}),
        expression=rows,
        sources={
            group.source: LakeRows(inputs.paths_of(group.source, on), schema),
            TARGET: LakeRows(inputs.paths_of(group.name, on), own),
        },
        dates=dates.with_made(on, code_version=group.code_version),
    )


def made_anew(table: DateByDate, on: date) -> str:
    """Why a date is stale whose source has other rows of it by now."""
    return f"{table.source} of {on} was made anew"


def example_rows(group: FeatureGroup, source: ir.Table, on: date) -> ir.Table:
    """Rows as they are taken from the source, for tracing their columns."""
    created = ibis.literal(end_of(on), "timestamp(6)")
    return feature_rows(group, source, on).mutate(**{CREATED_TIME: created}).select(*group.schema)

"""What a run of a score table does: one analysis date, asked of the version of the model that serves."""

from collections.abc import Collection
from datetime import date

import ibis
import ibis.expr.types as ir

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.as_of_plan import ANY_DATE, analysis_dates, made_dates
from snowpipe_platform.execution.inputs import TableInputs
from snowpipe_platform.execution.plan import Plan, Scoring, TableRequest
from snowpipe_platform.records import LakeRows, TableState
from snowpipe_platform.spec.analysis_dates import AnalysisDates
from snowpipe_platform.spec.as_of import ANALYSIS_DATE
from snowpipe_platform.spec.consumption import Consumption
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.scores import PROBABILITY, ScoreTable, answers_schema, features_of, score_rows

ANSWERS = "answers"
SCORED_PROPERTY = "snowpipe.scored-by"
"""Dates by the version that scored them, as AnalysisDates writes it."""


def score_plan(request: TableRequest, table: ScoreTable, inputs: TableInputs, consumed: Consumption) -> Plan:
    """The plan of one date. Raises ConfigurationError without a date."""
    on, version, source = request.day, inputs.version, inputs.states[table.source]
    if on is None:
        raise ConfigurationError(f"{table.name} has rows for each day: say which, with --partition {ANALYSIS_DATE}.")
    if version is None:
        reason = f"no version of model {table.model!r} is approved yet"
        return Plan(request, inputs.base, "nothing", reason, consumed)
    if source is None or on not in source_dates(table, inputs):
        return Plan(request, inputs.base, "nothing", f"waits for {table.source} of {on}", consumed)
    dates, scored = analysis_dates(inputs), scored_dates(inputs.base)
    why = _reason(request, table, on, dates, scored, version=version.number)
    if why is None:
        told = f"{table.source} of {on} has not changed, nor the version that serves"
        return Plan(request, inputs.base, "nothing", told, consumed)
    group = group_of(table, request.pipeline)
    history = ibis.table(group.schema, name=group.name)
    return Plan(
        request,
        inputs.base,
        "replace_date",
        why,
        Consumption({}, {group.name: source.as_upstream}),
        expression=score_rows(table, _answers(group), on, version=version.number),
        sources={group.name: LakeRows(inputs.paths_of(group.name, on), group.schema)},
        replaces={ANALYSIS_DATE: on},
        dates=dates.with_made(on, code_version=table.code_version),
        scoring=Scoring(features_of(table, group, history, on), version, key=group.entity, bound_as=ANSWERS),
        properties={SCORED_PROPERTY: scored.with_made(on, code_version=str(version.number)).encode()},
    )


def source_dates(table: ScoreTable, inputs: TableInputs) -> Collection[date]:
    """Dates that have features."""
    return made_dates(inputs.states[table.source]).all


def scored_dates(state: TableState | None) -> AnalysisDates:
    """The table's dates, by the version that scored them."""
    return AnalysisDates.decode(None if state is None else state.properties.get(SCORED_PROPERTY))


def group_of(table: ScoreTable, pipeline: Pipeline) -> FeatureGroup:
    """The feature group it scores."""
    found = pipeline.table(table.source)
    if not isinstance(found, FeatureGroup):
        raise AssertionError(found)  # noqa: TRY004 - building the pipeline refuses it
    return found


def example_scores(table: ScoreTable, group: FeatureGroup) -> ir.Table:
    """Rows as if the first feature with a value were the answer, for tracing columns: a model may use each of them."""
    history = ibis.table(group.schema, name=group.name)
    answer = ibis.coalesce(*(history[name].cast("string") for name in group.feature_types)).cast("float64")
    return score_rows(table, history.mutate(**{PROBABILITY: answer}), ANY_DATE, version=1)


def _answers(group: FeatureGroup) -> ir.Table:
    return ibis.table(answers_schema(group), name=ANSWERS)


def _reason(  # noqa: PLR0913 - all that may make a date anew
    request: TableRequest, table: ScoreTable, on: date, dates: AnalysisDates, scored: AnalysisDates, *, version: int
) -> str | None:
    if request.rebuild:
        return "rebuild"
    if on not in dates.all:
        return f"first run for {on}"
    if on in dates.stale:
        return f"{table.source} of {on} was made anew"
    if on in scored.by_other_code(str(version)):
        return f"version {version} of {table.model} serves now"
    return "its code changed" if on in dates.by_other_code(table.code_version) else None

"""What a run of a score table does: one analysis date, asked of the version of the model that serves."""

import ibis
import ibis.expr.types as ir

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.as_of_plan import ANY_DATE, analysis_dates, made_dates, why_made
from snowpipe_platform.execution.feature_plan import made_anew
from snowpipe_platform.execution.inputs import TableInputs
from snowpipe_platform.execution.plan import WAITS_FOR, Plan, Scoring, TableRequest
from snowpipe_platform.records import LakeRows, TableState
from snowpipe_platform.spec.analysis_dates import AnalysisDates
from snowpipe_platform.spec.as_of import ANALYSIS_DATE
from snowpipe_platform.spec.consumption import Consumption
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.model import PROBABILITY
from snowpipe_platform.spec.scores import ScoreTable, answers_schema, features_of, score_rows

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
    if source is None or on not in made_dates(source).all:
        return Plan(request, inputs.base, "nothing", f"{WAITS_FOR}{table.source} of {on}", consumed)
    dates, scored = analysis_dates(inputs), scored_dates(inputs.base)
    why = why_made(request, on, dates, stale=made_anew(table, on))
    if why is None and on in scored.by_other_code(str(version.number)):
        why = f"version {version.number} of {table.model} serves now"
    if why is None:
        told = f"{table.source} of {on} has not changed, nor the version that serves"
        return Plan(request, inputs.base, "nothing", told, consumed)
    group = request.pipeline.group(table.source)
    history = ibis.table(group.schema, name=group.name)
    answers = ibis.table(answers_schema(group), name=ANSWERS)
    return Plan(
        request,
        inputs.base,
        "replace_date",
        why,
        Consumption({}, {group.name: source.as_upstream}),
        expression=score_rows(table, answers, on, version=version.number),
        sources={group.name: LakeRows(inputs.paths_of(group.name, on), group.schema)},
        replaces={ANALYSIS_DATE: on},
        dates=dates.with_made(on, code_version=table.code_version),
        scoring=Scoring(features_of(table, group, history, on), version, key=group.entity, answers=answers),
        properties={SCORED_PROPERTY: scored.with_made(on, code_version=str(version.number)).encode()},
    )


def scored_dates(state: TableState | None) -> AnalysisDates:
    """The table's dates, by the version that scored them."""
    return AnalysisDates.decode(None if state is None else state.properties.get(SCORED_PROPERTY))


def example_scores(table: ScoreTable, group: FeatureGroup) -> ir.Table:
    """Rows as if the first feature with a value were the answer, for tracing columns: a model may use each of them."""
    history = ibis.table(group.schema, name=group.name)
    answer = ibis.coalesce(*(history[name].cast("string") for name in group.feature_types)).cast("float64")
    return score_rows(table, history.mutate(**{PROBABILITY: answer}), ANY_DATE, version=1)

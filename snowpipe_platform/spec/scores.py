"""Batch scores: what a model says about every entity of a feature group, by analysis date."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

import ibis
import ibis.expr.types as ir

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.spec.as_of import ANALYSIS_DATE, DateByDate
from snowpipe_platform.spec.feature import FeatureGroup, latest_known
from snowpipe_platform.spec.model import PROBABILITY

MODEL_VERSION = "model_version"


@dataclass(frozen=True, kw_only=True)
class ScoreTable(DateByDate):
    """A probability for each entity and analysis date, with the version of the model that gave it.

    source: the feature group. model: its version that serves scores, or before the first serves, the one approved last.
    score: the column of the probability. The contract has the group's entity, the score, `model_version` and
    `analysis_date`. applies: over the features, to whom the model's label applies; nobody else has a score.
    A date keeps its scores when another version comes to serve; it is scored anew when its features change, or when
    somebody asks.
    """

    model: str
    score: str
    applies: Callable[[ir.Table], ir.BooleanValue] | None = None
    kind: Literal["as_of", "feature_group", "scores"] = "scores"

    layers: ClassVar[tuple[str, ...]] = ("gold",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_columns("score", (self.score,))
        self._require_columns("contract", (MODEL_VERSION, ANALYSIS_DATE))

    def _code(self) -> tuple[object, ...]:
        return (self.contract, self.source, self.model, self.score, self.applies)


def refuse_scores(table: ScoreTable, source: object) -> None:
    """Raises PipelineError where the source has no features, or the contract other columns than scores have."""
    about = f"{table.defined_in}: {table.name}"
    if not isinstance(source, FeatureGroup):
        raise PipelineError(f"{about} scores {table.source!r}. Name a feature group: a model takes features.")
    wanted = {source.entity, table.score, MODEL_VERSION, ANALYSIS_DATE}
    if set(table.contract_schema) != wanted:
        found = ", ".join(table.contract_schema)
        raise PipelineError(f"{about} has the columns {found}. Its contract has {', '.join(sorted(wanted))}.")


def features_of(table: ScoreTable, group: FeatureGroup, history: ir.Table, on: date) -> ir.Table:
    """The entities that the model applies to, and their features of the date, as they are known last. history: with the
    rows of the date."""
    dated = history.filter(history[ANALYSIS_DATE] == ibis.literal(on, "date"))
    rows = latest_known(group, dated, per=(group.entity,)).select(group.entity, *group.feature_types)
    return rows if table.applies is None else rows.filter(table.applies(rows))


def answers_schema(group: FeatureGroup) -> ibis.Schema:
    """The columns of what a scoring script writes."""
    return ibis.schema({group.entity: group.entity_type, PROBABILITY: "float64"})


def score_rows(table: ScoreTable, answers: ir.Table, on: date, *, version: int) -> ir.Table:
    """The table's rows of the date. answers: with the columns of `answers_schema`."""
    told = {table.score: answers[PROBABILITY], MODEL_VERSION: ibis.literal(version), ANALYSIS_DATE: ibis.literal(on)}
    rows = answers.mutate(**told)
    return rows.select(**{name: rows[name].cast(dtype) for name, dtype in table.contract_schema.items()})

"""What a model learns from: labels at instants, and the set that joins them with what was known by then."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property

import ibis
import ibis.expr.types as ir

from snowpipe_platform.errors import PipelineError, did_you_mean
from snowpipe_platform.spec.analysis_dates import end_of
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.code_version import code_version_of
from snowpipe_platform.spec.feature import EVENT_TIME, FeatureGroup, latest_known
from snowpipe_platform.spec.table import CHANGED_AT, STATUS, VALID, Inputs, Table, declaring_file

LABEL_AT = "label_at"
Instants = Callable[[datetime, datetime], Sequence[datetime]]
"""The instants of labels from the first to the last of two, both included, in order."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """What is to be predicted of an entity as of an instant.

    inputs: changes tables. horizon: how far ahead it looks. build: from the changes known before the instant, those
    known before the end of the horizon, the instant and that end: the entities it applies to, one row each, and the
    boolean column called `name`. So a label is the same whenever it is made, unless a change from before the end of its
    horizon came in between.
    """

    name: str
    inputs: tuple[str, ...]
    horizon: timedelta
    build: Callable[[Inputs, Inputs, datetime, datetime], ir.Table]


@dataclass(frozen=True, kw_only=True)
class Context:
    """A text that tells rows apart in reports, as of the label, and is no feature.

    inputs: changes tables. build: from the changes known before the instant, and the instant: the entity, and the
    column called `name`. Not a column of a table of gold: one may be made of a model's scores, and models are made of
    this.
    """

    name: str
    inputs: tuple[str, ...]
    build: Callable[[Inputs, datetime], ir.Table]


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Labels with the features that were true by then, as they are known now. Grain: entity, label_at.

    group: the feature group. labels_at: the instants. max_age: features from further back than that are not used; an
    entity whose features are older has no row.
    """

    name: str
    description: str
    group: str
    label: Label
    labels_at: Instants
    max_age: timedelta
    context: tuple[Context, ...] = ()
    owners: tuple[str, ...] = ()
    defined_in: str = field(default_factory=lambda: declaring_file(), compare=False)  # noqa: PLW0108 - called here

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the tables it is made of."""
        return tuple(dict.fromkeys((self.group, *self.changes)))

    @property
    def changes(self) -> tuple[str, ...]:
        """Names of the changes tables that labels and context are made of."""
        return tuple(dict.fromkeys((*self.label.inputs, *(name for one in self.context for name in one.inputs))))

    @cached_property
    def code_version(self) -> str:
        """Changes when the code that makes the rows changes; twelve hex digits."""
        parts = (self.group, self.label.name, self.label.horizon, self.max_age, self.inputs)
        context = (part for one in self.context for part in (one.name, one.build))
        return code_version_of((*parts, *context, self.label.build, self.labels_at))


def ends_of_weeks(first: datetime, last: datetime) -> list[datetime]:
    """Every midnight before a Monday, UTC, from the first to the last instant."""
    start = datetime.combine(first.date(), time())
    start += timedelta(days=-start.weekday() % 7)
    start += timedelta(days=7) if start < first else timedelta()
    return [start + timedelta(days=7 * n) for n in range((last - start).days // 7 + 1)] if start <= last else []


def instants_between(training: TrainingSet, dates: frozenset[date]) -> list[datetime]:
    """Instants with features by then whose horizon is over. dates: that the group has: all that happened before the end
    of the last one is known."""
    if not dates:
        return []
    return list(training.labels_at(end_of(min(dates)), end_of(max(dates)) - training.label.horizon))


def training_schema(training: TrainingSet, group: FeatureGroup) -> ibis.Schema:
    """The columns of the file, in order."""
    columns = {group.entity: group.entity_type, LABEL_AT: "timestamp(6)", **group.feature_types}
    return ibis.schema({**columns, **{one.name: "string" for one in training.context}, training.label.name: "boolean"})


def training_rows(training: TrainingSet, group: FeatureGroup, inputs: Inputs, at: datetime) -> ir.Table:
    """The rows of one instant. inputs: rows of what it is made of, by name.

    Of an entity the features with the latest event_time that is not after the instant count, in the version that was
    created last: created_time says when a value was known here, and a value that was restated since is the better one.
    """
    until = at + training.label.horizon
    known, later = ({name: _before(inputs[name], instant) for name in training.changes} for instant in (at, until))
    labels = training.label.build(known, later, at, until).select(group.entity, training.label.name)
    rows = labels.inner_join(_features(training, group, inputs[group.name], at), group.entity)
    for one in training.context:
        found = one.build(known, at)
        found = found.select(**{_of(one): found[group.entity], one.name: found[one.name]})
        rows = rows.left_join(found, rows[group.entity] == found[_of(one)])
    schema = training_schema(training, group)
    dated = rows.mutate(**{LABEL_AT: ibis.literal(at, "timestamp(6)")})
    return dated.select(**{name: dated[name].cast(dtype) for name, dtype in schema.items()})


def _before(changes: ir.Table, instant: datetime) -> ir.Table:
    is_known = changes[CHANGED_AT] < ibis.literal(instant, "timestamp(6)")
    return changes.filter((changes[STATUS] == VALID) & is_known)


def _features(training: TrainingSet, group: FeatureGroup, history: ir.Table, at: datetime) -> ir.Table:
    """The latest row of each entity, missing values replaced by their defaults."""
    event, oldest = history[EVENT_TIME], ibis.literal(at - training.max_age, "timestamp(6)")
    visible = history.filter((event <= ibis.literal(at, "timestamp(6)")) & (event >= oldest))
    latest = latest_known(group, visible, per=(group.entity,))
    values = {
        one.name: latest[one.name]
        if one.default is None
        else latest[one.name].fill_null(ibis.literal(one.default, one.dtype))
        for one in group.features
    }
    return latest.select(group.entity, **values)


def _of(one: Context) -> str:
    """The entity beside the value; the label's rows have one of the entity's name."""
    return f"_{one.name}_of"


def refuse_training_set(training: TrainingSet, by_name: Mapping[str, Table]) -> None:
    """Raises PipelineError for a set that cannot be made of the pipeline's tables."""
    where = f"{training.defined_in}: training set {training.name!r}"
    for name in training.inputs:
        if name not in by_name:
            raise PipelineError(f"{where} reads {name!r}, which is not declared. {did_you_mean(name, list(by_name))}")
    group = by_name[training.group]
    if not isinstance(group, FeatureGroup):
        raise PipelineError(f"{where} takes features from {training.group!r}, which is no feature group.")
    source = by_name[group.source]
    read = source.inputs if isinstance(source, AsOfTable) else ()
    for name in training.changes:
        if name not in read:
            told = f"{where}: it reads {name!r}, and {group.source}, whose dates say what is complete, does not."
            raise PipelineError(f"{told} Read one of {', '.join(read)}.")
    taken = [group.entity, LABEL_AT, *group.feature_types, training.label.name]
    for one in training.context:
        if one.name in taken:
            raise PipelineError(f"{where}: context {one.name!r} is a column already. Give it another name.")
        taken.append(one.name)

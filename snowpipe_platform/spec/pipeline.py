"""A pipeline: a queries file and one file per table, in a package of their own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import ibis
import ibis.expr.datatypes as dt

from snowpipe_platform.errors import PipelineError, did_you_mean
from snowpipe_platform.spec.as_of import ANALYSIS_DATE, AsOfTable
from snowpipe_platform.spec.extraction import QueriesFile, Query
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.label import TrainingSet, refuse_training_set
from snowpipe_platform.spec.model import Model
from snowpipe_platform.spec.model_package import load_models
from snowpipe_platform.spec.package import (
    DEFAULT_FIRST_DAY,
    first_date,
    first_day,
    import_package,
    queries_path,
    tables_of,
    training_sets_of,
)
from snowpipe_platform.spec.queries_file import load_queries_file
from snowpipe_platform.spec.schema_change import holds
from snowpipe_platform.spec.scores import ScoreTable, refuse_scores
from snowpipe_platform.spec.table import ChangesTable, DerivedTable, Table


@dataclass(frozen=True)
class Pipeline:
    """Queries and tables that fit together; tables come after everything they read. first_day: the first load day.
    first_date: the first analysis date there may be: a source has a history from before it was first read."""

    name: str
    queries: QueriesFile
    tables: tuple[Table, ...]
    first_day: date = DEFAULT_FIRST_DAY
    first_date: date = DEFAULT_FIRST_DAY
    training_sets: tuple[TrainingSet, ...] = ()
    models: tuple[Model, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Table]:
        return {table.name: table for table in self.tables}

    @cached_property
    def queries_by_entity(self) -> dict[str, Query]:
        return {query.entity: query for query in self.queries.queries}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every table, bronze first, in an order in which each comes after what it reads."""
        return (*(f"bronze/{entity}" for entity in self.queries_by_entity), *self.by_name)

    def table(self, name: str) -> Table:
        """Raises PipelineError, with the nearest name, when there is none."""
        if name not in self.by_name:
            msg = f"{self.name} has no table {name!r}. {did_you_mean(name, list(self.names))}"
            raise PipelineError(msg)
        return self.by_name[name]

    def training_set(self, model: str) -> TrainingSet:
        """What a model of the pipeline learns from: the set that is called as it is."""
        return next(one for one in self.training_sets if one.name == model)

    def feature_group(self, model: str) -> FeatureGroup:
        """The group whose features a model of the pipeline takes."""
        return self.group(self.training_set(model).group)

    def group(self, name: str) -> FeatureGroup:
        """The feature group of the name, where something was declared to read it."""
        found = self.table(name)
        if not isinstance(found, FeatureGroup):
            raise AssertionError(found)  # noqa: TRY004 - building the pipeline refuses it
        return found

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Names of everything `name` depends on, bronze included, nearest first."""
        found: list[str] = []
        level = [name]
        while level:
            level = [up for one in level if one in self.by_name for up in self.by_name[one].upstream if up not in found]
            found.extend(dict.fromkeys(level))
        return tuple(dict.fromkeys(found))

    def levels_above(self, name: str) -> int:
        """How many tables the longest way up to bronze passes, bronze included; 0 for bronze."""
        table = self.by_name.get(name)
        return 0 if table is None else 1 + max((self.levels_above(up) for up in table.upstream), default=0)

    def downstream(self, name: str) -> tuple[str, ...]:
        """Names of all tables that depend on `name`, nearest first."""
        found: list[str] = []
        for table in self.tables:
            if set(table.upstream) & {name, *found}:
                found.append(table.name)
        return tuple(found)


def load_pipeline(package: str) -> Pipeline:
    """Import the package's tables and read its queries file. Raises PipelineError or QueriesFileError."""
    root = import_package(package)
    day = first_day(root)
    return build_pipeline(
        package,
        load_queries_file(queries_path(root)),
        list(tables_of(root)),
        first_day=day,
        first_date=first_date(root, day),
        training_sets=list(training_sets_of(root)),
        models=list(load_models(package).values()),
    )


def build_pipeline(  # noqa: PLR0913 - all that a package declares
    name: str,
    queries: QueriesFile,
    tables: list[Table],
    *,
    first_day: date = DEFAULT_FIRST_DAY,
    first_date: date | None = None,
    training_sets: Sequence[TrainingSet] = (),
    models: Sequence[Model] = (),
) -> Pipeline:
    """Check that every input exists and every rule can run, and order the tables. first_date: by default `first_day`.

    Raises PipelineError or ContractError.
    """
    by_name: dict[str, Table] = {}
    for table in tables:
        if table.name in by_name:
            msg = f"{table.defined_in}: {table.name!r} is declared in {by_name[table.name].defined_in} already."
            raise PipelineError(msg)
        table.validate()
        by_name[table.name] = table
    known = [*(f"bronze/{query.entity}" for query in queries.queries), *by_name]
    for table in tables:
        _require_related(table, by_name)
        for upstream in table.upstream:
            if upstream not in known:
                msg = f"{table.defined_in}: {table.name} reads {upstream!r}, which is not declared. "
                raise PipelineError(msg + did_you_mean(upstream, known))
            if isinstance(table, DerivedTable | AsOfTable) and upstream in table.inputs:
                _refuse_history(table, by_name.get(upstream), upstream)
    ordered = tuple(_in_order(by_name))
    _refuse_misfits(ordered, by_name)
    for training in training_sets:
        refuse_training_set(training, by_name)
    for model in models:
        _refuse_model(model, training_sets)
    return Pipeline(name, queries, ordered, first_day, first_date or first_day, tuple(training_sets), tuple(models))


def _refuse_model(model: Model, training_sets: Sequence[TrainingSet]) -> None:
    """A model learns the label of the training set that is called as it is."""
    training = next((one for one in training_sets if one.name == model.name), None)
    about = f"model {model.name!r}"
    if training is None:
        mend = f"Declare TRAINING_SET = TrainingSet(...) in models/{model.name}/training_set.py."
        raise PipelineError(f"{about} has no training set to learn from. {mend}")
    label = training.label
    if (model.label, model.horizon) != (label.name, label.horizon):
        told = f"predicts {model.label!r} within {model.horizon}, and {training.defined_in} has {label.name!r}"
        raise PipelineError(f"{about} {told} within {label.horizon}. Give both the same label and horizon.")


def _refuse_misfits(tables: Sequence[Table], by_name: Mapping[str, Table]) -> None:
    """Raises PipelineError where a table's columns are not those of what it reads."""
    for table in tables:
        if isinstance(table, DerivedTable):
            _refuse_scope(table, by_name)
        if isinstance(table, FeatureGroup):
            _refuse_source(table, by_name.get(table.source))
        if isinstance(table, ScoreTable):
            refuse_scores(table, by_name.get(table.source))
        if isinstance(table, AsOfTable):
            _refuse_no_scores(table, by_name)


def _refuse_scope(table: DerivedTable, by_name: Mapping[str, Table]) -> None:
    """A run looks its scope up in the inputs. What does not fit would show on the second run only, or lose rows."""
    for name in table.inputs:
        schema = by_name[name].schema if name in by_name else ibis.schema({})
        for column in table.scope:
            about = f"{table.defined_in}: scope column {column!r} of {table.name}"
            wanted, found = table.contract_schema[column], schema.get(column)
            if found is None and table.touched is None:
                msg = f"{about} is no column of {name}. {did_you_mean(column, list(schema))}"
                raise PipelineError(f"{msg} Or say with touched= which values a changed row of {name} touches.")
            if found is not None and not holds(wanted, found):
                msg = f"{about} is {wanted}, and {found} in {name}, so that values are not found there."
                raise PipelineError(f"{msg} Give one of them the other's type, or another name.")


def _refuse_history(table: Table, read: Table | None, name: str) -> None:
    """An as-of table needs all changes there were, and is itself no state to build others from."""
    reads = f"{table.defined_in}: {table.name} reads {name!r}"
    if isinstance(table, AsOfTable) and not isinstance(read, ChangesTable):
        raise PipelineError(f"{reads}, which keeps no history. An as-of table reads changes tables only.")
    if isinstance(read, AsOfTable):
        raise PipelineError(f"{reads}, an as-of table, which only feature groups read. Name the tables it reads.")
    if isinstance(read, FeatureGroup):
        raise PipelineError(f"{reads}, a feature group, which only training sets read. Name the tables it reads.")


def _refuse_no_scores(table: AsOfTable, by_name: Mapping[str, Table]) -> None:
    for name in table.scores:
        if not isinstance(by_name[name], ScoreTable):
            told = f"{table.defined_in}: {table.name} reads {name!r} as scores, which is no score table."
            raise PipelineError(f"{told} Name it among the inputs.")


def _refuse_source(group: FeatureGroup, source: Table | None) -> None:
    """A feature is a column of the source's, with a type that holds its values."""
    about = f"{group.defined_in}: {group.name}"
    if not isinstance(source, AsOfTable):
        raise PipelineError(f"{about} takes features from {group.source!r}. Name an as-of table: it has dates.")
    for name, wanted in group.source_schema().items():
        found = source.contract_schema.get(name)
        if found is None:
            hint = did_you_mean(name, [column for column in source.contract_schema if column != ANALYSIS_DATE])
            raise PipelineError(f"{about}: {name!r} is no column of {source.name}. {hint}")
        if not holds(wanted, found):
            raise PipelineError(f"{about}: {name!r} is {wanted}, and {found} in {source.name}. Give it that type.")


def _require_related(table: Table, by_name: Mapping[str, Table]) -> None:
    """Raises PipelineError for a rule that looks at a table, or a column, that there is not."""
    for rule_id, other in ((rule.id, other) for rule in table.rules for other in rule.related):
        about = f"{table.defined_in}: rule {rule_id!r} of {table.name} looks at"
        if other.name == table.name:
            raise PipelineError(f"{about} its own table as at another. Its rows are data.table.")
        if other.name not in by_name:
            hint = did_you_mean(other.name, list(by_name))
            raise PipelineError(f"{about} {other.name!r}, which is no table of silver or gold. {hint}")
        there = by_name[other.name].schema
        for name, dtype in other.schema.items():
            if name not in there:
                hint = did_you_mean(name, list(there))
                raise PipelineError(f"{about} column {name!r} of {other.name}, which it does not have. {hint}")
            if not _comparable(dtype, there[name]):
                found = f"column {name!r} of {other.name}, which is {there[name]}, as at {dtype}"
                raise PipelineError(f"{about} {found}. Refer to a column of the same type.")


def _comparable(one: dt.DataType, other: dt.DataType) -> bool:
    return type(one) is type(other) or (one.is_numeric() and other.is_numeric())


def _in_order(by_name: dict[str, Table]) -> Iterator[Table]:
    done: set[str] = set()
    waiting = dict(by_name)
    while waiting:
        ready = [t for t in waiting.values() if all(up in done or up not in by_name for up in t.upstream)]
        if not ready:
            raise PipelineError(_circle(waiting))
        for table in ready:
            done.add(table.name)
            del waiting[table.name]
            yield table


def _circle(waiting: Mapping[str, Table]) -> str:
    """Each of the tables waits for another of them, so following inputs comes back to a table seen before."""
    way = [next(iter(waiting.values()))]
    while way[-1] not in way[:-1]:
        way.append(next(waiting[up] for up in way[-1].upstream if up in waiting))
    circle = way[way.index(way[-1]) :]
    shown = " → ".join(table.name for table in circle)
    files = ", ".join(table.defined_in for table in circle[:-1])
    mend = f"Take out one of the inputs, or a rule that looks at another table, in {files}."
    return f"these tables read each other in a circle: {shown}. {mend}"

"""Which labels a training set would have now, without making it."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import ibis

from snowpipe_platform.errors import LakeError
from snowpipe_platform.execution.as_of_plan import analysis_dates, made_dates
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.inputs import read_inputs
from snowpipe_platform.records import LakeRows
from snowpipe_platform.spec.analysis_dates import end_of, in_words
from snowpipe_platform.spec.label import TrainingSet, instants_between, training_rows
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import STATUS, VALID, ChangesTable

LOOK_BACK = timedelta(days=364)
EVERY_DAYS = 7
"""Of the dates that an error proposes to make: a year, week by week."""


@dataclass(frozen=True)
class Labels:
    """Of a training set as it would be made now. instants: of its labels, in order. positive: rows whose label is
    true."""

    instants: Sequence[datetime]
    rows: int
    positive: int


def label_instants(training: TrainingSet, pipeline: Pipeline, ground: Ground) -> Sequence[datetime]:
    """The instants that have features and whose outcome is known. Raises LakeError where there is none, with the
    command that makes some, and where features are not what they would be if made now: a model is not made of two
    kinds."""
    missing = [name for name in training.inputs if ground.lake.state(name) is None]
    about = f"training set {training.name}:"
    if missing:
        names = " ".join(missing)
        raise LakeError(f"{about} no commit yet of {names}. Run: snowpipe run {names}")
    dates = made_dates(ground.lake.state(training.group)).all
    found = instants_between(training, dates)
    if found:
        _refuse_old(training, pipeline, ground, _used(training, dates, found))
        return found
    days = training.label.horizon.days
    known = f"its dates end between {end_of(min(dates))} and {end_of(max(dates))}" if dates else "it has no date"
    told = f"{about} no label yet. {training.group}: {known}; a label takes {days} days."
    if not dates:
        raise LakeError(f"{told} Run: snowpipe run {training.group}")
    last = (end_of(max(dates)) - training.label.horizon - timedelta(days=1)).date()
    span = f"--from {last - LOOK_BACK} --to {last} --every {EVERY_DAYS}"
    raise LakeError(f"{told} Make earlier dates: snowpipe run {' '.join(_dated(training, pipeline))} {span}")


def _used(training: TrainingSet, dates: Collection[date], instants: Sequence[datetime]) -> frozenset[date]:
    """Dates whose features go into the set, or would if they were newer."""
    spans = [(at - training.max_age, at) for at in instants]
    return frozenset(on for on in dates if any(start <= end_of(on) <= at for start, at in spans))


def _refuse_old(training: TrainingSet, pipeline: Pipeline, ground: Ground, used: frozenset[date]) -> None:
    """Raises LakeError where a date that is used was made by other code, or changes came for it since."""
    names = _dated(training, pipeline)
    for name in names:
        table = pipeline.table(name)
        found = analysis_dates(read_inputs(pipeline, table, ground))
        for why, old in (
            ("was made by other code", used & found.by_other_code(table.code_version)),
            ("is stale: changes came for it since", used & found.stale),
        ):
            if old:
                told = f"training set {training.name}: {name} of {in_words(old)} {why}."
                raise LakeError(f"{told} Make it anew: snowpipe run {' '.join(names)} --rebuild")


def count_labels(
    training: TrainingSet, pipeline: Pipeline, ground: Ground, *, progress: Callable[[str], None]
) -> Labels:
    """Reads what the training set would be made of, and writes nothing. Raises LakeError where there is no label."""
    instants = label_instants(training, pipeline, ground)
    group = pipeline.group(training.group)
    # What tells rows apart in reports adds no row and takes none away.
    bare = replace(training, context=())
    unbound = {name: ibis.table(pipeline.table(name).schema, name=name) for name in bare.inputs}
    rows = positive = 0
    with ground.engine.session() as session:
        for name, found in _inputs(bare, pipeline, ground):
            session.bind(name, found)
        for at in instants:
            progress(f"labels of {at:%Y-%m-%d %H:%M}")
            labelled = training_rows(bare, group, unbound, at)[training.label.name]
            counted = labelled.as_table().aggregate(rows=labelled.count(), positive=labelled.cast("int64").sum())
            (told,) = session.fetch(counted).to_pylist()
            # A sum of integers is a decimal to DuckDB, and Ibis drops a cast of it.
            rows, positive = rows + told["rows"], positive + int(told["positive"] or 0)
    return Labels(instants, rows, positive)


def _inputs(training: TrainingSet, pipeline: Pipeline, ground: Ground) -> Iterator[tuple[str, LakeRows]]:
    for name in training.inputs:
        table, state = pipeline.table(name), ground.lake.state(name)
        where = {STATUS: VALID} if isinstance(table, ChangesTable) else None
        files = [] if state is None else ground.lake.files(name, snapshot_id=state.snapshot_id, where=where)
        yield name, LakeRows(tuple(file.path for file in files), table.schema)


def _dated(training: TrainingSet, pipeline: Pipeline) -> list[str]:
    """The tables whose dates a label needs: what the features are taken from, and the group."""
    group = pipeline.group(training.group)
    return [group.source, group.name]

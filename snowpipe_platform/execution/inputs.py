"""Read what a plan depends on: states, logs and file lists; no rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import cast

import ibis

from snowpipe_platform.errors import LakeError
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.model_versions import version_in_use
from snowpipe_platform.execution.plan import PARTITION_PROPERTY
from snowpipe_platform.records import BronzeRows, ChangedRows, LakeFile, LakeRows, LakeSnapshot, TableState
from snowpipe_platform.spec.as_of import ANALYSIS_DATE, AsOfTable, DateByDate
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption, UpstreamCommit
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.manifest import PLATFORM_COLUMNS, Manifest
from snowpipe_platform.spec.model_version import ModelVersion
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.scores import ScoreTable
from snowpipe_platform.spec.table import CHANGED_AT, STATUS, VALID, ChangesTable, DerivedTable, Table


@dataclass(frozen=True)
class TableInputs:
    """What a table and its inputs are at one moment.

    paths: data files by input; of a changes table, the valid rows' only. changed: rows that differ from what the table
    consumed. lost_history: a consumed commit is no longer there to compare with. unmade: tables that its rules look at
    and that have no commit yet.
    Of an as-of table also logs: of its inputs' entities, by input; and first_change_at: the earliest instant among the
    changed rows, UTC, None where there is none.
    Of a table that reads another date by date also dated: the files of that one, and of a feature group its own, by
    name; changed_dates: those whose rows there differ from what it consumed. Of a feature group made_at: when the
    source committed each date, as far as its commits are kept, and first_made_at the oldest of them. Of a score table
    version: the one that gives scores now, None before the first.
    """

    base: TableState | None
    log: tuple[Manifest, ...] = ()
    bronze_locations: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, TableState | None] = field(default_factory=dict)
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    schemas: Mapping[str, ibis.Schema] = field(default_factory=dict)
    changed: Mapping[str, ChangedRows] = field(default_factory=dict)
    lost_history: bool = False
    logs: Mapping[str, tuple[Manifest, ...]] = field(default_factory=dict)
    first_change_at: datetime | None = None
    unmade: tuple[str, ...] = ()
    dated: Mapping[str, tuple[LakeFile, ...]] = field(default_factory=dict)
    changed_dates: frozenset[date] = frozenset()
    made_at: Mapping[date, datetime] = field(default_factory=dict)
    first_made_at: datetime | None = None
    version: ModelVersion | None = None

    def paths_of(self, name: str, on: date) -> tuple[str, ...]:
        """Files of one of `dated` that have rows of the date."""
        return tuple(file.path for file in self.dated.get(name, ()) if date_of(file) == on)


def read_inputs(pipeline: Pipeline, table: Table, ground: Ground) -> TableInputs:
    """The present state of the table and of everything it reads."""
    unmade = tuple(name for name in table.judged_with if ground.lake.state(name) is None)
    return replace(_inputs(pipeline, table, ground), unmade=unmade)


def _inputs(pipeline: Pipeline, table: Table, ground: Ground) -> TableInputs:
    base = ground.lake.state(table.name)
    if isinstance(table, ChangesTable):
        log = tuple(ground.bronze.log(table.source))
        locations = {file.path: ground.bronze.locate(file) for manifest in log for file in manifest.files}
        return TableInputs(base, log=log, bronze_locations=locations)
    if isinstance(table, DerivedTable):
        return _derived_inputs(pipeline, table, base, ground)
    if isinstance(table, AsOfTable):
        inputs = _derived_inputs(pipeline, table, base, ground)
        logs = {name: tuple(ground.bronze.log(_source(pipeline, name))) for name in table.inputs}
        changed_at = _first_change_at(inputs.changed, ground)
        return _with_scores(replace(inputs, logs=logs, first_change_at=changed_at), pipeline, table, ground)
    if isinstance(table, FeatureGroup):
        return _group_inputs(pipeline, table, base, ground)
    if isinstance(table, ScoreTable):
        inputs = _date_by_date(pipeline, table, base, ground)
        return replace(inputs, version=version_in_use(table.model, ground.models.registry))
    return TableInputs(base)


def bronze_source(entries: Sequence[Manifest], columns: ibis.Schema, inputs: TableInputs) -> BronzeRows:
    """Rows of some entries of the log, with the source's columns and the platform's."""
    schema = ibis.schema(dict(columns.items()) | PLATFORM_COLUMNS)
    return BronzeRows(tuple(entries), inputs.bronze_locations, schema)


def _derived_inputs(
    pipeline: Pipeline, table: DerivedTable | AsOfTable, base: TableState | None, ground: Ground
) -> TableInputs:
    consumed = _consumed(base)
    states = {name: ground.lake.state(name) for name in table.inputs}
    schemas = {name: pipeline.table(name).schema for name in table.inputs}
    paths: dict[str, tuple[str, ...]] = {}
    changed: dict[str, ChangedRows] = {}
    lost = False
    for name, state in states.items():
        if state is None:
            continue
        paths[name] = _paths(pipeline, name, state.snapshot_id, ground)
        before = consumed.commits.get(name)
        is_same = before is not None and before.has_rows_of(state.as_upstream)
        old = paths[name] if is_same else consumed_paths(pipeline, name, before, ground)
        if old is None:
            lost = lost or base is not None
            continue
        changed[name] = _difference(old, paths[name], schemas[name])
    return TableInputs(base, states=states, paths=paths, schemas=schemas, changed=changed, lost_history=lost)


def _with_scores(inputs: TableInputs, pipeline: Pipeline, table: AsOfTable, ground: Ground) -> TableInputs:
    """With the scores that the table reads; it may have been made before there were any."""
    consumed = _consumed(inputs.base)
    for name in table.scores:
        state = ground.lake.state(name)
        files = () if state is None else tuple(ground.lake.files(name, snapshot_id=state.snapshot_id))
        before = consumed.commits.get(name)
        changed = frozenset(map(date_of, files)) if before is None else None
        if changed is None and state is not None:
            changed = _changed_dates(state, before, ground)
        inputs = replace(
            inputs,
            states={**inputs.states, name: state},
            schemas={**inputs.schemas, name: pipeline.table(name).schema},
            dated={**inputs.dated, name: files},
            changed_dates=inputs.changed_dates | (changed or frozenset()),
            lost_history=inputs.lost_history or (changed is None and inputs.base is not None),
        )
    return inputs


def _group_inputs(pipeline: Pipeline, group: FeatureGroup, base: TableState | None, ground: Ground) -> TableInputs:
    inputs = _date_by_date(pipeline, group, base, ground)
    history = ground.lake.history(group.source)
    days = ((state.properties.get(PARTITION_PROPERTY), state.committed_at) for state in history)
    own = () if base is None else tuple(ground.lake.files(group.name, snapshot_id=base.snapshot_id))
    return replace(
        inputs,
        dated={**inputs.dated, group.name: own},
        made_at={date.fromisoformat(day): at for day, at in days if day},
        first_made_at=history[0].committed_at if history else None,
    )


def _date_by_date(pipeline: Pipeline, table: DateByDate, base: TableState | None, ground: Ground) -> TableInputs:
    """Which dates changed stands in the files' partitions: no row is read."""
    source = ground.lake.state(table.source)
    files = () if source is None else tuple(ground.lake.files(table.source, snapshot_id=source.snapshot_id))
    before = _consumed(base).commits.get(table.source)
    changed = None if source is None else _changed_dates(source, before, ground)
    return TableInputs(
        base,
        states={table.source: source},
        schemas={table.source: pipeline.table(table.source).schema},
        lost_history=changed is None and base is not None,
        dated={table.source: files},
        changed_dates=changed or frozenset(),
    )


def _consumed(base: TableState | None) -> Consumption:
    return Consumption() if base is None else Consumption.decode(base.properties.get(CONSUMED_PROPERTY))


def _changed_dates(source: TableState, consumed: UpstreamCommit | None, ground: Ground) -> frozenset[date] | None:
    """Dates with files that only one of the two commits has; None where what was consumed cannot be read any more."""
    if consumed is not None and consumed.has_rows_of(source.as_upstream):
        return frozenset()
    snapshot_id = None if consumed is None else snapshot_with(consumed, ground.lake.snapshots(source.name))
    if snapshot_id is None:
        return None
    before, after = (
        {file.path: date_of(file) for file in ground.lake.files(source.name, snapshot_id=one)}
        for one in (snapshot_id, source.snapshot_id)
    )
    return frozenset((before | after)[path] for path in before.keys() ^ after.keys())


def date_of(file: LakeFile) -> date:
    """The analysis date of a file of a table that is partitioned by it."""
    return cast("date", dict(file.partition)[ANALYSIS_DATE])


def _source(pipeline: Pipeline, name: str) -> str:
    """The entity of a changes table."""
    return pipeline.table(name).upstream[0].partition("/")[2]


def _first_change_at(changed: Mapping[str, ChangedRows], ground: Ground) -> datetime | None:
    """Reads two sides of a difference, which for an append-only table are the rows that are new."""
    different = {name: rows for name, rows in changed.items() if rows.before.paths or rows.after.paths}
    if not different:
        return None
    found = []
    with ground.engine.session() as session:
        for name, rows in different.items():
            session.bind(name, rows)
            first = ibis.table(rows.after.schema, name=name).aggregate(at=lambda table: table[CHANGED_AT].min())
            found += session.fetch(first)["at"].to_pylist()
    return min((at for at in found if at is not None), default=None)


def consumed_paths(
    pipeline: Pipeline, name: str, before: UpstreamCommit | None, ground: Ground
) -> tuple[str, ...] | None:
    """The files of what was consumed, in its newest snapshot: after maintenance that shares most files with the present
    one. None when nothing was, or it cannot be read any more."""
    snapshot_id = None if before is None else snapshot_with(before, ground.lake.snapshots(name))
    if snapshot_id is None:
        return None
    try:
        return _paths(pipeline, name, snapshot_id, ground)
    except LakeError:
        return None


def require_record(state: TableState) -> None:
    """Raises LakeError where another tool expired our last commit behind a snapshot of its own: the properties that
    said what was consumed went with it, and a run would consume everything again."""
    if CONSUMED_PROPERTY not in state.properties:
        raise LakeError(
            f"{state.name}: another tool expired the snapshot that recorded what the table has consumed. "
            f"Make it anew: snowpipe run {state.name} --rebuild"
        )


def snapshot_with(consumed: UpstreamCommit, snapshots: Sequence[LakeSnapshot]) -> int | None:
    """The newest of the snapshots, oldest first, that has the rows of a commit; the recorded one where the record does
    not say which rows they are. None when they are all expired."""
    same = [one.snapshot_id for one in snapshots if one.content_id == consumed.content_id != ""]
    recorded = [one.snapshot_id for one in snapshots if one.snapshot_id == consumed.snapshot_id]
    return next(reversed(same or recorded), None)


def _paths(pipeline: Pipeline, name: str, snapshot_id: int, ground: Ground) -> tuple[str, ...]:
    where = {STATUS: VALID} if isinstance(pipeline.table(name), ChangesTable) else None
    return tuple(file.path for file in ground.lake.files(name, snapshot_id=snapshot_id, where=where))


def _difference(old: tuple[str, ...], new: tuple[str, ...], schema: ibis.Schema) -> ChangedRows:
    """Files that only one side has; rows both sides have cancel out when they are read."""
    gone, come = set(old) - set(new), set(new) - set(old)
    return ChangedRows(LakeRows(tuple(sorted(gone)), schema), LakeRows(tuple(sorted(come)), schema))

"""Read what a plan depends on: states, logs and file lists; no rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import ibis

from snowpipe_platform.errors import LakeError
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.records import ChangedRows, LakeRows, TableState
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import STATUS, VALID, ChangesTable, DerivedTable, Table


@dataclass(frozen=True)
class TableInputs:
    """What a table and its inputs are at one moment.

    paths: data files by input; of a changes table, the valid rows' only. changed: rows that differ from what the table
    consumed. lost_history: a consumed commit is no longer there to compare with. unmade: tables that its rules look at
    and that have no commit yet.
    """

    base: TableState | None
    log: tuple[Manifest, ...] = ()
    bronze_locations: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, TableState | None] = field(default_factory=dict)
    paths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    schemas: Mapping[str, ibis.Schema] = field(default_factory=dict)
    changed: Mapping[str, ChangedRows] = field(default_factory=dict)
    lost_history: bool = False
    unmade: tuple[str, ...] = ()


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
    return TableInputs(base)


def _derived_inputs(pipeline: Pipeline, table: DerivedTable, base: TableState | None, ground: Ground) -> TableInputs:
    consumed = Consumption() if base is None else Consumption.decode(base.properties.get(CONSUMED_PROPERTY))
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
        if before is None:
            lost = lost or base is not None
            continue
        try:
            old = (
                paths[name]
                if before.snapshot_id == state.snapshot_id
                else _paths(pipeline, name, before.snapshot_id, ground)
            )
        except LakeError:
            lost = True
            continue
        changed[name] = _difference(old, paths[name], schemas[name])
    return TableInputs(base, states=states, paths=paths, schemas=schemas, changed=changed, lost_history=lost)


def _paths(pipeline: Pipeline, name: str, snapshot_id: int, ground: Ground) -> tuple[str, ...]:
    where = {STATUS: VALID} if isinstance(pipeline.table(name), ChangesTable) else None
    return tuple(file.path for file in ground.lake.files(name, snapshot_id=snapshot_id, where=where))


def _difference(old: tuple[str, ...], new: tuple[str, ...], schema: ibis.Schema) -> ChangedRows:
    """Files that only one side has; rows both sides have cancel out when they are read."""
    gone, come = set(old) - set(new), set(new) - set(old)
    return ChangedRows(LakeRows(tuple(sorted(gone)), schema), LakeRows(tuple(sorted(come)), schema))

"""What a table's snapshots say: which commits of ours they are, which one is current, and its files."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from snowpipe_platform.backends.iceberg_place import path_of
from snowpipe_platform.errors import LakeError
from snowpipe_platform.records import LakeFile, TableState

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table as IcebergTable
    from pyiceberg.table.snapshots import Snapshot

COMMIT_ID = "snowpipe.commit-id"
COMMIT_NUMBER = "snowpipe.commit-number"
COMMITTED_AT = "snowpipe.committed-at"
"""When the commit was made, in a snapshot that maintenance wrote of it later."""
EDITED_BY = "snowpipe.edited-by"
"""The snapshot in which another tool changed rows after the commit, in one that maintenance wrote later."""
MAINTENANCE = "snowpipe.maintenance"
"""Why maintenance wrote the snapshot."""
OURS = "snowpipe."
EMPTY_START = {COMMIT_NUMBER: "0"}
"""Properties of the empty snapshot a branch starts from, in a table without a commit; readers do not see it."""


def current_state(name: str, table: "IcebergTable") -> TableState | None:
    """The table's own state; None before the first commit."""
    snapshot = table.current_snapshot()
    if snapshot is None or is_empty_start(snapshot):
        return None
    return state_of(name, table, snapshot)


def history_of(name: str, table: "IcebergTable") -> list[TableState]:
    """Our commits that led to the current snapshot, oldest first, each with the last of its snapshots."""
    current = table.current_snapshot()
    states = [] if current is None else [state_of(name, table, snapshot) for snapshot in line_of(table, current)]
    return list({state.commit_id: state for state in reversed(states) if state.commit_id}.values())


def find_commit(table: "IcebergTable", commit_id: str) -> "Snapshot | None":
    """The snapshot of a commit, on whatever branch."""
    for snapshot in reversed(table.metadata.snapshots):
        if properties_of(snapshot).get(COMMIT_ID) == commit_id:
            return snapshot
    return None


def data_files(
    table: "IcebergTable", name: str, base: TableState | None, wanted: Sequence[LakeFile]
) -> list["DataFile"]:
    """The files as Iceberg describes them. Raises LakeError when the base does not have one."""
    if base is None or not wanted:
        return []
    paths = {file.path for file in wanted}
    tasks = table.scan(snapshot_id=base.snapshot_id).plan_files()
    found = [task.file for task in tasks if path_of(task.file.file_path) in paths]
    if len(found) != len(paths):
        msg = f"{name}: {len(paths) - len(found)} of the files to replace are not in the table"
        raise LakeError(msg)
    return found


def is_empty_start(snapshot: "Snapshot") -> bool:
    properties = properties_of(snapshot)
    return COMMIT_ID not in properties and properties.get(COMMIT_NUMBER) == EMPTY_START[COMMIT_NUMBER]


def state_of(name: str, table: "IcebergTable", snapshot: "Snapshot") -> TableState:
    """A snapshot another tool wrote (a compaction) has the properties of our last commit before it."""
    ours, edited_by = record_of(table, snapshot)
    properties = properties_of(ours)
    return TableState(
        name=name,
        number=int(properties.get(COMMIT_NUMBER, 0)),
        snapshot_id=snapshot.snapshot_id,
        commit_id=properties.get(COMMIT_ID, ""),
        committed_at=_committed_at(ours),
        properties=properties,
        is_own=ours is snapshot,
        edited_by=edited_by,
    )


def record_of(table: "IcebergTable", snapshot: "Snapshot") -> tuple["Snapshot", int | None]:
    """The snapshot with our last commit's properties, itself or before it, and where another tool changed rows since.
    Without one of ours, the snapshot itself."""
    edited_by: int | None = None
    for found in line_of(table, snapshot):
        properties = properties_of(found)
        if COMMIT_ID in properties:
            carried = properties.get(EDITED_BY)
            return found, edited_by if edited_by is not None or carried is None else int(carried)
        if edited_by is None and _changes_rows(found):
            edited_by = found.snapshot_id
    return snapshot, edited_by


def carried(state: TableState) -> dict[str, str]:
    """The properties a snapshot with the same rows takes over."""
    properties = {name: value for name, value in state.properties.items() if name.startswith(OURS)}
    edited = {} if state.edited_by is None else {EDITED_BY: str(state.edited_by)}
    return {**properties, **edited, COMMITTED_AT: state.committed_at.isoformat()}


def _changes_rows(snapshot: "Snapshot") -> bool:
    """Iceberg's word for the same rows in other files is `replace`."""
    from pyiceberg.table.snapshots import Operation  # noqa: PLC0415 - definitions must load without it

    return snapshot.summary is None or snapshot.summary.operation is not Operation.REPLACE


def _committed_at(ours: "Snapshot") -> datetime:
    kept = properties_of(ours).get(COMMITTED_AT)
    return from_milliseconds(ours.timestamp_ms) if kept is None else datetime.fromisoformat(kept)


def from_milliseconds(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).replace(tzinfo=None)


def properties_of(snapshot: "Snapshot") -> Mapping[str, str]:
    return {} if snapshot.summary is None else snapshot.summary.additional_properties


def line_of(table: "IcebergTable", snapshot: "Snapshot") -> Iterator["Snapshot"]:
    """The snapshot and its ancestors, as far as they are not expired."""
    yield snapshot
    by_id = {one.snapshot_id: one for one in table.metadata.snapshots}
    parent = snapshot.parent_snapshot_id
    while parent is not None and parent in by_id:
        yield by_id[parent]
        parent = by_id[parent].parent_snapshot_id

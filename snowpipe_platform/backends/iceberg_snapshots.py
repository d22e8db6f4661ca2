"""What a table's snapshots say: which commits of ours they are, which one is current, and its files."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from snowpipe_platform.backends.iceberg_place import path_of
from snowpipe_platform.errors import LakeError
from snowpipe_platform.records import Commit, TableState

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table as IcebergTable
    from pyiceberg.table.snapshots import Snapshot

COMMIT_ID = "snowpipe.commit-id"
COMMIT_NUMBER = "snowpipe.commit-number"
EMPTY_START = {COMMIT_NUMBER: "0"}
"""Properties of the empty snapshot a branch starts from, in a table without a commit; readers do not see it."""


def current_state(name: str, table: "IcebergTable") -> TableState | None:
    """The table's own state; None before the first commit."""
    snapshot = table.current_snapshot()
    if snapshot is None or is_empty_start(snapshot):
        return None
    return state_of(name, table, snapshot)


def history_of(name: str, table: "IcebergTable") -> list[TableState]:
    """Our commits that led to the current snapshot, oldest first."""
    current = table.current_snapshot()
    ours = [] if current is None else [s for s in _line(table, current) if COMMIT_ID in properties_of(s)]
    return [state_of(name, table, snapshot) for snapshot in reversed(ours)]


def find_commit(table: "IcebergTable", commit_id: str) -> "Snapshot | None":
    """The snapshot of a commit, on whatever branch."""
    for snapshot in reversed(table.metadata.snapshots):
        if properties_of(snapshot).get(COMMIT_ID) == commit_id:
            return snapshot
    return None


def files_to_remove(table: "IcebergTable", commit: Commit) -> list["DataFile"]:
    """The files the commit removes, as its base has them. Raises LakeError when one is not there."""
    if commit.base is None or not commit.remove:
        return []
    wanted = {file.path for file in commit.remove}
    tasks = table.scan(snapshot_id=commit.base.snapshot_id).plan_files()
    found = [task.file for task in tasks if path_of(task.file.file_path) in wanted]
    if len(found) != len(wanted):
        msg = f"{commit.table}: {len(wanted) - len(found)} of the files to replace are not in the table"
        raise LakeError(msg)
    return found


def is_empty_start(snapshot: "Snapshot") -> bool:
    properties = properties_of(snapshot)
    return COMMIT_ID not in properties and properties.get(COMMIT_NUMBER) == EMPTY_START[COMMIT_NUMBER]


def state_of(name: str, table: "IcebergTable", snapshot: "Snapshot") -> TableState:
    """A snapshot another tool wrote (a compaction) has the properties of our last commit before it."""
    ours = next((s for s in _line(table, snapshot) if COMMIT_ID in properties_of(s)), snapshot)
    properties = properties_of(ours)
    return TableState(
        name=name,
        number=int(properties.get(COMMIT_NUMBER, 0)),
        snapshot_id=snapshot.snapshot_id,
        commit_id=properties.get(COMMIT_ID, ""),
        committed_at=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC).replace(tzinfo=None),
        properties=properties,
    )


def properties_of(snapshot: "Snapshot") -> Mapping[str, str]:
    return {} if snapshot.summary is None else snapshot.summary.additional_properties


def _line(table: "IcebergTable", snapshot: "Snapshot") -> Iterator["Snapshot"]:
    """The snapshot and its ancestors, as far as they are not expired."""
    found: Snapshot | None = snapshot
    while found is not None:
        yield found
        parent = found.parent_snapshot_id
        found = None if parent is None else table.snapshot_by_id(parent)

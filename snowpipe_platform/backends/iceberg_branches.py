"""Branches that hold rows back beside a table."""

from typing import TYPE_CHECKING

from snowpipe_platform.backends.iceberg_snapshots import state_of
from snowpipe_platform.errors import LakeError
from snowpipe_platform.records import TableState

if TYPE_CHECKING:
    from pyiceberg.table import Table as IcebergTable

HELD_PREFIX = "held"
"""Branches that hold rows back begin with it; other branches and tags are somebody else's."""


def held_states(name: str, table: "IcebergTable") -> dict[str, TableState]:
    """The commit of each branch of held rows."""
    found = {branch: table.snapshot_by_name(branch) for branch in table.refs() if branch.startswith(HELD_PREFIX)}
    return {branch: state_of(name, table, snapshot) for branch, snapshot in found.items() if snapshot is not None}


def tags_of(table: "IcebergTable") -> dict[str, int]:
    """Snapshots by tag."""
    from pyiceberg.table.refs import SnapshotRefType  # noqa: PLC0415 - definitions must load without it

    is_tag = SnapshotRefType.TAG
    return {name: ref.snapshot_id for name, ref in table.refs().items() if ref.snapshot_ref_type == is_tag}


def set_tag(name: str, table: "IcebergTable", tag: str, snapshot_id: int) -> None:
    """A tag that is there stays. Raises LakeError for a snapshot that is gone, or a name a branch has."""
    if tag in tags_of(table):
        return
    if table.snapshot_by_id(snapshot_id) is None or tag in table.refs():
        raise LakeError(
            f"{name}: snapshot {snapshot_id} cannot be tagged {tag!r}: it is gone, or the name is a branch's"
        )
    table.manage_snapshots().create_tag(snapshot_id, tag).commit()


def require_held(branch: str) -> None:
    """Raises LakeError for a name that a branch of ours cannot have."""
    if not branch.startswith(HELD_PREFIX):
        raise LakeError(f"branch {branch!r} does not begin with {HELD_PREFIX!r}")

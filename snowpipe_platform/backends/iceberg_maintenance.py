"""What of an Iceberg table's folder is still needed: which snapshots something shows, which files they reach."""

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from snowpipe_platform.backends.iceberg_place import path_of
from snowpipe_platform.backends.iceberg_schema import to_ibis
from snowpipe_platform.backends.iceberg_snapshots import (
    COMMIT_ID,
    from_milliseconds,
    is_empty_start,
    line_of,
    properties_of,
    state_of,
)
from snowpipe_platform.errors import LakeError
from snowpipe_platform.records import LakeSnapshot, Leftover, TableLayout

if TYPE_CHECKING:
    from pyiceberg.manifest import ManifestFile
    from pyiceberg.table import Table as IcebergTable
    from pyiceberg.table.snapshots import Snapshot

IDENTITY = "identity"
FOLDERS = ("data", "metadata")
ENDINGS = (".parquet", ".avro", ".metadata.json", ".puffin")
"""What engines and Iceberg write. Anything else in the folders is somebody's own and never removed."""


def snapshots_of(name: str, table: "IcebergTable") -> list[LakeSnapshot]:
    """All snapshots, oldest first, with the time the table, as `main` was set, moved on from each.

    One that never was `main` (held rows, released since) is as old as it is.
    """
    shown, moved_on = _shown(table), _moved_on(table)
    return [
        LakeSnapshot(
            one.snapshot_id,
            state_of(name, table, one).content_id,
            None if one.snapshot_id in shown else from_milliseconds(moved_on.get(one.snapshot_id, one.timestamp_ms)),
        )
        for one in table.metadata.snapshots
    ]


def _shown(table: "IcebergTable") -> set[int]:
    """Snapshots of branches and tags. Where another tool wrote the last one, also those back to our last commit: its
    properties are the only record of what the table consumed."""
    found: set[int] = set()
    for ref in table.refs().values():
        snapshot = table.snapshot_by_id(ref.snapshot_id)
        for one in () if snapshot is None else line_of(table, snapshot):
            found.add(one.snapshot_id)
            if COMMIT_ID in properties_of(one) or is_empty_start(one):
                break
    return found


def _moved_on(table: "IcebergTable") -> dict[int, int]:
    """When, in milliseconds, `main` last went from each snapshot to another, by a commit or by a rollback."""
    return {old.snapshot_id: new.timestamp_ms for old, new in pairwise(table.metadata.snapshot_log)}


def layout_on_disk(name: str, table: "IcebergTable") -> TableLayout:
    """Raises LakeError where a column's name and its id do not belong together in every schema the table had."""
    names: dict[int, str] = {}
    ids: dict[str, int] = {}
    for schema in table.schemas().values():
        for field_id in schema.field_ids:
            column = schema.find_column_name(field_id) or ""
            if names.setdefault(field_id, column) != column or ids.setdefault(column, field_id) != field_id:
                msg = f"{name}: another tool renamed or replaced column {column!r}; its files are left as they are"
                raise LakeError(msg)
    others = [spec for spec in table.specs().values() if spec.spec_id != table.spec().spec_id]
    if any(spec.fields for spec in others) or any(str(f.transform) != IDENTITY for f in table.spec().fields):
        msg = f"{name}: another tool changed the partitions; its files are left as they are"
        raise LakeError(msg)
    partitions = tuple(table.schema().find_column_name(field.source_id) or "" for field in table.spec().fields)
    return TableLayout(name, to_ibis(table.schema()), partitions, table.properties.get("comment", ""))


def leftovers_of(name: str, table: "IcebergTable", *, before: datetime, without: Collection[int]) -> list[Leftover]:
    """Files older than the instant that nothing reaches. Raises LakeError when the current rows are not where the
    metadata says: a file in use under another name would look abandoned."""
    candidates = dict(_files_before(Path(path_of(table.location())), before))
    going = [one for one in table.metadata.snapshots if one.snapshot_id in without]
    staying = [one for one in table.metadata.snapshots if one.snapshot_id not in without]
    needed = _reached(table, staying) | _metadata_files(table)
    _require_in_place(name, table)
    left = {path: size for path, size in candidates.items() if path not in needed}
    expired = _reached(table, going) if left else set()
    return [Leftover(path, size, path not in expired) for path, size in sorted(left.items())]


def _files_before(folder: Path, before: datetime) -> Iterator[tuple[str, int]]:
    instant = before.replace(tzinfo=UTC).timestamp()
    for path in (found for part in FOLDERS for found in (folder / part).rglob("*") if found.name.endswith(ENDINGS)):
        with suppress(FileNotFoundError):  # another tool's own cleaning
            told = path.stat()
            if told.st_mtime < instant:
                yield str(path), told.st_size


def _reached(table: "IcebergTable", snapshots: Iterable["Snapshot"]) -> set[str]:
    """Manifest lists, manifests and data files of the snapshots; each manifest is read once."""
    manifests: dict[str, ManifestFile] = {}
    found: set[str] = set()
    for snapshot in snapshots:
        found.add(_path(snapshot.manifest_list))
        manifests |= {manifest.manifest_path: manifest for manifest in snapshot.manifests(table.io)}
    for path, manifest in manifests.items():
        found.add(_path(path))
        found |= {_path(e.data_file.file_path) for e in manifest.fetch_manifest_entry(table.io, discard_deleted=True)}
    return found


def _metadata_files(table: "IcebergTable") -> set[str]:
    metadata = table.metadata
    statistics = [*metadata.statistics, *metadata.partition_statistics]
    named = [entry.metadata_file for entry in metadata.metadata_log] + [one.statistics_path for one in statistics]
    return {_path(table.metadata_location), *map(_path, named)}


def _require_in_place(name: str, table: "IcebergTable") -> None:
    current = table.current_snapshot()
    missing = sorted(path for path in _reached(table, [current] if current else []) if not Path(path).exists())
    if missing:
        msg = f"{name}: {missing[0]} is missing, so nothing is removed. Look with 'snowpipe doctor'."
        raise LakeError(msg)


def _path(uri: str) -> str:
    """Other tools write `file:/…` where PyIceberg writes `file:///…`."""
    return re.sub(r"^file:/*", "/", uri)


def remove_empty(folder: Path, *, below: Path) -> None:
    """The folder and those above it that are empty then, down to the data folder of its table."""
    with suppress(OSError):
        while folder.is_relative_to(below) and folder.name not in FOLDERS:
            folder.rmdir()
            folder = folder.parent

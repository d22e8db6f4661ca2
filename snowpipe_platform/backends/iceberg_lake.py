"""Iceberg tables through PyIceberg: one snapshot per commit, built from files an engine has written."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis

from snowpipe_platform.backends.iceberg_schema import evolve, field_ids, partition_spec, to_ibis
from snowpipe_platform.errors import CommitConflictError, LakeError
from snowpipe_platform.ports import Commit, LakeFile, TableLayout, TableState

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table as IcebergTable
    from pyiceberg.table.snapshots import Snapshot

COMMIT_ID = "snowpipe.commit-id"
COMMIT_NUMBER = "snowpipe.commit-number"
MAIN = "main"


class IcebergLake:
    """The `Lake` of a laptop: files in a folder, a SQLite catalog. PyIceberg is imported when a table is touched."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    @cached_property
    def _catalog(self) -> "SqlCatalog":
        from pyiceberg.catalog.sql import SqlCatalog  # noqa: PLC0415 - definitions must load without it

        self._root.mkdir(parents=True, exist_ok=True)
        return SqlCatalog("snowpipe", uri=f"sqlite:///{self._root / 'catalog.db'}", warehouse=f"file://{self._root}")

    def tables(self) -> list[str]:
        found = (name for (space,) in self._catalog.list_namespaces() for name in self._catalog.list_tables(space))
        return sorted("/".join(name) for name in found)

    def ensure(self, layout: TableLayout) -> None:
        from pyiceberg.exceptions import TableAlreadyExistsError  # noqa: PLC0415

        identifier = _identifier(layout.name)
        if self._catalog.table_exists(identifier):
            evolve(self._catalog.load_table(identifier), layout)
            return
        self._catalog.create_namespace_if_not_exists(identifier[0])
        try:
            table = self._catalog.create_table(
                identifier,
                schema=layout.schema.to_pyarrow(),
                properties={
                    "format-version": "2",
                    "comment": layout.description,
                    "write.parquet.compression-codec": "zstd",
                    "write.metadata.delete-after-commit.enabled": "true",
                },
            )
        except TableAlreadyExistsError:
            return
        partition_spec(table, layout.partition_columns)

    def state(self, table: str) -> TableState | None:
        loaded = self._load(table)
        snapshot = None if loaded is None else _current(loaded)
        return None if snapshot is None else _state(table, snapshot)

    def history(self, table: str) -> list[TableState]:
        loaded = self._load(table)
        if loaded is None:
            return []
        by_id = {snapshot.snapshot_id: snapshot for snapshot in loaded.metadata.snapshots}
        current, found = _current(loaded), []
        while current is not None:
            found.append(_state(table, current))
            current = by_id.get(current.parent_snapshot_id) if current.parent_snapshot_id is not None else None
        return [state for state in found[::-1] if state.number]

    def held(self, table: str) -> dict[str, TableState]:
        loaded = self._load(table)
        if loaded is None:
            return {}
        branches = {name: ref for name, ref in loaded.refs().items() if name != MAIN}
        found = ((name, loaded.snapshot_by_id(ref.snapshot_id)) for name, ref in branches.items())
        return {name: _state(table, snapshot) for name, snapshot in found if snapshot is not None}

    def files(self, table: str, *, snapshot_id: int, where: Mapping[str, object] | None = None) -> list[LakeFile]:
        from pyiceberg.expressions import AlwaysTrue, And, EqualTo  # noqa: PLC0415

        loaded = self._require(table)
        if loaded.snapshot_by_id(snapshot_id) is None:
            msg = f"{table}: snapshot {snapshot_id} is gone; it was expired"
            raise LakeError(msg)
        condition: Any = AlwaysTrue()
        for column, value in (where or {}).items():
            condition = And(condition, EqualTo(column, value))
        tasks = list(loaded.scan(row_filter=condition, snapshot_id=snapshot_id).plan_files())
        if any(task.delete_files for task in tasks):
            msg = f"{table}: another tool wrote delete files. Rewrite the table's data files (copy-on-write) with it first."
            raise LakeError(msg)
        return sorted((_lake_file(task.file) for task in tasks), key=lambda file: file.path)

    def schema(self, table: str) -> ibis.Schema:
        return to_ibis(self._require(table).schema())

    def field_ids(self, table: str) -> Mapping[str, object]:
        return field_ids(self._require(table).schema())

    def staging(self, table: str, *, attempt: str) -> str:
        return str(Path(self.location(table)) / "data" / attempt)

    def location(self, table: str) -> str:
        return _path(self._require(table).location())

    def commit(self, commit: Commit) -> TableState:
        loaded = self._require(commit.table)
        done = _find_commit(loaded, commit.commit_id)
        if done is not None:
            return _state(commit.table, done)
        current = _current(loaded)
        expected = None if commit.base is None else commit.base.snapshot_id
        if (None if current is None else current.snapshot_id) != expected:
            msg = f"{commit.table}: another run committed first; nothing was written. Run it again."
            raise CommitConflictError(msg)
        self._write_snapshot(loaded, commit)
        written = _find_commit(loaded.refresh(), commit.commit_id)
        if written is None:
            msg = f"{commit.table}: commit {commit.commit_id} is not in the table after it was written"
            raise LakeError(msg)
        return _state(commit.table, written)

    def release(self, table: str, branch: str) -> None:
        loaded = self._require(table)
        if branch in loaded.refs():
            with loaded.manage_snapshots() as change:
                change.remove_branch(branch)

    def discard(self, paths: Sequence[str]) -> None:
        for path in paths:
            Path(path).unlink(missing_ok=True)
        for folder in sorted({parent for path in paths for parent in list(Path(path).parents)[:3]}, reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _write_snapshot(self, loaded: "IcebergTable", commit: Commit) -> None:
        from pyiceberg.exceptions import CommitFailedException  # noqa: PLC0415
        from pyiceberg.io.pyarrow import parquet_files_to_data_files  # noqa: PLC0415

        number = 1 if commit.base is None else commit.base.number + 1
        properties = {**commit.properties, COMMIT_ID: commit.commit_id, COMMIT_NUMBER: str(number)}
        removed = set(file.path for file in commit.remove)
        try:
            if commit.branch is not None:
                self._open_branch(loaded, commit.branch)
            with loaded.transaction() as transaction:
                update = transaction.update_snapshot(snapshot_properties=properties, branch=commit.branch or MAIN)
                with update.overwrite() as snapshot:
                    for file in _data_files(loaded, commit, removed):
                        snapshot.delete_data_file(file)
                    added = (f"file://{path}" for path in commit.add)
                    for file in parquet_files_to_data_files(loaded.io, transaction.table_metadata, added):
                        snapshot.append_data_file(file)
        except CommitFailedException as error:
            if _find_commit(loaded.refresh(), commit.commit_id) is None:
                msg = f"{commit.table}: another run committed first ({error}); nothing was written. Run it again."
                raise CommitConflictError(msg) from error

    def _open_branch(self, loaded: "IcebergTable", branch: str) -> None:
        """A branch starts from the table as it is; one left from an earlier attempt starts over. Iceberg has no branch
        beside nothing, so a table without a commit gets an empty one, number 0, that readers do not see."""
        if loaded.current_snapshot() is None:
            nothing = {COMMIT_NUMBER: "0"}
            with loaded.transaction() as change, change.update_snapshot(snapshot_properties=nothing).overwrite():
                pass
        current = loaded.current_snapshot()
        if branch in loaded.refs():
            with loaded.manage_snapshots() as change:
                change.remove_branch(branch)
        if current is not None:
            with loaded.manage_snapshots() as change:
                change.create_branch(current.snapshot_id, branch)

    def _load(self, table: str) -> "IcebergTable | None":
        from pyiceberg.exceptions import NoSuchTableError  # noqa: PLC0415

        try:
            return self._catalog.load_table(_identifier(table))
        except NoSuchTableError:
            return None

    def _require(self, table: str) -> "IcebergTable":
        loaded = self._load(table)
        if loaded is None:
            msg = f"{table} does not exist in the lake at {self._root} yet. Create it with 'snowpipe run {table}'."
            raise LakeError(msg)
        return loaded


def _identifier(table: str) -> tuple[str, str]:
    layer, _, name = table.partition("/")
    return layer, name


def _path(uri: str) -> str:
    return uri.removeprefix("file://")


def _lake_file(file: "DataFile") -> LakeFile:
    return LakeFile(_path(file.file_path), file.record_count, file.file_size_in_bytes)


def _data_files(loaded: "IcebergTable", commit: Commit, removed: set[str]) -> Iterator["DataFile"]:
    if commit.base is None or not removed:
        return
    for task in loaded.scan(snapshot_id=commit.base.snapshot_id).plan_files():
        if _path(task.file.file_path) in removed:
            yield task.file


def _find_commit(loaded: "IcebergTable", commit_id: str) -> "Snapshot | None":
    for snapshot in reversed(loaded.metadata.snapshots):
        if _properties(snapshot).get(COMMIT_ID) == commit_id:
            return snapshot
    return None


def _current(loaded: "IcebergTable") -> "Snapshot | None":
    """The table's own snapshot; None before the first commit, and for the empty start of a branch."""
    snapshot = loaded.current_snapshot()
    return None if snapshot is None or _properties(snapshot).get(COMMIT_NUMBER) == "0" else snapshot


def _properties(snapshot: "Snapshot") -> Mapping[str, str]:
    return {} if snapshot.summary is None else snapshot.summary.additional_properties


def _state(table: str, snapshot: "Snapshot") -> TableState:
    properties = _properties(snapshot)
    return TableState(
        name=table,
        number=int(properties.get(COMMIT_NUMBER, 0)),
        snapshot_id=snapshot.snapshot_id,
        commit_id=properties.get(COMMIT_ID, ""),
        committed_at=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC).replace(tzinfo=None),
        properties=properties,
    )


def encode_property(value: object) -> str:
    """Snapshot properties are texts; structured ones are JSON."""
    return json.dumps(value, sort_keys=True, default=str)

"""Iceberg tables through PyIceberg: one snapshot per commit, built from files an engine has written."""

import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from snowpipe_platform.backends.folders import make_folder
from snowpipe_platform.backends.iceberg_place import path_of, reading_metadata, require_own
from snowpipe_platform.backends.iceberg_schema import evolve, field_ids, to_ibis
from snowpipe_platform.backends.iceberg_snapshots import (
    COMMIT_ID,
    COMMIT_NUMBER,
    EMPTY_START,
    current_state,
    files_to_remove,
    find_commit,
    history_of,
    state_of,
)
from snowpipe_platform.errors import CommitConflictError, LakeError
from snowpipe_platform.records import Commit, LakeFile, TableLayout, TableState

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table as IcebergTable

MAIN = "main"
OPENING_ATTEMPTS = 10
HELD_PREFIX = "held"
"""Branches that hold rows back begin with it; other branches and tags are somebody else's."""

TABLE_PROPERTIES = {
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    # A retry could only put a commit on top of one it was not computed from: a conflict is answered at once.
    "commit.retry.num-retries": "0",
}


class IcebergLake:
    """The `Lake` of a laptop: files in a folder, a SQLite catalog. PyIceberg is imported when a table is touched."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._file = self._root / "catalog.db"
        """Absent until somebody writes: looking makes no catalog."""

    @cached_property
    def _catalog(self) -> "SqlCatalog":
        from pyiceberg.catalog.sql import SqlCatalog  # noqa: PLC0415 - definitions must load without it
        from sqlalchemy.exc import DatabaseError  # noqa: PLC0415

        make_folder(self._root)
        options = {"uri": f"sqlite:///{self._file}", "warehouse": f"file://{self._root}"}
        # Another process may create one of the catalog's tables between this one's look and its own attempt.
        opening = Retrying(
            retry=retry_if_exception_type(DatabaseError),
            stop=stop_after_attempt(OPENING_ATTEMPTS),
            wait=wait_random(0, 0.1),
            reraise=True,
        )
        return opening(SqlCatalog, "snowpipe", **options)

    def tables(self) -> list[str]:
        if not self._file.exists():
            return []
        found = (name for (space,) in self._catalog.list_namespaces() for name in self._catalog.list_tables(space))
        return sorted("/".join(name) for name in found)

    def ensure(self, layout: TableLayout) -> None:
        identifier = _identifier(layout.name)
        self._ensure_namespace(identifier[0])
        loaded = self._load(layout.name)
        if loaded is None:
            self._create(identifier, layout)
        else:
            evolve(loaded, layout)

    def _ensure_namespace(self, layer: str) -> None:
        from sqlalchemy.exc import IntegrityError  # noqa: PLC0415

        try:
            self._catalog.create_namespace_if_not_exists(layer)
        except IntegrityError:
            if not self._catalog.namespace_exists(layer):
                raise

    def _create(self, identifier: tuple[str, str], layout: TableLayout) -> None:
        """The table and its partitions, at once."""
        properties = {**TABLE_PROPERTIES, "comment": layout.description}
        schema = layout.schema.to_pyarrow()
        creation = self._catalog.create_table_transaction(identifier, schema=schema, properties=properties)
        with creation, creation.update_spec() as spec:
            for column in layout.partition_columns:
                spec.add_identity(column)

    def state(self, table: str) -> TableState | None:
        loaded = self._load(table)
        return None if loaded is None else current_state(table, loaded)

    def history(self, table: str) -> list[TableState]:
        loaded = self._load(table)
        return [] if loaded is None else history_of(table, loaded)

    def held(self, table: str) -> dict[str, TableState]:
        loaded = self._load(table)
        if loaded is None:
            return {}
        found = {name: loaded.snapshot_by_name(name) for name in loaded.refs() if name.startswith(HELD_PREFIX)}
        return {name: state_of(table, loaded, snapshot) for name, snapshot in found.items() if snapshot is not None}

    def files(self, table: str, *, snapshot_id: int, where: Mapping[str, object] | None = None) -> list[LakeFile]:
        from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, EqualTo  # noqa: PLC0415

        loaded = self._require(table)
        if loaded.snapshot_by_id(snapshot_id) is None:
            msg = f"{table}: snapshot {snapshot_id} is gone; it was expired"
            raise LakeError(msg)
        condition: BooleanExpression = AlwaysTrue()
        for column, value in (where or {}).items():
            condition = And(condition, EqualTo(column, value))  # type: ignore[call-arg]
        with reading_metadata(table, self._root):
            tasks = list(loaded.scan(row_filter=condition, snapshot_id=snapshot_id).plan_files())
        if any(task.delete_files for task in tasks):
            msg = f"{table}: another tool wrote delete files. Rewrite the data files (copy-on-write) with it first."
            raise LakeError(msg)
        return sorted((_lake_file(task.file) for task in tasks), key=lambda file: file.path)

    def schema(self, table: str) -> ibis.Schema:
        return to_ibis(self._require(table).schema())

    def field_ids(self, table: str) -> Mapping[str, object]:
        return field_ids(self._require(table).schema())

    def staging(self, table: str, *, attempt: str) -> str:
        return str(Path(self.location(table)) / "data" / attempt)

    def location(self, table: str) -> str:
        return path_of(self._require(table).location())

    def commit(self, commit: Commit) -> TableState:
        loaded = self._require(commit.table)
        if find_commit(loaded, commit.commit_id) is None:
            self._refuse_stale(loaded, commit)
            self._write_snapshot(loaded, commit)
            loaded.refresh()
        written = find_commit(loaded, commit.commit_id)
        if written is None:
            msg = f"{commit.table}: commit {commit.commit_id} is not in the table after it was written"
            raise LakeError(msg)
        return state_of(commit.table, loaded, written)

    def release(self, table: str, branch: str) -> None:
        loaded = self._require(table)
        if branch in loaded.refs():
            loaded.manage_snapshots().remove_branch(branch).commit()

    def discard(self, paths: Sequence[str]) -> None:
        for path in map(Path, paths):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _refuse_stale(self, loaded: "IcebergTable", commit: Commit) -> None:
        current = current_state(commit.table, loaded)
        expected = None if commit.base is None else commit.base.snapshot_id
        if (None if current is None else current.snapshot_id) != expected:
            raise _conflict(commit)

    def _write_snapshot(self, loaded: "IcebergTable", commit: Commit) -> None:
        from pyiceberg.exceptions import CommitFailedException, ValidationException  # noqa: PLC0415
        from pyiceberg.io.pyarrow import parquet_files_to_data_files  # noqa: PLC0415

        number = 1 if commit.base is None else commit.base.number + 1
        properties = {**commit.properties, COMMIT_ID: commit.commit_id, COMMIT_NUMBER: str(number)}
        with reading_metadata(commit.table, self._root):
            removed = files_to_remove(loaded, commit)
        try:
            if commit.branch is not None:
                self._open_branch(loaded, commit.branch)
            with loaded.transaction() as transaction:
                update = transaction.update_snapshot(snapshot_properties=properties, branch=commit.branch or MAIN)
                with update.overwrite() as snapshot:
                    for file in removed:
                        snapshot.delete_data_file(file)
                    added = (f"file://{path}" for path in commit.add)
                    for file in parquet_files_to_data_files(loaded.io, transaction.table_metadata, added):
                        snapshot.append_data_file(file)
        except (CommitFailedException, ValidationException) as error:
            if find_commit(loaded.refresh(), commit.commit_id) is None:
                raise _conflict(commit) from error

    def _open_branch(self, loaded: "IcebergTable", branch: str) -> None:
        """A branch starts from the table as it is; one left from an earlier attempt starts over. Iceberg has no branch
        beside nothing, so a table without a commit gets an empty one, which readers do not see."""
        if not branch.startswith(HELD_PREFIX):
            msg = f"branch {branch!r} does not begin with {HELD_PREFIX!r}"
            raise LakeError(msg)
        if loaded.current_snapshot() is None:
            with loaded.transaction() as change, change.update_snapshot(snapshot_properties=EMPTY_START).overwrite():
                pass
        if branch in loaded.refs():
            loaded.manage_snapshots().remove_branch(branch).commit()
        current = loaded.current_snapshot()
        if current is not None:
            loaded.manage_snapshots().create_branch(current.snapshot_id, branch).commit()

    def _load(self, table: str) -> "IcebergTable | None":
        if not self._file.exists():
            return None
        from pyiceberg.exceptions import NoSuchTableError  # noqa: PLC0415

        try:
            with reading_metadata(table, self._root):
                loaded = self._catalog.load_table(_identifier(table))
        except NoSuchTableError:
            return None
        require_own(table, loaded, self._root)
        return loaded

    def _require(self, table: str) -> "IcebergTable":
        loaded = self._load(table)
        if loaded is None:
            msg = f"{table} does not exist in the lake at {self._root} yet. Create it with 'snowpipe run {table}'."
            raise LakeError(msg)
        return loaded


def _identifier(table: str) -> tuple[str, str]:
    layer, _, name = table.partition("/")
    return layer, name


def _lake_file(file: "DataFile") -> LakeFile:
    return LakeFile(path_of(file.file_path), file.record_count, file.file_size_in_bytes)


def _conflict(commit: Commit) -> CommitConflictError:
    return CommitConflictError(
        f"{commit.table}: another run committed first; nothing of this one was written. Run it again."
    )

"""Iceberg tables through PyIceberg: one snapshot per commit, built from files an engine has written."""

import shutil
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import ibis

from snowpipe_platform.backends.iceberg_branches import held_states, require_held, set_tag, tags_of
from snowpipe_platform.backends.iceberg_maintenance import layout_on_disk, leftovers_of, remove_empty, snapshots_of
from snowpipe_platform.backends.iceberg_place import path_of, reading_metadata
from snowpipe_platform.backends.iceberg_schema import field_ids, partition_value, to_ibis
from snowpipe_platform.backends.iceberg_snapshots import (
    COMMIT_ID,
    COMMIT_NUMBER,
    MAINTENANCE,
    carried,
    current_state,
    data_files,
    find_commit,
    history_of,
    state_of,
)
from snowpipe_platform.backends.iceberg_tables import IcebergTables
from snowpipe_platform.errors import CommitConflictError, LakeError
from snowpipe_platform.records import Commit, LakeFile, LakeSnapshot, Leftover, TableLayout, TableState

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table as IcebergTable


class IcebergLake(IcebergTables):
    """The `Lake` of a laptop: files in a folder, a SQLite catalog. PyIceberg is imported when a table is touched."""

    def state(self, table: str) -> TableState | None:
        loaded = self._load(table)
        return None if loaded is None else current_state(table, loaded)

    def history(self, table: str) -> list[TableState]:
        loaded = self._load(table)
        return [] if loaded is None else history_of(table, loaded)

    def held(self, table: str) -> dict[str, TableState]:
        loaded = self._load(table)
        return {} if loaded is None else held_states(table, loaded)

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
        return sorted((_lake_file(task.file, loaded) for task in tasks), key=lambda file: file.path)

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
            self._refuse_stale(commit.table, loaded, commit.base)
            self._write_commit(loaded, commit)
        written = find_commit(loaded, commit.commit_id)
        if written is None:
            msg = f"{commit.table}: commit {commit.commit_id} is not in the table after it was written"
            raise LakeError(msg)
        return state_of(commit.table, loaded, written)

    def discard(self, paths: Sequence[str]) -> None:
        for path in map(Path, paths):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
                remove_empty(path.parent, below=self._root)

    def rewritable(self, table: str) -> TableLayout:
        return layout_on_disk(table, self._require(table))

    def rewrite(
        self, table: str, *, base: TableState, remove: Sequence[LakeFile], add: Sequence[str], reason: str
    ) -> TableState:
        from snowpipe_platform.backends.iceberg_commit import REFUSED, Change, write_rewrite  # noqa: PLC0415

        loaded = self._require(table)
        self._refuse_stale(table, loaded, base)
        with reading_metadata(table, self._root):
            gone = data_files(loaded, table, base, remove)
        _require_as_many_rows(table, remove, add)
        change = Change(remove=gone, add=add, properties={**carried(base), MAINTENANCE: reason})
        try:
            write_rewrite(loaded, change)
        except REFUSED as error:
            raise _conflict(table) from error
        state = current_state(table, loaded)
        if state is None or state.content_id != base.content_id:
            msg = f"{table}: the rewritten snapshot is not in the table after it was written"
            raise LakeError(msg)
        return state

    def snapshots(self, table: str) -> list[LakeSnapshot]:
        loaded = self._load(table)
        return [] if loaded is None else snapshots_of(table, loaded)

    def expire(self, table: str, snapshot_ids: Collection[int]) -> None:
        from snowpipe_platform.backends.iceberg_commit import REFUSED, expire  # noqa: PLC0415

        loaded = self._require(table)
        there = {one.snapshot_id: one for one in snapshots_of(table, loaded)}
        found = [there[one] for one in snapshot_ids if one in there]
        if any(one.left_at is None for one in found):
            raise _conflict(table)
        try:
            expire(loaded, [one.snapshot_id for one in found])
        except REFUSED as error:
            raise _conflict(table) from error

    def tag(self, table: str, name: str, *, snapshot_id: int) -> None:
        set_tag(table, self._require(table), name, snapshot_id)

    def tags(self, table: str) -> dict[str, int]:
        loaded = self._load(table)
        return {} if loaded is None else tags_of(loaded)

    def leftovers(self, table: str, *, before: datetime, without: Collection[int] = ()) -> list[Leftover]:
        loaded = self._require(table)
        with reading_metadata(table, self._root):
            return leftovers_of(table, loaded, before=before, without=without)

    def _refuse_stale(self, table: str, loaded: "IcebergTable", base: TableState | None) -> None:
        current = current_state(table, loaded)
        expected = None if base is None else base.snapshot_id
        if (None if current is None else current.snapshot_id) != expected:
            raise _conflict(table)

    def _write_commit(self, loaded: "IcebergTable", commit: Commit) -> None:
        from snowpipe_platform.backends.iceberg_commit import MAIN, REFUSED, Change, write_commit  # noqa: PLC0415

        for branch in (*commit.release, *([] if commit.branch is None else [commit.branch])):
            require_held(branch)
        number = 1 if commit.base is None else commit.base.number + 1
        properties = {**commit.properties, COMMIT_ID: commit.commit_id, COMMIT_NUMBER: str(number)}
        with reading_metadata(commit.table, self._root):
            gone = data_files(loaded, commit.table, commit.base, commit.remove)
        branch = commit.branch or MAIN
        change = Change(remove=gone, add=commit.add, properties=properties, branch=branch, forget=commit.release)
        try:
            write_commit(loaded, change)
        except REFUSED as error:
            if find_commit(loaded.refresh(), commit.commit_id) is None:
                raise _conflict(commit.table) from error


def _lake_file(file: "DataFile", table: "IcebergTable") -> LakeFile:
    fields = table.specs()[file.spec_id].fields
    partition = tuple(
        (field.name, partition_value(table, field, file.partition[position])) for position, field in enumerate(fields)
    )
    return LakeFile(path_of(file.file_path), file.record_count, file.file_size_in_bytes, partition)


def _require_as_many_rows(table: str, remove: Sequence[LakeFile], add: Sequence[str]) -> None:
    from pyarrow.parquet import read_metadata  # noqa: PLC0415

    gone, come = sum(file.rows for file in remove), sum(read_metadata(path).num_rows for path in add)
    if gone != come:
        msg = f"{table}: {gone:,} rows would become {come:,} by rewriting files; nothing was changed"
        raise LakeError(msg)


def _conflict(table: str) -> CommitConflictError:
    return CommitConflictError(f"{table}: another run committed first; nothing of this one was written. Run it again.")

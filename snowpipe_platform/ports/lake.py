"""Where tables are, and what computes their rows."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from snowpipe_platform.records import (
    Commit,
    FileLayout,
    LakeFile,
    LakeSnapshot,
    Leftover,
    Rows,
    StagedFile,
    TableLayout,
    TableState,
)


class Lake(Protocol):
    """Iceberg tables. Reads see whole commits only; a commit appears at once or not at all."""

    def tables(self) -> list[str]:
        """Names of the tables there are, as `layer/name`."""

    def ensure(self, layout: TableLayout) -> None:
        """Create the table, or add columns it lacks and widen types. Raises LakeError when that cannot be done."""

    def require_fit(self, layout: TableLayout) -> None:
        """Raises LakeError where `ensure` would for the columns and partitions of a table there is; changes nothing."""

    def state(self, table: str) -> TableState | None:
        """The current commit; None when the table has none."""

    def history(self, table: str) -> list[TableState]:
        """The commits that led to the current one, oldest first."""

    def held(self, table: str) -> dict[str, TableState]:
        """Rows held back beside the table: branch name, which begins with `held`, to its commit."""

    def files(self, table: str, *, snapshot_id: int, where: Mapping[str, object] | None = None) -> list[LakeFile]:
        """The data files of a snapshot; `where` (column equals value) leaves out files that cannot match.
        Raises LakeError when the snapshot is gone."""

    def schema(self, table: str) -> ibis.Schema:
        """Current columns of the table."""

    def field_ids(self, table: str) -> Mapping[str, object]:
        """Iceberg field ids by column; a struct or list is a mapping with its own id under `__duckdb_field_id`."""

    def staging(self, table: str, *, attempt: str) -> str:
        """The folder the attempt's files are written to, unique to it."""

    def location(self, table: str) -> str:
        """Where the table lives."""

    def commit(self, commit: Commit) -> TableState:
        """Publish. A commit_id already there is returned as it is. Raises CommitConflictError; nothing changes then."""

    def discard(self, paths: Sequence[str]) -> None:
        """Remove files that no snapshot reaches, or whole staging folders; absent ones are fine."""

    def rewritable(self, table: str) -> TableLayout:
        """How the table lies on disk, for an engine that writes its rows into other files. Raises LakeError where
        another tool renamed columns or changed the partitions: older files cannot be read by name then."""

    def rewrite(
        self, table: str, *, base: TableState, remove: Sequence[LakeFile], add: Sequence[str], reason: str
    ) -> TableState:
        """Put other files with the same rows in the place of some, in one snapshot of the same commit. reason: why,
        in a word, kept with the snapshot. Raises CommitConflictError, and LakeError when the numbers of rows differ;
        nothing changes then."""

    def snapshots(self, table: str) -> list[LakeSnapshot]:
        """All snapshots that are not expired, oldest first."""

    def expire(self, table: str, snapshot_ids: Collection[int]) -> None:
        """Forget snapshots; their files stay. Raises CommitConflictError when one is needed, or the table's branches
        and tags changed meanwhile; nothing changes then."""

    def tag(self, table: str, name: str, *, snapshot_id: int) -> None:
        """Give a snapshot a name, so that it is never expired. A name that is taken stays. Raises LakeError for a
        snapshot that is gone."""

    def tags(self, table: str) -> dict[str, int]:
        """Snapshots by their names, branches left out."""

    def leftovers(self, table: str, *, before: datetime, without: Collection[int] = ()) -> list[Leftover]:
        """Files written before the instant that no snapshot reaches, nor the history of the table's metadata; `without`
        are snapshots as good as expired. Raises LakeError when a file of the table is not where it should be."""


class Session(Protocol):
    """One piece of work of an engine: names bound to rows, expressions over the names, nothing kept afterwards."""

    @property
    def scratch(self) -> str:
        """A folder for files of the session's own. It goes with the session, and what a kill left goes with a later
        one."""

    def bind(self, name: str, rows: Rows) -> None:
        """Give rows a name that expressions use."""

    def materialize(self, name: str, expression: ir.Table) -> int:
        """Compute once and bind the result; returns its row count. Spills to disk rather than grow."""

    def fetch(self, expression: ir.Table) -> pa.Table:
        """A small result."""

    def met(self, rows: pa.Table, conditions: Mapping[str, str], *, dialect: str) -> pa.Table:
        """For each row, in order, whether it meets each SQL condition over its columns; null is no. dialect: sqlglot's
        name of the conditions' SQL. Raises ConfigurationError for SQL that the engine cannot run."""

    def write(self, expression: ir.Table, layout: FileLayout) -> list[StagedFile]:
        """Write Parquet with field ids; no file for no row."""

    def files_with(self, name: str, expression: ir.Table) -> list[str]:
        """Paths of the files bound to `name` that hold a row of `expression`, matched over its columns."""


class Engine(Protocol):
    """Runs Ibis expressions over bronze and lake files."""

    def session(self) -> AbstractContextManager[Session]: ...

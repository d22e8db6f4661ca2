"""Tables, their states and the files they are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import ibis
import pyarrow as pa

from snowpipe_platform.spec.consumption import UpstreamCommit
from snowpipe_platform.spec.manifest import Manifest


@dataclass(frozen=True)
class TableLayout:
    """What an Iceberg table is created from. partition_columns: identity partitions."""

    name: str
    schema: ibis.Schema
    partition_columns: tuple[str, ...]
    description: str


@dataclass(frozen=True)
class LakeFile:
    """One data file of a snapshot. partition: column and value of each of its identity partitions."""

    path: str
    rows: int
    size_bytes: int
    partition: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class TableState:
    """A table as of one commit. number: commits so far; snapshot_id: of the commit's last snapshot, which maintenance
    replaces; committed_at: when the commit was made, whatever maintenance did since.

    is_own: whether the platform wrote the snapshot. edited_by: the one in which another tool changed rows after the
    commit; None as long as none did.
    """

    name: str
    number: int
    snapshot_id: int
    commit_id: str
    committed_at: datetime
    properties: Mapping[str, str]
    is_own: bool = True
    edited_by: int | None = None

    @property
    def content_id(self) -> str:
        """What its rows are: the same in two states that differ in nothing but files."""
        return self.commit_id if self.edited_by is None else f"{self.commit_id}+{self.edited_by}"

    @property
    def as_upstream(self) -> UpstreamCommit:
        """How a table that consumes this one records it."""
        return UpstreamCommit(self.snapshot_id, self.number, self.content_id)


@dataclass(frozen=True)
class LakeSnapshot:
    """A state a table had, as Iceberg keeps it.

    content_id: of its rows, as of a TableState. left_at: when the table moved on from it; None while something shows it
    or needs its record: the table as it is, a branch, a tag.
    """

    snapshot_id: int
    content_id: str
    left_at: datetime | None


@dataclass(frozen=True)
class Leftover:
    """A file of a table's folder that its snapshots do not reach. is_orphan: nor do those about to be expired."""

    path: str
    size_bytes: int
    is_orphan: bool


@dataclass(frozen=True)
class Commit:
    """One change of a table: files out, files in, and the properties that record where it came from.

    base: the state the change was computed from; somebody else's commit in between is a conflict.
    properties: those that begin with `snowpipe.` stay with the rows, whatever files maintenance puts them in.
    branch: None for the table itself, or the name of a branch beside it that holds rows back; it starts over from the
    table. release: branches of held rows that are forgotten in the same step; absent ones are fine.
    """

    table: str
    commit_id: str
    base: TableState | None
    remove: tuple[LakeFile, ...]
    add: tuple[str, ...]
    properties: Mapping[str, str]
    branch: str | None = None
    release: tuple[str, ...] = ()


@dataclass(frozen=True)
class BronzeRows:
    """Rows of committed bronze files, read with their manifests' schemas and cast to `schema`."""

    manifests: tuple[Manifest, ...]
    locations: Mapping[str, str]
    schema: ibis.Schema


@dataclass(frozen=True)
class LakeRows:
    """Rows of data files of a lake table."""

    paths: tuple[str, ...]
    schema: ibis.Schema


@dataclass(frozen=True)
class ChangedRows:
    """Rows that are in one of two file sets and not, as often, in the other: what a commit really changed."""

    before: LakeRows
    after: LakeRows


Rows: TypeAlias = BronzeRows | LakeRows | ChangedRows | pa.Table


@dataclass(frozen=True)
class StagedFile:
    """A file an engine wrote for a commit that has not happened yet."""

    path: str
    rows: int
    size_bytes: int


@dataclass(frozen=True)
class FileLayout:
    """How an engine writes a table's files. one_file: a partition's rows go into one, however many threads write."""

    folder: str
    prefix: str
    partition_columns: tuple[str, ...] = ()
    field_ids: Mapping[str, object] = field(default_factory=dict)
    one_file: bool = False

"""What passes through the ports: plain values. Instants are tz-naive UTC microseconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypeAlias

import ibis
import pyarrow as pa

from snowpipe_platform.spec.consumption import UpstreamCommit
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.watermark import Interval

EntityKey: TypeAlias = int | str
FeatureValue: TypeAlias = int | float | bool | str | Decimal | date | datetime | None
Parameter = str | int | float | bool | bytes | Decimal | date | datetime | None


@dataclass(frozen=True)
class Landed:
    """Rows landed before, to compare with: manifests whose files may hold images of the rows about to be read."""

    manifests: tuple[Manifest, ...]
    locations: Mapping[str, str]
    """Where each of their files is, by its path in the manifest."""
    hashes_vouch: bool = True
    """Whether a row is what its stored content hash says; where not, its content is computed anew."""


@dataclass(frozen=True)
class LandedWindow:
    """Landed rows of one window of watermarks. interval: None for the rows without a watermark. rows: manifests, with
    the files that may hold rows of the window. history: all that count, with the files that may hold a later change of
    one of their keys."""

    interval: Interval | None
    rows: Landed
    history: Landed


@dataclass(frozen=True)
class Recognized:
    """One batch after recognition: the rows not landed before, with their content hash, and how many were."""

    rows: pa.Table
    known: int


@dataclass(frozen=True)
class KeyCounts:
    """How the keys of a source and of a log compare. at_source: of rows not marked as deleted. open: in the log, before
    the comparison. gone: open and not at the source. back: closed and at the source."""

    at_source: int
    open: int
    gone: int
    back: int


@dataclass(frozen=True)
class Arrival:
    """A file somebody dropped for an entity. path: inside its arrivals folder. version: another one whenever the file
    was written again. modified_at: by the store's clock."""

    path: str
    version: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True)
class Lease:
    """The right to write one resource; `token` grows with every holder, so a late writer can be told from the next."""

    resource: str
    holder: str
    token: int


@dataclass(frozen=True)
class HeldLease:
    """A lease as a holder left it. is_alive: whether the holder is believed; the next one takes a dead one's over."""

    resource: str
    holder: str
    host: str
    pid: int
    is_alive: bool


LetterKind = Literal["extraction", "rows", "arrival"]


@dataclass(frozen=True)
class DeadLetter:
    """What failed for good, with everything needed to run it again. Never a secret.

    subject: of which query. request: text by name, such as `load_day`; of rows also `instant` and `nanoseconds`, which
    bronze keeps beside them.
    """

    id: str
    kind: LetterKind
    subject: str
    error: str
    failed_at: datetime
    request: Mapping[str, str]
    rows: tuple[str, ...] = ()
    """JSON objects, for rows that a query rule kept out."""


@dataclass(frozen=True)
class Closing:
    """How a dead letter came off the list: a later run did what had failed, its rows were landed or found to be, or a
    person gave it up. by: the person, or the run."""

    outcome: Literal["done", "landed", "discarded"]
    by: str
    reason: str
    closed_at: datetime


@dataclass(frozen=True)
class ClosedLetter:
    """A dead letter that waits no more, and why."""

    letter: DeadLetter
    closing: Closing


@dataclass(frozen=True)
class FeatureRow:
    """The features of one entity. event_time: until when they are true, exclusive; created_time: when they were known;
    both UTC. values: by feature, in its type; None is missing."""

    key: EntityKey
    event_time: datetime
    created_time: datetime
    values: Mapping[str, FeatureValue]


@dataclass(frozen=True, kw_only=True)
class TrainingSetRecord:
    """What is known of a training set. hash: SHA-256 of its file, 64 hex digits. first_label_at, last_label_at: the
    first and last of its instants, UTC. defaults: by feature, what stood in for a missing value; a decimal or a date as
    text. inputs: the commit of each table it is made of."""

    name: str
    hash: str
    rows: int
    first_label_at: datetime
    last_label_at: datetime
    feature_group: str
    feature_group_version: int
    defaults: Mapping[str, int | float | bool | str | None]
    inputs: Mapping[str, UpstreamCommit]
    code_version: str
    created_at: datetime


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


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A version of a model made the one that is served. number: grows with each, and is never given twice. artefact:
    the folder it is loaded from. artefact_hash: of its files; None where it was written before hashes were, and is not
    to be loaded. before: the number of the deployment that a rollback brings back, None for none.
    refused: why the server that ran did not serve it; what was deployed before it stayed so."""

    number: int
    action: Literal["deploy", "rollback"]
    model: str
    version: int
    artefact: str
    artefact_hash: str | None = None
    deployed_at: datetime
    before: int | None = None
    refused: str | None = None

"""The interfaces between what the platform decides and where it runs.

Each port has one contract suite in the tests that every backend passes. Instants are tz-naive UTC microseconds.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from snowpipe_platform.records import (
    Arrival,
    ClosedLetter,
    Closing,
    Commit,
    DeadLetter,
    Deployment,
    EntityKey,
    FeatureRow,
    FileLayout,
    HeldLease,
    LakeFile,
    LakeSnapshot,
    Landed,
    Lease,
    Leftover,
    Parameter,
    Recognized,
    Rows,
    StagedFile,
    TableLayout,
    TableState,
    TrainingSetRecord,
)
from snowpipe_platform.spec.consumption import UpstreamCommit
from snowpipe_platform.spec.manifest import BronzeFile, Manifest
from snowpipe_platform.spec.model import ScoringJob, TrainingJob
from snowpipe_platform.spec.model_version import Candidate, Decision, ModelVersion, Served


class Warehouse(Protocol):
    """Where the source tables are. Every method raises SourceError or TransientSourceError, never the client's own."""

    dialect: str
    """sqlglot's name of the SQL the warehouse speaks."""

    def clock(self) -> datetime:
        """The warehouse's own time."""

    def schema(self, sql: str, parameters: Sequence[Parameter] = ()) -> pa.Schema:
        """The columns the query would return, without running it."""

    def stream(self, sql: str, parameters: Sequence[Parameter] = ()) -> Iterator[pa.RecordBatch]:
        """The query's rows in order; memory holds a batch at a time. Values are bound, never formatted in."""

    def scalar(self, sql: str, parameters: Sequence[Parameter] = ()) -> object:
        """The first column of the first row, None when there is no row."""


class BronzeAttempt(Protocol):
    """The folder of one extraction attempt; invisible until its manifest is committed."""

    def write(self, rows: pa.Table, *, watermark_min: str | None, watermark_max: str | None) -> BronzeFile:
        """Write one immutable file."""

    def discard(self) -> None:
        """Remove the folder; safe to call twice."""


class BronzeStore(Protocol):
    """The append-only log of open files of each entity."""

    def entities(self) -> list[str]:
        """Entities with a log, by name."""

    def log(self, entity: str) -> list[Manifest]:
        """All committed manifests, by number."""

    def begin(self, entity: str, *, folder: str, extraction_id: str, file_format: str) -> BronzeAttempt:
        """Open the place of a new attempt. folder: of the load day, inside the entity's; '' for the entity's own."""

    def commit(self, manifest: Manifest) -> None:
        """Make the attempt visible. Raises CommitConflictError when the number is taken; nothing changes then."""

    def locate(self, file: BronzeFile) -> str:
        """The address an engine reads the file from."""

    def abandoned(self, entity: str) -> dict[str, int]:
        """Folders no manifest names, with their bytes. The caller holds the entity's lease, so no attempt is under
        way."""

    def remove_abandoned(self, entity: str) -> list[str]:
        """Remove folders no manifest names. The caller holds the entity's lease."""

    def arrival_entities(self) -> list[str]:
        """Names under which somebody made an arrivals folder, sorted; whether or not a query writes such an entity."""

    def arrivals(self, entity: str) -> list[Arrival]:
        """Files dropped for the entity, oldest first, then by path; without those whose name says they are being
        written: a part that begins with `.` or `_`, or an ending of `.tmp`, `.part` or `.crdownload`."""

    def arrival(self, entity: str, path: str) -> Arrival | None:
        """One of them as it is now, None when it is not there. Raises LakeError for a path that leads elsewhere."""

    def open_arrival(self, entity: str, path: str) -> BinaryIO:
        """Its bytes; the caller closes it. Raises LakeError for a path that leads elsewhere, ArrivalError for a link
        that does, OSError otherwise."""


class Recognizer(Protocol):
    """Tells rows landed before from new ones, in one pass over an extraction's or a file's rows.

    With a key, a row is known when it equals an image that the latest manifest holding its key and watermark landed, or
    a row read before; without one, when it was landed as often as it was read. watermark None: a snapshot.
    """

    def new_rows(self, batch: pa.RecordBatch) -> Recognized:
        """The batch's rows that are not landed yet, in their order, with `_content_hash` added."""

    def missing_keys(self) -> Iterator[pa.RecordBatch]:
        """Keys landed and not deleted that no batch so far has shown; a snapshot's deletes."""

    def close(self) -> None:
        """Free what the comparison held."""


class RecognizerFactory(Protocol):
    """Makes the recognizer of one extraction or file. ordered: rows come by watermark, then key; without that order
    repeats are remembered from any distance, which takes room."""

    def __call__(
        self, *, schema: pa.Schema, key: Sequence[str], watermark: str | None, landed: Landed, ordered: bool = True
    ) -> Recognizer: ...


class StateStore(Protocol):
    """Small facts that change: watermarks and leases. Everything in it can be rebuilt from logs and tables."""

    def watermark(self, query: str) -> str | None:
        """The live watermark as `encode` wrote it."""

    def advance_watermark(self, query: str, *, expected: str | None, new: str | None) -> bool:
        """Set it, or forget it, when it still is `expected`; False when somebody else moved it."""

    def lease(self, resource: str, *, holder: str) -> AbstractContextManager[Lease]:
        """Hold the resource while the block runs. Raises LeaseHeldError; a dead holder's lease is taken over."""

    def verify(self, lease: Lease) -> None:
        """Raises LeaseHeldError when somebody took the lease over: the fencing check before a commit."""

    def leases(self) -> list[HeldLease]:
        """Those held now, by resource."""


class DeadLetters(Protocol):
    """Where what failed for good waits for a person."""

    def put(self, *letters: DeadLetter) -> None:
        """Keep all of them; one with an id already there replaces it. Rows that were discarded stay so."""

    def all(self) -> list[DeadLetter]:
        """Those that wait, oldest first."""

    def close(self, ids: Collection[str], closing: Closing) -> None:
        """They wait no more. What they were and how they ended is kept; an id that does not wait is fine."""

    def closed(self) -> list[ClosedLetter]:
        """Those that wait no more, the last closed last. One that failed again since is in both lists."""


class FeatureStore(Protocol):
    """The latest features of each entity, by feature group, for who must answer at once. It never goes backwards: of
    two rows of an entity the one with the later event_time stays, and of the same event_time the one with the later
    created_time, in whatever order and however often they are put. All of it can be made anew from the history."""

    def put(self, group: str, rows: Sequence[FeatureRow]) -> None:
        """Keep those that are later than what is there; all of them or, after an error, none."""

    def get(self, group: str, keys: Collection[EntityKey]) -> dict[EntityKey, FeatureRow]:
        """The latest row of each key that has one."""

    def count(self, group: str) -> int:
        """How many entities have a row."""

    def reached(self, group: str) -> UpstreamCommit | None:
        """The commit of the history up to which all rows were put; None at first."""

    def set_reached(self, group: str, commit: UpstreamCommit) -> None:
        """Say so, after they were."""


class TrainingSetStore(Protocol):
    """Immutable files, each named by its content, with a record of what it was made of."""

    def put(self, record: TrainingSetRecord, file: bytes) -> TrainingSetRecord:
        """Keep the file, then the record. Where the content is there already nothing changes; returns the record that
        is kept."""

    def all(self, name: str) -> list[TrainingSetRecord]:
        """Of one training set, oldest first."""

    def locate(self, record: TrainingSetRecord) -> str:
        """The address its file is read from."""


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

    def release(self, table: str, branch: str) -> None:
        """Forget a branch of held rows; safe when there is none."""

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


class Trainer(Protocol):
    """Where training scripts run, each with folders of its own, under the SageMaker container contract."""

    def train(self, job: TrainingJob, *, log: Callable[[str], None]) -> Path:
        """Run the script to its end; the folder with its artefact. log: is given each line the script writes, at once.
        Raises TrainingFailedError with the last lines, and leaves no artefact; an interrupt ends the script too."""


class Scorer(Protocol):
    """Where a version of a model answers many rows at once."""

    def score(self, job: ScoringJob) -> None:
        """Write the job's answers, whole or not at all. Raises ServingError where the version cannot be loaded and
        asked, or the rows do not fit its signature, naming the columns."""


class ModelRegistry(Protocol):
    """The versions of models: what each was made from, what was decided about it, and when it served."""

    def models(self) -> list[str]:
        """Models with a version, by name."""

    def register(self, candidate: Candidate, *, artefact: Path) -> ModelVersion:
        """Keep a copy of the folder under the model's next number, 1 first. One that has the same files, training set,
        code and parameters as an earlier version is that version."""

    def versions(self, model: str) -> list[ModelVersion]:
        """By number, with every decision on them, oldest first."""

    def artefact(self, version: ModelVersion) -> Path:
        """The folder with its files. Raises ModelError when they are not those that were registered."""

    def decide(self, version: ModelVersion, decision: Decision) -> ModelVersion:
        """Add a decision; the version with it. version: as the one who decides has seen it. Raises CommitConflictError
        when somebody decided meanwhile; nothing changes then."""

    def record_served(self, model: str, served: Served) -> None:
        """Write down that a version began to serve."""

    def served(self, model: str) -> list[Served]:
        """Every version that began to serve, oldest first."""


class Session(Protocol):
    """One piece of work of an engine: names bound to rows, expressions over the names, nothing kept afterwards."""

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


class Endpoint(Protocol):
    """What serves a model's predictions. It serves one version; another takes its place between two requests."""

    def deploy(self, model: str, version: int) -> Deployment:
        """Serve the version from now on; the one that is served already stays as it is. Raises ServingError when it
        cannot be loaded and asked; what was served before then still is."""

    def current(self) -> Deployment | None:
        """What should be served, also when no server runs."""

    def rollback(self) -> Deployment:
        """Serve the version that was served before the current one; again, the one before that. Raises ServingError
        when there is none, or it cannot be loaded."""

    def history(self) -> list[Deployment]:
        """Every deployment and rollback, oldest first, also those that the server refused."""

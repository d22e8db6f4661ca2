"""Where rows come from, and how they are told from those landed before."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO, Protocol

import pyarrow as pa

from snowpipe_platform.records import (
    Arrival,
    KeyCounts,
    Landed,
    LandedWindow,
    Parameter,
    Recognized,
)
from snowpipe_platform.spec.manifest import BronzeFile, Manifest
from snowpipe_platform.spec.ranges import Ranges


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

    def damage(self, file: BronzeFile) -> str | None:
        """What became of the file, as in `is missing`; None while it has the bytes that were written. Reads all of
        it."""

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
    a row read before; and, where rows of one key and watermark with several contents come in one batch, an image that
    any manifest landed. Without a key, when it was landed as often as it was read. watermark None: a snapshot. What was
    landed before a key's last tombstone does not count.
    """

    def new_rows(self, batch: pa.RecordBatch) -> Recognized:
        """The batch's rows that are not landed yet, in their order, with `_content_hash` added."""

    def missing_keys(self) -> Iterator[pa.RecordBatch]:
        """Keys landed and not deleted that no batch so far has shown; a snapshot's deletes."""

    def close(self) -> None:
        """Free what the comparison held."""


class RecognizerFactory(Protocol):
    """Makes the recognizer of one extraction or file. ordered: rows come by watermark, then key, and those that share
    both in one batch, or in batches that follow each other where they are too many for one. Without that order repeats
    are remembered from any distance, which takes room, and a row is compared as if it were alone."""

    def __call__(
        self, *, schema: pa.Schema, key: Sequence[str], watermark: str | None, landed: Landed, ordered: bool = True
    ) -> Recognizer: ...


class WindowComparer(Protocol):
    """Holds the landed rows of a window against the source's, both ways, in one pass over the source's. Landed content
    is computed anew: a stored hash vouches for nothing."""

    def new_rows(self, batch: pa.RecordBatch) -> Recognized:
        """The batch's rows that bronze lacks, as a Recognizer tells them."""

    def unshown_keys(self) -> Iterator[pa.RecordBatch]:
        """Keys whose last landed change is an extracted row of the window and no delete, and that no batch so far has
        shown; sorted. None without a key."""

    def is_closed(self, rows: pa.Table) -> pa.Array:
        """Of each row whether the last landed change of its key is a delete that is no older."""

    def unshown_copies(self) -> int:
        """Without a key: landed rows of the window beyond those that the batches so far have shown."""

    def close(self) -> None:
        """Free what the comparison held."""


class WindowComparerFactory(Protocol):
    """Makes the comparison of one window. Rows come by watermark, then key."""

    def __call__(
        self, *, schema: pa.Schema, key: Sequence[str], watermark: str, landed: LandedWindow
    ) -> WindowComparer: ...


class KeyComparer(Protocol):
    """Tells which keys of the log are open and not at the source any more, and which are closed and at the source.

    A key is open whose latest change, by instant, then entry, then row, is no delete. Memory does not follow the number
    of keys. What the next extraction reads as a later change of the key is left to it. Keys that dropped files alone
    brought are not the source's to delete, and keys never landed not the comparison's to land.
    """

    def add(self, rows: pa.Table) -> None:
        """Keys of the source: the key columns and the watermark in bronze's types, and `_operation`, which is `delete`
        where the source marks the row as deleted."""

    def compare(self) -> KeyCounts:
        """Once all keys are added, and before what follows from it is asked for."""

    def gone(self) -> Iterator[pa.RecordBatch]:
        """Keys to close, by key: the key columns and `_instant`, when: the comparison's own, or the key's latest."""

    def back(self, *, nulls: bool) -> Iterator[pa.RecordBatch]:
        """Keys to open again, the same columns, by `_instant`, then key. nulls: those whose rows have no watermark."""

    def close(self) -> None:
        """Free what the comparison held."""


class KeyComparerFactory(Protocol):
    """Makes the comparer of one comparison. at: its instant. unread: watermarks that no coming extraction reads.
    with_nulls: whether rows without a watermark open a key again."""

    def __call__(  # noqa: PLR0913 - what a comparison depends on
        self,
        *,
        schema: pa.Schema,
        key: Sequence[str],
        watermark: str,
        landed: Landed,
        at: datetime,
        unread: Ranges,
        with_nulls: bool,
    ) -> KeyComparer: ...

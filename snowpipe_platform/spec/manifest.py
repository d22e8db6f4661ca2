"""One entry of an entity's bronze log: rows that were landed, or what a person decided about landed rows."""

from datetime import date, datetime
from typing import Any, Literal

import ibis
from pydantic import BaseModel, ConfigDict

from snowpipe_platform.spec.schema_change import Diff
from snowpipe_platform.spec.watermark import Interval, WatermarkKind

FORMAT_VERSION = 1

EntryKind = Literal["extraction", "arrival", "comparison", "correction", "discard", "withdrawal", "watermark"]
"""What an entry of the log is.

extraction: rows a query read. arrival: rows of a file somebody dropped. comparison: tombstones of keys that the source
has no more, and rows of keys that are back. correction: quarantined rows, edited, in the place of those they supersede.
discard: quarantined rows given up. withdrawal: another entry does not count. watermark: a person set the live
watermark.
"""

ROW_NUMBER = "_row_number"
CONTENT_HASH = "_content_hash"
INSTANT = "_instant"
NANOSECONDS = "_nanoseconds"
OPERATION = "_operation"
EXTRACTION_TIMESTAMP = "extraction_timestamp"
SOURCE_SYSTEM = "source_system"

UPSERT = "upsert"
DELETE = "delete"

PLATFORM_COLUMNS: dict[str, str] = {
    EXTRACTION_TIMESTAMP: "timestamp(6)",
    SOURCE_SYSTEM: "string",
    ROW_NUMBER: "int64",
    CONTENT_HASH: "string",
    INSTANT: "timestamp(6)",
    NANOSECONDS: "int16",
    OPERATION: "string",
}
"""What the platform adds to a bronze row.

extraction_timestamp: the source's clock when the extraction began, UTC. _row_number: position in the extraction,
from 0. _content_hash: of the declared columns; `delete` for a tombstone. _instant: when the change happened, UTC: the
watermark, or the extraction's upper bound where the row has none; of a comparison, the source's clock when it began.
_nanoseconds: digits of the watermark below a microsecond, 0 to 999. _operation: upsert or delete.
"""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class BronzeFile(_Record):
    """One immutable file. `path` is relative to the bronze root; `watermark_*` bound its rows, ends included.

    sha256: of its bytes, 64 hex digits; None where it was written before they were kept.
    """

    path: str
    rows: int
    size_bytes: int
    watermark_min: str | None = None
    watermark_max: str | None = None
    sha256: str | None = None


class ColumnSpec(_Record):
    """A source column and its type, in ibis' words (`decimal(38, 0)`, `timestamp(6)`)."""

    name: str
    type: str


class Coverage(_Record):
    """The watermarks `[lower, upper)` the extraction read completely.

    asked_upper: where it would have ended without `max_batches`; None when it did.
    """

    kind: WatermarkKind
    lower: str | None
    upper: str
    asked_upper: str | None = None

    @property
    def interval(self) -> Interval:
        lower = None if self.lower is None else self.kind.parse(self.lower)
        return Interval(lower, self.kind.parse(self.upper))


class Arrived(_Record):
    """The file an arrival's rows come from. path: inside the entity's arrivals folder. version: tells one writing of
    the file from the next."""

    path: str
    version: str


class Manifest(_Record):
    """Entry `number` of the entity's log, counted from 1, never rewritten: one commit of an extraction attempt, an
    adopted file, or a person's decision.

    extracted_at: the source's clock at the start, UTC. load_day: the Dagster partition of the run; of a decision, the
    load day of the rows it is about; of a comparison, the source's day.
    rows_landed: in the files. rows_deleted: of them, tombstones. rows_known: read, but landed before. rows_dropped:
    kept out by a query rule, and in the dead letters.
    schema_changes: how its columns differ from those before, one sentence each. schema_diff: the same by column; empty
    in what was written before it was kept.
    rows_read + rows_deleted = rows_landed + rows_known + rows_dropped.
    by, reason: of a decision, whose and why. supersedes: of a correction or discard, the rows it is about: ranges of
    `_row_number` by manifest number; a correction brings one row for each, numbered in their order. withdraws: of a
    withdrawal, the entry that does not count any more.
    """

    format_version: int = FORMAT_VERSION
    kind: EntryKind = "extraction"
    entity: str
    number: int
    extraction_id: str
    query: str
    query_fingerprint: str
    mode: Literal["incremental", "full"]
    source_system: str
    load_day: date
    extracted_at: datetime
    run_id: str
    file_format: Literal["parquet", "json"]
    columns: tuple[ColumnSpec, ...]
    files: tuple[BronzeFile, ...]
    watermark_column: str | None = None
    coverage: Coverage | None = None
    moves_watermark: bool = False
    complete: bool = True
    rows_read: int
    rows_landed: int
    rows_known: int
    rows_dropped: int = 0
    rows_deleted: int = 0
    rows_above_bound: int | None = None
    rows_null_watermark: int | None = None
    null_rows_landed: int = 0
    rule_failures: dict[str, int] = {}
    schema_changes: tuple[str, ...] = ()
    schema_diff: Diff = ()
    arrived: Arrived | None = None
    by: str = ""
    reason: str = ""
    supersedes: dict[int, str] = {}
    withdraws: int | None = None

    @property
    def has_rows(self) -> bool:
        """Whether it is of a kind that brings rows, if only none this time."""
        return self.kind in {"extraction", "arrival", "comparison", "correction"}

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def schema(self) -> ibis.Schema:
        """The columns of the files: the source's, then the platform's."""
        own: dict[str, Any] = {column.name: column.type for column in self.columns}
        return ibis.schema(own | PLATFORM_COLUMNS)

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def day_folder(load_day: date, partition_by: str, *, extracted_at: datetime) -> str:
    """Where in an entity's folder an attempt writes: `year=2024/month=03/day=01`, '' for `none`.

    hour: of the extraction, as one load day may have many.
    """
    parts = [f"year={load_day:%Y}", f"month={load_day:%m}", f"day={load_day:%d}", f"hour={extracted_at:%H}"]
    return "/".join(parts[: {"none": 0, "month": 2, "date": 3, "hour": 4}[partition_by]])

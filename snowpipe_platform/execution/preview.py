"""What a run would do, decided without doing it.

No lease is taken and nothing is written; the source is asked for its clock, its columns and counts. A step that stands
on others of the same run cannot be known before they have run: its numbers are then a lower bound, or unknown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.outcome import Step
from snowpipe_platform.execution.plan import Operation
from snowpipe_platform.records import LakeFile
from snowpipe_platform.spec.manifest import Manifest

NOBODY = RunIdentity(run_id="plan", job="snowpipe plan")
"""Who would run it: recorded nowhere."""


class Certainty(StrEnum):
    """What a number is worth. at_least: what steps above it bring comes on top."""

    EXACT = "exact"
    AT_LEAST = "at_least"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Volume:
    """Files, their rows and their bytes."""

    files: int = 0
    rows: int = 0
    size_bytes: int = 0

    def __add__(self, other: "Volume") -> "Volume":
        return Volume(self.files + other.files, self.rows + other.rows, self.size_bytes + other.size_bytes)

    @classmethod
    def of(cls, files: Iterable[LakeFile]) -> "Volume":
        found = list(files)
        return cls(len(found), sum(file.rows for file in found), sum(file.size_bytes for file in found))

    @classmethod
    def of_manifests(cls, manifests: Iterable[Manifest]) -> "Volume":
        files = [file for manifest in manifests for file in manifest.files]
        return cls(len(files), sum(file.rows for file in files), sum(file.size_bytes for file in files))


@dataclass(frozen=True)
class ExtractionPreview:
    """One day's extraction. lower, upper: its bounds as texts, None for a snapshot, a lower None for the beginning.

    kind: live extends coverage, backfill reads a window again. rows: the source has within the bounds, None when they
    were not counted. compared_with: numbers of the landed manifests that may hold some of them. problem: why it fails.
    """

    step: Step
    kind: Literal["live", "backfill", "snapshot", "unknown"]
    lower: str | None = None
    upper: str | None = None
    rows: int | None = None
    certainty: Certainty = Certainty.EXACT
    compared_with: tuple[int, ...] = ()
    schema_changes: tuple[str, ...] = ()
    problem: str = ""
    blocked_by: str | None = None

    @property
    def may_bring_rows(self) -> bool:
        """A snapshot without a row brings deletes."""
        if self.problem or self.blocked_by:
            return False
        return self.kind == "snapshot" or self.rows != 0 or self.certainty is not Certainty.EXACT


@dataclass(frozen=True)
class InputChange:
    """Rows of an input that the table has not taken in: as they were before, None where there is no before, and as they
    are now."""

    table: str
    before: int | None
    after: int


@dataclass(frozen=True)
class TablePreview:
    """One table's run. after: steps above that may change what it reads. keys: scope values that changed inputs touch.

    read: files of what it reads. removed: its own files whose rows are written anew, or go; partitions: of them.
    appended: rows that come on top as far as they are landed, None where only the run can tell; at_most: with all the
    rows that the extractions above read, None where that is no bound. seconds: about what it takes, None where nothing
    is known; is_recorded: as its commits recorded it, else worked out from the bytes.
    """

    step: Step
    operation: Operation
    reason: str
    certainty: Certainty = Certainty.EXACT
    after: tuple[str, ...] = ()
    inputs: tuple[InputChange, ...] = ()
    keys: int | None = None
    read: Volume = Volume()
    removed: Volume = Volume()
    partitions: int | None = None
    appended: int | None = None
    at_most: int | None = None
    seconds: float | None = None
    is_recorded: bool = False
    problem: str = ""
    blocked_by: str | None = None

    @property
    def may_bring_rows(self) -> bool:
        """Whether what reads it may find it changed."""
        if self.problem or self.blocked_by:
            return False
        brings = self.operation in {"replace_touched", "replace_date", "replace_all"} or bool(self.appended)
        return bool(self.after) or brings


Preview = ExtractionPreview | TablePreview

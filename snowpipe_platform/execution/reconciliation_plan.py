"""What one load day is held against, and what was found. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from snowpipe_platform.execution.extraction_interval import next_start
from snowpipe_platform.spec.bronze_log import cut_days, landings, standing
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.ranges import NO_RANGE, Ranges
from snowpipe_platform.spec.reach import Reach, reach_of, reads_source
from snowpipe_platform.spec.watermark import Interval, Watermark, WatermarkKind, encode

RECENT_DAYS = 7
"""Load days that are reconciled when nobody names any: a week, which a weekly check sees whole."""
NAMED_KEYS = 5


@dataclass(frozen=True)
class Waiting:
    """Watermarks that a later run reads in any case. start: what the next live run reads first, None for all of the
    source. holes: what was withdrawn and is to be read again."""

    start: Watermark | None
    holes: Ranges = NO_RANGE

    def holds(self, value: Watermark | None) -> bool:
        """Live runs read all rows without a watermark, or none of them."""
        if value is None or self.start is None or value >= self.start:  # type: ignore[operator]
            return True
        return any(each.meets(value, value) for each in self.holes.intervals)


@dataclass(frozen=True)
class DayWindow:
    """One load day of one entity. entries: those that bring rows and count.

    kind: of the watermark, None for a snapshot. intervals: what its extractions covered, in order, without what a
    person skipped; none of a snapshot. nulls: whether they also read the rows without a watermark. is_cut: more of its
    rows wait, as `max_batches` ended the last run.
    """

    query: Query
    load_day: date
    entries: tuple[Manifest, ...]
    kind: WatermarkKind | None = None
    intervals: tuple[Interval, ...] = ()
    nulls: bool = False
    waiting: Waiting = Waiting(None)
    is_cut: bool = False


def plan_day(query: Query, day: date, log: Sequence[Manifest], kind: WatermarkKind | None) -> DayWindow:
    """kind: of the query's watermark as the source has it; None for a snapshot."""
    entries = tuple(entry for entry in standing(log) if entry.load_day == day)
    if kind is None:
        return DayWindow(query, day, entries)
    own = [entry for entry in log if entry.query == query.name]
    reach, column = reach_of(own).in_kind(kind), (query.watermark_column or "").lower()
    read = [e for e in entries if e.query == query.name and reads_source(e) and e.watermark_column == column]
    covered = Ranges.of(each for entry in read for each in _covered(entry, kind))
    holes = Ranges.of(each for hole in reach.holes if hole.rest is not None for each in hole.rest.intervals)
    return DayWindow(
        query,
        day,
        entries,
        kind,
        covered.without(reach.skipped).intervals,
        nulls=query.on_null_watermark == "include" and any(entry.rows_null_watermark is not None for entry in read),
        waiting=Waiting(next_start(query, kind, own), holes),
        is_cut=day in cut_days(own),
    )


def landed_days(log: Sequence[Manifest]) -> list[date]:
    """Load days that have rows, or had an extraction that found none; oldest first."""
    return sorted({entry.load_day for entry in landings(log)})


def _covered(entry: Manifest, kind: WatermarkKind) -> tuple[Interval, ...]:
    """In the column's present kind. A date and an instant stand for each other; of a number nothing is known."""
    if entry.coverage is None:
        return ()
    before = Reach(entry.coverage.kind, covered=Ranges.of([entry.coverage.interval]))
    return before.in_kind(kind).covered.intervals


class Part(StrEnum):
    """What is compared with what."""

    FILES = "files"
    """A file of bronze with what was written into it."""
    SOURCE = "source"
    """The source's rows of the window with bronze."""
    SILVER = "silver"
    """Bronze with the rows of a changes table, accepted, quarantined or given up."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Rows that are not where they should be. where: the file, the window or the table. what: what is said
    of the rows. rows: all of them. keys: of the first few; without a primary key what is in them.
    mend: the command."""

    part: Part
    where: str
    what: str
    rows: int
    keys: tuple[str, ...]
    mend: str

    @property
    def sentence(self) -> str:
        """`3 rows at the source and not in bronze`."""
        return f"{self.rows:,} row{'s' if self.rows != 1 else ''} {self.what}"

    @property
    def advice(self) -> str:
        """What the command does."""
        if self.mend.startswith("snowpipe compare"):
            return "compare the keys, which closes and opens them"
        return {
            Part.FILES: "restore the file from a backup, or take its entry back and run its day again",
            Part.SOURCE: "read the source again",
            Part.SILVER: "make the table anew from bronze",
        }[self.part]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What comparing found.

    source_rows: read of the window. pending: rows of the source that a later run reads in any case. unconsumed: rows of
    bronze that a changes table has not taken in yet. kept_out: by a rule of the query, and in the dead letters.
    elsewhere: keys whose row is in another window now. gone: rows without a key that the source does not have any more.
    missing: intervals with rows that bronze lacks. notes: what was not compared, and why.
    """

    files: int = 0
    rows: int = 0
    source_rows: int = 0
    pending: int = 0
    unconsumed: int = 0
    kept_out: int = 0
    elsewhere: int = 0
    gone: int = 0
    differences: tuple[Difference, ...] = ()
    missing: tuple[Interval, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: "Found") -> "Found":
        return Found(**{name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class Reconciled:
    """One load day of one entity, held against its files, its source and its changes tables. reconciled_at: by the
    source's clock, UTC."""

    window: DayWindow
    reconciled_at: datetime
    found: Found = field(default_factory=Found)

    @property
    def entity(self) -> str:
        return self.window.query.entity

    @property
    def load_day(self) -> date:
        return self.window.load_day

    @property
    def agrees(self) -> bool:
        return not self.found.differences

    @property
    def mendable(self) -> tuple[Interval, ...]:
        """What reading the source again brings. A day that waits for rows is run first: another extraction of it would
        hide that it waits."""
        return () if self.window.is_cut else self.found.missing

    @property
    def summary(self) -> str:
        """One sentence for a person."""
        if self.agrees:
            return "the source, bronze and silver agree"
        return "; ".join(one.sentence for one in self.found.differences)


def told(interval: Interval | None) -> str:
    """`[2024-03-01T00:00:00.000000, 2024-03-02T00:00:00.000000)`."""
    if interval is None:
        return "rows without a watermark"
    return f"[{encode(interval.lower) or 'beginning'}, {encode(interval.upper)})"

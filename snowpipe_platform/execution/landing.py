"""Carry out one extraction attempt: read, recognise, write files. The manifest is returned, not committed."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.execution.bronze_rows import ReadRows, read_rows, refuse_failures, tombstones
from snowpipe_platform.execution.extraction_plan import ExtractionPlan
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.log_entry import landed_entry
from snowpipe_platform.execution.row_files import RowFiles, Tally, letters, parsed
from snowpipe_platform.execution.source_read import SourceRead
from snowpipe_platform.execution.whole_ties import whole_ties
from snowpipe_platform.ports import BronzeAttempt, Recognizer
from snowpipe_platform.records import Landed
from snowpipe_platform.spec.manifest import NANOSECONDS, Coverage, Manifest
from snowpipe_platform.spec.watermark import Watermark, encode

Progress = Callable[[int], None]
"""Told the rows read so far."""


class _Landing:
    """One attempt under way."""

    def __init__(self, plan: ExtractionPlan, ground: Ground, attempt: BronzeAttempt, recognizer: Recognizer) -> None:
        self._plan, self._ground, self._recognizer = plan, ground, recognizer
        self.files, self.tally = RowFiles(plan, attempt), Tally()
        self.end: Watermark | None = None
        """Where `max_batches` cut the interval: everything below is landed. None when nothing was cut."""
        self._full_at: Watermark | None = None

    def read(self, read: SourceRead, progress: Progress) -> None:
        """Land one statement's rows; none of a later part of the interval once it is cut."""
        if self.end is not None and not read.nulls:
            return
        for batch in self._batches(read):
            rows, (new, dropped) = batch, batch.parted(self._recognizer.new_rows(batch.batch).rows)
            end = self._end(new, read)
            if end is not None:
                rows = rows.where(self._below(rows.rows, end))
                new, dropped = (part.filter(self._below(part, end)) for part in (new, dropped))
            self._land(rows, new, dropped, nulls=read.nulls)
            progress(self.tally.read)
            if end is not None:
                self.end = end
                break
        self.files.finish()

    def _batches(self, read: SourceRead) -> Iterator[ReadRows]:
        """The statement's rows; with a key, those of one watermark and key in one batch."""
        batches = self._read(read, start=self.tally.read)
        if not self._plan.query.primary_key:
            return batches
        tie = [name.lower() for name in self._plan.query.primary_key]
        if self._plan.watermark is not None:
            tie = [self._plan.watermark, NANOSECONDS, *tie]
        return whole_ties(batches, tie, at_most=self._plan.query.batch_size)

    def _read(self, read: SourceRead, *, start: int) -> Iterator[ReadRows]:
        for batch in self._ground.warehouse.stream(read.sql, read.parameters):
            yield read_rows(self._plan, batch, start=start, nulls=read.nulls)
            start += batch.num_rows

    def delete_missing(self) -> None:
        """Land a tombstone for every key that the snapshot no longer has."""
        for keys in self._recognizer.missing_keys():
            self.files.add(tombstones(self._plan, keys, start=self.tally.read + self.tally.deleted))
            self.tally.deleted += keys.num_rows
        self.files.finish()

    def _land(self, read: ReadRows, new: pa.Table, dropped: pa.Table, *, nulls: bool) -> None:
        refuse_failures(self._plan, read)
        self.files.add(new)
        self.tally.add(read, landed=new.num_rows, dropped=dropped.num_rows, nulls=new.num_rows if nulls else 0)
        if dropped.num_rows:
            self._ground.dead_letters.put(*letters(self._plan, read, dropped))

    def _end(self, new: pa.Table, read: SourceRead) -> Watermark | None:
        """Where to cut: above the watermark at which `max_batches` are full. Its tie is landed whole, so that the cut
        is a clean bound. A snapshot and the rows without a watermark are each one tie.
        """
        limit, size = self._plan.query.max_batches, self._plan.query.batch_size
        if limit is None or self._plan.watermark is None or read.nulls:
            return None
        room = limit * size - self.tally.landed
        if self._full_at is None and new.num_rows >= room:
            self._full_at = self._watermark_at(new, room - 1)
        if self._full_at is None:
            return None
        above = new.filter(pc.invert(self._below(new, self._full_at, or_equal=True)))
        return self._watermark_at(above, 0) if above.num_rows else None

    def _below(self, rows: pa.Table, bound: Watermark, *, or_equal: bool = False) -> pa.Array:
        column = rows[self._plan.watermark].combine_chunks()
        value = int(bound) if pa.types.is_integer(column.type) and isinstance(bound, Decimal) else bound
        return (pc.less_equal if or_equal else pc.less)(column, pa.scalar(value, column.type))

    def _watermark_at(self, rows: pa.Table, index: int) -> Watermark:
        return parsed(self._plan, rows[self._plan.watermark][index].as_py())


def land(plan: ExtractionPlan, ground: Ground, attempt: BronzeAttempt, *, progress: Progress) -> Manifest:
    """Read everything the plan asks for into the attempt's files, and rows that rules keep out into the dead letters.

    Raises SourceError or TransientSourceError.
    """
    locations = {file.path: ground.bronze.locate(file) for m in plan.candidates for file in m.files}
    key = [name.lower() for name in plan.query.primary_key]
    landed = Landed(plan.candidates, locations)
    recognizer = ground.recognizer(schema=plan.schema, key=key, watermark=plan.watermark, landed=landed)
    try:
        landing = _Landing(plan, ground, attempt, recognizer)
        for read in plan.reads:
            landing.read(read, progress)
        if plan.bounds is None:
            landing.delete_missing()
    finally:
        recognizer.close()
    return _manifest(plan, ground, landing)


def _coverage(plan: ExtractionPlan, end: Watermark | None) -> Coverage | None:
    if plan.bounds is None or plan.bounds.interval.is_empty:
        return None
    asked = plan.bounds.interval.upper
    upper = asked if end is None else end
    return Coverage(
        kind=plan.bounds.kind,
        lower=encode(plan.bounds.interval.lower),
        upper=encode(upper) or "",
        asked_upper=None if end is None else encode(asked),
    )


def _manifest(plan: ExtractionPlan, ground: Ground, landing: _Landing) -> Manifest:
    coverage = _coverage(plan, landing.end)
    return landed_entry(
        plan,
        landing.files.written,
        landing.tally,
        coverage=coverage,
        moves_watermark=plan.bounds is not None and coverage is not None and plan.bounds.moves(coverage.interval.upper),
        complete=landing.end is None,
        rows_above_bound=_count(ground, plan.above_bound),
        rows_null_watermark=_count(ground, plan.null_count),
    )


def _count(ground: Ground, read: SourceRead | None) -> int | None:
    return None if read is None else int(str(ground.warehouse.scalar(read.sql, read.parameters)))

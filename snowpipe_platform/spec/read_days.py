"""Which days a query has read to their end, by its log."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from snowpipe_platform.spec.analysis_dates import end_of
from snowpipe_platform.spec.bronze_log import extracted_days, incomplete_days, standing
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.reach import reach_of, reads_source
from snowpipe_platform.spec.watermark import WatermarkKind


def read_at(log: Sequence[Manifest], day: date) -> datetime | None:
    """When, by the source's clock, an extraction that counts first read to the day's end, whichever load day it was
    for. None: none has, the day waits for rows, or the watermark tells no day, as a number and a snapshot do not.

    log: of one query.
    """
    if day in incomplete_days(log):
        return None
    return min((entry.extracted_at for entry in standing(log) if _reads_to_end(entry, day)), default=None)


def unread_days(log: Sequence[Manifest], *, last: date) -> list[date]:
    """Days up to `last`, from the first load day on, that are not read to their end; oldest first. What a person
    skipped is not to be read. Where the watermark tells no day, the days that wait for rows. log: of one query."""
    waiting = {day for day in incomplete_days(log) if day <= last}
    return sorted(waiting | {day for day in _ahead(log, last) if not _is_read(log, day)})


def _ahead(log: Sequence[Manifest], last: date) -> list[date]:
    """Days that live runs have not covered in one piece: after a withdrawal or a rewind, some of them are read."""
    reach, extracted = reach_of(log), extracted_days(log)
    if not extracted or reach.kind in {None, WatermarkKind.NUMBER}:
        return []
    first, reached = min(extracted), reach.watermark
    if isinstance(reached, date):
        first = max(first, reached.date() if isinstance(reached, datetime) else reached)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _is_read(log: Sequence[Manifest], day: date) -> bool:
    return any(_reads_to_end(entry, day) for entry in standing(log))


def _reads_to_end(entry: Manifest, day: date) -> bool:
    if not reads_source(entry) or entry.coverage is None or entry.coverage.kind is WatermarkKind.NUMBER:
        return False
    interval, end = entry.coverage.interval, entry.coverage.kind.at(end_of(day))
    return (interval.lower is None or interval.lower < end) and end <= interval.upper  # type: ignore[operator]

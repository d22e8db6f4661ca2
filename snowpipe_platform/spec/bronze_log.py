"""What an entity's whole log says: which entries count, how far coverage reaches, which load days wait."""

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.datatypes as dt

from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.reach import reach_of, reads_source
from snowpipe_platform.spec.schema_change import widest
from snowpipe_platform.spec.watermark import Watermark, touches


def withdrawn(log: Sequence[Manifest]) -> frozenset[int]:
    """Numbers of the entries that do not count any more."""
    return frozenset(entry.withdraws for entry in log if entry.withdraws is not None)


def standing(log: Sequence[Manifest]) -> list[Manifest]:
    """The entries that bring rows and still count."""
    gone = withdrawn(log)
    return [entry for entry in log if entry.has_rows and entry.number not in gone]


def landings(log: Sequence[Manifest]) -> list[Manifest]:
    """The extractions, arrivals and comparisons that still count: every row that counts is one of theirs, or a
    correction of it."""
    return [entry for entry in standing(log) if entry.kind != "correction"]


def all_columns(log: Sequence[Manifest]) -> ibis.Schema:
    """The source columns the entity ever had, each in the widest of its types."""
    columns: dict[str, dt.DataType] = {}
    for column in (column for entry in log for column in entry.columns):
        found = ibis.dtype(column.type)
        columns[column.name] = widest(columns[column.name], found) if column.name in columns else found
    return ibis.schema(columns)


def watermark_column(log: Sequence[Manifest]) -> str | None:
    """Bronze's name of the watermark of the latest extraction; None for a snapshot."""
    return next((entry.watermark_column for entry in reversed(log) if entry.kind == "extraction"), None)


def last_extraction(log: Sequence[Manifest]) -> Manifest | None:
    """The latest entry that counts of those that read the source: its columns are the source's as they were known."""
    return next((entry for entry in reversed(standing(log)) if reads_source(entry)), None)


def extracted_days(log: Sequence[Manifest]) -> frozenset[date]:
    """Load days with an extraction's entry, whether it counts or not. A snapshot that brought nothing left none."""
    return frozenset(entry.load_day for entry in log if reads_source(entry))


def days_without_extraction(log: Sequence[Manifest]) -> frozenset[date]:
    """Load days that dropped files or key comparisons have entries for, and no extraction."""
    return frozenset(e.load_day for e in log if e.kind in {"arrival", "comparison"}) - extracted_days(log)


def live_watermark(log: Sequence[Manifest]) -> Watermark | None:
    """The end of contiguous coverage: how far live runs have read without a hole, or where a person set it.

    What was withdrawn leaves a hole: coverage ends before it, though later runs have read on. log: of one query.
    """
    return reach_of(log).watermark


def incomplete_days(log: Sequence[Manifest]) -> list[date]:
    """Load days, oldest first, that wait for rows: `cut_days` and `withdrawn_days`."""
    return sorted({*cut_days(log), *withdrawn_days(log)})


def withdrawn_days(log: Sequence[Manifest]) -> list[date]:
    """Load days, oldest first, of withdrawn extractions whose part of the source no later run has read."""
    queries = {entry.query for entry in log if entry.withdraws is not None}
    reached = (reach_of([entry for entry in log if entry.query == query]) for query in queries)
    return sorted({hole.load_day for reach in reached for hole in reach.holes})


def cut_days(log: Sequence[Manifest]) -> list[date]:
    """Load days, oldest first, whose latest extraction stopped at `max_batches` and whose rest no later one covered."""
    gone = withdrawn(log)
    read = [entry for entry in log if reads_source(entry) and entry.number not in gone]
    last = {entry.load_day: position for position, entry in enumerate(read)}
    return sorted(day for day, position in last.items() if not _is_covered(read[position], read[position + 1 :]))


def _is_covered(cut: Manifest, later: Sequence[Manifest]) -> bool:
    """Whether `[cut.upper, cut.asked_upper)` was read after all, by runs of other load days."""
    if cut.complete or cut.coverage is None or cut.coverage.asked_upper is None:
        return cut.complete
    kind, reached = cut.coverage.kind, cut.coverage.interval.upper
    for manifest in later:
        if manifest.query == cut.query and manifest.coverage is not None and manifest.coverage.kind is kind:
            interval = manifest.coverage.interval
            reached = interval.upper if touches(reached, interval) else reached
    return reached >= kind.parse(cut.coverage.asked_upper)  # type: ignore[operator]

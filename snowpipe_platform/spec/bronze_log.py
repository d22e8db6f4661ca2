"""What an entity's whole log says: which entries count, how far coverage reaches, which load days wait."""

from collections.abc import Sequence
from datetime import date

from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.reach import reach_of, reads_source
from snowpipe_platform.spec.watermark import Watermark, touches


def withdrawn(log: Sequence[Manifest]) -> frozenset[int]:
    """Numbers of the entries that do not count any more."""
    return frozenset(entry.withdraws for entry in log if entry.withdraws is not None)


def standing(log: Sequence[Manifest]) -> list[Manifest]:
    """The entries that bring rows and still count."""
    gone = withdrawn(log)
    return [entry for entry in log if entry.has_rows and entry.number not in gone]


def images(log: Sequence[Manifest]) -> list[Manifest]:
    """The entries whose rows are what a source row looked like: what an extraction compares with."""
    return [entry for entry in standing(log) if entry.kind in {"extraction", "arrival"}]


def last_extraction(log: Sequence[Manifest]) -> Manifest | None:
    """The latest entry that counts of those that read the source: its columns are the source's as they were known."""
    return next((entry for entry in reversed(standing(log)) if reads_source(entry)), None)


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

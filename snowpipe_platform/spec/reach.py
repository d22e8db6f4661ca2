"""How far the runs of a query have read, entry by entry of its log: what is covered, skipped, or to be read again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from snowpipe_platform.spec.manifest import Coverage, Manifest
from snowpipe_platform.spec.ranges import NO_RANGE, Ranges
from snowpipe_platform.spec.watermark import Interval, Watermark, WatermarkKind, encode


@dataclass(frozen=True)
class Hole:
    """What a withdrawn entry had read for its load day, and no later run has. rest None: a whole snapshot."""

    number: int
    load_day: date
    rest: Ranges | None


@dataclass(frozen=True)
class Reach:
    """What has been read of a query, as of one entry of its log.

    covered: by live runs, what was skipped included; everything below the first run's start counts as covered. It is in
    one piece unless something was withdrawn. begin: where the first run started; None for the source's beginning.
    skipped: what a person left out, which no run reads. holes: what was withdrawn and waits to be read again.
    """

    kind: WatermarkKind | None = None
    begin: Watermark | None = None
    covered: Ranges = NO_RANGE
    skipped: Ranges = NO_RANGE
    holes: tuple[Hole, ...] = ()

    @property
    def watermark(self) -> Watermark | None:
        """The live watermark: the end of contiguous coverage. None when a live run has everything to read."""
        return next((each.upper for each in self.covered.intervals if each.lower is None), None)

    def in_kind(self, kind: WatermarkKind) -> "Reach":
        """As the column counts now. A date and an instant stand for each other; of a number nothing is known."""
        if self.kind in (None, kind):
            return replace(self, kind=kind)
        if WatermarkKind.NUMBER in (self.kind, kind):
            return Reach(kind)

        def change(value: Watermark) -> Watermark:
            return kind.parse(encode(value))

        return Reach(
            kind,
            None if self.begin is None else change(self.begin),
            self.covered.each_bound(change),
            self.skipped.each_bound(change),
            tuple(replace(h, rest=None if h.rest is None else h.rest.each_bound(change)) for h in self.holes),
        )


def reach_of(log: Sequence[Manifest]) -> Reach:
    """As of the last entry. log: of one query."""
    found = Reach()
    for _, found in reaches(log):  # noqa: B007 - the last one
        pass
    return found


def reaches(log: Sequence[Manifest]) -> Iterator[tuple[Manifest, Reach]]:
    """Each entry, and what has been read once it counts. log: of one query."""
    entries = {entry.number: entry for entry in log}
    starts: dict[int, Watermark | None] = {}
    reach = Reach()
    for entry in log:
        if entry.kind == "watermark" and entry.coverage is not None:
            reach = _moved(reach, entry.coverage)
        elif entry.withdraws is not None and entry.withdraws in entries:
            reach = _without(reach, entries[entry.withdraws], starts)
        elif reads_source(entry):
            if entry.coverage is not None:
                reach = reach.in_kind(entry.coverage.kind)
            starts[entry.number] = reach.watermark
            reach = _read(reach, entry)
        yield entry, reach


def reads_source(entry: Manifest) -> bool:
    """Whether a run read the source, and did not land what a person took from elsewhere."""
    return entry.kind == "extraction" and not entry.by


def _read(reach: Reach, entry: Manifest) -> Reach:
    """A backfill fills holes and covers nothing else."""
    if entry.coverage is None:
        return replace(reach, holes=tuple(hole for hole in reach.holes if hole.rest is not None))
    interval = entry.coverage.interval
    holes = _filled((hole for hole in reach.holes if hole.rest is not None), interval)
    if not entry.moves_watermark:
        return replace(reach, holes=holes)
    if reach.watermark is not None:
        return replace(reach, covered=reach.covered.add(interval), holes=holes)
    covered = reach.covered.add(Interval(None, interval.upper))
    return replace(reach, begin=interval.lower, covered=covered, holes=holes)


def _filled(holes: Iterable[Hole], interval: Interval) -> tuple[Hole, ...]:
    """What is left of the holes once the interval is read, or is not to be."""
    left = (replace(hole, rest=None if hole.rest is None else hole.rest.remove(interval)) for hole in holes)
    return tuple(hole for hole in left if hole.rest is None or hole.rest.intervals)


def _moved(reach: Reach, coverage: Coverage) -> Reach:
    """Where a person set it: forward skips what lies between, backward takes up again what had been skipped there."""
    reach, to = reach.in_kind(coverage.kind), coverage.interval.upper
    at, between = reach.watermark, Interval(reach.watermark, to)
    begin = to if at is None else None if reach.begin is None else min(reach.begin, to)
    is_back = at is not None and to < at  # type: ignore[operator]
    return Reach(
        reach.kind,
        begin,
        covered=Ranges((Interval(None, to),)),
        skipped=reach.skipped.below(to) if is_back else reach.skipped.add(between),
        holes=_filled(reach.holes, between),
    )


def _without(reach: Reach, gone: Manifest, starts: Mapping[int, Watermark | None]) -> Reach:
    """What a withdrawn run read is to be read again: from where coverage ended before it, or its lowest row if that is
    lower. Later runs that read past it took the rows that are gone now for landed.
    """
    if not reads_source(gone):
        return reach
    if gone.coverage is None:
        return replace(reach, holes=(*reach.holes, Hole(gone.number, gone.load_day, None)))
    kind, interval = gone.coverage.kind, gone.coverage.interval
    start = starts[gone.number] if gone.moves_watermark else interval.lower
    marks = [kind.parse(file.watermark_min) for file in gone.files if file.watermark_min is not None]
    lower = None if start is None else min([start, *marks])
    read = Reach(kind, covered=Ranges.of([Interval(lower, interval.upper)])).in_kind(reach.kind or kind).covered
    holes = (*reach.holes, Hole(gone.number, gone.load_day, read)) if read.intervals else reach.holes
    if lower is not None and reach.begin is not None:
        read = read.remove(Interval(None, reach.begin))
    return replace(reach, covered=reach.covered.without(read), holes=holes)

"""Which watermarks one extraction covers. Pure, but for a numeric source's highest value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import ibis.expr.datatypes as dt

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.spec.bronze_log import standing
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.ranges import NO_RANGE, Ranges
from snowpipe_platform.spec.reach import Reach, reach_of, reads_source
from snowpipe_platform.spec.watermark import Interval, Watermark, WatermarkKind, at_scale, latest, touches


@dataclass(frozen=True)
class Window:
    """What was asked for: the load day, or a part of it that is over at `end`; or exactly these watermarks, whatever
    was read before, which moves no live watermark."""

    load_day: date
    end: datetime | None = None
    exactly: Interval | None = None

    @property
    def start(self) -> datetime:
        return datetime(self.load_day.year, self.load_day.month, self.load_day.day)  # noqa: DTZ001 - naive UTC

    @property
    def until(self) -> datetime:
        return self.end if self.end is not None else self.start + timedelta(days=1)


@dataclass(frozen=True)
class Bounds:
    """The interval of one run. live: how far contiguous coverage reached before. is_live: the run extends it. skipped:
    what a person left out, which no run reads."""

    kind: WatermarkKind
    interval: Interval
    live: Watermark | None
    is_live: bool
    skipped: Ranges = NO_RANGE

    @property
    def parts(self) -> tuple[Interval, ...]:
        """What of the interval is read, in order."""
        return Ranges.of([self.interval]).without(self.skipped).intervals

    def moves(self, reached: Watermark) -> bool:
        """Whether covering the interval up to `reached` extends contiguous coverage."""
        return self.is_live and (self.live is None or touches(self.live, Interval(self.interval.lower, reached)))


def decide_bounds(  # noqa: PLR0913 - everything an interval depends on
    query: Query,
    window: Window,
    own: Sequence[Manifest],
    *,
    clock: datetime,
    dtype: dt.DataType,
    highest: Callable[[], object],
) -> Bounds:
    """The interval of a run. own: the query's manifests. highest: reads a numeric source's greatest watermark.

    A run whose window ends after the live watermark is live; any other is a backfill of its window, and so is one that
    is told exactly what to read.
    """
    kind = WatermarkKind.of(dtype, column=query.watermark_column or "")
    _check_lookback(query, kind)
    reach = _reach(query, kind, own)
    live = reach.watermark
    if window.exactly is not None:
        return Bounds(kind, window.exactly, live, is_live=False, skipped=reach.skipped)
    if kind is WatermarkKind.NUMBER:
        scale = dtype.scale or 0 if dtype.is_decimal() else 0
        hole = _numeric_hole(query, window, own, reach, clock)
        interval = hole or _numeric_interval(lower_bound(query, kind, own, live), highest(), scale)
        return Bounds(kind, interval, live, is_live=True, skipped=reach.skipped)
    upper = kind.at(min(window.until, clock - query.safety_lag))
    is_live = live is None or live < kind.at(window.until)  # type: ignore[operator]
    lower = lower_bound(query, kind, own, live) if is_live else kind.at(window.start)
    return Bounds(kind, Interval(lower, upper), live, is_live=is_live, skipped=reach.skipped)


def _numeric_interval(lower: Watermark | None, highest: object, scale: int) -> Interval:
    """Numbers have no clock: everything up to the greatest there is at the start."""
    lower = at_scale(lower, scale) if isinstance(lower, Decimal) else None
    if highest is None:
        nothing = lower or Decimal(0)
        return Interval(nothing, nothing)
    return Interval(lower, WatermarkKind.NUMBER.next(at_scale(Decimal(str(highest)), scale)))


def lower_bound(query: Query, kind: WatermarkKind, own: Sequence[Manifest], live: Watermark | None) -> Watermark | None:
    """Where a live run starts, None for the beginning: the end of coverage minus the lookback, and never after the
    newest row an extraction landed, as its tie may have grown since."""
    if live is None:
        return None if query.initial_value is None else _initial(query, kind)
    read = (entry for entry in standing(own) if reads_source(entry))
    newest = latest(kind.parse(f.watermark_max) for entry in read for f in entry.files if f.watermark_max is not None)
    back = kind.earlier(live, query.lookback)
    return back if newest is None else min(back, newest)


def next_start(query: Query, kind: WatermarkKind, own: Sequence[Manifest]) -> Watermark | None:
    """The first watermark that the next live run reads; None for the source's beginning."""
    reach = reach_of(own).in_kind(kind)
    lower = lower_bound(query, kind, own, reach.watermark)
    return None if lower is None else reach.skipped.first_outside(lower)


def _initial(query: Query, kind: WatermarkKind) -> Watermark:
    try:
        return kind.parse(query.initial_value)
    except ConfigurationError as error:
        msg = f"query {query.name!r}: initial_value {error}, as its watermark is."
        raise ConfigurationError(msg) from error


def _reach(query: Query, kind: WatermarkKind, own: Sequence[Manifest]) -> Reach:
    """What was read, as the column's present type counts. Raises ConfigurationError for another column's."""
    column = (query.watermark_column or "").lower()
    counted = (entry for entry in reversed(standing(own)) if reads_source(entry))
    before = next((entry.watermark_column for entry in counted if entry.watermark_column not in (None, column)), None)
    reach = reach_of(own)
    is_other = WatermarkKind.NUMBER in (kind, reach.kind) and kind is not (reach.kind or kind)
    if before is not None or (reach.watermark is not None and is_other):
        was = repr(before) if before is not None else "of another kind"
        msg = (
            f"query {query.name!r}: the watermark is now the {kind.value} {column!r}, was {was}: what was covered "
            "cannot be compared. Restore it, or give the query a new entity."
        )
        raise ConfigurationError(msg)
    return reach.in_kind(kind)


def _numeric_hole(
    query: Query, window: Window, own: Sequence[Manifest], reach: Reach, clock: datetime
) -> Interval | None:
    """What was withdrawn of an earlier load day, for a run of that day; None for a run of the latest.

    Raises ConfigurationError for any other earlier day.
    """
    days = [entry.load_day for entry in own if reads_source(entry)]
    if not days or window.load_day >= days[-1]:
        return None
    for hole in reach.holes:
        if hole.load_day == window.load_day and hole.rest is not None:
            return hole.rest.intervals[0]
    msg = (
        f"query {query.name!r}: a numeric watermark has no days, so {window.load_day} cannot be backfilled. "
        f"Run the current day ({clock:%Y-%m-%d}) to land what is new."
    )
    raise ConfigurationError(msg)


def _check_lookback(query: Query, kind: WatermarkKind) -> None:
    is_number = isinstance(query.lookback, Decimal)
    if query.lookback and is_number != (kind is WatermarkKind.NUMBER):
        wanted = "a number" if kind is WatermarkKind.NUMBER else "a duration such as '2h'"
        msg = f"query {query.name!r}: lookback must be {wanted}, because its watermark is a {kind.value}."
        raise ConfigurationError(msg)

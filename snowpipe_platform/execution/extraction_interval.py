"""Which watermarks one extraction covers. Pure, but for a numeric source's highest value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import ibis.expr.datatypes as dt

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.spec.bronze_log import live_watermark
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.watermark import Interval, Watermark, WatermarkKind, at_scale, encode, latest, touches


@dataclass(frozen=True)
class Window:
    """What was asked for: the load day, or a part of it that is over at `end`."""

    load_day: date
    end: datetime | None = None

    @property
    def start(self) -> datetime:
        return datetime(self.load_day.year, self.load_day.month, self.load_day.day)  # noqa: DTZ001 - naive UTC

    @property
    def until(self) -> datetime:
        return self.end if self.end is not None else self.start + timedelta(days=1)


@dataclass(frozen=True)
class Bounds:
    """The interval of one run. live: how far contiguous coverage reached before. is_live: the run extends it."""

    kind: WatermarkKind
    interval: Interval
    live: Watermark | None
    is_live: bool

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

    A run whose window ends after the live watermark is live; any other is a backfill of its window.
    """
    kind = WatermarkKind.of(dtype, column=query.watermark_column or "")
    _check_lookback(query, kind)
    live = _live(query, kind, own)
    if kind is WatermarkKind.NUMBER:
        _refuse_backfill(query, window, own, clock)
        scale = dtype.scale or 0 if dtype.is_decimal() else 0
        return _numeric(query, own, live, highest=highest(), scale=scale)
    upper = kind.at(min(window.until, clock - query.safety_lag))
    if live is not None and not live < kind.at(window.until):  # type: ignore[operator]
        return Bounds(kind, Interval(kind.at(window.start), upper), live, is_live=False)
    return Bounds(kind, Interval(_lower(query, kind, own, live), upper), live, is_live=True)


def _numeric(query: Query, own: Sequence[Manifest], live: Watermark | None, *, highest: object, scale: int) -> Bounds:
    """Numbers have no clock: everything up to the greatest there is at the start."""
    kind = WatermarkKind.NUMBER
    lower = _lower(query, kind, own, live)
    lower = at_scale(lower, scale) if isinstance(lower, Decimal) else None
    if highest is None:
        nothing = lower or Decimal(0)
        return Bounds(kind, Interval(nothing, nothing), live, is_live=True)
    return Bounds(kind, Interval(lower, kind.next(at_scale(Decimal(str(highest)), scale))), live, is_live=True)


def _lower(query: Query, kind: WatermarkKind, own: Sequence[Manifest], live: Watermark | None) -> Watermark | None:
    """The end of coverage minus the lookback, and never after the newest row landed: its tie may have grown since."""
    if live is None:
        return None if query.initial_value is None else _initial(query, kind)
    newest = latest(kind.parse(f.watermark_max) for m in own for f in m.files if f.watermark_max is not None)
    back = kind.earlier(live, query.lookback)
    return back if newest is None else min(back, newest)


def _initial(query: Query, kind: WatermarkKind) -> Watermark:
    try:
        return kind.parse(query.initial_value)
    except ConfigurationError as error:
        msg = f"query {query.name!r}: initial_value {error}, as its watermark is."
        raise ConfigurationError(msg) from error


def _live(query: Query, kind: WatermarkKind, own: Sequence[Manifest]) -> Watermark | None:
    """The live watermark, as the column's present type counts. Raises ConfigurationError for another column's."""
    column = (query.watermark_column or "").lower()
    before = next((m.watermark_column for m in reversed(own) if m.watermark_column not in (None, column)), None)
    live = live_watermark(own)
    if before is not None or (live is not None and isinstance(live, Decimal) != (kind is WatermarkKind.NUMBER)):
        was = repr(before) if before is not None else "of another kind"
        msg = (
            f"query {query.name!r}: the watermark is now the {kind.value} {column!r}, was {was}: what was covered "
            "cannot be compared. Restore it, or give the query a new entity."
        )
        raise ConfigurationError(msg)
    return None if live is None else kind.parse(encode(live))


def _refuse_backfill(query: Query, window: Window, own: Sequence[Manifest], clock: datetime) -> None:
    last = next((manifest for manifest in reversed(own) if manifest.kind == "extraction"), None)
    if last is not None and window.load_day < last.load_day:
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

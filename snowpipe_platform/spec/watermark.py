"""What a watermark is, and which part of a source one extraction covers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_FLOOR, Context, Decimal, InvalidOperation
from enum import StrEnum

import ibis.expr.datatypes as dt

from snowpipe_platform.errors import ConfigurationError, SourceError

Watermark = datetime | date | Decimal
"""A tz-naive UTC microsecond instant, a date, or an exact number."""

# Python's default of 28 digits would round a NUMBER(38,0).
_EXACT = Context(prec=100)


class WatermarkKind(StrEnum):
    """How the watermark column counts."""

    TIMESTAMP = "timestamp"
    DATE = "date"
    NUMBER = "number"

    @classmethod
    def of(cls, dtype: dt.DataType, *, column: str) -> "WatermarkKind":
        """Raises SourceError for a type that has no order both engines share."""
        if dtype.is_timestamp():
            return cls.TIMESTAMP
        if dtype.is_date():
            return cls.DATE
        if dtype.is_integer() or dtype.is_decimal():
            return cls.NUMBER
        msg = (
            f"watermark column {column!r} has type {dtype}; a watermark is a timestamp, a date or an exact number. "
            "Cast it in the query's SQL."
        )
        raise SourceError(msg)

    def parse(self, text: object) -> Watermark:
        """Read a declared or stored value. Raises ConfigurationError when it is not of this kind."""
        try:
            if self is WatermarkKind.NUMBER:
                return _finite(Decimal(str(text)))
            moment = text if isinstance(text, date) else datetime.fromisoformat(str(text))
            if isinstance(moment, datetime) and moment.tzinfo is not None:
                moment = moment.astimezone(UTC).replace(tzinfo=None)
            if self is WatermarkKind.TIMESTAMP:
                return moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - naive UTC
            return moment.date() if isinstance(moment, datetime) else moment
        except (ValueError, InvalidOperation) as error:
            msg = f"{str(text)[:80]!r} is not a {self.value}"
            raise ConfigurationError(msg) from error

    def at(self, instant: datetime) -> Watermark:
        """The watermark that stands for an instant. Dates round down: a day is covered once it is over."""
        return instant.date() if self is WatermarkKind.DATE else instant

    def earlier(self, value: Watermark, lookback: timedelta | Decimal) -> Watermark:
        """`value` moved back by the declared lookback; a date moves by whole days, rounded up."""
        if isinstance(value, Decimal):
            return _EXACT.subtract(value, lookback) if isinstance(lookback, Decimal) else value
        if isinstance(lookback, Decimal):
            return value
        return _moved_back(value, lookback if isinstance(value, datetime) else -(-lookback // _DAY) * _DAY)

    def step(self, value: Watermark) -> Watermark:
        """The largest value below `value` that the column can hold, as far as the platform keeps its digits."""
        if isinstance(value, Decimal):
            return _EXACT.subtract(value, _unit(value))
        return _moved_back(value, _MICROSECOND if isinstance(value, datetime) else _DAY)

    def next(self, value: Watermark) -> Watermark:
        """The exclusive bound just above `value`, at the platform's precision."""
        if isinstance(value, Decimal):
            return _EXACT.add(value, _unit(value))
        return value + (_MICROSECOND if isinstance(value, datetime) else _DAY)


NANOSECOND_SCALE = 9
_FIRST_NANOSECOND = datetime(1677, 9, 22)  # noqa: DTZ001 - naive UTC; 64 bits of nanoseconds begin the day before
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


def _moved_back(value: date, by: timedelta) -> date:
    """Never before the first value there is. A datetime is a date too, and stays one."""
    return value - by if value - type(value).min >= by else type(value).min


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueError("not finite")
    return number


def _unit(value: Decimal) -> Decimal:
    """One in the last place: the column's own step, as sources return numbers with the column's scale."""
    exponent = value.as_tuple().exponent
    return Decimal(1).scaleb(min(exponent, 0)) if isinstance(exponent, int) else Decimal(1)


def at_scale(number: Decimal, scale: int) -> Decimal:
    """The number with exactly `scale` digits after the point, rounded down: no source has to widen it to compare."""
    return number.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_FLOOR, context=_EXACT)


def below_all(dtype: dt.DataType) -> Watermark:
    """What is bound to a query's own `?` when nothing bounds it: as low as a value of the column's type can be."""
    if dtype.is_timestamp():
        return _FIRST_NANOSECOND if dtype.scale == NANOSECOND_SCALE else datetime.min  # noqa: DTZ901
    if dtype.is_date():
        return date.min
    if dtype.is_decimal():
        return Decimal((1, (9,) * (dtype.precision or 38), -(dtype.scale or 0)))
    return Decimal(-(2**63) - 1)


def encode(value: Watermark | None) -> str | None:
    """Text that `WatermarkKind.parse` reads back exactly."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    return value.isoformat() if isinstance(value, date) else format(value, "f")


def readable(value: Watermark | None) -> str:
    """For a person: `2024-03-01 12:00`, with seconds where there are any; None is the beginning."""
    if not isinstance(value, datetime):
        return encode(value) or "the beginning"
    spec = "microseconds" if value.microsecond else "seconds" if value.second else "minutes"
    return value.isoformat(sep=" ", timespec=spec)


@dataclass(frozen=True)
class Interval:
    """Watermarks in `[lower, upper)`; `lower` None has no beginning."""

    lower: Watermark | None
    upper: Watermark

    @property
    def is_empty(self) -> bool:
        return self.lower is not None and not self.lower < self.upper  # type: ignore[operator]

    def meets(self, low: Watermark | None, high: Watermark | None) -> bool:
        """Whether the closed range `[low, high]` of landed rows shares a value with the interval."""
        if low is None or high is None:
            return False
        return low < self.upper and (self.lower is None or high >= self.lower)  # type: ignore[operator]


def touches(live: Watermark | None, interval: Interval) -> bool:
    """Whether covering `interval` extends contiguous coverage that ends at `live`."""
    if live is None:
        return interval.lower is None
    return (interval.lower is None or interval.lower <= live) and live < interval.upper  # type: ignore[operator]


def latest(values: Iterable[Watermark | None]) -> Watermark | None:
    """The greatest of the given watermarks, None when there is none."""
    known = [value for value in values if value is not None]
    return max(known) if known else None

"""Lengths of time and exact numbers, as people write them in the queries file."""

import re
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

from pydantic_core import PydanticCustomError

_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = re.compile(
    r"([0-9]+(?:\.[0-9]+)?)\s*(weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)\s*", re.IGNORECASE
)
_ISO = re.compile(r"P(?=[0-9T])(?:[0-9]+W)?(?:[0-9]+D)?(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9.]+S)?)?")


def duration_from_text(text: str) -> timedelta:
    """'90s', '15m', '2h', '2 days', '1h 30m', or ISO 8601 up to weeks: 'PT15M', 'P2D'. Raises ValueError otherwise."""
    plain = text.strip()
    if _ISO.fullmatch(plain):
        plain = plain.replace("P", "").replace("T", "")
    if not re.fullmatch(f"(?:{_PART.pattern})+", plain, re.IGNORECASE):
        raise ValueError("not a duration")
    seconds = sum(Decimal(number) * _SECONDS[unit[0].lower()] for number, unit in _PART.findall(plain))
    try:
        return timedelta(microseconds=int(seconds * 1_000_000))
    except OverflowError:
        raise ValueError("too long a duration") from None


def duration(value: object) -> timedelta:
    with suppress(ValueError):
        span = duration_from_text(value) if isinstance(value, str) else value
        if isinstance(span, timedelta) and span >= timedelta(0):
            return span
    raise PydanticCustomError("duration", "must be a duration such as '15m'")


def duration_or_none(value: object) -> timedelta | None:
    """A duration, or None as it is."""
    return None if value is None else duration(value)


def duration_or_number(value: object) -> timedelta | Decimal:
    number = exact(value)
    if isinstance(number, Decimal) and number.is_finite() and number >= 0:
        return number
    return duration(value)


def exact(value: object) -> object:
    """A finite number as Decimal, anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    number = Decimal(str(value))
    return number if number.is_finite() else value

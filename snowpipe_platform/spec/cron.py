"""Cron expressions: five fields, as crontab has them. Only whether one can be meant; the scheduler works out when."""

import calendar
import re
from dataclasses import dataclass

_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]+))?", re.ASCII)
_LEAP_YEAR = 2024


@dataclass(frozen=True)
class _Field:
    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()
    """Names of the values, from the least on."""


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, tuple(name.lower() for name in calendar.month_abbr[1:])),
    _Field("day of the week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)


def cron_text(text: str) -> str:
    """The expression, one space between its fields. Raises ValueError: a sentence whose subject is the key."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        raise ValueError(f"must have five fields: {names}; found {text[:80]!r}. Daily at 00:15 is '15 0 * * *'")
    values = [_values(field, part) for field, part in zip(_FIELDS, parts, strict=True)]
    if min(values[2]) > max(calendar.monthrange(_LEAP_YEAR, month)[1] for month in values[3]):
        raise ValueError(f"has {parts[2][:80]!r} as its day of the month, which no month in {parts[3][:80]!r} has")
    return " ".join(parts)


def _values(field: _Field, text: str) -> set[int]:
    return set().union(*(_range(field, part) for part in text.split(",")))


def _range(field: _Field, text: str) -> range:
    """`*`, `5`, `1-5`, each with a step after `/`. A step after one value, as in `5/15`, goes on to the highest."""
    found = _PART.fullmatch(text)
    if found is None:
        raise ValueError(f"has {text[:80]!r} as its {field.name}, which is neither *, a number, a range nor a list")
    step = int(found["step"] or 1)
    first = field.least if found["first"] is None else _value(field, found["first"])
    is_open = found["first"] is None or (found["last"] is None and found["step"] is not None)
    last = field.most if is_open else _value(field, found["last"] or found["first"])
    if step == 0 or first > last:
        raise ValueError(f"has {text[:80]!r} as its {field.name}, in which there is nothing")
    return range(first, last + 1, step)


def _value(field: _Field, text: str) -> int:
    if text.lower() in field.words:
        return field.least + field.words.index(text.lower())
    if not text.isdigit() or not field.least <= int(text) <= field.most:
        words = f" or {field.words[0]} to {field.words[-1]}" if field.words else ""
        raise ValueError(f"has {text[:80]!r} as its {field.name}, which is {field.least} to {field.most}{words}")
    return int(text)

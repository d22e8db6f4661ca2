"""Arguments of checks as values of a column's own type: engines convert what they compare, each in its own way."""

import math
import struct
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

MOST_DIGITS = 100
"""More than any decimal type has; Python's own arithmetic rounds to 28."""


class UnfitArgumentError(ValueError):
    """The argument is no value of the column's type; the message says which and how to write it."""


def typed(argument: Any, dtype: dt.DataType) -> Any:  # noqa: ANN401 - one value, or several
    """A scalar of the column's type, or a list of them for several values. Raises UnfitArgumentError."""
    if isinstance(argument, Iterable) and not isinstance(argument, str | bytes):
        return _typed_each(argument, dtype)
    return _typed(argument, dtype)


def is_absent(value: object) -> bool:
    """A null, or a NaN, which counts as one."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _typed_each(values: Iterable[Any], dtype: dt.DataType) -> list[ir.Scalar]:
    """In one order, whatever the process gives a set; a null is no value, and has its own rule."""
    return [_typed(value, dtype) for value in sorted((v for v in values if not is_absent(v)), key=repr)]


def _typed(value: Any, dtype: dt.DataType) -> ir.Scalar:  # noqa: ANN401 - of any column's type
    """Raises UnfitArgumentError unless the value is one of the type, exactly."""
    for is_of, fits, mend in _TYPES:
        if is_of(dtype):
            if not fits(value, dtype):
                raise UnfitArgumentError(f"{value!r} is no {dtype}. {mend}")
            return _literal(value, dtype)
    raise UnfitArgumentError(f"no builtin check compares {dtype}. Write a @pa.check of your own")


def _literal(value: Any, dtype: dt.DataType) -> ir.Scalar:  # noqa: ANN401
    if dtype.is_floating():
        # DuckDB reads 0.12254976625153513 as a decimal, and another double comes of it.
        return ibis.literal(repr(float(value))).cast(dtype)
    if dtype.is_integer() and not _is_within(value, dtype):
        return ibis.literal(value, dt.int64)
    return ibis.literal(value, dtype)


def _is_text(value: object, _dtype: dt.DataType) -> bool:
    """SQL ends at a NUL."""
    return isinstance(value, str) and "\x00" not in value


def _is_within(value: int, dtype: dt.Integer) -> bool:
    return bool(dtype.bounds.lower <= value <= dtype.bounds.upper)


def _is_whole(value: Any, dtype: dt.Integer) -> bool:  # noqa: ANN401
    """Beyond the column's type is fine, where it is within 64 bits: the bound is never met."""
    is_int = isinstance(value, int) and not isinstance(value, bool)
    return is_int and (_is_within(value, dtype) or _is_within(value, dt.int64))


def _is_float(value: Any, dtype: dt.DataType) -> bool:  # noqa: ANN401
    """A NaN compares with nothing, so it is no bound of anything."""
    if isinstance(value, bool) or not isinstance(value, int | float) or is_absent(value):
        return False
    code = "f" if dtype.is_float32() else "d"
    try:
        return bool(struct.unpack(code, struct.pack(code, value))[0] == value)
    except (OverflowError, struct.error):
        return False


def is_decimal(value: Any, dtype: dt.Decimal) -> bool:  # noqa: ANN401
    """Whether the type holds the value with all its digits."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        return False
    if dtype.precision is None or dtype.scale is None:
        return True
    with localcontext(prec=MOST_DIGITS):
        scaled = Decimal(value).scaleb(dtype.scale)
        return scaled == scaled.to_integral_value() and abs(scaled) < Decimal(10) ** dtype.precision


def _is_date(value: object, _dtype: dt.DataType) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_instant(value: object, dtype: dt.DataType) -> bool:
    return isinstance(value, datetime) and (value.tzinfo is None) == (dtype.timezone is None)


_TYPES: tuple[tuple[Callable[[Any], bool], Callable[[Any, Any], bool], str], ...] = (
    (lambda dtype: dtype.is_string(), _is_text, "Write a text, without a NUL character"),
    (lambda dtype: dtype.is_boolean(), lambda value, _dtype: isinstance(value, bool), "Write True or False"),
    (lambda dtype: dtype.is_integer(), _is_whole, "Write a whole number"),
    (lambda dtype: dtype.is_floating(), _is_float, "Write a number that the type holds exactly"),
    (lambda dtype: dtype.is_decimal(), is_decimal, "Write Decimal('0.10'), with no more digits than the type has"),
    (lambda dtype: dtype.is_date(), _is_date, "Write date(2024, 3, 1)"),
    (lambda dtype: dtype.is_timestamp(), _is_instant, "Write datetime(2024, 3, 1), in UTC without a zone"),
)
"""Which columns, which arguments they are compared with, and how one is written."""

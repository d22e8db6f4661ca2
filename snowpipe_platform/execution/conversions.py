"""A value in another type, null where it has none: equal on both engines, whose casts read text each its own way."""

from datetime import date, datetime

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

INTEGER = r"\A[+-]?[0-9]+\z"
NUMBER = r"\A[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\z"
NO_NUMBER = r"(?i)\A[+-]?(nan|inf|infinity)\z"
"""What a float can be besides."""
DATE = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
TIME = r"(?:[01]?[0-9]|2[0-3]):[0-9]{1,2}(?::[0-9]{1,2}(?:\.[0-9]{1,9})?)?"
OFFSET = r"([+-])([01][0-9]|2[0-3]):?([0-5][0-9])?"
INSTANT = rf"\A({DATE})(?:([ T]{TIME})(?: ?(?:Z|{OFFSET}))?)?\z"
DAY, CLOCK, SIGN, HOURS, MINUTES = 1, 2, 3, 4, 5
"""Groups of INSTANT: what is written, and how far it is ahead of UTC."""
FIRST_DAY, LAST_INSTANT = date(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001 - naive UTC
"""What a date of Python's can be; engines go further, to where no other tool reads them."""


def converted(value: ir.Value, dtype: dt.DataType) -> ir.Value:
    """Text is trimmed first, and is a value of the type only as docs/rules.md says. An integer has no fraction: one
    engine would round 2.5 up, the other cut it."""
    if value.type().is_string():
        return _of_text(value.strip().nullif(""), dtype)
    has_fraction = dtype.is_integer() and (value.type().is_floating() or value.type().is_decimal())
    whole = (value % 1 == 0).ifelse(value, ibis.null(value.type())) if has_fraction else value
    return whole.try_cast(dtype)


def _of_text(text: ir.StringValue, dtype: dt.DataType) -> ir.Value:
    if dtype.is_integer():
        return _only(text, INTEGER).try_cast(dtype)
    if isinstance(dtype, dt.Decimal):
        return _only(text, _decimal_pattern(dtype)).try_cast(dtype)
    if dtype.is_floating():
        return _float(text, dtype)
    if dtype.is_date():
        found = _only(text, rf"\A{DATE}\z").try_cast(dtype)
        return (found >= ibis.literal(FIRST_DAY)).ifelse(found, ibis.null(dtype))
    if isinstance(dtype, dt.Timestamp) and dtype.timezone is None:
        return _instant(text, dtype)
    return text.try_cast(dtype)


def _only(text: ir.StringValue, pattern: str) -> ir.StringValue:
    return text.re_search(pattern).ifelse(text, ibis.null("string"))


def _decimal_pattern(dtype: dt.Decimal) -> str:
    """No more digits behind the point than the type has, as they would be rounded away; zeros are nothing."""
    scale = dtype.scale or 0
    short = rf"|\.[0-9]{{1,{scale}}}0*" if scale else r"|\.0+"
    return rf"\A[+-]?([0-9]+(\.[0-9]{{0,{scale}}}0*)?{short})\z"


def _float(text: ir.StringValue, dtype: dt.DataType) -> ir.Value:
    """A number beyond the type is none: it would become infinite."""
    number = _only(text, NUMBER).try_cast(dtype)
    finite = number.isinf().ifelse(ibis.null(dtype), number)
    return ibis.coalesce(finite, _only(text, NO_NUMBER).try_cast(dtype))


def _instant(text: ir.StringValue, dtype: dt.Timestamp) -> ir.Value:
    """UTC: an offset is taken off, where a cast would forget it."""
    part = [text.re_extract(INSTANT, group).nullif("") for group in range(MINUTES + 1)]
    local = (part[DAY] + part[CLOCK].fill_null("")).try_cast(dtype)
    minutes = part[HOURS].cast("int64").fill_null(0) * 60 + part[MINUTES].cast("int64").fill_null(0)
    ahead = minutes * (part[SIGN] == "-").fill_null(False).ifelse(-1, 1)
    found = local - ahead.as_interval("m")
    is_in_range = found.between(ibis.literal(datetime.combine(FIRST_DAY, datetime.min.time())), LAST_INSTANT)
    return is_in_range.ifelse(found, ibis.null(dtype)).cast(dtype)

"""Text of a dropped file as values of bronze's types. What does not convert is an error, never a null.

Blanks around a value are no part of it, and nothing but blanks is null, unless the column is text itself. Instants
without an offset are UTC, or in the column's declared zone.
"""

import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.execution.arrow_types import to_bronze

INTEGER = r"^[+-]?[0-9]+$"
OFFSET = r":[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
"""Ends an instant that says its offset; the colon before it tells an offset from the day of a date."""
BELOW_MICROSECONDS = r"\.[0-9]{7,9}(Z|[+-][0-9:]+)?$"


class MisfitError(Exception):
    """A value that its column's type cannot hold. row: its index in the batch."""

    def __init__(self, field: pa.Field, was: pa.DataType, row: int) -> None:
        super().__init__(field.name)
        self.field, self.was, self.row = field, was, row


def typed(batch: pa.RecordBatch, schema: pa.Schema, *, zones: dict[str, str]) -> pa.RecordBatch:
    """The columns of `schema` in types that `to_bronze` takes without an error, digits below a microsecond kept.

    zones: the zone of columns in local time, by lower-case name. Raises MisfitError.
    """
    return pa.record_batch(
        [_typed(batch.column(field.name), field, zones.get(field.name)) for field in schema], names=schema.names
    )


def is_text(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype))


def _typed(column: pa.Array, field: pa.Field, zone: str | None) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return _converted(column, field, zone)
    except (pa.ArrowException, ValueError) as error:
        raise MisfitError(field, column.type, _first_misfit(column, field, zone)) from error


def _converted(column: pa.Array, field: pa.Field, zone: str | None) -> pa.Array:
    if is_text(column.type) and not pa.types.is_string(field.type):
        return from_text(column.cast(pa.string()), field.type, zone=zone)
    zones = {} if zone is None else {field.name: zone}
    if pa.types.is_floating(column.type) and (pa.types.is_decimal(field.type) or pa.types.is_floating(field.type)):
        column = _of_floats(column, field.type)
    try:
        to_bronze(pa.record_batch([column], names=[field.name]), pa.schema([field]), time_zones=zones)
    except SnowpipeError as error:
        raise ValueError(field.name) from error
    return column


def _of_floats(column: pa.Array, dtype: pa.DataType) -> pa.Array:
    """A writer without decimals has 12.55 as the nearest float, which reads back as itself; 12.555 in two digits does
    not. Through text, as Arrow's own way back from a decimal is inexact."""
    found = column.cast(dtype)
    back = found.cast(pa.string()).cast(column.type)
    if not pc.all(pc.or_(pc.equal(back, column), pc.is_nan(column))).as_py() and len(column) > column.null_count:
        raise ValueError("rounded")
    return found


def _first_misfit(column: pa.Array, field: pa.Field, zone: str | None) -> int:
    """By halves: what comes before `fits` converts, what comes before `fails` does not."""
    fits, fails = 0, len(column)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        try:
            _converted(column.slice(0, middle), field, zone)
            fits = middle
        except (pa.ArrowException, ValueError):
            fails = middle
    return fits


def from_text(texts: pa.Array, dtype: pa.DataType, *, zone: str | None = None) -> pa.Array:
    """Texts in a bronze type; instants as UTC with their zone, in nanoseconds where a text has such digits.

    Raises ArrowInvalid or ValueError.
    """
    trimmed = pc.utf8_trim_whitespace(texts)
    trimmed = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
    if pa.types.is_timestamp(dtype):
        return _instants(trimmed, zone)
    if pa.types.is_integer(dtype):
        return _whole_numbers(trimmed).cast(dtype)
    if pa.types.is_binary(dtype):
        return pa.array([None if text is None else bytes.fromhex(text) for text in trimmed.to_pylist()], dtype)
    return trimmed.cast(dtype)


def _whole_numbers(texts: pa.Array) -> pa.Array:
    """Arrow would take '0x1F', and not '+1'."""
    if pc.any(pc.invert(pc.match_substring_regex(texts, INTEGER))).as_py():
        raise ValueError("no whole number")
    return pc.replace_substring_regex(texts, r"^\+", "")


def _instants(texts: pa.Array, zone: str | None) -> pa.Array:
    texts = pc.replace_substring_regex(pc.utf8_upper(texts), r" *UTC$", "Z")
    texts = pc.replace_substring_regex(texts, r" +(Z|[+-][0-9:]+)$", r"\1")
    unit = "ns" if pc.any(pc.match_substring_regex(texts, BELOW_MICROSECONDS)).as_py() else "us"
    says_offset = pc.match_substring_regex(texts, OFFSET)
    no_text = pa.nulls(len(texts), pa.string())
    absolute = pc.if_else(says_offset, texts, no_text).cast(pa.timestamp(unit, "UTC"))
    local = pc.if_else(says_offset, no_text, texts).cast(pa.timestamp(unit))
    located = pc.assume_timezone(local, zone or "UTC", ambiguous="earliest", nonexistent="latest")
    return pc.coalesce(absolute, located.cast(pa.timestamp(unit, "UTC")))

"""Nested values, as structured types and semi-structured columns of a source have them, as JSON text."""

import json
import math
from collections.abc import Mapping
from decimal import Decimal

import pyarrow as pa


def json_texts(column: pa.Array) -> pa.Array:
    """Each value as JSON, null as null. A map becomes an object; what JSON has no form of becomes text: fractions,
    dates, instants in UTC, `nan` and `inf`, binary as hex digits.

    Raises ValueError, OverflowError or KeyError for an instant beyond the years 1 to 9999, or a key a map has twice.
    """
    plain = _zoneless(column.type)
    values = (column if plain == column.type else column.cast(plain)).to_pylist(maps_as_pydicts="strict")
    return pa.array([None if value is None else json.dumps(_told(value)) for value in values], pa.string())


def _told(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _told(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_told(inner) for inner in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal) and value.as_tuple().exponent == 0:
        # A whole number, in a batch of wide ones: in another batch it is an int.
        return int(value)
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)


def _zoneless(dtype: pa.DataType) -> pa.DataType:
    """The same type with instants in UTC: a zone is the session's, and would be part of the text."""
    types = pa.types
    if types.is_timestamp(dtype):
        return pa.timestamp(dtype.unit)
    if types.is_struct(dtype):
        return pa.struct([field.with_type(_zoneless(field.type)) for field in dtype])
    if types.is_map(dtype):
        return pa.map_(_zoneless(dtype.key_type), _zoneless(dtype.item_type))
    if types.is_fixed_size_list(dtype):
        return pa.list_(dtype.value_field.with_type(_zoneless(dtype.value_type)), dtype.list_size)
    if types.is_list(dtype):
        return pa.list_(dtype.value_field.with_type(_zoneless(dtype.value_type)))
    return dtype

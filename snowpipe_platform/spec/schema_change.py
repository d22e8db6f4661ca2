"""What may change in a source's columns between two extractions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import ibis.expr.datatypes as dt

from snowpipe_platform.errors import SchemaChangedError

MICROSECOND_DIGITS = 6

Policy = Literal["evolve", "freeze", "discard"]


@dataclass(frozen=True)
class SchemaDecision:
    """The columns to land, and what differs from those known, one sentence each. breaking: what the policy stops."""

    columns: dict[str, dt.DataType]
    changes: tuple[str, ...]
    breaking: tuple[str, ...] = ()


def decide_schema(
    known: Mapping[str, dt.DataType] | None, found: Mapping[str, dt.DataType], *, policy: Policy, query: str
) -> SchemaDecision:
    """Apply the query's policy to the source's columns.

    Raises SchemaChangedError, before anything is written, for what the policy stops; see `compare_schemas`.
    """
    decision = compare_schemas(known, found, policy=policy)
    if decision.breaking:
        _stop(query, policy, decision.breaking)
    return decision


def compare_schemas(
    known: Mapping[str, dt.DataType] | None, found: Mapping[str, dt.DataType], *, policy: Policy
) -> SchemaDecision:
    """What a policy makes of the columns found. known: None when there are none to compare with.

    evolve: new columns and wider types pass, a column that is gone or narrower stops. freeze: any change stops.
    discard: new columns are left out; wider types pass, as their values would be lost otherwise.
    """
    if known is None or dict(known) == dict(found):
        return SchemaDecision(dict(found), ())
    added = [name for name in found if name not in known]
    gone = [name for name in known if name not in found]
    retyped = [name for name in found if name in known and found[name] != known[name]]
    breaking = [f"{name} is gone" for name in gone]
    breaking += [f"{n} became {found[n]}, was {known[n]}" for n in retyped if not holds(found[n], known[n])]
    wider = [f"{n} widened to {found[n]}, was {known[n]}" for n in retyped if holds(found[n], known[n])]
    new = [f"{name} is new ({found[name]})" for name in added]
    if policy == "freeze":
        return SchemaDecision(dict(known), (), (*breaking, *wider, *new))
    if policy == "discard":
        left_out = [f"{sentence}; left out" for sentence in new]
        return SchemaDecision({n: t for n, t in found.items() if n in known}, (*wider, *left_out), tuple(breaking))
    return SchemaDecision(dict(found), (*wider, *new), tuple(breaking))


def _stop(query: str, policy: Policy, breaking: Sequence[str]) -> None:
    msg = (
        f"query {query!r}: the source's columns changed: {'; '.join(breaking)} (on_schema_change: {policy}). "
        "Nothing was landed. Map the old names and types in the query's SQL, or give the query a new entity."
    )
    raise SchemaChangedError(msg)


def widest(left: dt.DataType, right: dt.DataType) -> dt.DataType:
    """The one of two types of a column's history that holds both; text when neither does."""
    if holds(left, right):
        return left
    return right if holds(right, left) else dt.string


def holds(wide: dt.DataType, narrow: dt.DataType) -> bool:  # noqa: PLR0911 - one line per family of types
    """Whether every value of `narrow` is exactly a value of `wide`. Whether a type allows nulls is no part of it."""
    if wide.copy(nullable=True) == narrow.copy(nullable=True) or narrow.is_null():
        return True
    if wide.is_decimal() and narrow.is_decimal():
        return bool(wide.scale >= narrow.scale and wide.precision - wide.scale >= narrow.precision - narrow.scale)
    if wide.is_decimal() and narrow.is_integer():
        digits = len(str(2 ** (narrow.nbytes * 8)))
        return bool(wide.precision - wide.scale >= digits)
    if wide.is_timestamp() and narrow.is_timestamp():
        return bool(wide.timezone == narrow.timezone and _digits(wide) >= _digits(narrow))
    if wide.is_timestamp() and narrow.is_date():
        return True
    if wide.is_integer() and narrow.is_integer():
        inner, outer = narrow.bounds, wide.bounds
        return bool(outer.lower <= inner.lower and inner.upper <= outer.upper)
    if wide.is_array() and narrow.is_array():
        return holds(wide.value_type, narrow.value_type)
    if wide.is_struct() and narrow.is_struct():
        return wide.names == narrow.names and all(map(holds, wide.types, narrow.types))
    return wide.is_floating() and narrow.is_floating() and bool(wide.nbytes >= narrow.nbytes)


def _digits(timestamp: dt.Timestamp) -> int:
    """Of a fraction of a second; both engines keep microseconds where none are declared."""
    return MICROSECOND_DIGITS if timestamp.scale is None else int(timestamp.scale)

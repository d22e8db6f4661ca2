"""What may change in a source's columns between two extractions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import ibis.expr.datatypes as dt

from snowpipe_platform.errors import SchemaChangedError

MICROSECOND_DIGITS = 6

Policy = Literal["evolve", "freeze", "discard"]
ChangeKind = Literal["gone", "narrowed", "retyped", "widened", "added"]
"""narrowed: every value of the new type is one of the old. retyped: neither type holds the other's values."""
Outcome = Literal["taken", "left out", "refused"]
"""What became of a change. One that the policy refuses stops the run, and with it every other: nothing is landed."""
Verdict = Literal["compatible", "breaking"]
BREAKING: frozenset[ChangeKind] = frozenset({"gone", "narrowed", "retyped"})
"""What may lose a value, or the meaning of one; anything else only adds."""


@dataclass(frozen=True)
class ColumnChange:
    """What became of one column. before, after: its types; None where it is not there. renamed_to: of a column that is
    gone, the one new column of its type, as a hint."""

    column: str
    kind: ChangeKind
    before: str | None
    after: str | None
    outcome: Outcome
    renamed_to: str | None = None

    @property
    def is_breaking(self) -> bool:
        return self.kind in BREAKING

    def __str__(self) -> str:
        """`id widened to int64, was int32`."""
        if self.kind == "gone":
            hint = f" (renamed to {self.renamed_to}?)" if self.renamed_to else ""
            return f"{self.column} is gone{hint}"
        if self.kind == "added":
            return f"{self.column} is new ({self.after}){'; left out' if self.outcome == 'left out' else ''}"
        became = "widened to" if self.kind == "widened" else "became"
        return f"{self.column} {became} {self.after}, was {self.before}"


Diff = tuple[ColumnChange, ...]


@dataclass(frozen=True)
class SchemaDecision:
    """The columns to land, and what differs from those known. breaking: what the policy stops, one sentence each."""

    columns: dict[str, dt.DataType]
    diff: Diff
    breaking: tuple[str, ...] = ()


def verdict_of(diff: Sequence[ColumnChange]) -> Verdict:
    """Whether rows of both sides can stand in one table without a value being lost."""
    return "breaking" if any(change.is_breaking for change in diff) else "compatible"


def outcome_of(diff: Sequence[ColumnChange]) -> str:
    """What became of all of them: `taken`, `left out`, `taken and left out`, `refused`."""
    outcomes = {change.outcome for change in diff}
    return "refused" if "refused" in outcomes else " and ".join(sorted(outcomes, reverse=True))


def decide_schema(
    known: Mapping[str, dt.DataType] | None,
    found: Mapping[str, dt.DataType],
    *,
    policy: Policy,
    query: str,
    at: datetime | None = None,
) -> SchemaDecision:
    """Apply the query's policy to the source's columns. at: when they were found, by the source's clock.

    Raises SchemaChangedError, before anything is written, for what the policy stops; see `compare_schemas`.
    """
    decision = compare_schemas(known, found, policy=policy)
    if decision.breaking:
        _stop(query, policy, decision, at)
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
    diff = _diff(known, found, policy)
    breaking = tuple(str(change) for change in diff if change.outcome == "refused")
    if breaking:
        return SchemaDecision(dict(known), tuple(replace(change, outcome="refused") for change in diff), breaking)
    left_out = {change.column for change in diff if change.outcome == "left out"}
    return SchemaDecision({name: dtype for name, dtype in found.items() if name not in left_out}, diff)


def _diff(known: Mapping[str, dt.DataType], found: Mapping[str, dt.DataType], policy: Policy) -> Diff:
    """What is gone, what lost values, what is wider, what is new."""

    def change(name: str, kind: ChangeKind, renamed_to: str | None = None) -> ColumnChange:
        before, after = (None if name not in side else str(side[name]) for side in (known, found))
        return ColumnChange(name, kind, before, after, _outcome(kind, policy), renamed_to)

    new = [name for name in found if name not in known]
    both = [name for name in found if name in known and found[name] != known[name]]
    wider = [name for name in both if holds(found[name], known[name])]
    lossy = [name for name in both if name not in wider]
    gone = {name: [n for n in new if found[n] == known[name]] for name in known if name not in found}
    return (
        *(change(name, "gone", alike[0] if len(alike) == 1 else None) for name, alike in gone.items()),
        *(change(name, "narrowed" if holds(known[name], found[name]) else "retyped") for name in lossy),
        *(change(name, "widened") for name in wider),
        *(change(name, "added") for name in new),
    )


def _outcome(kind: ChangeKind, policy: Policy) -> Outcome:
    if policy == "freeze" or kind in BREAKING:
        return "refused"
    return "left out" if kind == "added" and policy == "discard" else "taken"


def _stop(query: str, policy: Policy, decision: SchemaDecision, at: datetime | None) -> None:
    msg = (
        f"query {query!r}: the source's columns changed: {'; '.join(decision.breaking)} (on_schema_change: {policy}). "
        "Nothing was landed. Map the old names and types in the query's SQL, or give the query a new entity."
    )
    raise SchemaChangedError(msg, diff=decision.diff, at=at)


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

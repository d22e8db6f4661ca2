"""What happens at the source: rows come, change, repeat and go, late by no more than the lookback."""

from collections.abc import Sequence
from typing import NamedTuple

from snowpipe_platform_tests.torture.source import Source, Version

DEEDS = ("write", "many", "bad", "tie", "same", "null", "delete", "wait")
"""write: a row comes, or its key's changes. many: one of each key. bad: its amount is no number. tie: at the newest
watermark there was. same: a key's row becomes what it was; without a key, a row comes that equals another. null:
without a watermark. delete: a row goes. wait: time passes."""
KEYS = 5


class Change(NamedTuple):
    """lag: ticks between the row's watermark and now; below 0, its watermark is ahead of the clock. fraction: which of
    the fractions of a unit. What would be later than the lookback is committed at its very bound."""

    deed: str
    key: int = 0
    lag: int = 0
    fraction: int = 0


def apply(source: Source, changes: Sequence[Change]) -> None:
    """In one transaction: what one change undoes of another was never to be seen."""
    for change in changes:
        if change.deed == "many":
            for key in range(KEYS):
                _carry_out(source, change._replace(deed="write", key=key))
        else:
            _carry_out(source, change)
    if changes:
        source.show()


def _carry_out(source: Source, change: Change) -> None:
    if change.deed == "wait":
        source.tick += 1 + abs(change.lag)
    elif change.deed == "delete":
        _delete(source, change.key)
    elif change.deed == "same":
        _repeat(source, change)
    else:
        _write(source, change, amount=_new_amount(source, is_bad=change.deed == "bad"))


def _write(source: Source, change: Change, *, amount: str) -> None:
    mark = None if change.deed == "null" and source.shape.nulls else _mark(source, change)
    _put(source, Version(change.key, amount, mark))


def _put(source: Source, row: Version) -> None:
    if source.shape.keyed:
        source.rows = [other for other in source.rows if other.id != row.id]
    source.rows.append(row)


def _mark(source: Source, change: Change) -> int:
    """A late one never before the version it follows; after none, never before the instant that had."""
    shape, mark = source.shape, source.shape.mark(source.tick - change.lag, change.fraction)
    if change.deed == "tie" and source.newest is not None:
        mark = source.newest
    elif source.floor is not None:
        mark = max(mark, source.floor)
    if not shape.keyed:
        return mark
    shown = [row for state in source.history for row in state if row.id == change.key]
    before = [shape.mark(source.tick) if row.mark is None else row.mark for row in shown]
    return max([mark, *before])


def _repeat(source: Source, change: Change) -> None:
    if source.shape.keyed:
        shown = [row for state in source.history for row in state if row.id == change.key]
        amounts = list(dict.fromkeys(row.amount for row in shown))
        _write(source, change._replace(lag=99), amount=amounts[0] if amounts else _new_amount(source, is_bad=False))
        return
    copied = source.rows[change.key % len(source.rows)] if source.rows else None
    floor = source.floor
    if copied is None or not (
        copied.mark is None or floor is None or copied.mark >= floor or copied.mark == source.newest
    ):
        _write(source, change, amount=_new_amount(source, is_bad=False))
    else:
        source.rows.append(copied)


def _delete(source: Source, key: int) -> None:
    found = [row for row in source.rows if row.id == key]
    if found:
        source.rows.remove(found[0])


def _new_amount(source: Source, *, is_bad: bool) -> str:
    """That no other row has."""
    number = len(source.history) * 100 + len(source.rows)
    return f"x{number}" if is_bad else str(number)

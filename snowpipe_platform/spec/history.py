"""Order-free history: versions and latest states as a function of the set of accepted changes.

Two changes of one key at the same instant: the later in the log (manifest number, then row) wins. Within a microsecond
the digits below it, where the source has them, tell instants apart. Nothing depends on when a change was processed.
"""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from snowpipe_platform.spec.manifest import DELETE
from snowpipe_platform.spec.table import (
    AFTER,
    BEFORE,
    CHANGE_SIDE,
    CHANGE_TYPE,
    CHANGED_AT,
    CHANGED_NANOSECONDS,
    MANIFEST_NUMBER,
    SOURCE_ROW,
    STATUS,
    VALID,
    Inputs,
)

EFFECTIVE_AT = "effective_at"
EXPIRES_AT = "expires_at"
EXISTS_NOW = "exists_now"
VERSION_COLUMNS = (EFFECTIVE_AT, EXPIRES_AT, EXISTS_NOW)
"""What `versions` adds to a change."""

END_OF_TIME = ibis.timestamp("9999-12-31 23:59:59.999999")


def one_change_per_instant(changes: ir.Table, *, key: Sequence[str]) -> ir.Table:
    """The winning change of each key and instant."""
    last_first = _last_first(changes)
    ranked = changes.mutate(_rank=ibis.row_number().over(group_by=[*key, CHANGED_AT], order_by=last_first))
    return ranked.filter(ranked["_rank"] == 0).drop("_rank")


def versions(
    changes: ir.Table, *, key: Sequence[str], attributes: Sequence[str], created_at: str | None = None
) -> ir.Table:
    """One row per version of an entity, valid in `[effective_at, expires_at)`; expires_at is null while it is open.

    Grain: (key, effective_at). A change that alters no attribute starts no version. A delete closes the open version.
    The first version is effective from `created_at` where that is earlier. exists_now: the entity's latest change is
    not a delete. Instants are tz-naive UTC microseconds.
    """
    ordered = ibis.window(group_by=list(key), order_by=[CHANGED_AT])
    changes = one_change_per_instant(changes.filter(changes[STATUS] == VALID), key=key)
    compared = [CHANGE_TYPE, *attributes]
    marked = changes.mutate(
        _first=ibis.row_number().over(ordered) == 0,
        _same=ibis.and_(*[changes[name].identical_to(changes[name].lag().over(ordered)) for name in compared]),
        _latest=changes[CHANGE_TYPE].argmax(changes[CHANGED_AT]).over(group_by=list(key)),
    )
    kept = marked.filter(marked["_first"] | ~marked["_same"])
    start = kept[CHANGED_AT]
    if created_at is not None:
        earlier = kept["_first"] & (kept[created_at] < kept[CHANGED_AT])
        start = earlier.fill_null(False).ifelse(kept[created_at], kept[CHANGED_AT])
    dated = kept.mutate(
        **{
            EFFECTIVE_AT: start,
            EXPIRES_AT: kept[CHANGED_AT].lead().over(ordered),
            EXISTS_NOW: kept["_latest"] != DELETE,
        }
    )
    return dated.filter(dated[CHANGE_TYPE] != DELETE).drop("_first", "_same", "_latest")


def latest(changes: ir.Table, *, key: Sequence[str]) -> ir.Table:
    """The latest state of each key that still exists. Grain: key."""
    valid = changes.filter(changes[STATUS] == VALID)
    ranked = valid.mutate(
        _rank=ibis.row_number().over(group_by=list(key), order_by=[ibis.desc(CHANGED_AT), *_last_first(valid)])
    )
    return ranked.filter((ranked["_rank"] == 0) & (ranked[CHANGE_TYPE] != DELETE)).drop("_rank")


def _last_first(changes: ir.Table) -> list[ir.Value]:
    """The order of changes within a microsecond, the last of them first."""
    digits = changes[CHANGED_NANOSECONDS].fill_null(0)
    return [ibis.desc(digits), ibis.desc(changes[MANIFEST_NUMBER]), ibis.desc(changes[SOURCE_ROW])]


def restrict(table: ir.Table, touched: ir.Table, columns: Sequence[str], *, inside: bool = True) -> ir.Table:
    """Rows of `table` whose values in `columns` are among the touched ones, or are not; nulls are values too."""
    among = [table[name].identical_to(touched[name]) for name in columns]
    return table.semi_join(touched, among) if inside else table.anti_join(touched, among)


def changed_scope(changed: Inputs, scope: Sequence[str]) -> ir.Table:
    """Distinct scope values of all changed rows."""
    parts = [rows.select(*scope) for rows in changed.values()]
    return ibis.union(*parts, distinct=True) if len(parts) > 1 else parts[0].distinct()


def as_of(events: ir.Table, versions: ir.Table, *, key: str, at: str, take: Sequence[str]) -> ir.Table:
    """Events with the columns `take` of the version valid at the event's instant `at`; null without one.

    Raises IbisError when an event has a column called like a taken one.
    """
    # A condition with OR would make DuckDB compare every pair, so an open end is a far one.
    end = versions[EXPIRES_AT].fill_null(END_OF_TIME)
    taken = {name: versions[name] for name in take}
    right = versions.select(_key=versions[key], _start=versions[EFFECTIVE_AT], _end=end, **taken)
    valid = [events[key] == right["_key"], events[at] >= right["_start"], events[at] < right["_end"]]
    return events.left_join(right, valid, rname="{name}").drop("_key", "_start", "_end")


def moved(events: ir.Table, changed: ir.Table, *, key: str, at: str, attribute: str) -> ir.Table:
    """Events whose version's `attribute` is not what it was before the change; `changed` has rows of both sides."""
    hit = events.semi_join(changed, key)
    for side in (BEFORE, AFTER):
        rows = changed.filter(changed[CHANGE_SIDE] == side).rename({f"_{side}": attribute})
        hit = as_of(hit, rows, key=key, at=at, take=(f"_{side}",))
    return hit.filter(~hit[f"_{BEFORE}"].identical_to(hit[f"_{AFTER}"]))

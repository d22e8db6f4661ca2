"""Compare a table with a rebuild that is made beside it: nothing is published, and no lease is taken.

Both sides are fixed when the comparison begins: the snapshot that the table shows, and what that one has consumed. The
rebuild is written into the engine session's own folder, by the same writer as a table's files, and the rows are
compared as two bags in the engine.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.verify_plan import Comparison, comparisons, row_key
from snowpipe_platform.ports import Session
from snowpipe_platform.records import ChangedRows, FileLayout, LakeRows
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import AFTER, BEFORE, CHANGE_SIDE, Table

EXAMPLES = 5
"""Rows that are given of each table."""
FLOAT_PRECISION = 1e-9
"""Relative: sums of floats depend on the order in which threads add, and differ in their last digits."""

DIFFERENCE, PAIRS = "verify#difference", "verify#pairs"
LIVE, REBUILT, DIFFERS, SIDE, NTH = "_live_", "_rebuilt_", "_differs_", "_side_", "_nth"
BOTH = "both"


@dataclass(frozen=True)
class Example:
    """A row that is not the same on both sides. side: `live` or `rebuild` where only that has it, else `both`.
    columns: those that differ, with the live value and the rebuilt one; the rest of the row where only one side has it
    is left out."""

    side: str
    key: Mapping[str, object]
    columns: Mapping[str, tuple[object, object]] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """Rows of two bags. columns: in how many of the `differing` rows each differs, those that differ nowhere left out.
    A row stands for one of the other side where their keys are equal; of several, the first for the first."""

    only_live: int = 0
    only_rebuilt: int = 0
    differing: int = 0
    columns: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()

    @property
    def rows(self) -> int:
        return self.only_live + self.only_rebuilt + self.differing

    def __add__(self, other: "Difference") -> "Difference":
        names = dict.fromkeys((*self.columns, *other.columns))
        return Difference(
            self.only_live + other.only_live,
            self.only_rebuilt + other.only_rebuilt,
            self.differing + other.differing,
            {name: self.columns.get(name, 0) + other.columns.get(name, 0) for name in names},
            (*self.examples, *other.examples)[:EXAMPLES],
        )


@dataclass(frozen=True)
class Verification:
    """A table beside its rebuild. live_rows, rebuilt_rows: None of a table without a commit. key: what tells rows
    apart. made_by: code versions that made the live rows; code_version: the one that made the rebuild. left_out:
    stale analysis dates whose inputs are expired. error: why the comparison could not be made."""

    table: str
    live_rows: int | None = None
    rebuilt_rows: int | None = None
    difference: Difference = field(default_factory=Difference)
    key: tuple[str, ...] = ()
    made_by: tuple[str, ...] = ()
    code_version: str = ""
    left_out: tuple[date, ...] = ()
    seconds: float = 0.0
    error: Exception | None = None

    @property
    def other_code(self) -> tuple[str, ...]:
        """Versions of the table's code, other than the present one, that made live rows."""
        return tuple(code for code in self.made_by if code != self.code_version)


def verify(table: Table, pipeline: Pipeline, ground: Ground) -> Verification:
    """Rebuild the table beside itself and compare. Reads pinned snapshots; whoever writes goes on meanwhile."""
    started = time.monotonic()
    try:
        base = ground.lake.state(table.name)
        if base is None:
            return Verification(table.name)
        planned = comparisons(pipeline, table, base, ground)
        total, rebuilt = Difference(), 0
        for part in planned.parts:
            with ground.engine.session() as session:
                difference, rows = _compare(table, part, session)
            total, rebuilt = total + difference, rebuilt + rows
        return Verification(
            table.name,
            sum(part.live_rows for part in planned.parts),
            rebuilt,
            total,
            row_key(table),
            tuple(sorted({part.made_by for part in planned.parts})),
            table.code_version,
            planned.left_out,
            time.monotonic() - started,
        )
    except Exception as error:  # noqa: BLE001 - a table's own code may raise anything, and other tables go on
        return Verification(table.name, seconds=time.monotonic() - started, error=error)


def _compare(table: Table, part: Comparison, session: Session) -> tuple[Difference, int]:
    """The difference, and how many rows the rebuild has."""
    for name, rows in part.sources.items():
        session.bind(name, rows)
    staged = session.write(part.expression, FileLayout(session.scratch, "rebuilt"))
    rebuilt = LakeRows(tuple(file.path for file in staged), table.schema)
    session.bind(DIFFERENCE, ChangedRows(before=part.live, after=rebuilt))
    rows = sum(file.rows for file in staged)
    difference = ibis.table(dict(table.schema.items()) | {CHANGE_SIDE: "string"}, name=DIFFERENCE)
    if not session.fetch(difference.limit(1)).num_rows:
        return Difference(), rows
    key = row_key(table)
    others = [name for name in table.schema if name not in key]
    pairs = _pairs(difference, key, others)
    differs = ibis.or_(ibis.literal(False), *(pairs[DIFFERS + name] for name in others))
    if not session.materialize(PAIRS, pairs.filter((pairs[SIDE] != BOTH) | differs)):
        return Difference(), rows
    return _counted(ibis.table(pairs.schema(), name=PAIRS), key, others, session), rows


def _pairs(difference: ir.Table, key: Sequence[str], others: Sequence[str]) -> ir.Table:
    """Rows of both sides beside each other, with the side that has them and the columns that differ; nulls are values
    of a key too."""
    plain = [name for name in (*key, *others) if not difference[name].type().is_nested()]

    def side(name: str, prefix: str) -> ir.Table:
        rows = difference.filter(difference[CHANGE_SIDE] == name).drop(CHANGE_SIDE)
        nth = ibis.row_number().over(group_by=list(key), order_by=plain)
        return rows.mutate(**{NTH: nth}).rename(lambda column: prefix + column)

    live, rebuilt = side(BEFORE, LIVE), side(AFTER, REBUILT)
    same = [live[LIVE + name].identical_to(rebuilt[REBUILT + name]) for name in (*key, NTH)]
    pairs = live.outer_join(rebuilt, same)
    is_live, is_rebuilt = pairs[LIVE + NTH].notnull(), pairs[REBUILT + NTH].notnull()
    flags = {DIFFERS + name: is_live & is_rebuilt & _differs(pairs, name) for name in others}
    return pairs.mutate(**{SIDE: is_live.ifelse(is_rebuilt.ifelse(BOTH, "live"), "rebuild")}, **flags)


def _differs(pairs: ir.Table, name: str) -> ir.BooleanValue:
    live, rebuilt = pairs[LIVE + name], pairs[REBUILT + name]
    same = live.identical_to(rebuilt)
    if live.type().is_floating():
        near = (live - rebuilt).abs() <= ibis.greatest(live.abs(), rebuilt.abs()) * FLOAT_PRECISION
        same |= (near & ~live.isinf() & ~rebuilt.isinf()).fill_null(False)
    return ~same


def _counted(pairs: ir.Table, key: Sequence[str], others: Sequence[str], session: Session) -> Difference:
    sides = {SIDE + side: (pairs[SIDE] == side).sum() for side in ("live", "rebuild", BOTH)}
    columns = {name: pairs[DIFFERS + name].sum() for name in others}
    (row,) = session.fetch(pairs.aggregate(**sides, **columns)).to_pylist()
    counted = {name: int(number) for name, number in row.items()}
    order = [ibis.coalesce(pairs[LIVE + name], pairs[REBUILT + name]) for name in key]
    first = session.fetch(pairs.order_by(order).limit(EXAMPLES)).to_pylist()
    return Difference(
        counted[SIDE + "live"],
        counted[SIDE + "rebuild"],
        counted[SIDE + BOTH],
        {name: counted[name] for name in others if counted[name]},
        tuple(_example(row, key, others) for row in first),
    )


def _example(row: Mapping[str, Any], key: Sequence[str], others: Sequence[str]) -> Example:
    has = REBUILT if row[SIDE] == "rebuild" else LIVE
    columns = {name: (row[LIVE + name], row[REBUILT + name]) for name in others if row[DIFFERS + name]}
    return Example(row[SIDE], {name: row[has + name] for name in key}, columns)

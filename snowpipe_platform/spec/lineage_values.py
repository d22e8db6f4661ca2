"""What one value of an expression comes from, given what its arguments come from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import ibis.expr.operations as ops

from snowpipe_platform.spec.column_graph import NOTHING, ColumnLineage, Columns, merged

Parts = Mapping[str, Any]
"""A node's arguments by name, each node among them replaced by its lineage."""

CHOOSING = ("where", "key", "order_by")
"""Arguments of an aggregate that choose among rows: what it counts, and whose value it takes."""
RANKS = (ops.RankBase, ops.PercentRank, ops.CumeDist, ops.NTile)


@dataclass(frozen=True)
class RelationLineage:
    """Of an operation inside the expression. order: what decides the order of its rows, which counts as soon as
    something looks at it."""

    columns: Mapping[str, ColumnLineage]
    rows: Columns = NOTHING
    order: Columns = field(default=NOTHING)

    @property
    def all(self) -> Columns:
        return merged(self.columns.values()).all


@singledispatch
def value_lineage(_node: ops.Value, parts: Parts) -> ColumnLineage:
    """A function of its arguments, whatever it is called; a table among them is read whole."""
    return merged(leaves(parts))


@value_lineage.register
def _(node: ops.Field, parts: Parts) -> ColumnLineage:
    return parts["rel"].columns[node.name]  # type: ignore[no-any-return]


@value_lineage.register
def _(node: ops.StructColumn, parts: Parts) -> ColumnLineage:
    whole = merged(parts["values"])
    return ColumnLineage(whole.value, whole.rows, dict(zip(node.names, parts["values"], strict=True)))


@value_lineage.register
def _(node: ops.StructField, parts: Parts) -> ColumnLineage:
    return parts["arg"].at([node.field])  # type: ignore[no-any-return]


@value_lineage.register
def _(node: ops.Cast, parts: Parts) -> ColumnLineage:
    """A struct in another type still has the fields both types have."""
    arg: ColumnLineage = parts["arg"]
    kept = arg.fields if node.to.is_struct() else {}
    return ColumnLineage(arg.value, arg.rows, {name: part for name, part in kept.items() if name in node.to.fields})


@value_lineage.register
def _(_node: ops.Reduction, parts: Parts) -> ColumnLineage:
    taken = merged(leaves({name: part for name, part in parts.items() if name not in CHOOSING}))
    chosen = merged(leaves({name: part for name, part in parts.items() if name in CHOOSING}))
    return ColumnLineage(taken.value, taken.rows | chosen.all)


@value_lineage.register
def _(_node: ops.CountStar, parts: Parts) -> ColumnLineage:
    """Takes no value: it counts rows."""
    return ColumnLineage(NOTHING, parts["arg"].rows | merged(leaves(parts["where"])).all)


@value_lineage.register
def _(node: ops.WindowFunction, parts: Parts) -> ColumnLineage:
    """A rank is made of what it is ordered by; for anything else the order only chooses rows."""
    func, order = parts["func"], merged(parts["order_by"])
    around = merged(leaves([parts[name] for name in ("group_by", "start", "end")]))
    value = func.value | order.value if isinstance(node.func, RANKS) else func.value
    return ColumnLineage(value, func.rows | order.all | around.all)


@value_lineage.register
def _(_node: ops.ExistsSubquery, parts: Parts) -> ColumnLineage:
    """Whether there is a row follows from what decides which rows there are."""
    return ColumnLineage(parts["rel"].rows)


def leaves(parts: object) -> Iterator[ColumnLineage]:
    """Every lineage in the arguments, however deep in tuples and mappings; a relation's as that of all it has."""
    if isinstance(parts, ColumnLineage):
        yield parts
    elif isinstance(parts, RelationLineage):
        whole = merged(parts.columns.values())
        yield ColumnLineage(whole.value, whole.rows | parts.rows | parts.order)
    elif isinstance(parts, Mapping):
        yield from leaves(tuple(parts.values()))
    elif isinstance(parts, tuple | list):
        for part in parts:
            yield from leaves(part)

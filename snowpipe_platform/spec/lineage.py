"""Which input columns each column of an expression comes from, read from the expression itself.

orders = ibis.table({"id": "int64", "amount": "int64", "status": "string"}, name="silver/orders")
lineage = column_lineage(orders.filter(orders.status == "paid").aggregate(total=orders.amount.sum()))
lineage.columns["total"].value == {TableColumn("silver/orders", "amount")}
lineage.rows == {TableColumn("silver/orders", "status")}
"""

from collections.abc import Iterator, Mapping
from functools import singledispatch
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir

from snowpipe_platform.spec.column_graph import NOTHING, ColumnLineage, Columns, Lineage, TableColumn, merged
from snowpipe_platform.spec.lineage_values import Parts, RelationLineage, leaves, value_lineage


def column_lineage(expression: ir.Table) -> Lineage:
    """The lineage of every column, over the unbound tables the expression reads, each known by its name."""
    root = expression.op()
    found = root.map(_traced)
    opaque = {type(node).__name__ for node in found if isinstance(node, ops.Relation) and not is_understood(type(node))}
    traced = found[root]
    columns = {name: _without(traced.rows, column) for name, column in traced.columns.items()}
    return Lineage(columns, _widest(traced.rows), tuple(sorted(opaque)))


def is_understood(relation: type[ops.Relation]) -> bool:
    """Whether it is known what a relational operation does with its columns."""
    return bool(_relation.dispatch(relation) is not _relation.dispatch(ops.Relation))


def _without(rows: Columns, column: ColumnLineage) -> ColumnLineage:
    """What decides the rows of every column is not said again for each."""
    fields = {name: _without(rows, part) for name, part in column.fields.items()}
    return ColumnLineage(_widest(column.value), _widest(column.rows - rows), fields)


def _widest(columns: Columns) -> Columns:
    """A part of a struct is not named beside the whole."""
    return frozenset(
        c for c in columns if not any(TableColumn(c.table, c.column, c.path[:n]) in columns for n in range(len(c.path)))
    )


def _traced(node: ops.Node, _found: Mapping[ops.Node, Any], **parts: Any) -> Any:  # noqa: ANN401 - by kind of node
    if isinstance(node, ops.Relation):
        return _relation(node, parts)
    return value_lineage(node, parts) if isinstance(node, ops.Value) else tuple(parts.values())


@singledispatch
def _relation(node: ops.Relation, parts: Parts) -> RelationLineage:
    """Of an operation that is not understood every column comes from everything it reads."""
    everything = merged(leaves(parts)).all
    return RelationLineage(dict.fromkeys(node.schema, ColumnLineage(everything)), everything)


@_relation.register
def _(node: ops.UnboundTable, _parts: Parts) -> RelationLineage:
    return RelationLineage({name: _itself(TableColumn(node.name, name), dtype) for name, dtype in node.schema.items()})


def _itself(column: TableColumn, dtype: dt.DataType) -> ColumnLineage:
    inner = dtype.fields if dtype.is_struct() else {}
    fields = {
        name: _itself(TableColumn(column.table, column.column, (*column.path, name)), part)
        for name, part in inner.items()
    }
    return ColumnLineage(frozenset({column}), NOTHING, fields)


@_relation.register
def _(node: ops.InMemoryTable, _parts: Parts) -> RelationLineage:
    """Constants."""
    return RelationLineage(dict.fromkeys(node.schema, ColumnLineage()))


@_relation.register
def _(_node: ops.DummyTable, parts: Parts) -> RelationLineage:
    return RelationLineage(parts["values"])


@_relation.register(ops.Reference)
@_relation.register(ops.AliasedRelation)
@_relation.register(ops.DropColumns)
@_relation.register(ops.Sample)
def _(node: ops.Relation, parts: Parts) -> RelationLineage:
    """The parent's rows; some columns, or another name."""
    parent = parts["parent"]
    return RelationLineage({name: parent.columns[name] for name in node.schema}, parent.rows, parent.order)


@_relation.register
def _(node: ops.Project, parts: Parts) -> RelationLineage:
    parent = parts["parent"]
    columns = {name: _ordered(node.values[name], column, parent) for name, column in parts["values"].items()}
    return RelationLineage(columns, parent.rows | _repeating(node.values, columns), parent.order)


@_relation.register
def _(node: ops.Filter, parts: Parts) -> RelationLineage:
    parent = parts["parent"]
    pairs = zip(node.predicates, parts["predicates"], strict=True)
    kept = merged(_ordered(value, lineage, parent) for value, lineage in pairs)
    return RelationLineage(parent.columns, parent.rows | kept.all, parent.order)


@_relation.register
def _(_node: ops.Sort, parts: Parts) -> RelationLineage:
    parent = parts["parent"]
    return RelationLineage(parent.columns, parent.rows, parent.order | merged(parts["keys"]).all)


@_relation.register
def _(_node: ops.Limit, parts: Parts) -> RelationLineage:
    parent = parts["parent"]
    bounds = merged(leaves([parts["n"], parts["offset"]]))
    return RelationLineage(parent.columns, parent.rows | parent.order | bounds.all, parent.order)


@_relation.register
def _(_node: ops.Distinct, parts: Parts) -> RelationLineage:
    """Any column may tell two rows apart."""
    parent = parts["parent"]
    return RelationLineage(parent.columns, parent.rows | parent.all, parent.order)


@_relation.register
def _(node: ops.Aggregate, parts: Parts) -> RelationLineage:
    parent, groups = parts["parent"], parts["groups"]
    rows = parent.rows | merged(groups.values()).all | _repeating(node.groups, groups)
    metrics = {name: _ordered(node.metrics[name], column, parent) for name, column in parts["metrics"].items()}
    return RelationLineage({**groups, **metrics}, rows)


@_relation.register
def _(_node: ops.JoinChain, parts: Parts) -> RelationLineage:
    """Conditions, and the rows of every table in the chain, decide which rows there are, and how often."""
    joined = list(_flat((parts["first"], parts["rest"])))
    tables = [part for part in joined if isinstance(part, RelationLineage)]
    conditions = merged(part for part in joined if isinstance(part, ColumnLineage))
    order = NOTHING.union(*(table.order for table in tables))
    return RelationLineage(parts["values"], conditions.all.union(*(table.rows for table in tables)), order)


@_relation.register
def _(node: ops.Set, parts: Parts) -> RelationLineage:
    """Columns by position. Only a plain union keeps rows whatever is in the others."""
    left, right = parts["left"], parts["right"]
    pairs = zip(left.columns.items(), right.columns.values(), strict=True)
    both = {name: merged([one, other]) for (name, one), other in pairs}
    rows, order = left.rows | right.rows, left.order | right.order
    if not isinstance(node, ops.Union) or node.distinct:
        rows |= left.all | right.all
    return RelationLineage(left.columns if isinstance(node, ops.Difference) else both, rows, order)


@_relation.register
def _(node: ops.FillNull, parts: Parts) -> RelationLineage:
    parent, replacements = parts["parent"], parts["replacements"]
    by_column = replacements if isinstance(replacements, Mapping) else dict.fromkeys(node.schema, replacements)
    filled = {name: merged([parent.columns[name], *leaves(part)]) for name, part in by_column.items()}
    return RelationLineage({**parent.columns, **filled}, parent.rows, parent.order)


@_relation.register
def _(_node: ops.DropNull, parts: Parts) -> RelationLineage:
    parent, subset = parts["parent"], parts["subset"]
    looked_at = parent.all if subset is None else merged(subset).all
    return RelationLineage(parent.columns, parent.rows | looked_at, parent.order)


@_relation.register
def _(node: ops.TableUnnest, parts: Parts) -> RelationLineage:
    """A row for each element: the array's length decides how many."""
    parent, unnested = parts["parent"], parts["column"]
    made = [node.column_name, *([] if node.offset is None else [node.offset])]
    columns = {**parent.columns, **dict.fromkeys(made, unnested)}
    return RelationLineage({name: columns[name] for name in node.schema}, parent.rows | unnested.all, parent.order)


def _ordered(value: ops.Value, lineage: ColumnLineage, parent: RelationLineage) -> ColumnLineage:
    """What looks at several rows may depend on the order they are in."""
    if not parent.order or not value.find((ops.WindowFunction, ops.Reduction), filter=ops.Value):
        return lineage
    return ColumnLineage(lineage.value, lineage.rows | parent.order)


def _repeating(values: Mapping[str, ops.Value], columns: Mapping[str, ColumnLineage]) -> Columns:
    """Arrays that are unnested into rows decide how many rows there are."""
    unnested = (columns[name] for name, value in values.items() if value.find(ops.Unnest, filter=ops.Value))
    return merged(unnested).all


def _flat(parts: object) -> Iterator[object]:
    if isinstance(parts, tuple | list):
        for part in parts:
            yield from _flat(part)
    else:
        yield parts

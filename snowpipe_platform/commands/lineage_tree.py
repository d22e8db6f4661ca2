"""Where a column or a table comes from and goes, level by level."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from snowpipe_platform.execution.lineage import query_name
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.spec.column_graph import ColumnGraph, TableColumn
from snowpipe_platform.spec.pipeline import Pipeline

Kind = Literal["value", "rows", "table"]
"""How a node hangs on the one it is below: by its values; by which rows there are; as a table on a table."""


@dataclass(frozen=True)
class Node:
    """A column or a table, and what it comes from or goes into. column: None for the table, or for all of its rows.
    repeated: it stands further up with all that hangs on it."""

    table: str
    column: str | None
    kind: Kind
    next: tuple["Node", ...] = ()
    repeated: bool = False


_Key = tuple[str, str | None, Kind]
_Follow = Callable[[_Key], Sequence[_Key]]


def nodes(tree: Node) -> list[Node]:
    """All of a tree."""
    return [tree, *(found for one in tree.next for found in nodes(one))]


def columns_above(graph: ColumnGraph, column: TableColumn) -> Node:
    """The columns its values are computed from, up to those of the source's queries."""
    found = {(column.table, column.name): column}

    def above(key: _Key) -> list[_Key]:
        origins = graph.above(found[key[0], str(key[1])])
        found.update({(origin.table, origin.name): origin for origin in origins})
        return [(origin.table, origin.name, "value") for origin in origins]

    return _grown((column.table, column.name, "value"), above, set())


def columns_below(graph: ColumnGraph, column: TableColumn, pipeline: Pipeline) -> Node:
    """The columns computed from it, those it chooses rows for, and the tables whose rows it decides: whatever such a
    table's rows go into follows too."""
    found = {(column.table, column.name): column}

    def below(key: _Key) -> list[_Key]:
        table, name, _ = key
        if name is None:
            return [(reader, None, "rows") for reader in readers(table, pipeline)]
        made, chosen = graph.below(found[table, name]), graph.choosing_below(found[table, name])
        found.update({(one.table, one.name): one for one in (*made, *chosen)})
        return [
            *((one.table, one.name, "value") for one in made),
            *((one.table, one.name, "rows") for one in chosen if one not in made),
            *((reader, None, "rows") for reader in graph.rows_below(found[table, name])),
        ]

    return _grown((column.table, column.name, "value"), below, set())


def tables_above(name: str, pipeline: Pipeline) -> Node:
    """The tables it reads, up to the source's queries."""

    def above(key: _Key) -> list[_Key]:
        table = key[0]
        if table in pipeline.by_name:
            return [(up, None, "table") for up in pipeline.by_name[table].upstream]
        query = pipeline.queries_by_entity.get(table.removeprefix(BRONZE)) if table.startswith(BRONZE) else None
        return [] if query is None else [(query_name(query), None, "table")]

    return _grown((name, None, "table"), above, set())


def tables_below(name: str, pipeline: Pipeline) -> Node:
    """The tables that read it, and those that read them."""
    return _grown((name, None, "table"), lambda key: [(up, None, "table") for up in readers(key[0], pipeline)], set())


def readers(name: str, pipeline: Pipeline) -> list[str]:
    """The tables that read a table directly."""
    return [table.name for table in pipeline.tables if name in table.upstream]


def _grown(key: _Key, follow: _Follow, seen: set[tuple[str, str | None]]) -> Node:
    table, column, kind = key
    after = follow(key)
    if after and (table, column) in seen:
        return Node(table, column, kind, repeated=True)
    seen.add((table, column))
    return Node(table, column, kind, tuple(_grown(one, follow, seen) for one in after))

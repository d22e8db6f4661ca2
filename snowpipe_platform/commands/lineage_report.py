"""A lineage as trees for a person, and as JSON for a program."""

from dataclasses import dataclass
from itertools import groupby

from snowpipe_platform.commands.lineage_tree import Node
from snowpipe_platform.commands.terminal import print_hanging, print_heading, print_next, print_text
from snowpipe_platform.commands.trees import Branch, print_tree
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.spec.column_graph import TableColumn
from snowpipe_platform.spec.pipeline import Pipeline


@dataclass(frozen=True)
class View:
    """What is said of a column, or of a table without one. up, down: None when not asked for. deciding: columns that
    only decide which rows it has, or looks at. notes: what cannot be traced, and why."""

    table: str
    column: str | None
    up: Node | None
    down: Node | None
    deciding: tuple[TableColumn, ...] = ()
    notes: tuple[str, ...] = ()


def view_json(view: View) -> dict[str, object]:
    """Stable keys: a program reads them."""
    return {
        "table": view.table,
        "column": view.column,
        "up": None if view.up is None else _node_json(view.up, "up"),
        "rows_decided_by": [{"table": column.table, "column": column.name} for column in view.deciding],
        "down": None if view.down is None else _node_json(view.down, "down"),
        "notes": list(view.notes),
    }


def _node_json(node: Node, direction: str) -> dict[str, object]:
    return {
        "table": node.table,
        "column": node.column,
        "kind": node.kind,
        "repeated": node.repeated,
        direction: [_node_json(one, direction) for one in node.next],
    }


def print_view(view: View, pipeline: Pipeline) -> None:
    """A tree up, what decides the rows, a tree down; then the next command."""
    if view.up is not None:
        _print_up(view, view.up, pipeline)
    if view.up is not None and view.down is not None:
        print_text()
    if view.down is not None:
        _print_down(view, view.down, pipeline)
    for note in view.notes:
        print_text()
        print_hanging("", note)
    if view.column is None and view.table in pipeline.by_name:
        print_text()
        print_next(f"snowpipe lineage {view.table}.{next(iter(pipeline.by_name[view.table].schema))}")


def _print_up(view: View, tree: Node, pipeline: Pipeline) -> None:
    titles = ("reads", "kind") if view.column is None else ("comes from", "table")
    print_tree(titles, _branch(tree, pipeline))
    if view.column is not None and not tree.next and not view.notes:
        print_text("└─ no column: it is set, or counts rows")
    if view.deciding:
        print_text()
        print_heading("which rows there are follows from")
        width = max(len(column.table) for column in view.deciding)
        for table, columns in groupby(view.deciding, key=lambda column: column.table):
            print_hanging(f"{table:<{width}}  ", ", ".join(column.name for column in columns))


def _print_down(view: View, tree: Node, pipeline: Pipeline) -> None:
    titles = ("is read by", "kind") if view.column is None else ("goes into", "table")
    print_tree(titles, _branch(tree, pipeline))
    if not tree.next:
        print_text("└─ nothing")


def _branch(node: Node, pipeline: Pipeline) -> Branch:
    label = node.column or ("(its rows)" if node.kind == "rows" else node.table)
    chosen = " (which rows)" if node.column is not None and node.kind == "rows" else ""
    again = " (above)" if node.repeated else ""
    beside = _kind(node.table, pipeline) if node.column is None and node.kind == "table" else node.table
    return Branch(f"{label}{chosen}{again}", beside, tuple(_branch(one, pipeline) for one in node.next))


def _kind(name: str, pipeline: Pipeline) -> str:
    if name in pipeline.by_name:
        return str(getattr(pipeline.by_name[name], "kind", "table"))
    return "landed rows" if name.startswith(BRONZE) else pipeline.queries.source_system

"""`snowpipe lineage`: where a column comes from, and where it goes."""

from collections.abc import Sequence

import ibis.expr.datatypes as dt

from snowpipe_platform.commands.lineage_report import View, print_view, view_json
from snowpipe_platform.commands.lineage_tree import columns_above, columns_below, nodes, tables_above, tables_below
from snowpipe_platform.commands.project import Project, find_table
from snowpipe_platform.commands.terminal import print_json
from snowpipe_platform.errors import ConfigurationError, LakeError, did_you_mean
from snowpipe_platform.execution.lineage import QUERY, PipelineLineage, pipeline_lineage
from snowpipe_platform.spec.column_graph import TableColumn
from snowpipe_platform.spec.pipeline import Pipeline


def lineage(project: Project, target: str, *, up: bool, down: bool, as_json: bool) -> int:
    """0. Raises ConfigurationError for a table or column there is not, LakeError for a column of an empty log."""
    table, names = find_target(target, project.pipeline)
    view = (
        _column_view(project, table, names, up=up, down=down)
        if names
        else _table_view(project.pipeline, table, up=up, down=down)
    )
    if as_json:
        print_json(view_json(view))
    else:
        print_view(view, project.pipeline)
    return 0


def find_target(target: str, pipeline: Pipeline) -> tuple[str, list[str]]:
    """The table's full name, and the column with the fields of a struct behind it: `dim_customers.address.state`.

    Raises ConfigurationError with the nearest table.
    """
    if target.startswith(QUERY):
        _refuse_query(target.removeprefix(QUERY), pipeline)
    parts = target.split(".")
    known = {name for full in pipeline.names for name in (full, full.partition("/")[2])}
    for length in range(len(parts), 0, -1):
        name = "/".join(parts[:length])
        if name in known:
            return find_table(name, pipeline), parts[length:]
    return find_table(parts[0] if "/" in parts[0] else target, pipeline), []


def _refuse_query(name: str, pipeline: Pipeline) -> None:
    """Raises ConfigurationError with what has the query's columns, as trees name it beside them."""
    query = name.partition(".")[0]
    entities = {query.name: query.entity for query in pipeline.queries.queries}
    if query not in entities:
        raise ConfigurationError(f"there is no query {query!r}. {did_you_mean(query, list(entities))}")
    asked = f"bronze/{entities[query]}{name.removeprefix(query)}"
    raise ConfigurationError(f"a query is no table. Its columns are those it lands: snowpipe lineage {asked}")


def _table_view(pipeline: Pipeline, table: str, *, up: bool, down: bool) -> View:
    above, below = tables_above(table, pipeline), tables_below(table, pipeline)
    return View(table, None, above if up else None, below if down else None)


def _column_view(project: Project, table: str, names: Sequence[str], *, up: bool, down: bool) -> View:
    pipeline, traced = project.pipeline, pipeline_lineage(project.pipeline, project.ground)
    column = _find_column(traced, table, names, pipeline)
    above = columns_above(traced.graph, column) if up else None
    below = columns_below(traced.graph, column, pipeline) if down else None
    own = traced.graph.by_table.get(table)
    deciding = own.rows | own.columns[column.column].at(column.path).rows if own is not None and up else frozenset()
    shown = {node.table for tree in (above, below) if tree is not None for node in nodes(tree)}
    return View(table, column.name, above, below, tuple(sorted(deciding)), _notes(traced, pipeline, shown))


def _find_column(traced: PipelineLineage, table: str, names: Sequence[str], pipeline: Pipeline) -> TableColumn:
    """Raises ConfigurationError with the nearest column or field."""
    column, *path = names
    declared = pipeline.by_name.get(table)
    if declared is None and table in traced.untraced:
        raise LakeError(traced.untraced[table])
    known = list(traced.graph.by_table[table].columns) if declared is None else list(declared.schema)
    _require(column, known, f"{table} has no column")
    dtype = None if declared is None else declared.schema[column]
    for depth, name in enumerate(path):
        fields = dtype.fields if isinstance(dtype, dt.Struct) else {}
        _require(name, list(fields), f"{table}.{'.'.join((column, *path[:depth]))} has no field")
        dtype = fields[name]
    return TableColumn(table, column, tuple(path))


def _require(name: str, known: list[str], problem: str) -> None:
    if name not in known:
        raise ConfigurationError(f"{problem} {name!r}. {did_you_mean(name, known)}")


def _notes(traced: PipelineLineage, pipeline: Pipeline, shown: set[str]) -> tuple[str, ...]:
    """What is missing of the tables shown, and of those that read them."""
    near = shown | {table.name for table in pipeline.tables if set(table.upstream) & shown}
    untraced = [why for name, why in traced.untraced.items() if name in near]
    opaque = [
        f"{name}: {', '.join(lineage.opaque)} says nothing of its columns; they are taken to come from all it reads."
        for name, lineage in traced.graph.by_table.items()
        if name in shown and lineage.opaque
    ]
    return tuple(dict.fromkeys([*untraced, *opaque]))

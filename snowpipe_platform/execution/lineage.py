"""Where every column of a pipeline comes from: the expression of each kind of table, traced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from snowpipe_platform.errors import LakeError, PipelineError, SnowpipeError
from snowpipe_platform.execution.as_of_plan import ANY_DATE, date_rows
from snowpipe_platform.execution.change_rows import ORIGIN_COLUMNS, bronze_table, change_rows
from snowpipe_platform.execution.derived_plan import derived_rows
from snowpipe_platform.execution.feature_plan import example_rows
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.score_plan import example_scores
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.bronze_log import all_columns
from snowpipe_platform.spec.column_graph import NOTHING, ColumnGraph, ColumnLineage, Lineage, TableColumn
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.lineage import column_lineage
from snowpipe_platform.spec.manifest import INSTANT, NANOSECONDS, PLATFORM_COLUMNS
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.scores import ScoreTable
from snowpipe_platform.spec.table import ChangesTable, DerivedTable, Table

QUERY = "query "


@dataclass(frozen=True)
class PipelineLineage:
    """All columns of a pipeline. untraced: the tables whose columns cannot be traced, and why."""

    graph: ColumnGraph
    untraced: Mapping[str, str]


def pipeline_lineage(pipeline: Pipeline, ground: Ground) -> PipelineLineage:
    """Of every table, queries' columns at the top. Reads logs' manifests, no rows."""
    traced: dict[str, Lineage] = {}
    untraced: dict[str, str] = {}
    for name in pipeline.names:
        try:
            traced[name] = lineage_of(name, pipeline, ground)
        except SnowpipeError as error:
            untraced[name] = str(error)
    return PipelineLineage(ColumnGraph(traced), untraced)


def lineage_of(name: str, pipeline: Pipeline, ground: Ground) -> Lineage:
    """Of one table, or `bronze/<entity>`, over what it reads directly. Raises LakeError while nothing is landed to take
    columns from, PipelineError where the table's code does not fit what it reads, or its kind has no expression."""
    if name in pipeline.by_name:
        return column_lineage(table_expression(pipeline.by_name[name], pipeline, ground))
    return _bronze_lineage(pipeline.queries_by_entity[name.partition("/")[2]], ground)


def table_expression(table: Table, pipeline: Pipeline, ground: Ground) -> ir.Table:
    """The rows of a table of any kind, over unbound tables named after what it reads."""
    if isinstance(table, ChangesTable):
        return change_rows(table, bronze_table(table, _landed_columns(table.source, ground)))
    if isinstance(table, DerivedTable):
        return derived_rows(table, _unbound(table.inputs, pipeline))
    if isinstance(table, AsOfTable):
        return date_rows(table, ANY_DATE, _unbound((*table.inputs, *table.scores), pipeline))
    if isinstance(table, FeatureGroup):
        return example_rows(table, _unbound(table.inputs, pipeline)[table.source], ANY_DATE)
    if isinstance(table, ScoreTable):
        return example_scores(table, pipeline.group(table.source))
    raise PipelineError(f"{table.defined_in}: {type(table).__name__} is no kind of table whose columns are traced.")


def _unbound(names: Sequence[str], pipeline: Pipeline) -> dict[str, ir.Table]:
    return {name: ibis.table(pipeline.table(name).schema, name=name) for name in names}


def query_name(query: Query) -> str:
    """How a query stands among tables."""
    return f"{QUERY}{query.name}"


def _landed_columns(entity: str, ground: Ground) -> ibis.Schema:
    log = ground.bronze.log(entity)
    if not log:
        msg = f"bronze/{entity} has no extraction yet, so its columns are not known. Land one with 'snowpipe run'."
        raise LakeError(msg)
    return all_columns(log)


def _bronze_lineage(query: Query, ground: Ground) -> Lineage:
    """A landed column is the query's. A change's instant is made of its watermark as landed; the other columns are the
    platform's own."""
    source = query_name(query)
    landed = {name: frozenset({TableColumn(source, name)}) for name in _landed_columns(query.entity, ground)}
    watermark = instant = NOTHING
    if query.watermark_column is not None:
        name = query.watermark_column.lower()
        watermark = frozenset({TableColumn(source, name)})
        instant = frozenset({TableColumn(f"bronze/{query.entity}", name)}) if name in landed else watermark
    made = dict.fromkeys((*PLATFORM_COLUMNS, *ORIGIN_COLUMNS), NOTHING) | {INSTANT: instant, NANOSECONDS: instant}
    return Lineage({name: ColumnLineage(columns) for name, columns in (landed | made).items()}, watermark)

"""One asset per lake table: a factory for each kind."""

from collections.abc import Callable
from dataclasses import replace

import dagster as dg
from pydantic import Field

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.execution.as_of_plan import is_waiting
from snowpipe_platform.execution.plan import Plan, TableRequest
from snowpipe_platform.execution.planning import plan_table
from snowpipe_platform.orchestration.automation import Condition, daily_condition, whole_table_condition
from snowpipe_platform.orchestration.failures import final_failures
from snowpipe_platform.orchestration.identity import run_identity
from snowpipe_platform.orchestration.io_managers import LAKE_IO_MANAGER
from snowpipe_platform.orchestration.metadata import table_definition_metadata
from snowpipe_platform.orchestration.names import approved_name, asset_key, dagster_owners
from snowpipe_platform.orchestration.partitions import load_day
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.spec.as_of import AsOfTable, DatedTable
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.scores import ScoreTable
from snowpipe_platform.spec.table import ChangesTable, DerivedTable, Table


class TableRun(dg.Config):
    """What a person may ask of a run."""

    rebuild: bool = Field(default=False, description="make all rows anew from all inputs, whatever was consumed before")
    publish_anyway: str = Field(default="", description="who publishes rows beyond a rule's tolerance, and why")


def table_asset(
    table: Table, *, pipeline: Pipeline, partitions: dg.PartitionsDefinition[str] | None
) -> dg.AssetsDefinition:
    """The asset of a table of any kind. Raises PipelineError for a kind that has none."""
    if isinstance(table, ChangesTable):
        return changes_asset(table, pipeline=pipeline, load_days=partitions)
    if isinstance(table, DatedTable):
        return dated_asset(table, pipeline=pipeline, analysis_dates=partitions)
    if isinstance(table, DerivedTable):
        return derived_asset(table, pipeline=pipeline)
    msg = f"{table.defined_in}: {type(table).__name__} is no kind of table that runs."
    raise PipelineError(msg)


def changes_asset(
    table: ChangesTable, *, pipeline: Pipeline, load_days: dg.PartitionsDefinition[str] | None
) -> dg.AssetsDefinition:
    """Accepted and quarantined changes by load day: a run consumes what bronze has for its day."""

    @_asset(table, kind="changes", condition=daily_condition(), partitions=load_days)
    def plan_changes(context: dg.AssetExecutionContext, config: TableRun, ground: GroundResource) -> Plan:
        request = _request(pipeline, table, context, config)
        return _plan(replace(request, day=load_day(context.partition_key)), ground)

    return plan_changes


def dated_asset(
    table: DatedTable, *, pipeline: Pipeline, analysis_dates: dg.PartitionsDefinition[str] | None
) -> dg.AssetsDefinition:
    """Rows by analysis date, of an as-of table or a feature group. No condition requests them: which dates a commit of
    an input makes stale stands in its rows or files, and the sensor `analysis_dates` reads it there. A date that cannot
    be made yet fails, else Dagster would count it as made."""

    @_asset(table, kind=table.kind, condition=None, partitions=analysis_dates)
    def plan_date(context: dg.AssetExecutionContext, config: TableRun, ground: GroundResource) -> Plan:
        request = _request(pipeline, table, context, config)
        plan = _plan(replace(request, day=load_day(context.partition_key)), ground)
        if is_waiting(plan):
            reason = f"{table.name} of {context.partition_key} {plan.reason}; it is requested once that is there"
            raise dg.Failure(description=reason, allow_retries=False)
        return plan

    return plan_date


def derived_asset(table: DerivedTable, *, pipeline: Pipeline) -> dg.AssetsDefinition:
    """A table without partitions: a run brings it up to date with all that its inputs committed."""

    @_asset(table, kind=table.kind, condition=whole_table_condition(levels=pipeline.levels_above(table.name)))
    def plan_derived(context: dg.AssetExecutionContext, config: TableRun, ground: GroundResource) -> Plan:
        return _plan(_request(pipeline, table, context, config), ground)

    return plan_derived


def _request(pipeline: Pipeline, table: Table, context: dg.AssetExecutionContext, config: TableRun) -> TableRequest:
    override = config.publish_anyway.strip() or None
    return TableRequest(pipeline, table, run_identity(context.run), rebuild=config.rebuild, override=override)


def _plan(request: TableRequest, ground: GroundResource) -> Plan:
    with final_failures():
        return plan_table(request, ground.ground())


def _asset(
    table: Table,
    *,
    kind: str,
    condition: Condition | None,
    partitions: dg.PartitionsDefinition[str] | None = None,
) -> Callable[[Callable[..., Plan]], dg.AssetsDefinition]:
    """What all kinds declare alike. Inputs are deps: the plan reads their commits, not rows handed over.

    A backfill of load days takes along the dates that end with them; what their late changes make stale the sensor
    requests. Any load day may hold changes of any date, but mapped that way, Dagster 1.13 takes a backfill of two load
    days to mean every date there ever was."""
    mapping, named = None, table.upstream
    if isinstance(table, ScoreTable):
        named = (*named, approved_name(table.model))
    if isinstance(table, AsOfTable):  # a date from before the first load day has none of its own
        mapping = dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
    return dg.asset(
        key=asset_key(table.name),
        deps=[dg.AssetDep(asset_key(name), partition_mapping=mapping) for name in named],
        io_manager_key=LAKE_IO_MANAGER,
        partitions_def=partitions,
        automation_condition=condition,
        group_name=table.layer,
        kinds={table.layer, "iceberg", kind},
        owners=dagster_owners(table.owners),
        description=table.description,
        code_version=table.code_version,
        tags={"snowpipe/kind": kind},
        metadata=table_definition_metadata(table),
        pool=table.name,
    )

"""Comparison of keys: a job and a schedule for each query that asks for it."""

import dagster as dg

from snowpipe_platform.execution.comparison import ComparisonRequest, compare
from snowpipe_platform.orchestration.compared import comparison_metadata
from snowpipe_platform.orchestration.failures import final_failures
from snowpipe_platform.orchestration.identity import run_identity
from snowpipe_platform.orchestration.names import bronze_name, compare_job_name
from snowpipe_platform.orchestration.reporting import report_comparison
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.pipeline import Pipeline


def comparison_jobs(pipeline: Pipeline) -> list[dg.JobDefinition]:
    """One for each query with `compare_keys`."""
    source = pipeline.queries.source_system
    return [_job(query, source) for query in pipeline.queries.queries if query.compare_keys is not None]


def comparison_schedules(pipeline: Pipeline) -> list[dg.ScheduleDefinition]:
    """One for each of the jobs. Off until a person turns it on: it reads every key of a warehouse that costs money."""
    return [
        dg.ScheduleDefinition(
            name=f"{compare_job_name(query.entity)}_schedule",
            job_name=compare_job_name(query.entity),
            cron_schedule=query.compare_keys,
            execution_timezone="UTC",
            description=f"compares the keys of query {query.name} at the source with those landed",
        )
        for query in pipeline.queries.queries
        if query.compare_keys is not None
    ]


def _job(query: Query, source_system: str) -> dg.JobDefinition:
    """Compares the query's keys with those landed, and materializes `bronze/<entity>` for the source's day when rows
    landed: silver goes on from there."""
    name = bronze_name(query.entity)
    told = "Closes keys that are gone at the source, opens those that are back."

    @dg.op(name=f"{compare_job_name(query.entity)}_keys", description=told, pool=name)
    def compare_keys(context: dg.OpExecutionContext, ground: GroundResource) -> None:
        adapters = ground.ground()
        with final_failures():
            request = ComparisonRequest(query, source_system, run_identity(context.run))
            result = compare(request, adapters, notice=context.log.warning)
        context.log.info("%s: %s", name, result.summary)
        context.add_output_metadata(comparison_metadata(result, adapters))
        if result.manifest is not None:
            report_comparison(context.instance, result, adapters)

    @dg.job(name=compare_job_name(query.entity), description=f"Find what was deleted at the source of {name}.")
    def job() -> None:
        compare_keys()

    return job

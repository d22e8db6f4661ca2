"""Maintenance of the whole lake, as a job with a schedule."""

import dagster as dg
from pydantic import Field

from snowpipe_platform.execution.maintenance import Maintained, Maintenance, UpkeepStatus, maintain
from snowpipe_platform.execution.maintenance_plan import upkeep_of
from snowpipe_platform.orchestration.failures import final_failures
from snowpipe_platform.orchestration.identity import run_identity
from snowpipe_platform.orchestration.names import MAINTAIN_JOB
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.spec.pipeline import Pipeline

MAINTENANCE_CRON = "30 3 * * *"
"""In the small hours, UTC: the day's extraction and what follows from it are done."""


class MaintenanceRun(dg.Config):
    """What a person may ask of a run; durations such as 7d or 36h."""

    older_than: str = Field(default="7d", description="forget what a table was before that")
    grace: str = Field(default="1d", description="spare whatever a run or query of that long may still read")


def maintenance_job(pipeline: Pipeline) -> dg.JobDefinition:
    """Merges small files, forgets old snapshots and removes what nothing needs, table by table."""

    @dg.op(name="maintain_tables", description="One table after another, each under its lease.")
    def maintain_tables(context: dg.OpExecutionContext, config: MaintenanceRun, ground: GroundResource) -> None:
        with final_failures():
            run = Maintenance(
                names=pipeline.names,
                identity=run_identity(context.run),
                upkeep=upkeep_of(older_than=config.older_than, grace=config.grace),
            )
            done = []
            for one in maintain(run, ground.ground()):
                context.log.info("%s: %s", one.name, _told(one))
                done.append(one)
        context.add_output_metadata(_metadata(done))
        if failed := [one for one in done if one.status is UpkeepStatus.FAILED]:
            told = "; ".join(f"{one.name}: {one.note}" for one in failed)
            raise dg.Failure(description=told, allow_retries=False)

    @dg.job(name=MAINTAIN_JOB, description="Keep the lake small and fast; no row is lost.")
    def job() -> None:
        maintain_tables()

    return job


def maintenance_schedule() -> dg.ScheduleDefinition:
    """Every night. Off until a person turns it on: after it a table is what it was a week ago no longer."""
    return dg.ScheduleDefinition(
        name="maintain_daily", job_name=MAINTAIN_JOB, cron_schedule=MAINTENANCE_CRON, execution_timezone="UTC"
    )


def _told(one: Maintained) -> str:
    """One line of the run's log."""
    if one.files_before is None:
        return f"{one.status}: {one.note}" if one.note else str(one.status)
    counts = f"files {one.files_before} → {one.files_after}"
    snapshots = "" if one.snapshots_before is None else f", snapshots {one.snapshots_before} → {one.snapshots_after}"
    removed = f", {one.removed} files removed ({one.freed_bytes:,} bytes)"
    return f"{one.status}: {counts}{snapshots}{removed}{f'; {one.note}' if one.note else ''}"


def _metadata(done: list[Maintained]) -> dict[str, int]:
    return {
        "tables": len(done),
        "tables_skipped": sum(one.status is UpkeepStatus.SKIPPED for one in done),
        "files_merged_away": sum((one.files_before or 0) - (one.files_after or 0) for one in done),
        "snapshots_expired": sum((one.snapshots_before or 0) - (one.snapshots_after or 0) for one in done),
        "files_removed": sum(one.removed for one in done),
        "bytes_freed": sum(one.freed_bytes for one in done),
    }

"""When load days are extracted unasked."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from snowpipe_platform.errors import SourceError, TransientSourceError
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.orchestration.landed import missing_days
from snowpipe_platform.orchestration.names import asset_key, bronze_name
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.orchestration.sensors import Target, under_way
from snowpipe_platform.ports import Warehouse
from snowpipe_platform.spec.deadlines import last_over
from snowpipe_platform.spec.pipeline import Pipeline

EXTRACT_JOB = "extract"
NAME = "extraction"
DAYS_PER_TICK = 31
"""The newest day, and the oldest of the others; the next tick goes on with the rest."""
PRIORITY_TAG, EXTRACTION_PRIORITY = "dagster/priority", "1"
"""Before what else is queued: a source that keeps only the current state loses what is read too late."""
CLOCKS_DIFFER_BY = timedelta(minutes=5)
"""At most, the source's and this machine's, where a tick comes with the end of the day."""


def extraction_schedule(pipeline: Pipeline) -> dg.ScheduleDefinition:
    """Requests every load day that is over and not landed: the last one, and those that an earlier tick missed or whose
    extraction failed, from the first landed day on. Off until a person turns it on: it reads from a warehouse that
    costs money.

    What has landed is what Dagster has as extracted, see `missing_days`. A query's days are requested without the
    queries that have landed them, and while a run for them is under way not again.
    """

    @dg.schedule(
        name=NAME,
        job_name=EXTRACT_JOB,
        cron_schedule=pipeline.queries.schedule,
        execution_timezone="UTC",
        description="lands load days once they are over, also those that were missed or failed",
    )
    def extraction(
        context: dg.ScheduleEvaluationContext, ground: GroundResource
    ) -> list[dg.RunRequest] | dg.SkipReason:
        tick = context.scheduled_execution_time.astimezone(UTC).replace(tzinfo=None)
        adapters = ground.ground()
        last = last_over(min(tick, source_clock(adapters.warehouse, otherwise=tick)))
        wanted = _wanted(context.instance, pipeline, last, adapters)
        busy = under_way(context.instance, pipeline)
        requests = list(_requests(wanted, busy=busy, tick=f"{tick:%Y-%m-%dT%H:%M}"))
        return requests or dg.SkipReason(f"every load day up to {last} has landed, or is being extracted")

    return extraction


def source_clock(warehouse: Warehouse, *, otherwise: datetime) -> datetime:
    """How far the source is, as a replayed one has days of its own. One that does not answer is asked for the day all
    the same: the run then fails, and says why where failures are looked for."""
    try:
        return warehouse.clock() + CLOCKS_DIFFER_BY
    except (SourceError, TransientSourceError):
        return otherwise


def _requests(wanted: Mapping[date, list[dg.AssetKey]], *, busy: set[Target], tick: str) -> Iterator[dg.RunRequest]:
    """One run for each day, oldest first. A day asked for again by a later tick is another request."""
    for day in [*sorted(wanted)[: DAYS_PER_TICK - 1], *sorted(wanted)[DAYS_PER_TICK - 1 :][-1:]]:
        keys = [key for key in wanted[day] if (key, day.isoformat()) not in busy]
        if keys:
            run_key, tags = f"{day}:{tick}", {PRIORITY_TAG: EXTRACTION_PRIORITY}
            yield dg.RunRequest(run_key=run_key, partition_key=day.isoformat(), asset_selection=keys, tags=tags)


def _wanted(
    instance: dg.DagsterInstance, pipeline: Pipeline, last: date, ground: Ground
) -> dict[date, list[dg.AssetKey]]:
    """Assets to extract by day. An asset of which no day has landed begins with the last."""
    wanted: dict[date, list[dg.AssetKey]] = {}
    for query in pipeline.queries.queries if last >= pipeline.first_day else ():
        key = asset_key(bronze_name(query.entity))
        log = [entry for entry in ground.bronze.log(query.entity) if entry.query == query.name]
        missing = missing_days(instance, key, last=last, safety_lag=query.safety_lag, log=log)
        for day in [last] if missing is None else missing:
            wanted.setdefault(day, []).append(key)
    return wanted

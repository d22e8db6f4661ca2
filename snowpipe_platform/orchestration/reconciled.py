"""The check `reconciled` of a bronze table: when it runs, what it says, and the run that mends what it finds."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import Any

import dagster as dg

from snowpipe_platform.execution.extraction import ExtractionResult
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.reconciliation import Reconciliation, reconcile
from snowpipe_platform.execution.reconciliation_plan import RECENT_DAYS, Reconciled, landed_days
from snowpipe_platform.orchestration.failures import final_failures
from snowpipe_platform.orchestration.identity import run_identity
from snowpipe_platform.orchestration.metadata import Metadata, log_metadata
from snowpipe_platform.orchestration.names import FILES_ADOPTED, RECONCILE_JOB, RECONCILED, asset_key, bronze_name
from snowpipe_platform.orchestration.partitions import load_day
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.orchestration.schedules import source_clock
from snowpipe_platform.orchestration.sensors import PARTITION_TAG
from snowpipe_platform.spec.bronze_log import landings
from snowpipe_platform.spec.deadlines import last_over
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.pipeline import Pipeline

JobOfAssets = Any
"""Dagster exports no name for what `define_asset_job` gives."""
RECONCILIATION_CRON = "0 3 * * 0"
"""Sundays, in the small hours, UTC: the week's last day has landed, and maintenance has not begun."""
ABOUT = "the load day's files are whole, the source's rows are in bronze, and bronze's in silver or quarantine"


def reconciled_check(
    query: Query, pipeline: Pipeline, load_days: dg.PartitionsDefinition[str]
) -> dg.AssetChecksDefinition:
    """Reads a load day's window of the source again, so it runs on request and by the schedule, and not whenever the
    day is materialized; but when that mends it.

    It does not block: what is downstream is made of the rows there are, and a day that misses one is still the best
    there is. A row found missing weeks later must not stop today's tables; mended, it reaches them like a late one.
    """
    name = bronze_name(query.entity)
    spec = dg.AssetCheckSpec(
        RECONCILED, asset=asset_key(name), description=ABOUT, blocking=False, partitions_def=load_days
    )

    @dg.multi_asset_check(name=f"{name.replace('/', '__')}__reconciled", specs=[spec], can_subset=True)
    def check_reconciled(
        context: dg.AssetCheckExecutionContext, ground: GroundResource
    ) -> Iterator[dg.AssetCheckResult]:
        if _is_extracting(context, name):
            return
        asked = Reconciliation(pipeline, query, load_day(context.partition_key), run_identity(context.run))
        with final_failures():
            found = reconcile(asked, ground.ground(), doing=context.log.info)
        yield reconciled_outcome(found)

    return check_reconciled


def _is_extracting(context: dg.AssetCheckExecutionContext, name: str) -> bool:
    """Whether the run materializes the table, and not to mend it. Dagster 1.13 runs every check of what a run with a
    selection makes, also where the job leaves the check out; one that gives no verdict is shown as skipped."""
    if asset_key(name) not in context.job_def.asset_layer.selected_asset_keys:
        return False
    ops: Mapping[str, Any] = context.run.run_config.get("ops", {})  # type: ignore[assignment]
    return not ops.get(name.replace("/", "__"), {}).get("config", {}).get("mend", False)


def reconciled_outcome(found: Reconciled) -> dg.AssetCheckResult:
    """Names windows and keys, and the commands that mend."""
    return dg.AssetCheckResult(
        passed=found.agrees,
        asset_key=asset_key(bronze_name(found.entity)),
        check_name=RECONCILED,
        severity=dg.AssetCheckSeverity.ERROR,
        description=found.summary,
        metadata=_metadata(found),
    )


def _metadata(found: Reconciled) -> Metadata:
    counts = {
        "files": found.found.files,
        "rows": found.found.rows,
        "source_rows": found.found.source_rows,
        "rows_pending": found.found.pending,
        "rows_unconsumed": found.found.unconsumed,
        "rows_kept_out": found.found.kept_out,
        "rows_elsewhere": found.found.elsewhere,
        "rows_gone": found.found.gone,
    }
    about: Metadata = {name: dg.MetadataValue.int(number) for name, number in counts.items()}
    about["reconciled_at"] = dg.MetadataValue.text(f"{found.reconciled_at.isoformat()}Z")
    if found.found.notes:
        about["not_compared"] = dg.MetadataValue.md("\n".join(f"- {note}" for note in found.found.notes))
    if found.found.differences:
        columns = {"part": "string", "rows": "int", "what": "string", "where": "string", "keys": "string"}
        records = [
            dg.TableRecord({name: _cell(getattr(one, name)) for name in columns}) for one in found.found.differences
        ]
        schema = dg.TableSchema([dg.TableColumn(name, dtype) for name, dtype in columns.items()])
        about["differences"] = dg.MetadataValue.table(records, schema=schema)
        commands = dict.fromkeys(f"{one.advice}: `{one.mend}`" for one in found.found.differences)
        about["next"] = dg.MetadataValue.md("\n".join(f"- {command}" for command in commands))
    if found.mendable:
        about["mend"] = dg.MetadataValue.text("materialize the load day with the config mend: true")
    return about


def _cell(value: object) -> str | int:
    return ", ".join(value) if isinstance(value, tuple) else value if isinstance(value, int) else str(value)


def mended_metadata(asked: Reconciliation, results: Sequence[ExtractionResult], ground: Ground) -> Metadata:
    """Of a run that read again what was missing: not the load day's extraction, and marked as adoptions are."""
    manifests = [result.manifest for result in results if result.manifest is not None]
    return {
        "summary": dg.MetadataValue.text(mended_summary(results)),
        **log_metadata(landings(ground.bronze.log(asked.query.entity)), asked.load_day),
        "rows_landed": dg.MetadataValue.int(sum(manifest.rows_landed for manifest in manifests)),
        FILES_ADOPTED: dg.MetadataValue.int(0),
    }


def mended_summary(results: Sequence[ExtractionResult]) -> str:
    """One sentence for a person."""
    landed = sum(result.manifest.rows_landed for result in results if result.manifest is not None)
    return (
        f"{landed:,} missing row{'s' if landed != 1 else ''} landed"
        if landed
        else "nothing was missing that the source still has"
    )


def reconciliation_job(pipeline: Pipeline) -> JobOfAssets:
    """One load day of every query, held against its files, its source and silver. Nothing is written."""
    return dg.define_asset_job(
        RECONCILE_JOB,
        dg.AssetSelection.checks(*(check_key(query) for query in pipeline.queries.queries)),
        description="Hold one load day of every query against its files, its source and silver.",
    )


def check_key(query: Query) -> dg.AssetCheckKey:
    """Of the check `reconciled`."""
    return dg.AssetCheckKey(asset_key(bronze_name(query.entity)), RECONCILED)


def reconciliation_schedule(pipeline: Pipeline) -> dg.ScheduleDefinition:
    """Once a week, the landed load days of the last RECENT_DAYS that are over. Off until a person turns it on: it reads
    them again from a warehouse that costs money."""

    @dg.schedule(
        name="reconcile_weekly",
        job_name=RECONCILE_JOB,
        cron_schedule=RECONCILIATION_CRON,
        execution_timezone="UTC",
        description="holds the last week's load days against their files, their source and silver",
    )
    def reconcile_weekly(
        context: dg.ScheduleEvaluationContext, ground: GroundResource
    ) -> list[dg.RunRequest] | dg.SkipReason:
        tick = context.scheduled_execution_time.astimezone(UTC).replace(tzinfo=None)
        adapters = ground.ground()
        last = last_over(min(tick, source_clock(adapters.warehouse, otherwise=tick)))
        days = _recent(pipeline, adapters, last)
        requests = [_request(day, tick=f"{tick:%Y-%m-%dT%H:%M}") for day in days]
        return requests or dg.SkipReason(f"no load day of the week up to {last} has landed")

    return reconcile_weekly


def _request(day: date, *, tick: str) -> dg.RunRequest:
    """By tag: Dagster 1.13 takes the partitions of a job from its assets, and a job of checks has none."""
    return dg.RunRequest(run_key=f"{day}:{tick}", tags={PARTITION_TAG: day.isoformat()})


def _recent(pipeline: Pipeline, ground: Ground, last: date) -> list[date]:
    first = max(last - timedelta(days=RECENT_DAYS - 1), pipeline.first_day)
    days = {day for entity in pipeline.queries_by_entity for day in landed_days(ground.bronze.log(entity))}
    return sorted(day for day in days if first <= day <= last)

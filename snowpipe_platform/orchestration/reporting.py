"""Tell a Dagster instance what happened outside of it: the same events a run leaves, without a run."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

# AssetCheckEvaluation takes it, and Dagster exports it nowhere; without it a partition's check counts as not evaluated.
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from snowpipe_platform.execution.adoption import AdoptionResult
from snowpipe_platform.execution.as_of_plan import analysis_dates, is_not_made
from snowpipe_platform.execution.comparison import ComparisonResult
from snowpipe_platform.execution.execute import TableResult, rules_of
from snowpipe_platform.execution.extraction import ExtractionResult
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.inputs import read_inputs
from snowpipe_platform.execution.reconciliation import Reconciliation
from snowpipe_platform.execution.reconciliation_plan import Reconciled
from snowpipe_platform.orchestration.adopted import adoption_metadata
from snowpipe_platform.orchestration.bronze_assets import code_version
from snowpipe_platform.orchestration.bronze_outcomes import bronze_outcomes
from snowpipe_platform.orchestration.compared import comparison_metadata
from snowpipe_platform.orchestration.metadata import extraction_metadata, table_metadata
from snowpipe_platform.orchestration.names import PUBLISHED, WINDOW_COMPLETE, asset_key, bronze_name, check_name
from snowpipe_platform.orchestration.on_time import on_time_outcome, query_deadline, table_deadline
from snowpipe_platform.orchestration.outcomes import table_outcomes, up_to_date_outcome
from snowpipe_platform.orchestration.reconciled import mended_metadata, reconciled_outcome
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.extraction import Query

CODE_VERSION_TAG = "dagster/code_version"
BLOCKING = {PUBLISHED, WINDOW_COMPLETE}


def report_extraction(instance: dg.DagsterInstance, result: ExtractionResult, ground: Ground) -> None:
    """One load day of `bronze/<entity>` was extracted: its materialization, then its checks."""
    plan = result.plan
    _landed(instance, plan.query, plan.load_day, extraction_metadata(result, ground), plan.identity, ground)


def report_adoption(instance: dg.DagsterInstance, result: AdoptionResult, ground: Ground) -> None:
    """Dropped files were adopted for a load day of `bronze/<entity>`: its materialization, then its checks."""
    request = result.request
    _landed(instance, request.query, request.load_day, adoption_metadata(result, ground), request.identity, ground)


def report_mended(
    instance: dg.DagsterInstance, asked: Reconciliation, results: Sequence[ExtractionResult], ground: Ground
) -> None:
    """Missing rows of a load day of `bronze/<entity>` were read again: its materialization, then its checks."""
    _landed(instance, asked.query, asked.load_day, mended_metadata(asked, results, ground), asked.identity, ground)


def report_reconciled(instance: dg.DagsterInstance, asked: Reconciliation, found: Reconciled) -> None:
    """A load day of `bronze/<entity>` was reconciled: its check."""
    name, outcome = bronze_name(asked.query.entity), reconciled_outcome(found)
    report_checks(instance, name, asked.load_day, [outcome], asked.identity)


def report_comparison(instance: dg.DagsterInstance, result: ComparisonResult, ground: Ground) -> None:
    """A comparison of keys landed rows for a load day of `bronze/<entity>`: its materialization, then its checks."""
    plan = result.plan
    _landed(instance, plan.query, plan.load_day, comparison_metadata(result, ground), plan.identity, ground)


def _landed(  # noqa: PLR0913, PLR0917 - everything the events say
    instance: dg.DagsterInstance,
    query: Query,
    day: date,
    metadata: Mapping[str, Any],
    identity: RunIdentity,
    ground: Ground,
) -> None:
    name = bronze_name(query.entity)
    _materialized(instance, asset_key(name), day, metadata, code_version=code_version(query))
    names = {WINDOW_COMPLETE, *(rule.name for rule in query.rules)}
    found = bronze_outcomes(query, day, names=names, ground=ground, instance=instance)
    deadline = query_deadline(query)
    if deadline is not None:
        found.append(on_time_outcome(instance, deadline, day, ground=ground))
    report_checks(instance, name, day, found, identity)


def report_table(instance: dg.DagsterInstance, result: TableResult, ground: Ground) -> None:
    """A table was run: its materialization, then its checks. A changes table run over several load days at once is
    reported for each of them; an analysis date that could not be made is not."""
    request, table = result.plan.request, result.plan.table
    if isinstance(table, DatedTable) and is_not_made(result.plan):
        return
    names = {PUBLISHED, *(check_name(rule.id) for rule in rules_of(table))}
    metadata = table_metadata(result, ground)
    for day in _days(result):
        _materialized(instance, asset_key(table.name), day, metadata, code_version=table.code_version)
        found = table_outcomes(table, day, names=names, run_id=request.identity.run_id, ground=ground)
        if isinstance(table, DatedTable) and day is not None:
            dates = analysis_dates(read_inputs(request.pipeline, table, ground))
            found.append(up_to_date_outcome(table, day, dates))
        deadline = table_deadline(table, request.pipeline)
        if deadline is not None and day is not None:
            found.append(on_time_outcome(instance, deadline, day, ground=ground))
        report_checks(instance, table.name, day, found, request.identity)


def _days(result: TableResult) -> list[date | None]:
    if result.plan.table.day_column is None:
        return [None]
    if result.plan.request.day is not None:
        return [result.plan.request.day]
    return [date.fromisoformat(day) for day in sorted(result.quality.by_partition)]


def _materialized(
    instance: dg.DagsterInstance, key: dg.AssetKey, day: date | None, metadata: Mapping[str, Any], *, code_version: str
) -> None:
    event = dg.AssetMaterialization(
        key, partition=_partition(day), metadata=metadata, tags={CODE_VERSION_TAG: code_version}
    )
    instance.report_runless_asset_event(event)


def report_checks(
    instance: dg.DagsterInstance,
    name: str,
    day: date | None,
    results: Sequence[dg.AssetCheckResult],
    identity: RunIdentity,
) -> None:
    """How checks came out. Under the command's own run id: Dagster 1.13 keeps one runless evaluation of a check and
    partition for ever, and refuses the second."""
    key = asset_key(name)
    target = _latest_materialization(instance, key, day)
    for result in results:
        evaluation = dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=str(result.check_name),
            passed=result.passed,
            metadata=result.metadata,
            severity=result.severity,
            description=result.description,
            blocking=result.check_name in BLOCKING,
            partition=_partition(day),
            target_materialization_data=target,
        )
        event = dg.DagsterEvent(
            dg.DagsterEventType.ASSET_CHECK_EVALUATION.value, job_name=identity.job, event_specific_data=evaluation
        )
        instance.report_dagster_event(event, run_id=identity.run_id)


def _latest_materialization(
    instance: dg.DagsterInstance, key: dg.AssetKey, day: date | None
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """What the evaluations are about."""
    partitions = None if day is None else [day.isoformat()]
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=partitions)
    records = instance.fetch_materializations(wanted, limit=1).records
    if not records:
        return None
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=records[0].storage_id, run_id=records[0].run_id, timestamp=records[0].timestamp
    )


def _partition(day: date | None) -> str | None:
    return None if day is None else day.isoformat()

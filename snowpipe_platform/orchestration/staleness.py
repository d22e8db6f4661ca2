"""Turn the check `up_to_date` of analysis dates that changed without a run of their own."""

from datetime import date

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from snowpipe_platform.execution.as_of_plan import analysis_dates
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.inputs import read_inputs
from snowpipe_platform.orchestration.names import UP_TO_DATE, asset_key
from snowpipe_platform.orchestration.outcomes import up_to_date_outcome
from snowpipe_platform.orchestration.reporting import report_checks
from snowpipe_platform.spec.analysis_dates import AnalysisDates
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.pipeline import Pipeline

REPORTS_AT_ONCE = 100
"""For each table; the next run, or tick of the sensor, goes on with the rest."""


def report_turned(
    instance: dg.DagsterInstance,
    table: DatedTable,
    dates: AnalysisDates,
    *,
    told: frozenset[date],
    identity: RunIdentity,
) -> frozenset[date]:
    """Tell the instance which dates became stale, and which told before are no longer. Returns those told to be."""
    stale = dates.stale | dates.by_other_code(table.code_version)
    turned = sorted(told ^ stale)[:REPORTS_AT_ONCE]
    for on in turned:
        report_checks(instance, table.name, on, [up_to_date_outcome(table, on, dates)], identity)
    return told.symmetric_difference(turned)


def report_staleness(
    instance: dg.DagsterInstance, pipeline: Pipeline, ground: Ground, *, identity: RunIdentity
) -> None:
    """The same of every table of analysis dates, going by what the instance was told last."""
    for table in pipeline.tables:
        if isinstance(table, DatedTable):
            dates = analysis_dates(read_inputs(pipeline, table, ground))
            report_turned(instance, table, dates, told=_told(instance, table), identity=identity)


def _told(instance: dg.DagsterInstance, table: DatedTable) -> frozenset[date]:
    """Dates whose check is red."""
    key = dg.AssetCheckKey(asset_key(table.name), UP_TO_DATE)
    # The instance's own methods give a check's latest evaluation, and none gives it by partition (Dagster 1.13).
    found = instance.event_log_storage.get_asset_check_partition_info([key])
    failed = AssetCheckExecutionRecordStatus.FAILED
    red = [one.partition_key for one in found if one.latest_execution_status == failed]
    return frozenset(date.fromisoformat(partition) for partition in red if partition is not None)

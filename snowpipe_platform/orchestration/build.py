"""A pipeline as Dagster definitions."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from snowpipe_platform.orchestration.analysis_sensor import analysis_sensor
from snowpipe_platform.orchestration.approvals import approvals_sensor
from snowpipe_platform.orchestration.arrivals import arrivals_sensor
from snowpipe_platform.orchestration.bronze_assets import bronze_asset
from snowpipe_platform.orchestration.checks import bronze_checks, table_checks
from snowpipe_platform.orchestration.comparisons import comparison_jobs, comparison_schedules
from snowpipe_platform.orchestration.deadlines import deadline_sensor
from snowpipe_platform.orchestration.io_managers import (
    BRONZE_IO_MANAGER,
    LAKE_IO_MANAGER,
    bronze_io_manager,
    lake_io_manager,
)
from snowpipe_platform.orchestration.maintenance import maintenance_job, maintenance_schedule
from snowpipe_platform.orchestration.model_assets import approved_spec, endpoint_asset, model_asset
from snowpipe_platform.orchestration.names import MODELS, asset_key
from snowpipe_platform.orchestration.on_time import deadlines
from snowpipe_platform.orchestration.pace import Pace
from snowpipe_platform.orchestration.partitions import analysis_dates, load_days
from snowpipe_platform.orchestration.reconciled import (
    check_key,
    reconciled_check,
    reconciliation_job,
    reconciliation_schedule,
)
from snowpipe_platform.orchestration.resources import GROUND, GroundResource
from snowpipe_platform.orchestration.schedules import EXTRACT_JOB, extraction_schedule
from snowpipe_platform.orchestration.sensors import automation_sensor, continuation_sensor, sweep_sensor
from snowpipe_platform.orchestration.table_assets import table_asset
from snowpipe_platform.orchestration.training_assets import training_set_asset
from snowpipe_platform.spec.as_of import ANALYSIS_DATE, DatedTable
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import LOAD_DAY, Table


def build_definitions(pipeline: Pipeline, ground: GroundResource, pace: Pace = Pace()) -> dg.Definitions:  # noqa: B008 - frozen
    """Assets, checks, jobs, sensors and resources of a pipeline. Opens no connection."""
    with _unstable_features():
        return _definitions(pipeline, ground, pace)


@contextmanager
def _unstable_features() -> Iterator[None]:
    """Dagster 1.13 warns that partitioned checks (preview), and mappings to partitions that may be missing (beta),
    may change. The tests hold them to what is needed here; drop when they are stable."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield


def _definitions(pipeline: Pipeline, ground: GroundResource, pace: Pace) -> dg.Definitions:
    days, dates = load_days(pipeline.first_day), analysis_dates(pipeline.first_date)

    def partitions(table: Table) -> dg.PartitionsDefinition[str] | None:
        return {LOAD_DAY: days, ANALYSIS_DATE: dates}.get(table.day_column or "")

    queries = pipeline.queries.queries
    rereads = dg.AssetSelection.checks(*(check_key(query) for query in queries))
    extract = dg.define_asset_job(
        EXTRACT_JOB, dg.AssetSelection.groups("bronze") - rereads, description="Land one load day of every query."
    )
    sets = [training_set_asset(training, pipeline) for training in pipeline.training_sets]
    models = pipeline.models
    as_of = [table for table in pipeline.tables if isinstance(table, DatedTable)]
    by_date = dg.AssetSelection.assets(*(asset_key(table.name) for table in as_of))
    everything = dg.define_asset_job(
        "everything",
        dg.AssetSelection.all() - by_date - dg.AssetSelection.groups(MODELS) - rereads,
        description="One load day through all tables but those of analysis dates, and no model.",
    )
    analysis = dg.define_asset_job("analysis", by_date, description="One analysis date of every table that has them.")
    return dg.Definitions(
        assets=[
            *(bronze_asset(query, pipeline, days) for query in queries),
            *(table_asset(table, pipeline=pipeline, partitions=partitions(table)) for table in pipeline.tables),
            *sets,
            *(model_asset(model) for model in models),
            *(approved_spec(model) for model in models),
            *(endpoint_asset(model, pipeline.feature_group(model.name)) for model in models),
        ],
        asset_checks=[
            *(bronze_checks(query, days) for query in queries),
            *(reconciled_check(query, pipeline, days) for query in queries),
            *(table_checks(table, pipeline, partitions(table)) for table in pipeline.tables),
        ],
        jobs=[
            extract,
            everything,
            maintenance_job(pipeline),
            reconciliation_job(pipeline),
            *([analysis] if as_of else []),
            *comparison_jobs(pipeline),
        ],
        schedules=[
            extraction_schedule(pipeline),
            maintenance_schedule(),
            reconciliation_schedule(pipeline),
            *comparison_schedules(pipeline),
        ],
        sensors=[
            automation_sensor(pace),
            sweep_sensor(pipeline, pace),
            continuation_sensor(pipeline, pace),
            *([analysis_sensor(pipeline, pace)] if as_of else []),
            *([deadline_sensor(pipeline, pace)] if deadlines(pipeline) else []),
            arrivals_sensor(pipeline, pace),
            *([approvals_sensor(models, pace)] if models else []),
        ],
        resources={
            GROUND: ground,
            BRONZE_IO_MANAGER: bronze_io_manager,
            LAKE_IO_MANAGER: lake_io_manager,
        },
        # A step of its own process costs 0.5-0.8 s and the imports; the engine uses all cores within one.
        executor=dg.in_process_executor,
    )

"""What requests runs: Dagster's own automation, a sweep for what it does not see, and continuations."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import dagster as dg

from snowpipe_platform.orchestration.names import MAINTAIN_JOB, RECONCILE_JOB, asset_key, compare_job_name
from snowpipe_platform.orchestration.pace import ORDINARY_SECONDS, Pace
from snowpipe_platform.orchestration.pending import Pending, continuations, unconsumed
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.pipeline import Pipeline

SWEEP_SECONDS = 3600
CONTINUATION_SECONDS = 60
PARTITION_TAG = "dagster/partition"
MAKES_NOTHING = (MAINTAIN_JOB, RECONCILE_JOB)

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

Target = tuple[dg.AssetKey, str | None]


def automation_sensor(pace: Pace) -> dg.AutomationConditionSensorDefinition:
    """Evaluates the assets' own conditions; under the name Dagster would give it, so that there is one."""
    return dg.AutomationConditionSensorDefinition(
        "default_automation_condition_sensor",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=pace.seconds(ORDINARY_SECONDS),
    )


def sweep_sensor(pipeline: Pipeline, pace: Pace) -> dg.SensorDefinition:
    """Requests every table that has not consumed what its inputs committed. Automation looks at updates between two
    ticks, and misses one that lands between a request and the next tick, or while nobody evaluated.

    Not tables of analysis dates, which have a sensor of their own: assets of two kinds of days are no one target."""
    swept = [asset_key(table.name) for table in pipeline.tables if not isinstance(table, DatedTable)]

    @dg.sensor(
        name="sweep",
        target=dg.AssetSelection.assets(*swept),
        minimum_interval_seconds=pace.seconds(SWEEP_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="hourly: requests tables whose inputs have commits they have not consumed",
    )
    def sweep(context: dg.SensorEvaluationContext, ground: GroundResource) -> dg.SensorResult:
        busy = under_way(context.instance, pipeline)
        pending = [one for one in unconsumed(pipeline, ground.ground()) if _target(one) not in busy]
        if not pending:
            return dg.SensorResult(
                skip_reason="every table has consumed what its inputs committed, or waits for a check"
            )
        return dg.SensorResult(run_requests=list(_runs(pending)))

    return sweep


def continuation_sensor(pipeline: Pipeline, pace: Pace) -> dg.SensorDefinition:
    """Requests load days cut short by `max_batches` again until they are done: at once after progress, else hourly."""

    @dg.sensor(
        name="continuation",
        target=dg.AssetSelection.groups("bronze"),
        minimum_interval_seconds=pace.seconds(CONTINUATION_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="requests load days that max_batches cut short, until they are done",
    )
    def continuation(context: dg.SensorEvaluationContext, ground: GroundResource) -> dg.SensorResult:
        busy = under_way(context.instance, pipeline)
        hour = f"{datetime.now(UTC):%Y-%m-%dT%H}"
        requests = [
            _request([pending], run_key=f"{pending.name}:{pending.load_day}:{manifest.number}:{hour}")
            for pending, manifest in continuations(pipeline, ground.ground())
            if _target(pending) not in busy
        ]
        return dg.SensorResult(run_requests=requests, skip_reason=None if requests else "every load day is complete")

    return continuation


def under_way(instance: dg.DagsterInstance, pipeline: Pipeline) -> set[Target]:
    """What unfinished runs will materialize, by partition; a run without a selection materializes everything, unless
    its job makes nothing."""
    everything = [asset_key(name) for name in pipeline.names]
    others = {*MAKES_NOTHING, *(compare_job_name(entity) for entity in pipeline.queries_by_entity)}
    runs = [run for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)) if run.job_name not in others]
    return {(key, run.tags.get(PARTITION_TAG)) for run in runs for key in _materializes(run, everything)}


def _materializes(run: dg.DagsterRun, everything: Iterable[dg.AssetKey]) -> Iterable[dg.AssetKey]:
    """A run of checks alone materializes nothing."""
    return run.asset_selection or (everything if run.asset_check_selection is None else ())


def _runs(pending: Iterable[Pending]) -> Iterator[dg.RunRequest]:
    """One run for each load day, oldest first, and one for all tables without."""
    by_day: dict[str, list[Pending]] = {}
    for one in pending:
        by_day.setdefault(_partition(one) or "", []).append(one)
    for _, together in sorted(by_day.items(), key=lambda item: (not item[0], item[0])):
        yield _request(together)


def _request(pending: list[Pending], *, run_key: str | None = None) -> dg.RunRequest:
    keys = [asset_key(one.name) for one in pending]
    return dg.RunRequest(run_key=run_key, asset_selection=keys, partition_key=_partition(pending[0]))


def _target(pending: Pending) -> Target:
    return asset_key(pending.name), _partition(pending)


def _partition(pending: Pending) -> str | None:
    return None if pending.load_day is None else pending.load_day.isoformat()

"""What notices that a day did not come: no run tells of a run that never was."""

import json
import uuid
from datetime import date, datetime

import dagster as dg

from snowpipe_platform.errors import SourceError, TransientSourceError
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.orchestration.landed import missing_days
from snowpipe_platform.orchestration.names import asset_key
from snowpipe_platform.orchestration.on_time import Deadline, deadlines, on_time_outcome
from snowpipe_platform.orchestration.pace import Pace
from snowpipe_platform.orchestration.reporting import report_checks
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.spec.consumption import decode_ranges, encode_ranges
from snowpipe_platform.spec.deadlines import last_due
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.read_days import read_at

SENSOR_SECONDS = 300
REPORTS_PER_TICK = 100
NAME = "deadlines"


def deadline_sensor(pipeline: Pipeline, pace: Pace) -> dg.SensorDefinition:
    """Turns the check `on_time` red for days that are not there by their deadline, and green when they are."""
    declared = deadlines(pipeline)

    @dg.sensor(
        name=NAME,
        minimum_interval_seconds=pace.seconds(SENSOR_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="turns days red in the check on_time that are not there by their deadline; requests no run",
    )
    def deadline_passed(context: dg.SensorEvaluationContext, ground: GroundResource) -> dg.SensorResult:
        try:
            now = ground.ground().warehouse.clock()
        except (SourceError, TransientSourceError) as error:
            return dg.SensorResult(skip_reason=f"the source does not say what time it is there: {error}")
        told: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        late = {}
        for deadline in declared:
            days = _days(told.get(deadline.name, ""))
            late[deadline.name] = _turn(context.instance, deadline, days, now=now, ground=ground.ground())
        words = [f"{name} {day}" for name, days in late.items() for day in sorted(days)]
        reason = f"not there by their deadline: {', '.join(words)}" if words else "every day came, or is not due yet"
        return dg.SensorResult(
            cursor=json.dumps({name: _ranges(days) for name, days in late.items()}), skip_reason=reason
        )

    return deadline_passed


def _turn(
    instance: dg.DagsterInstance, deadline: Deadline, told: frozenset[date], *, now: datetime, ground: Ground
) -> frozenset[date]:
    """Tell the instance which days are late now, and which told before are no longer. Returns those told to be late."""
    last, log = last_due(deadline.due, now=now), deadline.log(ground)
    key, lag = asset_key(deadline.name), deadline.safety_lag
    missing = missing_days(instance, key, last=last, since=deadline.since, safety_lag=lag, log=log) or []
    late = [day for day in missing if read_at(log, day) is None]
    turned = sorted(told.symmetric_difference(late))[:REPORTS_PER_TICK]
    identity = RunIdentity(run_id=f"{NAME}-{uuid.uuid4()}", job=NAME)
    for day in turned:
        outcome = on_time_outcome(instance, deadline, day, ground=ground, now=now)
        report_checks(instance, deadline.name, day, [outcome], identity)
    return told.symmetric_difference(turned)


def _days(ranges: str) -> frozenset[date]:
    return frozenset(date.fromordinal(number) for number in decode_ranges(ranges))


def _ranges(days: frozenset[date]) -> str:
    return encode_ranges(day.toordinal() for day in days)

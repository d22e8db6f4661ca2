"""What requests analysis dates: those that can be made now, and recent ones that a late change made stale."""

import hashlib
import json
import uuid
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import product

import dagster as dg

from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.orchestration.names import asset_key
from snowpipe_platform.orchestration.pace import Pace
from snowpipe_platform.orchestration.pending import DueDates, due_dates
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.orchestration.sensors import under_way
from snowpipe_platform.orchestration.staleness import report_turned
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.consumption import decode_ranges, encode_ranges
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.scores import ScoreTable

SENSOR_SECONDS = 30
DATES_PER_TICK = 31
"""The rest waits for the next tick; a backfill of years does not fill the queue at once."""
NAME = "analysis_dates"


def analysis_sensor(pipeline: Pipeline, pace: Pace) -> dg.SensorDefinition:
    """Requests a run for each date that is due, and turns the check `up_to_date` of a date that became stale."""
    tables = {table.name: table for table in pipeline.tables if isinstance(table, DatedTable)}
    scores = {name for name, table in tables.items() if isinstance(table, ScoreTable)}

    @dg.sensor(
        name=NAME,
        target=dg.AssetSelection.assets(*(asset_key(name) for name in tables)),
        minimum_interval_seconds=pace.seconds(SENSOR_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="requests analysis dates once their load day landed, and recent ones that late changes made stale",
    )
    def analysis_dates(context: dg.SensorEvaluationContext, ground: GroundResource) -> dg.SensorResult:
        now = datetime.now(UTC).replace(tzinfo=None)
        found = {name: due_dates(pipeline, table, ground.ground(), now=now) for name, table in tables.items()}
        cursor = context.cursor
        for name, table in tables.items():
            cursor = _report(context.instance, table, found[name], cursor)
        busy = under_way(context.instance, pipeline)
        requests = list(_requests(found, scores=scores, busy=busy, hour=f"{now:%Y-%m-%dT%H}"))[:DATES_PER_TICK]
        reason = None if requests else "every date is made, or waits for its load day or for a check"
        return dg.SensorResult(run_requests=requests, cursor=cursor, skip_reason=reason)

    return analysis_dates


def _requests(
    found: Mapping[str, DueDates], *, scores: Collection[str], busy: set[tuple[dg.AssetKey, str | None]], hour: str
) -> Iterator[dg.RunRequest]:
    """One run for each date, oldest first, and one of its own for scores: a model that fails keeps nothing else back.
    The same request again, when its run failed, an hour later at the earliest: at once only when what it is made from
    has changed."""
    for on, are_scores in product(sorted({on for one in found.values() for on in one.due}), (False, True)):
        day = on.isoformat()
        names = [
            name
            for name, one in found.items()
            if on in one.due and (name in scores) is are_scores and (asset_key(name), day) not in busy
        ]
        if names:
            made_from = ";".join(found[name].made_from for name in names)
            digest = hashlib.sha256(made_from.encode()).hexdigest()[:16]
            keys = [asset_key(name) for name in names]
            yield dg.RunRequest(run_key=f"{day}:{digest}:{hour}", asset_selection=keys, partition_key=day)


def _report(instance: dg.DagsterInstance, table: DatedTable, found: DueDates, cursor: str | None) -> str:
    """Tell the instance which dates became stale, and which are no longer; the cursor remembers what was told."""
    told = json.loads(cursor) if cursor else {}
    before = frozenset(date.fromordinal(number) for number in decode_ranges(told.get(table.name, "")))
    identity = RunIdentity(run_id=f"{NAME}-{uuid.uuid4()}", job=NAME)
    stale = report_turned(instance, table, found.dates, told=before, identity=identity)
    told[table.name] = encode_ranges(on.toordinal() for on in stale)
    return json.dumps(told, sort_keys=True)

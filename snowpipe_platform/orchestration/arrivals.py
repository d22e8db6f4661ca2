"""Requests that dropped files be adopted. The log tells which were; there is no cursor that could be lost."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

import dagster as dg

from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.execution.arrivals import Arrivals, current_load_day, look
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.orchestration.names import asset_key, bronze_name
from snowpipe_platform.orchestration.pace import Pace
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.orchestration.sensors import UNFINISHED
from snowpipe_platform.records import Arrival
from snowpipe_platform.spec.pipeline import Pipeline

ARRIVALS_SECONDS = 30
FILES_PER_RUN = 100
"""More wait until the run is done: a run stays minutes, and its config short."""
RETRY_MINUTES = 10
ARRIVALS_TAG = "snowpipe/arrivals"
"""On a run, the entity whose files it adopts."""
NAMED = 3
"""Files a reason names; of the others it gives the number."""


def arrivals_sensor(pipeline: Pipeline, pace: Pace) -> dg.SensorDefinition:
    """Requests one run of `bronze/<entity>` for each entity with files that the log does not have as they are."""

    @dg.sensor(
        name="arrivals",
        target=dg.AssetSelection.groups("bronze"),
        minimum_interval_seconds=pace.seconds(ARRIVALS_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="adopts files dropped under bronze/<entity>/arrivals",
    )
    def arrivals(context: dg.SensorEvaluationContext, ground: GroundResource) -> dg.SensorResult:
        now, adapters = datetime.now(UTC).replace(tzinfo=None), ground.ground()
        try:
            found = [look(entity, adapters, now=now) for entity in _entities(pipeline, adapters)]
            busy = _under_way(context.instance)
            waiting = [one for one in found if one.ready and one.entity not in busy]
            day = current_load_day(adapters) if waiting else None
        except SnowpipeError as error:
            return dg.SensorResult(skip_reason=f"cannot look at what was dropped: {error}")
        if day is None:
            return dg.SensorResult(skip_reason=_reason(found, busy))
        return dg.SensorResult(run_requests=[_request(one, day, now) for one in waiting])

    return arrivals


def _entities(pipeline: Pipeline, ground: Ground) -> list[str]:
    return [name for name in ground.bronze.arrival_entities() if name in pipeline.queries_by_entity]


def _under_way(instance: dg.DagsterInstance) -> set[str]:
    """Entities whose files an unfinished run adopts."""
    runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    return {run.tags[ARRIVALS_TAG] for run in runs if ARRIVALS_TAG in run.tags}


def _request(arrivals: Arrivals, day: date, now: datetime) -> dg.RunRequest:
    name = bronze_name(arrivals.entity)
    files = arrivals.ready[:FILES_PER_RUN]
    config = {"config": {"arrivals": [file.path for file in files]}}
    return dg.RunRequest(
        run_key=_run_key(arrivals.entity, files, now),
        asset_selection=[asset_key(name)],
        partition_key=day.isoformat(),
        run_config={"ops": {name.replace("/", "__"): config}},
        tags={ARRIVALS_TAG: arrivals.entity},
    )


def _run_key(entity: str, files: Sequence[Arrival], now: datetime) -> str:
    """Of paths and versions: a file asks for one run whenever it was written. A run that neither adopted it nor made a
    dead letter, as it was killed or another one wrote the entity, is asked for again a few minutes later."""
    said = "\n".join(f"{file.path} {file.version}" for file in files)
    slot = now.replace(minute=now.minute // RETRY_MINUTES * RETRY_MINUTES)
    return f"{entity}:{hashlib.sha256(said.encode()).hexdigest()[:24]}:{slot:%Y-%m-%dT%H:%M}"


def _reason(found: Sequence[Arrivals], busy: set[str]) -> str:
    """Why nothing is requested, by what was found; a file is never skipped without a word."""
    return "; ".join(_reasons(found, busy)) or "nothing was dropped: there is no file under bronze/<entity>/arrivals"


def _reasons(found: Sequence[Arrivals], busy: set[str]) -> Iterator[str]:
    adopted = sum(len(one.adopted) for one in found)
    if adopted:
        yield f"nothing new: {adopted:,} adopted before, as the bronze log says (this sensor has no cursor to lose)"
    for one in found:
        if one.ready and one.entity in busy:
            yield f"{one.entity}: {_names(one.ready)} wait for the run under way"
        if one.unsettled:
            yield f"{one.entity}: written to a moment ago, left for the next look: {_names(one.unsettled)}"
        if one.failed:
            yield f"{one.entity}: in the dead letters until written again or retried: {_names(one.failed)}"


def _names(files: Sequence[Arrival]) -> str:
    more = len(files) - NAMED
    return ", ".join(file.path for file in files[:NAMED]) + (f" and {more:,} more" if more > 0 else "")

"""The check `on_time` of a day: whether it was there by its deadline."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.orchestration.landed import NO_LAG, arrived_at
from snowpipe_platform.orchestration.names import ON_TIME, asset_key, bronze_name
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.deadlines import deadline_of
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import ChangesTable, Table

ABOUT = "the day is there by its deadline"


@dataclass(frozen=True)
class Deadline:
    """How long after the end of a day an asset has to have it. query: the one that lands it, of a bronze asset.
    since: the first day that could be there by it: analysis dates from before the first load day are made later."""

    name: str
    due: timedelta
    query: Query | None = None
    since: date = date.min

    @property
    def safety_lag(self) -> timedelta:
        return NO_LAG if self.query is None else self.query.safety_lag

    def log(self, ground: Ground) -> Sequence[Manifest]:
        """The query's entries, of a bronze asset."""
        query = self.query
        return () if query is None else [each for each in ground.bronze.log(query.entity) if each.query == query.name]


def query_deadline(query: Query) -> Deadline | None:
    """None for a query without one."""
    return None if query.due is None else Deadline(bronze_name(query.entity), query.due, query)


def table_deadline(table: Table, pipeline: Pipeline) -> Deadline | None:
    """None for a table without one, or without days."""
    due = table.due if isinstance(table, ChangesTable | DatedTable) else None
    return None if due is None else Deadline(table.name, due, since=pipeline.first_day)


def deadlines(pipeline: Pipeline) -> list[Deadline]:
    """All that are declared, in the order of the flow."""
    declared = [
        *map(query_deadline, pipeline.queries.queries),
        *(table_deadline(table, pipeline) for table in pipeline.tables),
    ]
    return [deadline for deadline in declared if deadline is not None]


def on_time_outcome(
    instance: dg.DagsterInstance, deadline: Deadline, day: date, *, ground: Ground, now: datetime | None = None
) -> dg.AssetCheckResult:
    """Green once the day is there to its end, with how long before or after its deadline it came; until then green
    before the deadline and red after it. now: by the source's clock, which is asked while the day is not there."""
    due_at = deadline_of(day, deadline.due)
    if day < deadline.since:
        return _result(deadline, due_at, f"before {deadline.since}, the first load day: it has no deadline")
    log = deadline.log(ground)
    came = arrived_at(instance, asset_key(deadline.name), day, safety_lag=deadline.safety_lag, log=log)
    passed = came is not None or (now or ground.warehouse.clock()) < due_at
    text = _absent(due_at, is_late=not passed) if came is None else _came(came, due_at)
    return _result(deadline, due_at, text, passed=passed)


def _result(deadline: Deadline, due_at: datetime, text: str, *, passed: bool = True) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=asset_key(deadline.name),
        check_name=ON_TIME,
        severity=dg.AssetCheckSeverity.ERROR,
        description=text,
        metadata={"deadline": dg.MetadataValue.text(f"{due_at.isoformat()}Z")},
    )


def _came(came: datetime, due_at: datetime) -> str:
    if came <= due_at:
        return f"came {in_words(due_at - came)} before its deadline"
    return f"came {in_words(came - due_at)} after its deadline"


def _absent(due_at: datetime, *, is_late: bool) -> str:
    return f"not there; it was due by {due_at:%Y-%m-%d %H:%M} UTC" if is_late else f"due by {due_at:%Y-%m-%d %H:%M} UTC"


def in_words(span: timedelta) -> str:
    """The two largest units of a length of time: `2 d 3 h`, `5 h 45 min`, `12 s`."""
    seconds = int(span.total_seconds())
    parts = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        parts += [f"{count} {unit}"] if count else []
    return " ".join(parts[:2]) or "0 s"

"""Work that nobody has done yet: what tables have not consumed, and days that wait for their rest. No Dagster here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from snowpipe_platform.execution.as_of_plan import analysis_dates, made_dates, waits_for
from snowpipe_platform.execution.execute import CODE_VERSION_PROPERTY, held_days
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.inputs import TableInputs, read_inputs
from snowpipe_platform.execution.online import is_level
from snowpipe_platform.execution.related import judged_with_the_same
from snowpipe_platform.execution.run import concerns
from snowpipe_platform.records import TableState
from snowpipe_platform.spec.analysis_dates import AnalysisDates, end_of
from snowpipe_platform.spec.as_of import AsOfTable, DateByDate, DatedTable
from snowpipe_platform.spec.bronze_log import cut_days, incomplete_days
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.scores import ScoreTable
from snowpipe_platform.spec.table import ChangesTable, DerivedTable, Table

Coming = Mapping[str, frozenset[date]]
NOTHING_COMES: Coming = {}


@dataclass(frozen=True)
class Pending:
    """A table, or `bronze/<entity>`, to run; for a load day where it has them."""

    name: str
    load_day: date | None = None


@dataclass(frozen=True)
class DueDates:
    """Analysis dates of a table to make now, oldest first; all its dates; what they would be made from, as a text that
    changes with it."""

    due: tuple[date, ...]
    dates: AnalysisDates
    made_from: str


def unconsumed(pipeline: Pipeline, ground: Ground) -> Iterator[Pending]:
    """Tables whose inputs have commits that they have not consumed, but for those behind a red blocking check.

    Inputs that ended held back count as consumed while neither they, nor the tables that rules look at, nor the table's
    code have changed: trying again would end the same. A table that rules look at is nothing to consume by itself.
    """
    for table in pipeline.tables:
        if isinstance(table, ChangesTable):
            yield from (Pending(table.name, day) for day in unconsumed_days(table, ground))
        elif isinstance(table, DerivedTable) and _has_unconsumed_inputs(pipeline, table, ground):
            yield Pending(table.name)


def unconsumed_days(table: ChangesTable, ground: Ground) -> list[date]:
    """Load days, oldest first, with entries the table has not consumed: rows, or decisions about rows."""
    log = ground.bronze.log(table.source)
    done: set[int] = set()
    for state in _attempts(table, ground):
        done |= _consumed(state).manifests.get(table.source, frozenset())
    waiting = set(cut_days(log))
    # A watermark entry changes no row, so no run is requested for it.
    news = [entry for entry in log if entry.kind != "watermark" and entry.number not in done]
    return sorted({entry.load_day for entry in news if entry.load_day not in waiting})


def _has_unconsumed_inputs(pipeline: Pipeline, table: DerivedTable, ground: Ground) -> bool:
    above = [name for name in pipeline.ancestors(table.name) if name in pipeline.by_name]
    states = {name: ground.lake.state(name) for name in table.upstream}
    if any(state is None for state in states.values()) or any(ground.lake.held(name) for name in above):
        return False
    now = Consumption(
        {}, {name: state.as_upstream for name, state in states.items() if state is not None and name in table.inputs}
    )
    return not any(now.is_level_with(_consumed(state)) for state in _attempts(table, ground))


def due_dates(
    pipeline: Pipeline, table: DatedTable, ground: Ground, *, now: datetime, coming: Coming = NOTHING_COMES
) -> DueDates:
    """What the table's dates need. A date is due once it is over, its load day has landed, and nothing from before its
    end is missing or held back; one that ended held back is not due again while neither inputs nor code change.
    coming: dates that other tables make before this one is run, by table."""
    inputs = read_inputs(pipeline, table, ground)
    dates = analysis_dates(inputs)
    missing = [name for name in table.inputs if inputs.states[name] is None and not coming.get(name)]
    if missing or (isinstance(table, ScoreTable) and inputs.version is None):
        return DueDates((), dates, "")
    held = [day for name in table.inputs for day in held_days(ground.lake.held(name))]
    behind = _offline(table, inputs, dates, ground)
    new = _there(table, inputs, coming, now) - dates.all
    again = frozenset().union(*(coming.get(name, frozenset()) for name in table.upstream)) & dates.all
    wanted = sorted(new | set(dates.restatable(table.restate_days)) | behind | again)
    commits = {name: state.as_upstream for name, state in inputs.states.items() if state is not None}
    tried = {day for day in held_days(_tried(table, Consumption({}, commits), ground)) if day is not None}
    due = (
        on
        for on in wanted
        if on not in tried
        and _waits_for(table, on, inputs) is None
        and not any(concerns(day, on, table) for day in held)
    )
    return DueDates(tuple(due), dates, f"{table.code_version}:{sorted(c.content_id for c in commits.values())}")


def _there(table: DatedTable, inputs: TableInputs, coming: Coming, now: datetime) -> set[date]:
    """Dates there can be: those that landed and are over; of a table that reads another date by date, those that one
    has. Scores begin with the newest of them: a model says nothing about dates that it may have learned from."""
    if isinstance(table, DateByDate):
        found = made_dates(inputs.states[table.source]).all | coming.get(table.source, frozenset())
        first = min(made_dates(inputs.base).all, default=max(found, default=date.max))
        return {on for on in found if not isinstance(table, ScoreTable) or on >= first}
    return {entry.load_day for log in inputs.logs.values() for entry in log if end_of(entry.load_day) <= now}


def _offline(table: DatedTable, inputs: TableInputs, dates: AnalysisDates, ground: Ground) -> frozenset[date]:
    """The newest date of a feature group whose online store lacks something: a run of any date brings it."""
    if not isinstance(table, FeatureGroup) or inputs.base is None or is_level(table, inputs.base, ground):
        return frozenset()
    return frozenset({max(dates.all)})


def _waits_for(table: DatedTable, on: date, inputs: TableInputs) -> str | None:
    if isinstance(table, AsOfTable):
        return waits_for(table, on, inputs)
    return None


def _tried(table: DatedTable, now: Consumption, ground: Ground) -> list[str]:
    """Branches that hold what today's code made of the same inputs."""
    return [
        branch
        for branch, state in ground.lake.held(table.name).items()
        if state.properties.get(CODE_VERSION_PROPERTY) == table.code_version and now.is_level_with(_consumed(state))
    ]


def _attempts(table: Table, ground: Ground) -> list[TableState]:
    """The table's current commit, and those held beside it that would end the same today."""
    current = ground.lake.state(table.name)
    held = [
        state
        for state in ground.lake.held(table.name).values()
        if state.properties.get(CODE_VERSION_PROPERTY) == table.code_version
        and judged_with_the_same(state, table, ground)
    ]
    return [*([] if current is None else [current]), *held]


def _consumed(state: TableState) -> Consumption:
    return Consumption.decode(state.properties.get(CONSUMED_PROPERTY))


def continuations(pipeline: Pipeline, ground: Ground) -> Iterator[tuple[Pending, Manifest]]:
    """Load days cut short by `max_batches` or withdrawn, each with the last entry for it."""
    for entity in pipeline.queries_by_entity:
        log = ground.bronze.log(entity)
        last = {manifest.load_day: manifest for manifest in log}
        for day in incomplete_days(log):
            yield Pending(f"bronze/{entity}", day), last[day]

"""Work that nobody has done yet: what tables have not consumed, and days that wait for their rest. No Dagster here."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from snowpipe_platform.execution.execute import CODE_VERSION_PROPERTY
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.related import judged_with_the_same
from snowpipe_platform.records import TableState
from snowpipe_platform.spec.bronze_log import incomplete_days
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import ChangesTable, DerivedTable, Table


@dataclass(frozen=True)
class Pending:
    """A table, or `bronze/<entity>`, to run; for a load day where it has them."""

    name: str
    load_day: date | None = None


def unconsumed(pipeline: Pipeline, ground: Ground) -> Iterator[Pending]:
    """Tables whose inputs have commits that they have not consumed, but for those behind a red blocking check.

    Inputs that ended held back count as consumed while neither they, nor the tables that rules look at, nor the table's
    code have changed: trying again would end the same. A table that rules look at is nothing to consume by itself.
    """
    for table in pipeline.tables:
        if isinstance(table, ChangesTable):
            yield from (Pending(table.name, day) for day in _unconsumed_days(table, ground))
        elif isinstance(table, DerivedTable) and _has_unconsumed_inputs(pipeline, table, ground):
            yield Pending(table.name)


def _unconsumed_days(table: ChangesTable, ground: Ground) -> list[date]:
    log = ground.bronze.log(table.source)
    done: set[int] = set()
    for state in _attempts(table, ground):
        done |= _consumed(state).manifests.get(table.source, frozenset())
    waiting = set(incomplete_days(log))
    return sorted({m.load_day for m in log if m.number not in done and m.load_day not in waiting})


def _has_unconsumed_inputs(pipeline: Pipeline, table: DerivedTable, ground: Ground) -> bool:
    above = [name for name in pipeline.ancestors(table.name) if name in pipeline.by_name]
    states = {name: ground.lake.state(name) for name in table.upstream}
    if any(state is None for state in states.values()) or any(ground.lake.held(name) for name in above):
        return False
    snapshots = {
        name: state.snapshot_id for name, state in states.items() if state is not None and name in table.inputs
    }
    return all(_snapshots(_consumed(state)) != snapshots for state in _attempts(table, ground))


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


def _snapshots(consumed: Consumption) -> dict[str, int]:
    return {name: commit.snapshot_id for name, commit in consumed.commits.items()}


def continuations(pipeline: Pipeline, ground: Ground) -> Iterator[tuple[Pending, Manifest]]:
    """Load days cut short by `max_batches`, each with the last thing that was landed for it."""
    for entity in pipeline.queries_by_entity:
        log = ground.bronze.log(entity)
        last = {manifest.load_day: manifest for manifest in log}
        for day in incomplete_days(log):
            yield Pending(f"bronze/{entity}", day), last[day]

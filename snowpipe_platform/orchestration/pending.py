"""Work that nobody has done yet: what tables have not consumed, and days that wait for their rest. No Dagster here."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from snowpipe_platform.execution.execute import CODE_VERSION_PROPERTY
from snowpipe_platform.execution.ground import Ground
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

    Inputs that ended held back count as consumed while neither they nor the table's code have changed: trying again
    would end the same.
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
    waiting = set(incomplete_days(log))
    # A watermark entry changes no row, so no run is requested for it.
    news = (entry for entry in log if entry.number not in done and entry.kind != "watermark")
    return sorted({entry.load_day for entry in news} - waiting)


def _has_unconsumed_inputs(pipeline: Pipeline, table: DerivedTable, ground: Ground) -> bool:
    upstream = [name for name in pipeline.ancestors(table.name) if name in pipeline.by_name]
    states = {name: ground.lake.state(name) for name in table.inputs}
    if any(state is None for state in states.values()) or any(ground.lake.held(name) for name in upstream):
        return False
    snapshots = {name: state.snapshot_id for name, state in states.items() if state is not None}
    return all(_snapshots(_consumed(state)) != snapshots for state in _attempts(table, ground))


def _attempts(table: Table, ground: Ground) -> list[TableState]:
    """The table's current commit, and those held beside it that today's code made."""
    current = ground.lake.state(table.name)
    held = ground.lake.held(table.name).values()
    same_code = [state for state in held if state.properties.get(CODE_VERSION_PROPERTY) == table.code_version]
    return [*([] if current is None else [current]), *same_code]


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

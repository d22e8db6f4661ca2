"""The rows that a table's checks are about, and how its rules stand over them. No Dagster here."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from snowpipe_platform.execution.execute import (
    PARTITION_PROPERTY,
    RUN_ID_PROPERTY,
    change_quality,
    table_quality,
)
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.related import bind_related, consumption_of
from snowpipe_platform.ports import Session
from snowpipe_platform.records import LakeRows, TableState
from snowpipe_platform.spec.quality import QUALITY_PROPERTY, WHOLE_TABLE, Counts, Quality
from snowpipe_platform.spec.rule import Rule
from snowpipe_platform.spec.table import (
    DISCARDED,
    FAILED_RULES,
    MANIFEST_NUMBER,
    PAYLOAD,
    SOURCE_FILE,
    SOURCE_ROW,
    STATUS,
    ChangesTable,
    DerivedTable,
    Table,
)

ROWS = "judged"
EXAMPLES = 5


@dataclass(frozen=True)
class Judged:
    """One table, or one day of it: a load day of a changes table, a date of an as-of table.

    state: the commit that has the rows; None when there is none. is_held: that commit waits beside the table.
    is_recorded: counts are those the run's own commit recorded, of the rows it judged; else they were counted anew over
    all rows of the day or table. history: the table's commits, oldest first, each once
    whatever rewrote its files since.
    """

    table: Table
    day: date | None
    counts: Counts
    state: TableState | None
    is_held: bool
    is_recorded: bool
    history: tuple[TableState, ...]

    @property
    def partition(self) -> str:
        """As commits record it."""
        return WHOLE_TABLE if self.day is None else self.day.isoformat()


def quality_of(state: TableState) -> Quality:
    """What the commit recorded about its rows."""
    return Quality.decode(state.properties.get(QUALITY_PROPERTY))


def held_states(table: str, partition: str, ground: Ground) -> list[TableState]:
    """Commits that wait beside the table with rows of the partition."""
    return [state for state in ground.lake.held(table).values() if partition in quality_of(state).by_partition]


def judge(table: Table, day: date | None, *, run_id: str, ground: Ground) -> Judged:
    """The counts the run's own commit recorded; without one, those of the rows as they are now."""
    partition = WHOLE_TABLE if day is None else day.isoformat()
    history = tuple({state.commit_id: state for state in ground.lake.history(table.name)}.values())
    held = held_states(table.name, partition, ground)
    own = [state for state in (*history, *held) if _is_of(state, run_id, day)]
    state = own[-1] if own else held[-1] if held else history[-1] if history else None
    recorded = None if not own else quality_of(own[-1]).by_partition.get(partition, Counts(0))
    judged = Judged(table, day, recorded or Counts(0), state, bool(held), recorded is not None, history)
    return judged if recorded is not None else _counted(judged, ground)


def _is_of(state: TableState, run_id: str, day: date | None) -> bool:
    asked_for = "" if day is None else day.isoformat()
    return (state.properties.get(RUN_ID_PROPERTY), state.properties.get(PARTITION_PROPERTY)) == (run_id, asked_for)


def _counted(judged: Judged, ground: Ground) -> Judged:
    if judged.state is None:
        return judged
    with ground.engine.session() as session:
        rows = bind_rows(judged, session, ground)
        is_changes = isinstance(judged.table, ChangesTable)
        quality = (
            change_quality(rows, session) if is_changes else table_quality(judged.table, rows, session, day=judged.day)
        )
    counts = quality.by_partition.get(judged.partition, Counts(0))
    return Judged(judged.table, judged.day, counts, judged.state, judged.is_held, False, judged.history)


def bind_rows(judged: Judged, session: Session, ground: Ground) -> ir.Table:
    """The judged rows, and those their rules look at; files that cannot hold any of them are not opened."""
    table, state = judged.table, judged.state
    column = table.day_column
    where = {} if judged.day is None or column is None else {column: judged.day}
    files = [] if state is None else ground.lake.files(table.name, snapshot_id=state.snapshot_id, where=where)
    session.bind(ROWS, LakeRows(tuple(file.path for file in files), table.schema))
    bind_related(table, consumption_of(state), session, ground)
    rows = ibis.table(table.schema, name=ROWS)
    return rows if judged.day is None or column is None else rows.filter(rows[column] == judged.day)


def examples(judged: Judged, rule: Rule, session: Session, rows: ir.Table) -> list[dict[str, Any]]:
    """A few rows that break the rule: what it looks at, what tells the row from others, and where it came from."""
    columns, order = [*rule.columns], [*rule.columns]
    if isinstance(judged.table, ChangesTable):
        kept = rows.filter(rows[STATUS] != DISCARDED)
        broken = kept.filter(kept[FAILED_RULES].contains(rule.id))
        columns, order = [*judged.table.key, *columns, PAYLOAD, SOURCE_FILE, SOURCE_ROW], [MANIFEST_NUMBER, SOURCE_ROW]
    else:
        broken = rows.filter(rule.breaks(rows))
        columns = [*(judged.table.scope if isinstance(judged.table, DerivedTable) else ()), *columns]
    known = [name for name in dict.fromkeys(columns) if name in rows.columns]
    found: list[dict[str, Any]] = session.fetch(broken.order_by(order).select(*known).limit(EXAMPLES)).to_pylist()
    return found

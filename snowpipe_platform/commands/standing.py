"""How one entity's log and one table stand, read without running anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from snowpipe_platform.commands.project import Project
from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.execution.execute import CODE_VERSION_PROPERTY, ROWS_PROPERTY, rules_of
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.execution.planning import plan_table
from snowpipe_platform.records import TableState
from snowpipe_platform.spec.bronze_log import incomplete_days, landings, live_watermark
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.quality import QUALITY_PROPERTY, Quality
from snowpipe_platform.spec.table import DISCARDED, QUARANTINED, STATUS, ChangesTable, Table
from snowpipe_platform.spec.watermark import encode

NEVER_RUN, INCOMPLETE, STALE, HELD, FAILED = "never run", "incomplete", "stale", "held", "FAILED"
CODE_CHANGED = "its code changed since its last commit"
WHOLE_TABLE = "held"
"""The branch of a commit without a load day; a load day's is `held-2024-03-02`."""

UNREADABLE = (SnowpipeError, OSError)
"""PyIceberg lets the operating system's error through when a file of its metadata is gone."""

_NOBODY = RunIdentity(run_id="status", job="snowpipe status")


@dataclass(frozen=True)
class BronzeStanding:
    """One entity's log. last_extraction_at: by the source's clock. watermark: the live one, where there is one.

    Of a log that cannot be read nothing is known but the note.
    """

    table: str
    status: str
    rows: int | None = None
    last_extraction_at: datetime | None = None
    load_days: int | None = None
    watermark: str | None = None
    incomplete_days: tuple[date, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class TableStanding:
    """One table. held: rows kept beside it, not published; held_by: ids of the rules they break. load_days: taken in,
    quarantined, discarded: of changes tables only. Of a table that cannot be read nothing is known but the note."""

    table: str
    status: str
    rows: int | None = None
    last_commit_at: datetime | None = None
    load_days: int | None = None
    quarantined: int | None = None
    discarded: int | None = None
    held: int | None = None
    note: str = ""
    held_by: tuple[str, ...] = ()


def bronze_standing(query: Query, ground: Ground) -> BronzeStanding:
    """FAILED, with why, where the log cannot be read."""
    try:
        return _bronze(query, ground)
    except UNREADABLE as error:
        return BronzeStanding(f"bronze/{query.entity}", FAILED, note=str(error))


def table_standing(table: Table, project: Project) -> TableStanding:
    """FAILED, with why, where the table, or what it reads, cannot be read."""
    try:
        return _table(table, project)
    except UNREADABLE as error:
        return TableStanding(table.name, FAILED, note=str(error))


def _bronze(query: Query, ground: Ground) -> BronzeStanding:
    log = ground.bronze.log(query.entity)
    incomplete = tuple(incomplete_days(log))
    days = ", ".join(map(str, incomplete))
    return BronzeStanding(
        f"bronze/{query.entity}",
        INCOMPLETE if incomplete else "ok" if log else NEVER_RUN,
        sum(manifest.rows_landed for manifest in landings(log)),
        next((entry.extracted_at for entry in reversed(log) if entry.kind == "extraction"), None),
        len({manifest.load_day for manifest in log}),
        encode(live_watermark([manifest for manifest in log if manifest.query == query.name])),
        incomplete,
        f"max_batches cut short: {days}" if incomplete else "",
    )


def _table(table: Table, project: Project) -> TableStanding:
    ground = project.ground
    state = ground.lake.state(table.name)
    branches = _waiting(ground.lake.held(table.name))
    held = _held_rows(table, state, branches, ground)
    word, note = (HELD, _held_note(table, branches)) if held else _word(table, state, project)
    return TableStanding(
        table.name,
        word,
        int(state.properties.get(ROWS_PROPERTY, 0)) if state else 0,
        state.committed_at if state else None,
        _load_days(table, state, ground) if isinstance(table, ChangesTable) else None,
        _rows_of(table, QUARANTINED, state, ground),
        _rows_of(table, DISCARDED, state, ground),
        held,
        note,
        tuple(sorted({rule for branch in branches.values() for rule in _broken_rules(table, branch)})),
    )


def _waiting(branches: Mapping[str, TableState]) -> dict[str, TableState]:
    """A branch of the whole table has the rows of the load days' branches too: whichever came last stands for both."""
    whole = branches.get(WHOLE_TABLE)
    days = {name: branch for name, branch in sorted(branches.items()) if name != WHOLE_TABLE}
    if whole is None or any(branch.committed_at > whole.committed_at for branch in days.values()):
        return days
    return {WHOLE_TABLE: whole}


def _held_note(table: Table, branches: Mapping[str, TableState]) -> str:
    """`2024-03-02: rule`, by the load day of each branch; of the whole table the rules alone."""
    days_by_reason: dict[str, list[str]] = {}
    for name, branch in branches.items():
        reason = ", ".join(_broken_rules(table, branch)) or "another load day of the same run"
        days_by_reason.setdefault(reason, []).append(name.removeprefix(WHOLE_TABLE).removeprefix("-"))
    told = [f"{', '.join(days)}: {reason}" if any(days) else reason for reason, days in days_by_reason.items()]
    return "; ".join(told)


def _broken_rules(table: Table, branch: TableState) -> list[str]:
    """Ids of the rules that keep the rows back, as the held commit recorded them."""
    failed = Quality.decode(branch.properties.get(QUALITY_PROPERTY)).failed(rules_of(table))
    return sorted({rule.id for rules in failed.values() for rule in rules})


def _word(table: Table, state: TableState | None, project: Project) -> tuple[str, str]:
    """Stale: its code changed since its last commit, or what it reads has commits it has not taken in."""
    if state is None:
        return NEVER_RUN, ""
    if state.properties.get(CODE_VERSION_PROPERTY) != table.code_version:
        return STALE, CODE_CHANGED
    try:
        plan = plan_table(TableRequest(project.pipeline, table, _NOBODY), project.ground)
    except SnowpipeError as error:
        return FAILED, str(error)
    return ("ok", "") if plan.operation == "nothing" else (STALE, plan.reason)


def _held_rows(table: Table, state: TableState | None, branches: Mapping[str, TableState], ground: Ground) -> int:
    """Rows of files that only held branches have."""
    published = (
        set() if state is None else {f.path for f in ground.lake.files(table.name, snapshot_id=state.snapshot_id)}
    )
    files = [f for held in branches.values() for f in ground.lake.files(table.name, snapshot_id=held.snapshot_id)]
    return sum(file.rows for file in files if file.path not in published)


def _rows_of(table: Table, status: str, state: TableState | None, ground: Ground) -> int | None:
    """Rows of one status in a changes table; None for a table whose rows have none."""
    if not isinstance(table, ChangesTable):
        return None
    if state is None:
        return 0
    where = {STATUS: status}
    return sum(file.rows for file in ground.lake.files(table.name, snapshot_id=state.snapshot_id, where=where))


def _load_days(table: ChangesTable, state: TableState | None, ground: Ground) -> int:
    if state is None:
        return 0
    done = Consumption.decode(state.properties.get(CONSUMED_PROPERTY)).manifests.get(table.source, frozenset())
    return len({manifest.load_day for manifest in ground.bronze.log(table.source) if manifest.number in done})

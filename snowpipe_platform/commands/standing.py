"""How one entity's log and one table stand, read without running anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from snowpipe_platform.commands.project import Project
from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.execution.arrivals import look
from snowpipe_platform.execution.execute import CODE_VERSION_PROPERTY, ROWS_PROPERTY, rules_of
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.execution.planning import plan_table
from snowpipe_platform.orchestration.pending import DueDates, due_dates
from snowpipe_platform.records import TableState
from snowpipe_platform.spec.analysis_dates import in_words
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.bronze_log import (
    cut_days,
    incomplete_days,
    landings,
    last_extraction,
    live_watermark,
    withdrawn_days,
)
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform.spec.deadlines import last_due
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.quality import QUALITY_PROPERTY, Quality
from snowpipe_platform.spec.read_days import unread_days
from snowpipe_platform.spec.table import DISCARDED, QUARANTINED, STATUS, ChangesTable, Table
from snowpipe_platform.spec.watermark import encode

NEVER_RUN, INCOMPLETE, STALE, HELD, FAILED = "never run", "incomplete", "stale", "held", "FAILED"
LATE = "late"
CODE_CHANGED = "its code changed since its last commit"
WHOLE_TABLE = "held"
"""The branch of a commit without a load day; a load day's is `held-2024-03-02`."""

UNREADABLE = (SnowpipeError, OSError)
"""PyIceberg lets the operating system's error through when a file of its metadata is gone."""

_NOBODY = RunIdentity(run_id="status", job="snowpipe status")


@dataclass(frozen=True)
class BronzeStanding:
    """One entity's log. last_extraction_at: by the source's clock. watermark: the live one, where there is one.
    late_days: not landed by their deadline; known where the query has one, and a watermark that tells.
    arrivals_waiting: dropped files to be adopted; arrivals_failed: in the dead letters.

    Of a log that cannot be read nothing is known but the note.
    """

    table: str
    status: str
    rows: int | None = None
    last_extraction_at: datetime | None = None
    load_days: int | None = None
    watermark: str | None = None
    incomplete_days: tuple[date, ...] = ()
    late_days: tuple[date, ...] = ()
    note: str = ""
    arrivals_waiting: int = 0
    arrivals_failed: int = 0


@dataclass(frozen=True)
class TableStanding:
    """One table. held: rows kept beside it, not published; held_by: ids of the rules they break. load_days: taken in,
    quarantined, discarded: of a changes table. analysis_dates: that an as-of table has; stale_dates: of them, those a
    late change came for; dates_to_name: those that a run makes only when asked for, as they are too old, or were not
    made with their day. Of a table that cannot be read nothing is known but the note."""

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
    analysis_dates: int | None = None
    stale_dates: tuple[date, ...] = ()
    dates_to_name: tuple[date, ...] = ()


def source_clock(project: Project) -> datetime | None:
    """What deadlines are judged by; None where there are none, or the source does not answer."""
    if all(query.due is None for query in project.pipeline.queries.queries):
        return None
    try:
        return project.ground.warehouse.clock()
    except SnowpipeError:
        return None


def bronze_standing(query: Query, ground: Ground, *, now: datetime | None) -> BronzeStanding:
    """FAILED, with why, where the log cannot be read. now: the source's clock, where it is known."""
    try:
        return _bronze(query, ground, now)
    except UNREADABLE as error:
        return BronzeStanding(f"bronze/{query.entity}", FAILED, note=str(error))


def table_standing(table: Table, project: Project) -> TableStanding:
    """FAILED, with why, where the table, or what it reads, cannot be read."""
    try:
        return _table(table, project)
    except UNREADABLE as error:
        return TableStanding(table.name, FAILED, note=str(error))


def _bronze(query: Query, ground: Ground, now: datetime | None) -> BronzeStanding:
    log = ground.bronze.log(query.entity)
    incomplete, counted, last = tuple(incomplete_days(log)), landings(log), last_extraction(log)
    own = [manifest for manifest in log if manifest.query == query.name]
    late = _late_days(query, own, now)
    waits = {"max_batches cut short": cut_days(log), "withdrawn, to be extracted again": withdrawn_days(log)}
    dropped = look(query.entity, ground, now=datetime.now(UTC).replace(tzinfo=None))
    waiting = len(dropped.ready) + len(dropped.unsettled)
    notes = [f"{why}: {', '.join(map(str, days))}" for why, days in waits.items() if days]
    notes += [f"not landed by their deadline: {in_words(late)}"] if late else []
    notes += [f"dropped files that wait: {waiting:,}"] if waiting else []
    notes += [f"dropped files in the dead letters: {len(dropped.failed):,}"] if dropped.failed else []
    return BronzeStanding(
        f"bronze/{query.entity}",
        INCOMPLETE if incomplete else LATE if late else "ok" if log else NEVER_RUN,
        sum(manifest.rows_landed for manifest in counted),
        None if last is None else last.extracted_at,
        len({manifest.load_day for manifest in counted}),
        encode(live_watermark(own)),
        incomplete,
        late,
        "; ".join(notes),
        waiting,
        len(dropped.failed),
    )


def _late_days(query: Query, own: Sequence[Manifest], now: datetime | None) -> tuple[date, ...]:
    """Of a number or a snapshot those that wait for rows: it tells no day, and one that brought nothing no entry."""
    if query.due is None or now is None:
        return ()
    return tuple(unread_days(own, last=last_due(query.due, now=now)))


def _table(table: Table, project: Project) -> TableStanding:
    ground = project.ground
    state = ground.lake.state(table.name)
    branches = _waiting(ground.lake.held(table.name))
    held = _held_rows(table, state, branches, ground)
    dates = _dates(table, project) if isinstance(table, DatedTable) and state is not None else None
    word, note = (HELD, _held_note(table, branches)) if held else _word(table, state, dates, project)
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
        None if dates is None else len(dates.dates.all),
        () if dates is None else tuple(sorted(dates.dates.stale)),
        tuple(sorted(_missing(dates) | _old(table, dates))) if isinstance(table, DatedTable) and dates else (),
    )


def _dates(table: DatedTable, project: Project) -> DueDates:
    return due_dates(project.pipeline, table, project.ground, now=datetime.now(UTC).replace(tzinfo=None))


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


def _word(table: Table, state: TableState | None, dates: DueDates | None, project: Project) -> tuple[str, str]:
    """Stale: its code changed since its last commit, or what it reads has commits it has not taken in."""
    if state is None:
        return NEVER_RUN, ""
    if state.properties.get(CODE_VERSION_PROPERTY) != table.code_version:
        return STALE, CODE_CHANGED
    if isinstance(table, DatedTable) and dates is not None:
        return _word_of_dates(table, dates)
    try:
        plan = plan_table(TableRequest(project.pipeline, table, _NOBODY), project.ground)
    except SnowpipeError as error:
        return FAILED, str(error)
    return ("ok", "") if plan.operation == "nothing" else (STALE, plan.reason)


def _word_of_dates(table: DatedTable, found: DueDates) -> tuple[str, str]:
    """Stale dates, and whether the next run makes them anew; ended days that have no state yet."""
    recent, old, missing = found.dates.restatable(table.restate_days), _old(table, found), _missing(found)
    told = [
        *([f"not made yet: {in_words(missing)}"] if missing else []),
        *([f"a late change came for {in_words(recent)}; the next run makes them anew"] if recent else []),
        *([f"late changes came for {in_words(old)}, older than {table.restate_days} days"] if old else []),
    ]
    return (STALE, "; ".join(told)) if told else ("ok", "")


def _old(table: DatedTable, found: DueDates) -> frozenset[date]:
    """Stale dates that no run makes anew unless it is asked for them."""
    return found.dates.stale.difference(found.dates.restatable(table.restate_days))


def _missing(found: DueDates) -> frozenset[date]:
    """Dates that can be made and are not."""
    return frozenset(found.due) - found.dates.all


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
    return len({entry.load_day for entry in landings(ground.bronze.log(table.source)) if entry.number in done})

"""`snowpipe status`: how every table stands, without running anything."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.terminal import (
    NOTHING,
    Line,
    count,
    print_json,
    print_lines,
    print_next,
    print_text,
)
from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.execution.execute import CODE_VERSION_PROPERTY, ROWS_PROPERTY, rules_of
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.plan import TableRequest, plan_table
from snowpipe_platform.ports import TableState
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import incomplete_days, live_watermark
from snowpipe_platform.spec.quality import QUALITY_PROPERTY, Quality
from snowpipe_platform.spec.table import QUARANTINED, STATUS, ChangesTable, Table
from snowpipe_platform.spec.watermark import encode

NEVER_RUN = "never run"
BRONZE_TITLES = ("bronze", "rows", "landed (UTC)", "days", "watermark (UTC)")
TABLE_TITLES = ("table", "rows", "commit (UTC)", "days", "quarantined", "held")
CODE_CHANGED = "its code changed since its last commit"
_NOBODY = RunIdentity(run_id="status", job="snowpipe status")


@dataclass(frozen=True)
class BronzeStanding:
    """One entity's log. last_extraction_at: by the source's clock. watermark: the live one, where there is one."""

    table: str
    status: str
    rows: int
    last_extraction_at: datetime | None
    load_days: int
    watermark: str | None
    incomplete_days: tuple[date, ...]
    note: str = ""


@dataclass(frozen=True)
class TableStanding:
    """One table. held: rows kept beside it, not published. load_days: taken in, of changes tables only."""

    table: str
    status: str
    rows: int
    last_commit_at: datetime | None
    load_days: int | None
    quarantined: int | None
    held: int
    note: str = ""


def status(project: Project, *, as_json: bool) -> int:
    """0: how tables stand is no failure of the command."""
    bronze = [_bronze(query, project.ground) for query in project.pipeline.queries.queries]
    tables = [_standing(table, project) for table in project.pipeline.tables]
    if as_json:
        print_json({"bronze": [asdict(b) for b in bronze], "tables": [asdict(t) for t in tables]})
        return 0
    print_lines(BRONZE_TITLES, [_bronze_line(standing) for standing in bronze])
    print_text()
    print_lines(TABLE_TITLES, [_table_line(standing) for standing in tables])
    _print_what_next(bronze, tables)
    return 0


def _bronze(query: Query, ground: Ground) -> BronzeStanding:
    log = ground.bronze.log(query.entity)
    incomplete = tuple(incomplete_days(log))
    days = ", ".join(map(str, incomplete))
    return BronzeStanding(
        f"bronze/{query.entity}",
        "incomplete" if incomplete else "ok" if log else NEVER_RUN,
        sum(manifest.rows_landed for manifest in log),
        log[-1].extracted_at if log else None,
        len({manifest.load_day for manifest in log}),
        encode(live_watermark([manifest for manifest in log if manifest.query == query.name])),
        incomplete,
        f"max_batches cut short: {days}" if incomplete else "",
    )


def _standing(table: Table, project: Project) -> TableStanding:
    ground = project.ground
    state = ground.lake.state(table.name)
    held = _held_rows(table, state, ground)
    word, note = ("held", _held_by(table, ground)) if held else _word(table, state, project)
    return TableStanding(
        table.name,
        word,
        int(state.properties.get(ROWS_PROPERTY, 0)) if state else 0,
        state.committed_at if state else None,
        _load_days(table, state, ground) if isinstance(table, ChangesTable) else None,
        _quarantined_rows(table, state, ground) if isinstance(table, ChangesTable) else None,
        held,
        note,
    )


def _held_by(table: Table, ground: Ground) -> str:
    """Ids of the rules that keep rows back, as the held commits recorded them."""
    held = [Quality.decode(state.properties.get(QUALITY_PROPERTY)) for state in ground.lake.held(table.name).values()]
    failed = {rule.id for quality in held for rules in quality.failed(rules_of(table)).values() for rule in rules}
    return ", ".join(sorted(failed)) or "another load day of the same run"


def _word(table: Table, state: TableState | None, project: Project) -> tuple[str, str]:
    """Stale: its code changed since its last commit, or what it reads has commits it has not taken in."""
    if state is None:
        return NEVER_RUN, ""
    if state.properties.get(CODE_VERSION_PROPERTY) != table.code_version:
        return "stale", CODE_CHANGED
    try:
        plan = plan_table(TableRequest(project.pipeline, table, _NOBODY), project.ground)
    except SnowpipeError as error:
        return "FAILED", str(error)
    return ("ok", "") if plan.operation == "nothing" else ("stale", plan.reason)


def _held_rows(table: Table, state: TableState | None, ground: Ground) -> int:
    """Rows of files that only held branches have."""
    published = (
        set() if state is None else {f.path for f in ground.lake.files(table.name, snapshot_id=state.snapshot_id)}
    )
    branches = ground.lake.held(table.name).values()
    files = [f for branch in branches for f in ground.lake.files(table.name, snapshot_id=branch.snapshot_id)]
    return sum(file.rows for file in files if file.path not in published)


def _quarantined_rows(table: Table, state: TableState | None, ground: Ground) -> int:
    if state is None:
        return 0
    where = {STATUS: QUARANTINED}
    return sum(file.rows for file in ground.lake.files(table.name, snapshot_id=state.snapshot_id, where=where))


def _load_days(table: ChangesTable, state: TableState | None, ground: Ground) -> int:
    if state is None:
        return 0
    done = Consumption.decode(state.properties.get(CONSUMED_PROPERTY)).manifests.get(table.source, frozenset())
    return len({manifest.load_day for manifest in ground.bronze.log(table.source) if manifest.number in done})


def _bronze_line(standing: BronzeStanding) -> Line:
    cells = (
        standing.table,
        count(standing.rows),
        _instant(standing.last_extraction_at),
        count(standing.load_days),
        (standing.watermark or NOTHING).removesuffix(".000000").replace("T", " "),
    )
    return Line(cells, standing.status, standing.note)


def _table_line(standing: TableStanding) -> Line:
    cells = (
        standing.table,
        count(standing.rows),
        _instant(standing.last_commit_at),
        count(standing.load_days),
        count(standing.quarantined),
        count(standing.held or None),
    )
    return Line(cells, standing.status, standing.note)


def _instant(moment: datetime | None) -> str:
    """Short, as 80 columns are few: the time of this year's, the date of older ones."""
    if moment is None:
        return NOTHING
    return f"{moment:%m-%d %H:%M}" if moment.year == datetime.now(UTC).year else f"{moment:%Y-%m-%d}"


def _print_what_next(bronze: Sequence[BronzeStanding], tables: Sequence[TableStanding]) -> None:
    """The command that mends what stands worst."""
    held = next((standing for standing in tables if standing.status == "held"), None)
    recoded = [standing.table for standing in tables if standing.note == CODE_CHANGED]
    words = {standing.status for standing in bronze} | {standing.status for standing in tables}
    if all(standing.status == NEVER_RUN for standing in bronze):
        print_next("snowpipe demo, or snowpipe run")
    elif held is not None:
        print_next(f"snowpipe show {held.table} --failing {held.note.partition(',')[0]}")
    elif recoded:
        print_next(f"snowpipe run {' '.join(recoded)} --rebuild")
    elif words & {"stale", "incomplete", NEVER_RUN}:
        print_next("snowpipe run")

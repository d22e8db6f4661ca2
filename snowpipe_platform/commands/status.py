"""`snowpipe status`: how every table stands, without running anything."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.standing import (
    CODE_CHANGED,
    FAILED,
    HELD,
    INCOMPLETE,
    LATE,
    NEVER_RUN,
    STALE,
    BronzeStanding,
    TableStanding,
    bronze_standing,
    source_clock,
    table_standing,
)
from snowpipe_platform.commands.terminal import (
    NOTHING,
    Line,
    count,
    print_json,
    print_lines,
    print_next,
    print_text,
)

BRONZE_TITLES = ("bronze", "rows", "landed (UTC)", "days", "watermark (UTC)")
TABLE_TITLES = ("table", "rows", "commit (UTC)", "days", "quarantined", "held")


def status(project: Project, *, as_json: bool) -> int:
    """1 when a log or a table cannot be read; otherwise how tables stand is no failure of the command."""
    now = source_clock(project)
    bronze = [bronze_standing(query, project.ground, now=now) for query in project.pipeline.queries.queries]
    tables = [table_standing(table, project) for table in project.pipeline.tables]
    code = 1 if FAILED in _words(bronze, tables) else 0
    if as_json:
        print_json({"bronze": [asdict(b) for b in bronze], "tables": [asdict(t) for t in tables]})
        return code
    print_lines(BRONZE_TITLES, [_bronze_line(standing) for standing in bronze])
    print_text()
    print_lines(TABLE_TITLES, [_table_line(standing) for standing in tables])
    _print_what_next(bronze, tables)
    return code


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
        count(standing.load_days if standing.analysis_dates is None else standing.analysis_dates),
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
    held = next((standing for standing in tables if standing.status == HELD), None)
    recoded = [standing.table for standing in tables if standing.note == CODE_CHANGED]
    words = _words(bronze, tables)
    if FAILED in words:
        print_next("snowpipe doctor")
    elif all(standing.status == NEVER_RUN for standing in bronze):
        print_next("snowpipe demo, or snowpipe run")
    elif held is not None:
        print_next(f"snowpipe show {held.table}" + "".join(f" --failing {rule}" for rule in held.held_by[:1]))
    elif recoded:
        print_next(f"snowpipe run {' '.join(recoded)} --rebuild")
    elif any(standing.arrivals_waiting for standing in bronze):
        print_next("snowpipe adopt")
    elif words & {INCOMPLETE, LATE, NEVER_RUN} or any(_is_run_unasked(standing) for standing in tables):
        print_next("snowpipe run")
    elif dated := [standing for standing in tables if standing.dates_to_name]:
        print_next(f"snowpipe run {' '.join(standing.table for standing in dated)} {_range(dated)}")


def _is_run_unasked(standing: TableStanding) -> bool:
    return standing.status == STALE and not standing.dates_to_name


def _range(tables: Sequence[TableStanding]) -> str:
    """The dates to name, as options; those between that are as they should be stay as they are."""
    dates = [on for standing in tables for on in standing.dates_to_name]
    first, last = min(dates), max(dates)
    return f"--partition {first}" if first == last else f"--from {first} --to {last}"


def _words(bronze: Sequence[BronzeStanding], tables: Sequence[TableStanding]) -> set[str]:
    return {standing.status for standing in bronze} | {standing.status for standing in tables}

"""`snowpipe show`: what is in one table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from snowpipe_platform.commands.failing import failing_rows, find_rule
from snowpipe_platform.commands.lake_rows import any_rows
from snowpipe_platform.commands.project import Project, find_table
from snowpipe_platform.commands.terminal import (
    NOTHING,
    cut,
    print_hanging,
    print_heading,
    print_json,
    print_next,
    print_rows,
    print_text,
    print_wrapped,
)
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.decided import decided
from snowpipe_platform.execution.execute import PARTITION_PROPERTY, ROWS_PROPERTY, RUN_ID_PROPERTY
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.spec.as_of import ANALYSIS_DATE
from snowpipe_platform.spec.bronze_log import standing
from snowpipe_platform.spec.manifest import EXTRACTION_TIMESTAMP
from snowpipe_platform.spec.table import CHANGED_AT, PAYLOAD, SOURCE_FILE, SOURCE_ROW

NEWEST_BY = (CHANGED_AT, EXTRACTION_TIMESTAMP, ANALYSIS_DATE, "effective_at")
COMMITS = 5
ORIGIN = (PAYLOAD, SOURCE_FILE, SOURCE_ROW)
LONGEST_TYPE = 24


@dataclass(frozen=True)
class CommitLine:
    """One commit, or one manifest of a bronze log that counts. decided: by whom and why, where a person did."""

    number: int
    at: str
    rows: int
    day: str
    run_id: str
    decided: str | None = None


@dataclass(frozen=True)
class TableView:
    """What `show` says about a table. rows: the newest first."""

    name: str
    description: str
    location: str
    columns: Mapping[str, str]
    about: Mapping[str, str]
    rows: Sequence[Mapping[str, object]]
    commits: Sequence[CommitLine]


@dataclass(frozen=True)
class Asked:
    """What was typed. failing: a rule; day: of its rows those of one load day or analysis date."""

    failing: str | None = None
    day: date | None = None
    limit: int = 10
    as_json: bool = False


def show(project: Project, table: str, asked: Asked) -> int:
    """0. Raises ConfigurationError for a table or rule there is not, and for a day that nothing has."""
    name = find_table(table, project.pipeline)
    if asked.failing is not None:
        return _show_failing(project, name, asked.failing, asked)
    if asked.day is not None:
        raise ConfigurationError("--partition goes with --failing RULE: it says whose day's rows.")
    view = _view(project, name, asked.limit)
    if asked.as_json:
        print_json({**vars(view), "commits": [vars(commit) for commit in view.commits]})
    else:
        _print_view(view)
    return 0


def _show_failing(project: Project, name: str, wanted: str, asked: Asked) -> int:
    rule = find_rule(project, name, wanted)
    found = failing_rows(project, name, rule, day=asked.day)
    rows = found.slice(0, asked.limit)
    if asked.as_json:
        print_json(
            {
                "table": name,
                "rule": rule.id,
                "description": rule.description,
                "day": asked.day,
                "count": len(found),
                "rows": rows.to_pylist(),
            }
        )
        return 0
    of_day = "" if asked.day is None else f" on {asked.day}"
    print_heading(f"{name}: {rule.description} ({rule.id}){of_day}")
    if not len(found):
        print_text("no row breaks it")
        return 0
    more = f"{asked.limit:,} of {len(found):,} rows; --limit for more" if len(found) > asked.limit else ""
    shown = [name for name in rows.column_names if name not in ORIGIN and rows[name].null_count < len(rows)]
    listed = rows.to_pylist()
    details = [_origin(row) for row in listed]
    print_rows(shown, [[row[name] for name in shown] for row in listed], more=more, details=details)
    return 0


def _origin(row: Mapping[str, object]) -> str:
    """Of a quarantined row: as it was extracted, and where it is in bronze."""
    if not row.get(PAYLOAD):
        return ""
    extracted = ", ".join(f"{name} {value!r}" for name, value in json.loads(str(row[PAYLOAD])).items())
    return f"extracted as {extracted}\nfrom bronze/{row[SOURCE_FILE]}, row {row[SOURCE_ROW]}"


def _view(project: Project, name: str, limit: int) -> TableView:
    rows = any_rows(name, project)
    with project.ground.engine.session() as session:
        session.bind(name, rows)
        newest = session.fetch(newest_first(ibis.table(rows.schema, name=name)).limit(limit)).to_pylist()
    is_bronze = name.startswith(BRONZE)
    declared = None if is_bronze else project.pipeline.table(name)
    query = project.pipeline.queries_by_entity.get(name.removeprefix(BRONZE))
    return TableView(
        name=name,
        description=declared.description if declared else query.description if query else "",
        location=_location(project, name),
        columns={column: str(dtype) for column, dtype in rows.schema.items()},
        about=declared.column_descriptions if declared else {},
        rows=newest,
        commits=_manifests(project, name) if is_bronze else _commits(project, name),
    )


def newest_first(rows: ir.Table) -> ir.Table:
    """By the instant the platform knows rows by, or else by the first instant or date of the table."""
    known = [name for name in NEWEST_BY if name in rows.columns]
    temporal = [name for name, dtype in rows.schema().items() if dtype.is_timestamp() or dtype.is_date()]
    chosen = (known or temporal)[:1]
    return rows.order_by([ibis.desc(name) for name in chosen]) if chosen else rows


def _location(project: Project, name: str) -> str:
    if name.startswith(BRONZE):
        return str(project.settings.home.resolve() / name)
    return project.ground.lake.location(name) if project.ground.lake.state(name) else NOTHING


def _manifests(project: Project, name: str) -> list[CommitLine]:
    log = standing(project.ground.bronze.log(name.removeprefix(BRONZE)))[-COMMITS:]
    return [
        CommitLine(m.number, f"{m.extracted_at:%Y-%m-%d %H:%M}", m.rows_landed, str(m.load_day), m.run_id) for m in log
    ]


def _commits(project: Project, name: str) -> list[CommitLine]:
    return [
        CommitLine(
            state.number,
            f"{state.committed_at:%Y-%m-%d %H:%M}",
            int(state.properties.get(ROWS_PROPERTY, 0)),
            state.properties.get(PARTITION_PROPERTY) or NOTHING,
            state.properties.get(RUN_ID_PROPERTY, NOTHING),
            decided(state),
        )
        for state in project.ground.lake.history(name)[-COMMITS:]
    ]


def _print_view(view: TableView) -> None:
    print_heading(view.name)
    print_wrapped(view.description)
    print_wrapped(f"in {view.location}")
    print_text()
    names = max(len(name) for name in view.columns)
    for name, dtype in view.columns.items():
        column = f"{name:<{names}}  {cut(dtype, LONGEST_TYPE):<{LONGEST_TYPE}}  "
        print_hanging(column, view.about.get(name, ""))
    print_text()
    if not view.commits:
        print_text("no rows yet")
        print_next(f"snowpipe run {view.name}")
        return
    print_rows(list(view.columns), [list(row.values()) for row in view.rows])
    print_text()
    titles = ("commit", "at (UTC)", "rows", "day", "run")
    lines = [(commit.number, commit.at, commit.rows, commit.day, commit.run_id) for commit in view.commits]
    print_rows(titles, lines, details=[commit.decided or "" for commit in view.commits])

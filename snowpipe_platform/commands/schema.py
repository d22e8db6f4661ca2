"""`snowpipe schema`: the columns of a bronze table, and how they changed."""

from collections.abc import Sequence

from snowpipe_platform.commands.dead_letters_lines import abbreviated
from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.queries import find_entity
from snowpipe_platform.commands.terminal import (
    NOTE_INDENT,
    NOTHING,
    Line,
    print_hanging,
    print_heading,
    print_json,
    print_lines,
    print_next,
    print_text,
)
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.execution.schema_history import schema_history
from snowpipe_platform.spec.schema_history import SchemaEvent

TITLES = ("version", "entry", "load day", "columns", "at (UTC)", "verdict")
SQL = "snowpipe sql \"from bronze.schema_history where table_name = '{}'\""


def schema(project: Project, name: str, *, as_json: bool) -> int:
    """Every version, the newest last, and what was left out or refused in between; then the columns there are now."""
    entity = find_entity(name, project.pipeline)
    events = schema_history(project.pipeline.queries_by_entity[entity], project.ground)
    if as_json:
        print_json({"entity": entity, "columns": _columns(events), "history": [_told(event) for event in events]})
        return 0
    now = _columns(events)
    if not now:
        print_text(f"{BRONZE}{entity} has no columns yet")
        print_next(f"snowpipe run {BRONZE}{entity}")
        return 0
    names = abbreviated([event.letter for event in events if event.letter])
    versions = sum(event.version is not None for event in events)
    print_heading(f"{BRONZE}{entity}: {len(now)} columns, version {versions}")
    print_lines(TITLES, [_line(event, names) for event in events])
    print_text("")
    width = max(len(column["name"]) for column in now)
    for column in now:
        print_hanging(f"{NOTE_INDENT}{column['name']:<{width}}  ", column["type"])
    waiting = [event.letter for event in events if event.letter and event.closed is None]
    print_next(f"snowpipe dead-letters show {names[waiting[-1]]}" if waiting else SQL.format(entity))
    return 0


def _line(event: SchemaEvent, names: dict[str, str]) -> Line:
    cells = (
        str(event.version or NOTHING),
        str(event.number or NOTHING),
        str(event.load_day),
        str(len(event.columns) or NOTHING),
        f"{event.at:%Y-%m-%d %H:%M}",
        event.verdict,
    )
    notes = [str(change) for change in event.diff]
    if event.letter is not None:
        notes.append(f"dead letter {names[event.letter]}{f', {event.closed}' if event.closed else ''}")
    return Line(cells, "" if event.verdict == "first" else event.outcome, "\n".join(notes))


def _columns(events: Sequence[SchemaEvent]) -> list[dict[str, str]]:
    """Of the latest entry that has any."""
    latest = next((event.columns for event in reversed(events) if event.columns), ())
    return [{"name": column.name, "type": column.type} for column in latest]


def _told(event: SchemaEvent) -> dict[str, object]:
    """The stable keys."""
    return {
        "version": event.version,
        "entry": event.number,
        "load_day": event.load_day,
        "at": event.at,
        "by": event.by,
        "verdict": event.verdict,
        "outcome": event.outcome,
        "columns": [{"name": column.name, "type": column.type} for column in event.columns],
        "diff": [
            {
                "column": change.column,
                "kind": change.kind,
                "before": change.before,
                "after": change.after,
                "breaking": change.is_breaking,
                "outcome": change.outcome,
                "renamed_to": change.renamed_to,
            }
            for change in event.diff
        ],
        "dead_letter": event.letter,
        "closed": event.closed,
    }

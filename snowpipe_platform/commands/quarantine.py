"""`snowpipe quarantine list` and `show`: what waits for a person, and why."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from snowpipe_platform.commands.failing import find_rule
from snowpipe_platform.commands.project import Project, find_table
from snowpipe_platform.commands.quarantine_options import Options
from snowpipe_platform.commands.terminal import (
    NOTHING,
    Line,
    count,
    print_heading,
    print_json,
    print_lines,
    print_next,
    print_rows,
    print_text,
)
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.execute import rules_of
from snowpipe_platform.execution.outcome import Finding, broken, worst_first
from snowpipe_platform.execution.quarantine import (
    QuarantineCounts,
    QuarantinedRow,
    Selection,
    quarantine_counts,
    quarantine_size,
    quarantined_rows,
)
from snowpipe_platform.spec.origins import Origin, parse_origin
from snowpipe_platform.spec.quality import Verdict
from snowpipe_platform.spec.table import ChangesTable

TITLES = ("table", "quarantined", "held", "discarded", "oldest day")


def find_changes_table(name: str, project: Project) -> ChangesTable:
    """Raises ConfigurationError for a table that keeps no quarantine."""
    table = project.pipeline.by_name.get(find_table(name, project.pipeline))
    if isinstance(table, ChangesTable):
        return table
    known = ", ".join(table.name for table in changes_tables(project))
    raise ConfigurationError(f"{name} keeps no quarantine; changes tables do: {known}.")


def changes_tables(project: Project) -> list[ChangesTable]:
    return [table for table in project.pipeline.tables if isinstance(table, ChangesTable)]


def selection(project: Project, table: ChangesTable, options: Options) -> Selection:
    """The rows that were typed. Raises ConfigurationError for a rule there is not, or an id that is none."""
    if options.ids and (options.rule or options.day):
        raise ConfigurationError("--rows names the rows. Leave --rule and --day out.")
    chosen = find_rule(project, table.name, options.rule) if options.rule is not None else None
    if chosen is not None and chosen.severity != "error":
        raise ConfigurationError(f"{table.name}: rule {chosen.id!r} warns, and quarantines no row.")
    origins = frozenset(parse_origin(text) for typed in options.ids for text in typed.split(","))
    return Selection(rule_id=chosen.id if chosen else None, day=options.day, origins=origins or None)


def list_tables(project: Project, *, as_json: bool) -> int:
    """0: that rows wait is no failure of the command."""
    counts = [(table, quarantine_counts(table, project.ground)) for table in changes_tables(project)]
    command = next_command(counts)
    if as_json:
        print_json({"tables": [_counts_json(table, found) for table, found in counts], "next": command})
        return 0
    if not counts:
        print_text("no changes table, so nothing is in quarantine")
        return 0
    print_lines(TITLES, [_line(table, found) for table, found in counts])
    if command is not None:
        print_next(command)
    return 0


def show(project: Project, name: str, options: Options) -> int:
    """0. Raises ConfigurationError for a table or rule there is not."""
    table = find_changes_table(name, project)
    chosen = selection(project, table, options)
    total = quarantine_size(table, project.ground, chosen)
    rows = quarantined_rows(table, project.ground, chosen, limit=options.limit)
    if options.as_json:
        print_json({"table": table.name, "count": total, "rows": [row_json(table, row) for row in rows]})
        return 0
    print_heading(f"{table.name}: {rows_in_words(total)} in quarantine")
    if not rows:
        return 0
    more = f"{options.limit:,} of {total:,} rows; --limit for more" if total > len(rows) else ""
    held = ("held on",) if any(row.held_on for row in rows) else ()
    cells = [(str(row.origin), str(row.load_day), *([row.held_on or NOTHING] if held else [])) for row in rows]
    details = [
        f"not: {broken_rules(table, row.failed_rules)}\nextracted as {payload_words(row.payload)}" for row in rows
    ]
    print_rows(("id", "load day", *held), cells, more=more, details=details)
    chosen_by = {"--rule": options.rule, "--day": options.day}
    words = [f" {name} {shlex.quote(str(value))}" for name, value in chosen_by.items() if value]
    print_next(f"snowpipe quarantine export {table.name}{''.join(words)} --to {table.name.partition('/')[2]}.csv")
    return 0


def broken_rules(table: ChangesTable, rule_ids: Sequence[str]) -> str:
    """The error rules among the ids, in words. One that today's code does not have is told by its id."""
    rules = {rule.id: rule for rule in rules_of(table)}
    errors = [rule for rule in rule_ids if rule not in rules or rules[rule].severity == "error"]
    return "; ".join(rules[rule].description if rule in rules else rule for rule in errors)


def payload_words(payload: Mapping[str, str | None]) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in payload.items() if value is not None)


def rows_in_words(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def row_json(table: ChangesTable, row: QuarantinedRow) -> dict[str, Any]:
    """Stable keys: a program reads them."""
    described = {rule.id: rule.description for rule in rules_of(table)}
    return {
        "id": str(row.origin),
        "load_day": row.load_day,
        "held_on": row.held_on,
        "rules": [{"rule": rule, "description": described.get(rule)} for rule in row.failed_rules],
        "payload": dict(row.payload),
    }


def ids(origins: Sequence[Origin], *, at_most: int = 5) -> str:
    """`1:5, 1:7 and 12 more`."""
    more = len(origins) - at_most
    return ", ".join(map(str, origins[:at_most])) + (f" and {more:,} more" if more > 0 else "")


def _findings(table: ChangesTable, counts: QuarantineCounts) -> list[Finding]:
    """The rules that keep rows in quarantine, worst first."""
    errors = [rule for rule in rules_of(table) if rule.severity == "error" and rule.id in counts.broken]
    found = (Finding(rule.id, rule.description, Verdict.WARNED, counts.broken[rule.id]) for rule in errors)
    return list(worst_first(found))


def _line(table: ChangesTable, counts: QuarantineCounts) -> Line:
    settled = f"{rows_in_words(counts.settled)} decided about, which the next run takes in" if counts.settled else ""
    notes = [note for note in (broken(_findings(table, counts)), settled) if note]
    status = "held" if counts.held else "warned" if counts.quarantined else "stale" if counts.settled else "ok"
    cells = (
        table.name,
        count(counts.quarantined),
        count(counts.held or None),
        count(counts.discarded or None),
        str(counts.oldest_day or NOTHING),
    )
    return Line(cells, status, "; ".join(notes))


def _counts_json(table: ChangesTable, counts: QuarantineCounts) -> dict[str, Any]:
    findings = _findings(table, counts)
    return {
        "table": table.name,
        "quarantined": counts.quarantined,
        "held": counts.held,
        "settled": counts.settled,
        "discarded": counts.discarded,
        "oldest_load_day": counts.oldest_day,
        "rules": [{"rule": f.rule_id, "description": f.description, "rows": f.rows} for f in findings],
    }


def next_command(counts: Sequence[tuple[ChangesTable, QuarantineCounts]]) -> str | None:
    """Take in what was decided; else look into the table with most, of those that hold a load day back if any does."""
    if any(found.settled for _, found in counts):
        return "snowpipe run"
    most = max(counts, key=lambda item: (item[1].held > 0, item[1].quarantined), default=None)
    return f"snowpipe quarantine show {most[0].name}" if most is not None and most[1].quarantined else None

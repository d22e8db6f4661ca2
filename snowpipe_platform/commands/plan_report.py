"""A plan as lines for a person, and as JSON for a program."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from typing import TypeVar

from snowpipe_platform.commands.plan_lines import (
    AT_LEAST,
    AT_MOST,
    ESTIMATED,
    EXTRACTION_TITLES,
    FOLLOWS,
    STALE_TITLES,
    TABLE_TITLES,
    UNKNOWN,
    extraction_line,
    stale_line,
    table_line,
)
from snowpipe_platform.commands.run import RunOptions
from snowpipe_platform.commands.terminal import Line, print_heading, print_lines, print_next, print_text
from snowpipe_platform.execution.preview import ExtractionPreview, Preview, TablePreview, Volume
from snowpipe_platform.execution.preview_run import Stale

Same = TypeVar("Same", ExtractionPreview, TablePreview)


@dataclass(frozen=True)
class Planned:
    """What was asked for, and what would happen. days: load days; none of a rebuild. stale: of the whole pipeline."""

    options: RunOptions
    days: tuple[date, ...]
    previews: tuple[Preview, ...]
    stale: tuple[Stale, ...]
    is_counted: bool

    @property
    def run_command(self) -> str | None:
        """The run that does what was planned; None where only a rebuild would do anything."""
        options = self.options
        if self.stale and all(_is_unchanged(preview) for preview in self.previews):
            return None
        days = {"--partition": options.partition, "--from": options.start, "--to": options.end}
        words = [*options.tables, *(f"{name} {day}" for name, day in days.items() if day is not None)]
        return " ".join(["snowpipe run", *words, *(["--rebuild"] if options.rebuild else [])])

    @property
    def rebuild_command(self) -> str | None:
        """The run that makes anew what is stale."""
        names = [one.preview.step.name for one in self.stale]
        return f"snowpipe run {' '.join(names)} --rebuild" if names else None


def print_plan(planned: Planned) -> None:
    """Extractions, tables, what is stale; then the commands that do it."""
    print_heading(f"{_subject(planned)} would do this; nothing is done yet")
    extractions = [preview for preview in planned.previews if isinstance(preview, ExtractionPreview)]
    tables = [preview for preview in planned.previews if isinstance(preview, TablePreview)]
    sections = (
        (EXTRACTION_TITLES, [extraction_line(days) for days in _by_table(extractions)]),
        (TABLE_TITLES, [table_line(days) for days in _by_table(tables)]),
        (STALE_TITLES, [stale_line(one) for one in planned.stale]),
    )
    for titles, lines in sections:
        if lines:
            print_text()
            print_lines(titles, lines)
    print_text()
    for remark in _remarks(planned, [line for _, lines in sections for line in lines]):
        print_text(remark)
    for command in filter(None, (planned.run_command, planned.rebuild_command)):
        print_next(command)


def _is_unchanged(preview: Preview) -> bool:
    stops = bool(preview.problem or preview.blocked_by)
    appends = isinstance(preview, TablePreview) and preview.operation != "nothing"
    return not (stops or appends or preview.may_bring_rows)


def _subject(planned: Planned) -> str:
    if not planned.days:
        return "a rebuild"
    first, last = planned.days[0], planned.days[-1]
    return f"a run of {first}" if first == last else f"a run of {first} to {last}"


def _remarks(planned: Planned, lines: Sequence[Line]) -> Iterable[str]:
    """What the words and signs mean that are there."""
    text = " ".join(" ".join([*line.cells, line.status, line.note]) for line in lines)
    signs = [sign for sign in (FOLLOWS, AT_LEAST, AT_MOST) if sign in text]
    if signs:
        yield f"{', '.join(signs)}: known once the steps above have run"
    if not planned.is_counted:
        yield f"{UNKNOWN}: the source was not asked"
    if ESTIMATED in text:
        yield f"{ESTIMATED} judged by bytes: no commit of the table wrote as much and recorded it"
    if any(one.because_of != one.preview.step.name for one in planned.stale):
        yield "below a table whose code changed that is the most: rows that stay cost less"


def _by_table(previews: list[Same]) -> list[list[Same]]:
    """The days of each table, tables in the order of the run."""
    names = list(dict.fromkeys(preview.step.name for preview in previews))
    ordered = sorted(previews, key=lambda preview: names.index(preview.step.name))
    return [list(days) for _, days in groupby(ordered, key=lambda preview: preview.step.name)]


def plan_json(planned: Planned) -> dict[str, object]:
    """Stable keys: a program reads them."""
    return {
        "days": list(planned.days),
        "rebuild": planned.options.rebuild,
        "source_counted": planned.is_counted,
        "steps": [
            _extraction_json(preview) if isinstance(preview, ExtractionPreview) else _table_json(preview)
            for preview in planned.previews
        ],
        "stale": [
            {"because_of": one.because_of, "dates": one.dates, **_table_json(one.preview)} for one in planned.stale
        ],
        "next": planned.run_command,
        "next_rebuild": planned.rebuild_command,
    }


def _extraction_json(preview: ExtractionPreview) -> dict[str, object]:
    return {
        "table": preview.step.name,
        "day": preview.step.day,
        "kind": preview.kind,
        "interval": None if preview.upper is None else {"lower": preview.lower, "upper": preview.upper},
        "rows": preview.rows,
        "certainty": preview.certainty,
        "compared_with": list(preview.compared_with),
        "schema_changes": list(preview.schema_changes),
        "problem": preview.problem,
        "blocked_by": preview.blocked_by,
    }


def _table_json(preview: TablePreview) -> dict[str, object]:
    return {
        "table": preview.step.name,
        "day": preview.step.day,
        "operation": preview.operation,
        "reason": preview.reason,
        "certainty": preview.certainty,
        "after": list(preview.after),
        "inputs": [asdict(change) for change in preview.inputs],
        "keys": preview.keys,
        "rows_appended": preview.appended,
        "rows_appended_at_most": preview.at_most,
        "reads": _volume_json(preview.read),
        "rewrites": {**_volume_json(preview.removed), "partitions": preview.partitions},
        "seconds": None if preview.seconds is None else round(preview.seconds, 3),
        "seconds_recorded": preview.is_recorded,
        "problem": preview.problem,
        "blocked_by": preview.blocked_by,
    }


def _volume_json(volume: Volume) -> dict[str, object]:
    return {"files": volume.files, "rows": volume.rows, "bytes": volume.size_bytes}

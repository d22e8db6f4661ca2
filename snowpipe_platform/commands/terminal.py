"""What a terminal shows: aligned lines, rows of a table, JSON. Results go to stdout, everything else to stderr."""

import csv
import json
import math
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

STYLES: Mapping[str, str] = {
    "ok": "green",
    "unchanged": "dim",
    "warned": "yellow",
    "stale": "yellow",
    "differs": "yellow",
    "behind": "yellow",
    "waits": "yellow",
    "mended": "green",
    "withdrawn": "dim",
    "incomplete": "yellow",
    "never run": "dim",
    "planned": "cyan",
    "registered": "cyan",
    "approved": "green",
    "serves": "bold green",
    "rejected": "dim",
    "better": "green",
    "worse": "yellow",
    "skipped": "yellow",
    "blocked": "magenta",
    "held": "red",
    "FAILED": "bold red",
}
NOTE_INDENT = "    "
LONGEST_CELL = 28
"""Characters of a value that are shown; the rest is behind `…`."""
NOTHING = "-"
_THOUSAND, _UNITS = 1000, ("kB", "MB", "GB", "TB", "PB")


class _Console(Console):
    """Leaves a closed pipe to the command's guard; rich's own ends the process with 1."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - rich calls it while it handles the BrokenPipeError


@dataclass(frozen=True)
class Line:
    """One row of an aligned table: cells (the first is the name), a status word, and what there is to say about it.

    is_minor: the note is left out where it does not fit beside the line.
    """

    cells: tuple[str, ...]
    status: str
    note: str = ""
    is_minor: bool = False


def print_lines(titles: Sequence[str], lines: Sequence[Line]) -> None:
    """One line each, numbers to the right, the status last. A note that does not fit beside it stands below."""
    console = _Console(highlight=False)
    words = max((len(line.status) for line in lines), default=0)
    widths = [max(len(titles[i]), *(len(line.cells[i]) for line in lines)) for i in range(len(titles))]
    gap = next((g for g in (3, 2) if sum(widths) + g * len(widths) + words <= console.width), 1)
    _print(console, Text(_aligned(titles, widths, gap).rstrip(), style="bold"))
    for line in lines:
        text = Text(_aligned(line.cells, widths, gap) + " " * gap)
        text.append(line.status, style=STYLES.get(line.status, ""))
        beside = " " * (words - len(line.status) + 2) + line.note
        fits = len(text) + len(beside) <= console.width
        text.append(beside if line.note and fits else "")
        text.rstrip()
        _print(console, text)
        if line.note and not fits and not line.is_minor:
            print_wrapped(line.note, console)


def print_wrapped(note: str, console: Console | None = None) -> None:
    """Indented, over as many lines as it takes; a path or a command is never cut."""
    console = console or _Console(highlight=False)
    for part in note.splitlines():
        wrapped = textwrap.fill(
            part,
            console.width,
            initial_indent=NOTE_INDENT,
            subsequent_indent=NOTE_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        _print(console, Text(wrapped))


def print_hanging(start: str, text: str) -> None:
    """The text beside its start, each further line below the first word."""
    console = _Console(highlight=False)
    for number, part in enumerate(textwrap.wrap(text, max(console.width - len(start), 20)) or [""]):
        beginning = " " * len(start) if number else start
        _print(console, Text(f"{beginning}{part}".rstrip()))


def print_cut(text: str, style: str = "") -> None:
    """One line, whatever its length: what does not fit is behind `…`."""
    console = _Console(highlight=False)
    _print(console, Text(cut(" ".join(text.split("\n")), console.width), style=style))


def print_heading(text: str) -> None:
    """Over as many lines as it takes."""
    console = _Console(highlight=False)
    lines = textwrap.wrap(text, console.width, break_long_words=False, break_on_hyphens=False)
    _print(console, Text("\n".join(lines), style="bold"))


def print_text(text: str = "") -> None:
    _print(_Console(highlight=False), Text(text))


def print_next(command: str) -> None:
    """The next command to type."""
    print_text(f"next: {command}")


def print_rows(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, more: str = "", details: Sequence[str] = ()
) -> None:
    """As many leading columns as fit, and a line that says what is not shown. details: below each row, where there is
    one for each."""
    console = _Console(highlight=False)
    cells = [[shown(value) for value in row] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in cells)) if cells else len(name) for i, name in enumerate(columns)]
    fitting = max(1, sum(1 for i in range(len(widths)) if sum(widths[: i + 1]) + 2 * i <= console.width))
    right = [bool(rows) and isinstance(rows[0][i], int | float | Decimal) for i in range(fitting)]
    for number, row in enumerate([[*columns], *cells]):
        parts = [row[i].rjust(widths[i]) if right[i] else row[i].ljust(widths[i]) for i in range(fitting)]
        _print(console, Text("  ".join(parts).rstrip(), style="" if number else "bold"))
        if number and details and details[number - 1]:
            print_wrapped(details[number - 1], console)
    hidden = len(columns) - fitting
    left_out = f"{hidden} more column{'s' if hidden != 1 else ''}: {', '.join(columns[fitting:])}" if hidden else ""
    if left_out or more:
        print_wrapped("; ".join(part for part in (more, left_out) if part), console)


def shown(value: object) -> str:
    """A value in one cell."""
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        text = value.isoformat(sep=" ", timespec="seconds" if not value.microsecond else "microseconds")
    elif isinstance(value, dict | list):
        text = json.dumps(value, default=json_value, ensure_ascii=False)
    else:
        text = str(value)
    return cut(" ".join(text.split()), LONGEST_CELL)


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def print_json(payload: object) -> None:
    """Instants, dates and exact decimals as texts; what is no JSON number (NaN, infinity) as text too."""
    sys.stdout.write(json.dumps(_finite(payload), default=json_value, indent=2, ensure_ascii=False) + "\n")


def print_csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A header and the rows; a null is empty."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(value) for value in row] for row in rows)


def json_value(value: object) -> str:
    """Text for a value JSON has no form for."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


class Activity(Protocol):
    """The one line on stderr that says what is going on."""

    def update(self, text: str) -> None: ...

    def say(self, text: str) -> None: ...


@contextmanager
def activity() -> Iterator[Activity]:
    """A moving line when stderr is a terminal; otherwise only what is said stays, line by line."""
    console = _Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _Quiet(console)
        return
    with console.status("") as status:
        yield _Moving(console, status)


class _Quiet:
    def __init__(self, console: Console) -> None:
        self._console = console

    def update(self, text: str) -> None:
        """Nobody watches."""

    def say(self, text: str) -> None:
        _print(self._console, Text(text))


class _Moving(_Quiet):
    def __init__(self, console: Console, status: Any) -> None:  # noqa: ANN401 - rich.status.Status
        super().__init__(console)
        self._status = status

    def update(self, text: str) -> None:
        self._status.update(Text(text))


def count(number: int | None) -> str:
    """A number of rows, `-` where there is none to give."""
    return NOTHING if number is None else f"{number:,}"


def counted_rows(number: int) -> str:
    """`1 row`, `1,204 rows`."""
    return f"{number:,} row{'s' if number != 1 else ''}"


def size(number: int) -> str:
    """Of files: `812 B`, `1.4 kB`, `3.0 GB`; 1,000 of one is one of the next."""
    if number < _THOUSAND:
        return f"{number} B"
    power = min(int(math.log10(number)) // 3, len(_UNITS))
    return f"{number / _THOUSAND**power:.1f} {_UNITS[power - 1]}"


def _print(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=True)


def _aligned(cells: Sequence[str], widths: Sequence[int], gap: int) -> str:
    padded = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
    return (" " * gap).join([cells[0].ljust(widths[0]), *padded])


def _csv_cell(value: object) -> object:
    if isinstance(value, dict | list):
        return json.dumps(_finite(value), default=json_value, ensure_ascii=False)
    return json_value(value) if isinstance(value, datetime | date | bytes) else value


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value

"""Quarantined rows in a file a person edits: CSV for a spreadsheet, or JSON lines."""

import csv
import io
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.quarantine import broken_rules, find_changes_table, rows_in_words, selection
from snowpipe_platform.commands.quarantine_options import Options
from snowpipe_platform.commands.terminal import print_json, print_next, print_text
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.edits import Texts
from snowpipe_platform.execution.quarantine import QuarantinedRow, quarantined_rows
from snowpipe_platform.spec.bronze_log import all_columns
from snowpipe_platform.spec.origins import Origin, parse_origin
from snowpipe_platform.spec.table import ChangesTable

ID, DAY, RULES = "quarantine_id", "quarantine_day", "quarantine_rules"
OWN_COLUMNS = (ID, DAY, RULES)
ENDINGS = (".csv", ".jsonl")
DELIMITERS = ",;\t"
"""What spreadsheets write, by country."""
_FORMULA, _NUMBER = re.compile(r"'*[=+\-@\t\r]"), re.compile(r"-?[0-9.]+")
"""Text that a spreadsheet would run as a formula, whoever wrote it at the source; but for negative numbers."""


def export(project: Project, name: str, options: Options, *, to: Path) -> int:
    """0; without a row no file is written. Raises ConfigurationError for a file that is there already: it may hold
    somebody's edits."""
    table = find_changes_table(name, project)
    _require_form(to)
    rows = quarantined_rows(table, project.ground, selection(project, table, options))
    if not rows:
        return _nothing_to_export(table, options)
    columns = list(all_columns(project.ground.bronze.log(table.source)))
    _refuse_own(table, columns)
    try:
        with to.open("x", encoding="utf-8-sig" if to.suffix == ".csv" else "utf-8", newline="") as file:
            file.write("".join(_lines(table, rows, columns, to.suffix)))
    except FileExistsError as error:
        raise ConfigurationError(f"{to} is there already, perhaps with edits. Name another file.") from error
    except OSError as error:
        raise ConfigurationError(f"{to} cannot be written: {error.strerror}.") from error
    command = f'snowpipe quarantine replay {table.name} --edited {shlex.quote(str(to))} --reason "..."'
    if options.as_json:
        print_json({"table": table.name, "file": str(to), "rows": len(rows), "next": command})
        return 0
    print_text(f"{rows_in_words(len(rows))} of {table.name} in {to}")
    print_text(f"edit it, leave {ID} as it is, then")
    print_next(command)
    return 0


def _nothing_to_export(table: ChangesTable, options: Options) -> int:
    if options.as_json:
        print_json({"table": table.name, "file": None, "rows": 0, "next": None})
        return 0
    chosen = " that was asked for" if options.rule or options.day else ""
    print_text(f"nothing to export: no row of {table.name}{chosen} is in quarantine")
    return 0


def read_edited(path: Path) -> dict[Origin, Texts]:
    """What the file has for each row, by source column. Raises ConfigurationError, naming the line."""
    _require_form(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # a line break inside a value stays as it is
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text; save it as CSV UTF-8"
        raise ConfigurationError(f"{path} cannot be read: {told}.") from error
    found: dict[Origin, Texts] = {}
    for line, values in _csv_rows(text, path) if path.suffix == ".csv" else _json_rows(text, path):
        where = f"{path}:{line}"
        if not values.get(ID):
            raise ConfigurationError(f"{where}: no {ID}. Keep the column as it was exported.")
        try:
            origin = parse_origin(values[ID] or "")
        except ConfigurationError as error:
            raise ConfigurationError(f"{where}: {error}") from error
        if origin in found:
            raise ConfigurationError(f"{where}: row {origin} is there twice. Keep one.")
        found[origin] = {name: value for name, value in values.items() if name not in OWN_COLUMNS}
    return found


def _require_form(path: Path) -> None:
    if path.suffix not in ENDINGS:
        raise ConfigurationError(f"{path}: a file that ends with {' or '.join(ENDINGS)} is wanted.")


def _refuse_own(table: ChangesTable, columns: Sequence[str]) -> None:
    taken = [name for name in columns if name in OWN_COLUMNS]
    if taken:
        msg = f"bronze/{table.source} has a column {taken[0]!r}, which an export writes itself. Alias it in the query."
        raise ConfigurationError(msg)


def _lines(table: ChangesTable, rows: Sequence[QuarantinedRow], columns: Sequence[str], ending: str) -> Iterator[str]:
    own: Iterator[tuple[str | None, ...]] = (
        (str(row.origin), str(row.load_day), broken_rules(table, row.failed_rules)) for row in rows
    )
    records = [
        dict(zip(OWN_COLUMNS, cells, strict=True)) | _source(row, columns) for cells, row in zip(own, rows, strict=True)
    ]
    if ending == ".jsonl":
        yield from (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        return
    written = io.StringIO()
    # Python 3.11 quotes a value with a line break only where the line's own end has that character.
    writer = csv.DictWriter(written, [*OWN_COLUMNS, *columns], lineterminator="\r\n")
    writer.writeheader()
    for record in records:
        # A spreadsheet would read 12:05 as a time, and reads #12:05 as a text.
        writer.writerow({name: _guarded(text) for name, text in record.items()} | {ID: f"#{record[ID]}"})
    yield written.getvalue()


def _guarded(text: str | None) -> str | None:
    is_formula = text is not None and _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def _unguarded(text: str) -> str:
    """The text that was guarded."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _source(row: QuarantinedRow, columns: Sequence[str]) -> dict[str, str | None]:
    return {name: row.payload.get(name) for name in columns}


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    """Lines without any value, as spreadsheets leave at the end, are passed over."""
    header = re.split(r"[\r\n]", text, maxsplit=1)[0]
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = next(reader, [])
        if ID not in names or len(set(names)) < len(names):
            raise ConfigurationError(f"{path}:1: the first line names the columns, {ID} and each other once.")
        for cells in reader:
            if len(cells) != len(names) and any(cells):
                raise ConfigurationError(f"{path}:{reader.line_num}: {len(cells)} values for {len(names)} columns.")
            if any(cells):
                yield reader.line_num, {name: _unguarded(cell) or None for name, cell in zip(names, cells, strict=True)}
    except csv.Error as error:
        raise ConfigurationError(f"{path}:{reader.line_num}: no CSV: {error}.") from error


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
        except json.JSONDecodeError as error:
            raise ConfigurationError(f"{path}:{number}: no JSON: {error.msg}.") from error
        if not isinstance(record, Mapping):
            raise ConfigurationError(f"{path}:{number}: an object with the columns is wanted.")
        yield number, {name: _text(value, f"{path}:{number}: {name!r}") for name, value in record.items()}


def _text(value: Any, where: str) -> str | None:  # noqa: ANN401 - any JSON value
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, str):
        return value
    raise ConfigurationError(f"{where} is a list or an object. Write it as text.")

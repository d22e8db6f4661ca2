"""What is typed about quarantined rows: list, show, export, replay, discard."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import Json, OneTable, Traceback, complete_error_rule, day_of
from snowpipe_platform.commands.invocation import answer

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project

app = typer.Typer(
    help="Rows that rules keep out of the changes tables: look, mend, accept, give up.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

OfRule = Annotated[
    str | None,
    typer.Option("--rule", metavar="RULE", help="Only rows that break this rule.", autocompletion=complete_error_rule),
]
OfDay = Annotated[date | None, typer.Option("--day", parser=day_of, metavar="DAY", help="Only rows of this load day.")]
Rows = Annotated[
    list[str] | None, typer.Option("--rows", metavar="IDS", help="Only these rows, as 12:5,12:7; ids are in `show`.")
]
Reason = Annotated[str | None, typer.Option("--reason", metavar="REASON", help="Why; kept with what is decided.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, row by row, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Go on without asking.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Rows to show.")]


@app.command("list")
def list_tables(json: Json = False, traceback: Traceback = False) -> None:
    """How much waits in which table.

    Rows in quarantine, of them those held beside the table with their load day, rows given up, and the worst rules.

    - `snowpipe quarantine list`
    - `snowpipe quarantine list --json`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import quarantine as command  # noqa: PLC0415

        return command.list_tables(project, as_json=json)

    answer(work, "quarantine list", as_json=json, traceback=traceback)


@app.command()
def show(  # noqa: PLR0913, PLR0917 - an option each
    table: OneTable,
    rule: OfRule = None,
    day: OfDay = None,
    limit: Limit = 10,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """The rows, with what is wrong and as they were extracted.

    - `snowpipe quarantine show silver/order_line_changes`
    - `snowpipe quarantine show order_line_changes --rule quantity.is_int64 --day 2024-03-02 --limit 50`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import quarantine as command  # noqa: PLC0415
        from snowpipe_platform.commands.quarantine_options import Options  # noqa: PLC0415

        options = Options(rule=rule, day=day, limit=limit, as_json=json)
        return command.show(project, table, options)

    answer(work, "quarantine show", as_json=json, traceback=traceback)


@app.command()
def export(  # noqa: PLR0913, PLR0917 - an option each
    table: OneTable,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="A new file: .csv for a spreadsheet, or .jsonl.")],
    rule: OfRule = None,
    day: OfDay = None,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Write the rows to a file that you edit.

    A column for each of the source's, as text, and the id that `replay --edited` finds the row by.

    - `snowpipe quarantine export silver/order_line_changes --to bad.csv`
    - `snowpipe quarantine export order_line_changes --day 2024-03-02 --to bad.jsonl`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import quarantine_file as command  # noqa: PLC0415
        from snowpipe_platform.commands.quarantine_options import Options  # noqa: PLC0415

        options = Options(rule=rule, day=day, as_json=json)
        return command.export(project, table, options, to=to)

    answer(work, "quarantine export", as_json=json, traceback=traceback)


@app.command()
def replay(  # noqa: PLR0913, PLR0917 - an option each
    table: OneTable,
    edited: Annotated[
        Path | None, typer.Option("--edited", metavar="FILE", help="An export you edited; its rows, and no other.")
    ] = None,
    rule: OfRule = None,
    day: OfDay = None,
    rows: Rows = None,
    reason: Reason = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    limit: Limit = 20,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Judge rows again: under mended rules, or as you edited them.

    Rows that pass become valid, each once; the others stay. Edited rows are kept in the log with who edited them and
    why, and a rebuild applies them again.

    - `snowpipe quarantine replay silver/order_line_changes --dry-run`
    - `snowpipe quarantine replay silver/order_line_changes --rule quantity.is_int64`
    - `snowpipe quarantine replay silver/order_line_changes --edited bad.csv --reason "counted by hand"`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import quarantine_replay as command  # noqa: PLC0415
        from snowpipe_platform.commands.quarantine_options import Options  # noqa: PLC0415

        options = Options(
            rule=rule,
            day=day,
            ids=rows or (),
            edited=edited,
            reason=reason,
            dry_run=dry_run,
            confirmed=yes,
            limit=limit,
            as_json=json,
            with_traceback=traceback,
        )
        return command.replay(project, table, options)

    answer(work, "quarantine replay", as_json=json, traceback=traceback)


@app.command()
def discard(  # noqa: PLR0913, PLR0917 - an option each
    table: OneTable,
    rows: Rows = None,
    rule: OfRule = None,
    day: OfDay = None,
    reason: Reason = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    limit: Limit = 20,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Give rows up.

    They stay in the table and are counted as discarded; nothing reads them as valid, and they break no rule any more.

    - `snowpipe quarantine discard silver/order_line_changes --rows 12:5,12:7 --reason "test orders"`
    - `snowpipe quarantine discard silver/order_line_changes --day 2024-03-02 --dry-run`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import quarantine_discard as command  # noqa: PLC0415
        from snowpipe_platform.commands.quarantine_options import Options  # noqa: PLC0415

        options = Options(
            rule=rule,
            day=day,
            ids=rows or (),
            reason=reason,
            dry_run=dry_run,
            confirmed=yes,
            limit=limit,
            as_json=json,
            with_traceback=traceback,
        )
        return command.discard(project, table, options)

    answer(work, "quarantine discard", as_json=json, traceback=traceback)

"""`snowpipe reconcile`."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import DryRun, Json, Traceback, Yes, complete_table, day_of
from snowpipe_platform.commands.invocation import answer

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reconcile)


def reconcile(  # noqa: PLR0913, PLR0917 - an option each
    tables: Annotated[
        list[str] | None,
        typer.Argument(metavar="TABLE", help="such as bronze/orders; all if none", autocompletion=complete_table),
    ] = None,
    day: Annotated[date | None, typer.Option("--day", parser=day_of, metavar="DAY", help="One load day.")] = None,
    start: Annotated[date | None, typer.Option("--from", parser=day_of, metavar="DAY", help="First load day.")] = None,
    end: Annotated[date | None, typer.Option("--to", parser=day_of, metavar="DAY", help="Last load day.")] = None,
    mend: Annotated[bool, typer.Option("--mend", help="Read again what bronze lacks, and land it.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Find rows that were lost, doubled or changed.

    Holds each load day against its files, the source as it is now, and silver with its quarantine; the last seven load
    days, unless days are given. What differs is named with its window, its keys and the command that mends it.

    - `snowpipe reconcile`
    - `snowpipe reconcile bronze/orders --from 2024-03-01 --to 2024-03-31`
    - `snowpipe reconcile orders --day 2024-03-01 --mend --dry-run`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import reconcile as command  # noqa: PLC0415

        options = command.ReconcileOptions(
            tables=tables or (),
            day=day,
            start=start,
            end=end,
            mend=mend,
            is_dry=dry_run,
            confirmed=yes,
            as_json=json,
            with_traceback=traceback,
        )
        return command.reconcile(project, options)

    answer(work, "reconcile", as_json=json, traceback=traceback)

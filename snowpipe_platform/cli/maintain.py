"""`snowpipe maintain`."""

from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import Json, Tables, Traceback
from snowpipe_platform.commands.invocation import answer

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(maintain)


def maintain(  # noqa: PLR0913, PLR0917 - an option each
    tables: Tables = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    older_than: Annotated[
        str, typer.Option(metavar="DURATION", help="Forget what a table was before that, such as 7d or 36h.")
    ] = "7d",
    grace: Annotated[
        str, typer.Option(metavar="DURATION", help="Spare whatever a run or query of that long may still read.")
    ] = "1d",
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Keep the lake small and fast.

    Merges small files, forgets old snapshots, removes files that nothing needs. No row is lost: held rows, branches,
    tags, and what a table downstream compares with stay. A table that a run is writing is skipped.

    - `snowpipe maintain --dry-run`
    - `snowpipe maintain`
    - `snowpipe maintain silver/order_changes gold/daily_sales --older-than 30d`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import maintain as command  # noqa: PLC0415

        options = command.MaintainOptions(
            tables=tables or (),
            is_dry=dry_run,
            older_than=older_than,
            grace=grace,
            as_json=json,
            with_traceback=traceback,
        )
        return command.maintain(project, options)

    answer(work, "maintain", as_json=json, traceback=traceback)

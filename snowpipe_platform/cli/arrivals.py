"""What is typed about files that others drop: adopt."""

from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import Json, Traceback, complete_table
from snowpipe_platform.commands.invocation import answer

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(adopt)


def _complete_entity(incomplete: str) -> list[str]:
    """Bronze tables for the shell."""
    return [name for name in complete_table(incomplete) if name.startswith("bronze/")]


def adopt(
    table: Annotated[
        str | None,
        typer.Argument(metavar="TABLE", help="such as bronze/customers; all if none", autocompletion=_complete_entity),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and compare the files, write nothing.")] = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Take in files that somebody dropped.

    Files under `bronze/<entity>/arrivals` of the home, in Parquet, CSV or JSON lines. Their new rows land in the
    entity's log, once; the files stay as they are. In Dagster the sensor `arrivals` does the same.

    - `snowpipe adopt --dry-run`
    - `snowpipe adopt`
    - `snowpipe adopt bronze/customers`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import arrivals as command  # noqa: PLC0415

        options = command.AdoptOptions(table=table, dry_run=dry_run, as_json=json, with_traceback=traceback)
        return command.adopt(project, options)

    answer(work, "adopt", as_json=json, traceback=traceback)

"""What is typed to see where a column comes from."""

from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import Json, Traceback, complete_column
from snowpipe_platform.commands.invocation import answer

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(lineage)


def lineage(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TABLE[.COLUMN]", help="such as gold/daily_sales.net_amount", autocompletion=complete_column
        ),
    ],
    up: Annotated[bool, typer.Option("--up", help="Only what it comes from.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only what comes from it.")] = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Where a column comes from, and goes.

    Up to the columns of the source's queries and down to gold, read from the tables' own expressions. Of a table, the
    tables it reads and those that read it.

    - `snowpipe lineage gold/daily_sales.net_amount`
    - `snowpipe lineage bronze/customers.state --down`
    - `snowpipe lineage dim_customers`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import lineage as command  # noqa: PLC0415

        both = up == down
        return command.lineage(project, target, up=up or both, down=down or both, as_json=json)

    answer(work, "lineage", as_json=json, traceback=traceback)

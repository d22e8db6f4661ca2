"""What is typed to see what a run would do."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import Json, Tables, Traceback, day_of
from snowpipe_platform.commands.invocation import answer

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(plan)


def plan(  # noqa: PLR0913, PLR0917 - an option each
    tables: Tables = None,
    partition: Annotated[date | None, typer.Option(parser=day_of, metavar="DAY", help="One day.")] = None,
    start: Annotated[date | None, typer.Option("--from", parser=day_of, metavar="DAY", help="First day.")] = None,
    end: Annotated[date | None, typer.Option("--to", parser=day_of, metavar="DAY", help="Last day.")] = None,
    every: Annotated[int, typer.Option(min=1, metavar="DAYS", help="Of analysis dates: one in so many days.")] = 1,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="As of a run with --rebuild.")] = False,
    no_count: Annotated[bool, typer.Option("--no-count", help="Without opening the source.")] = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """What a run would do, before it does it.

    Takes the tables and days of `snowpipe run`. What each extraction reads; what each table takes in, touches and
    rewrites; what changed code makes stale, and what making it anew takes. Nothing is written.

    - `snowpipe plan`
    - `snowpipe plan silver/customer_changes dim_customers --partition 2024-03-02`
    - `snowpipe plan gold/daily_sales --rebuild`
    - `snowpipe plan --no-count`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import plan as command  # noqa: PLC0415
        from snowpipe_platform.commands.run import RunOptions  # noqa: PLC0415

        options = RunOptions(
            tables=tables or (),
            partition=partition,
            start=start,
            end=end,
            every=every,
            rebuild=rebuild,
            as_json=json,
        )
        return command.plan(project, options, count=not no_count)

    answer(work, "plan", as_json=json, traceback=traceback)

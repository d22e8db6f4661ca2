"""`snowpipe state`: watermarks and leases."""

from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import DryRun, Json, Limit, OneQuery, Reason, Traceback, Yes, complete_query
from snowpipe_platform.commands.invocation import answer

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Watermarks: how far each query has been read, and who set it. Leases: who writes what now.

    The bronze log is the truth; what the state store keeps is an index of it.
    """,
)


@app.command()
def show(json: Json = False, traceback: Traceback = False) -> None:
    """Where every query stands.

    Its live watermark, the newest row landed, where its next run starts, and who writes what now. Where log and state
    store differ, the command that mends it.

    - `snowpipe state show`
    - `snowpipe state show --json`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import state as command  # noqa: PLC0415

        return command.show(project, as_json=json)

    answer(work, "state show", as_json=json, traceback=traceback)


@app.command()
def history(query: OneQuery, limit: Limit = 20, json: Json = False, traceback: Traceback = False) -> None:
    """What moved a query's watermark.

    Each run, withdrawal and decision of a person: from where to where, how many rows came, which run or who, and why.

    - `snowpipe state history orders`
    - `snowpipe state history orders --limit 100 --json`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import state_moves as command  # noqa: PLC0415

        return command.history(project, query, limit=limit, as_json=json)

    answer(work, "state history", as_json=json, traceback=traceback)


@app.command("set")
def set_(  # noqa: PLR0913, PLR0917 - an option each
    query: OneQuery,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="an instant in UTC, a date or a number, as the column")],
    reason: Reason,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Set a query's watermark.

    Forward skips the rows in between: no run reads them, whatever its load day and lookback, until the watermark is
    rewound. Backward is a rewind.

    - `snowpipe state set orders 2024-03-02T06:00:00 --reason "a load of test rows" --dry-run`
    - `snowpipe state set orders 2024-03-02T06:00:00 --reason "a load of test rows" --yes`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import state_moves as command  # noqa: PLC0415

        typed = command.Typed(query, reason, to=value, dry_run=dry_run, confirmed=yes, as_json=json)
        return command.set_watermark(project, typed)

    answer(work, "state set", as_json=json, traceback=traceback)


@app.command()
def rewind(  # noqa: PLR0913, PLR0917 - an option each
    query: OneQuery,
    reason: Reason,
    to: Annotated[str | None, typer.Option(metavar="VALUE", help="An instant in UTC, a date or a number.")] = None,
    by: Annotated[str | None, typer.Option(metavar="DURATION", help="Such as 6h; a number for a number.")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Read a part of the source again.

    The next run starts there, less its lookback. What landed before is recognised and lands no second time.

    - `snowpipe state rewind orders --by 6h --reason "the source was restored" --dry-run`
    - `snowpipe state rewind orders --to 2024-03-01 --reason "the source was restored" --yes`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import state_moves as command  # noqa: PLC0415

        typed = command.Typed(query, reason, to=to, by=by, dry_run=dry_run, confirmed=yes, as_json=json)
        return command.rewind(project, typed)

    answer(work, "state rewind", as_json=json, traceback=traceback)


@app.command()
def rebuild(
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="all if none", autocompletion=complete_query)
    ] = None,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Make the index of watermarks anew from the log.

    Also when the state store's file was deleted, is damaged, or says more than the log. A damaged file is put aside;
    dead letters that waited in it are lost.

    - `snowpipe state rebuild`
    - `snowpipe state rebuild orders`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import state as command  # noqa: PLC0415

        return command.rebuild(project, query, as_json=json)

    answer(work, "state rebuild", as_json=json, traceback=traceback)

"""`snowpipe bronze`: the log of what was extracted, and what people decided about it."""

from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import DryRun, Json, Limit, OneEntity, Reason, Traceback, Yes
from snowpipe_platform.commands.invocation import answer

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""The log of what was extracted, entry by entry.

    Nothing in it is ever overwritten: what was bad is withdrawn by one more entry.
    """,
)


@app.command()
def log(entity: OneEntity, limit: Limit = 20, json: Json = False, traceback: Traceback = False) -> None:
    """The entries of an entity's log.

    Number, kind, load day, rows, files and what was covered; who decided what, and why; what does not count any more.

    - `snowpipe bronze log orders`
    - `snowpipe bronze log orders --limit 100 --json`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import bronze as command  # noqa: PLC0415

        return command.log(project, entity, limit=limit, as_json=json)

    answer(work, "bronze log", as_json=json, traceback=traceback)


@app.command()
def withdraw(  # noqa: PLR0913, PLR0917 - an option each
    entity: OneEntity,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="of the entry, as `snowpipe bronze log` shows it")],
    reason: Reason,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Take a bad extraction back.

    Its rows count no more: what was built from them is stale, and what it had read is read again by the next run.

    - `snowpipe bronze withdraw orders 2 --reason "read during a restore" --dry-run`
    - `snowpipe bronze withdraw orders 2 --reason "read during a restore" --yes`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import bronze as command  # noqa: PLC0415

        typed = command.Typed(entity, number, reason, dry_run=dry_run, confirmed=yes, as_json=json)
        return command.withdraw(project, typed)

    answer(work, "bronze withdraw", as_json=json, traceback=traceback)

"""`snowpipe dead-letters`: what failed for good, and what to do about it."""

from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import (
    DryRun,
    Json,
    Limit,
    Reason,
    Traceback,
    Yes,
    complete_kind,
    complete_letter,
    complete_query,
)
from snowpipe_platform.commands.invocation import answer

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""What failed for good and waits for a person.

    Extractions whose attempts were used up, and rows that a rule of their query kept out.
    """,
)

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="the beginning of its id is enough", autocompletion=complete_letter),
]
Every = Annotated[bool, typer.Option("--all", help="All that wait, or that --kind and --query leave.")]
Kind = Annotated[
    str | None,
    typer.Option(metavar="KIND", help="Only of this kind, such as rows.", autocompletion=complete_kind),
]
OfQuery = Annotated[
    str | None, typer.Option("--query", metavar="QUERY", help="Only of this query.", autocompletion=complete_query)
]


@app.command("list")
def list_(  # noqa: PLR0913, PLR0917 - an option each
    kind: Kind = None,
    query: OfQuery = None,
    closed: Annotated[bool, typer.Option("--closed", help="Those that wait no more, and why.")] = False,
    limit: Limit = 50,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """What waits, one line each.

    - `snowpipe dead-letters list`
    - `snowpipe dead-letters list --kind rows --query orders`
    - `snowpipe dead-letters list --closed`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import dead_letters as command  # noqa: PLC0415

        choice = command.Choice(kind=kind, query=query)
        return command.list_letters(project, choice, closed=closed, limit=limit, as_json=json)

    answer(work, "dead-letters list", as_json=json, traceback=traceback)


@app.command()
def show(
    letter: Annotated[
        str, typer.Argument(metavar="ID", help="the beginning of its id is enough", autocompletion=complete_letter)
    ],
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Everything about one: what failed, when and why, and the row where it is one.

    - `snowpipe dead-letters show 3f2a91c`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import dead_letters as command  # noqa: PLC0415

        return command.show(project, letter, as_json=json)

    answer(work, "dead-letters show", as_json=json, traceback=traceback)


@app.command()
def retry(  # noqa: PLR0913, PLR0917 - an option each
    letters: Ids = None,
    every: Every = False,
    kind: Kind = None,
    query: OfQuery = None,
    anyway: Annotated[
        str | None, typer.Option(metavar="WHY", help="Land rows whatever the rules say; why is kept.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Do again what failed.

    An extraction is run again for its load day. A row is landed as it was read, if the rules let it in now; each lands
    once, however often it is asked for.

    - `snowpipe dead-letters retry 3f2a91c`
    - `snowpipe dead-letters retry --all --kind rows --query orders --dry-run`
    - `snowpipe dead-letters retry 3f2a91c --anyway "a refund, the total is right"`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import dead_letters_retry as command  # noqa: PLC0415
        from snowpipe_platform.commands.dead_letters import Choice, Typed  # noqa: PLC0415

        choice = Choice(letters or (), everything=every, kind=kind, query=query)
        return command.retry(project, Typed(choice, anyway, dry_run=dry_run, confirmed=yes, as_json=json))

    answer(work, "dead-letters retry", as_json=json, traceback=traceback)


@app.command()
def discard(  # noqa: PLR0913, PLR0917 - an option each
    reason: Reason,
    letters: Ids = None,
    every: Every = False,
    kind: Kind = None,
    query: OfQuery = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Give letters up.

    They leave the list; what they were, who gave them up and why is kept. A discarded row that is read again does not
    come back; an extraction that fails again does.

    - `snowpipe dead-letters discard 3f2a91c --reason "a test order"`
    - `snowpipe dead-letters discard --all --kind rows --query orders --reason "test orders" --dry-run`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import dead_letters as command  # noqa: PLC0415

        choice = command.Choice(letters or (), everything=every, kind=kind, query=query)
        return command.discard(project, command.Typed(choice, reason, dry_run=dry_run, confirmed=yes, as_json=json))

    answer(work, "dead-letters discard", as_json=json, traceback=traceback)

"""What is typed about keys that are gone at the source: compare."""

from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import DryRun, Json, Traceback, complete_entity
from snowpipe_platform.commands.invocation import answer

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(compare)


def compare(
    entities: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ENTITY",
            help="such as customers; all that are extracted by a watermark and have a key if none",
            autocompletion=complete_entity,
        ),
    ] = None,
    dry_run: DryRun = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Close more keys than max_deleted_share lets a comparison close.")
    ] = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Find what was deleted at the source.

    A watermark does not tell of deletes. The keys at the source are compared with those landed: one that is gone is
    closed by a tombstone, once; one that is back although it was closed is read and open again.

    - `snowpipe compare --dry-run`
    - `snowpipe compare customers`
    - `snowpipe compare customers --yes`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import compare as command  # noqa: PLC0415

        options = command.CompareOptions(
            entities=tuple(entities or ()), dry_run=dry_run, confirmed=yes, as_json=json, with_traceback=traceback
        )
        return command.compare(project, options)

    answer(work, "compare", as_json=json, traceback=traceback)

"""`snowpipe features`: what models know of an entity."""

from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import Json, Traceback
from snowpipe_platform.commands.invocation import answer

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""Feature groups: what models know of an entity.

    Each is a table of every version that was known, by date, and the latest of each entity online.
    """,
)


def complete_group(incomplete: str) -> list[str]:
    """Names of feature groups for the shell, short and full."""
    from snowpipe_platform.commands.completion import group_names  # noqa: PLC0415

    return [name for name in group_names() if name.startswith(incomplete)]


@app.command("list")
def list_(json: Json = False, traceback: Traceback = False) -> None:
    """Every feature group, and how its two sides stand.

    Rows of the history, the instant its newest features are as of, entities online, and whether online has all.

    - `snowpipe features list`
    - `snowpipe features list --json`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import features as command  # noqa: PLC0415

        return command.list_groups(project, as_json=json)

    answer(work, "features list", as_json=json, traceback=traceback)


@app.command()
def show(
    group: Annotated[
        str, typer.Argument(metavar="GROUP", help="such as customer_activity", autocompletion=complete_group)
    ],
    keys: Annotated[list[str] | None, typer.Argument(metavar="KEY", help="of the entity; none: the features")] = None,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """The features of entities as they are online, with their times.

    Without a key, what the group's features are: type, window, default.

    - `snowpipe features show customer_activity`
    - `snowpipe features show customer_activity 94032745882733`
    - `snowpipe features show customer_activity 94032745882733 --json`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import features as command  # noqa: PLC0415

        return command.show(project, group, keys or (), as_json=json)

    answer(work, "features show", as_json=json, traceback=traceback)

"""What is typed to begin a pipeline of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from snowpipe_platform.cli.words import Json, Traceback
from snowpipe_platform.commands.invocation import guard


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="of the pipeline package, such as my_shop")],
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the project goes: new or empty. Default: NAME, here.")
    ] = None,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Begin a pipeline of your own.

    Writes a project that runs at once: a package with a query and a file for each table, their tests, settings and a
    warehouse to begin with.

    - `snowpipe init my_shop`
    - `snowpipe init my_shop --folder work/shop`
    """

    def work() -> int:
        from snowpipe_platform.commands import init as command  # noqa: PLC0415

        return command.init(name, folder=folder, as_json=json)

    guard(work, "init", as_json=json, traceback=traceback)

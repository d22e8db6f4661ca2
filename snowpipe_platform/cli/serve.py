"""`snowpipe serve`."""

from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import Json, Traceback
from snowpipe_platform.commands.invocation import answer

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option(help="Who may ask: this machine only, unless it is another address.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it listens; 0 for any free port.")] = 8080,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Answer with predictions of the deployed model.

    GET /ping says how it stands, POST /invocations predicts. A version that is deployed meanwhile takes the place of
    the one that serves between two requests; one that cannot be loaded does not. Ctrl+C ends it.

    - `snowpipe serve`
    - `snowpipe serve --port 9000`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import serve as command  # noqa: PLC0415

        return command.serve(project, host=host, port=port, as_json=json)

    answer(work, "serve", as_json=json, traceback=traceback)

"""What is typed to see how the columns of a bronze table changed."""

from typing import TYPE_CHECKING

import typer

from snowpipe_platform.cli.words import Json, OneEntity, Traceback
from snowpipe_platform.commands.invocation import answer

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(schema)


def schema(entity: OneEntity, json: Json = False, traceback: Traceback = False) -> None:
    """How the columns of a bronze table changed.

    Every version since which entry and load day, what differs from the one before, and what became of it: taken, left
    out, or refused by the query's on_schema_change. Last, the columns there are now.

    - `snowpipe schema orders`
    - `snowpipe schema bronze/orders --json`
    - `snowpipe sql "from bronze.schema_history where outcome = 'refused'"`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import schema as command  # noqa: PLC0415

        return command.schema(project, entity, as_json=json)

    answer(work, "schema", as_json=json, traceback=traceback)

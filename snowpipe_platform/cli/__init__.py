"""The `snowpipe` command: what can be typed. Each command's work is in `commands/`, imported when it is typed."""

import sys
from typing import Annotated

import typer

from snowpipe_platform.cli import (
    arrivals,
    bronze,
    compare,
    daily,
    dead_letters,
    features,
    init,
    lineage,
    maintain,
    models,
    plan,
    quarantine,
    reconcile,
    schema,
    serve,
    state,
)
from snowpipe_platform.commands.invocation import OneLineErrors

app = typer.Typer(
    name="snowpipe",
    cls=OneLineErrors,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
daily.register(app)
arrivals.register(app)
compare.register(app)
app.add_typer(state.app, name="state")
app.add_typer(bronze.app, name="bronze")
schema.register(app)
maintain.register(app)
reconcile.register(app)
lineage.register(app)
plan.register(app)
init.register(app)
app.add_typer(features.app, name="features")
app.add_typer(quarantine.app, name="quarantine")
serve.register(app)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(models.app, name="models")


def main() -> None:
    """The entry point."""
    app(prog_name="snowpipe")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415

        sys.stdout.write(f"snowpipe {version('snowpipe-platform')}\n")
        raise typer.Exit


@app.callback()
def _snowpipe(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A warehouse's tables through bronze, silver and gold.

    New here: `snowpipe demo`. Then `snowpipe status`, `snowpipe show silver/dim_customers`,
    `snowpipe sql "select * from gold.daily_sales"`. For tables of your own: `snowpipe init my_shop`.

    Exit codes: 0 ok, 1 a check or an extraction failed or rows are held, 2 usage or configuration.
    """

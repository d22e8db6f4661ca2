"""The arguments and options that several commands take."""

from typing import Annotated

import typer

DAY = ["%Y-%m-%d"]


def complete_table(incomplete: str) -> list[str]:
    """Table names for the shell, full and short."""
    from snowpipe_platform.commands.completion import table_names  # noqa: PLC0415

    return [name for name in table_names() if name.startswith(incomplete)]


def complete_column(incomplete: str) -> list[str]:
    """Table names and, after a table and a dot, its columns."""
    from snowpipe_platform.commands.completion import column_names  # noqa: PLC0415

    table, dot, _ = incomplete.rpartition(".")
    columns = [f"{table}.{name}" for name in column_names(table)] if dot else []
    return [*complete_table(incomplete), *(name for name in columns if name.startswith(incomplete))]


Tables = Annotated[
    list[str] | None,
    typer.Argument(metavar="TABLE", help="such as silver/dim_customers; all if none", autocompletion=complete_table),
]
OneTable = Annotated[
    str, typer.Argument(metavar="TABLE", help="such as silver/dim_customers", autocompletion=complete_table)
]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")]
Traceback = Annotated[bool, typer.Option("--traceback", help="Show where in the code an error comes from.")]

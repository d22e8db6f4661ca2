"""The arguments and options that several commands take."""

from datetime import date, datetime
from typing import Annotated

import typer


def day_of(text: str) -> date:
    """The day that was typed."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day; write one as 2024-03-01") from error


def complete_table(incomplete: str) -> list[str]:
    """Table names for the shell, full and short."""
    from snowpipe_platform.commands.completion import table_names  # noqa: PLC0415

    return [name for name in table_names() if name.startswith(incomplete)]


def complete_query(incomplete: str) -> list[str]:
    """Names of queries for the shell."""
    from snowpipe_platform.commands.completion import query_names  # noqa: PLC0415

    return [name for name in query_names() if name.startswith(incomplete)]


def complete_entity(incomplete: str) -> list[str]:
    """Names of bronze logs for the shell, short and full."""
    from snowpipe_platform.commands.completion import entity_names  # noqa: PLC0415

    return [name for name in entity_names() if name.startswith(incomplete)]


def complete_column(incomplete: str) -> list[str]:
    """Table names and, after a table and a dot, its columns."""
    from snowpipe_platform.commands.completion import column_names  # noqa: PLC0415

    table, dot, _ = incomplete.rpartition(".")
    columns = [f"{table}.{name}" for name in column_names(table)] if dot else []
    return [*complete_table(incomplete), *(name for name in columns if name.startswith(incomplete))]


def complete_rule(context: typer.Context, incomplete: str) -> list[str]:
    """Rules of the table that was typed before."""
    from snowpipe_platform.commands.completion import rule_ids  # noqa: PLC0415

    return [name for name in rule_ids(_table_before(context)) if name.startswith(incomplete)]


def complete_error_rule(context: typer.Context, incomplete: str) -> list[str]:
    """Of them those that keep rows in quarantine."""
    from snowpipe_platform.commands.completion import rule_ids  # noqa: PLC0415

    return [name for name in rule_ids(_table_before(context), of_errors=True) if name.startswith(incomplete)]


def complete_kind(incomplete: str) -> list[str]:
    """Kinds of dead letters."""
    from snowpipe_platform.commands.completion import letter_kinds  # noqa: PLC0415

    return [name for name in letter_kinds() if name.startswith(incomplete)]


def complete_letter(incomplete: str) -> list[tuple[str, str]]:
    """Ids of the dead letters that wait, and what they are of."""
    from snowpipe_platform.commands.completion import letter_ids  # noqa: PLC0415

    return [(name, about) for name, about in letter_ids() if name.startswith(incomplete)]


def complete_model(incomplete: str) -> list[str]:
    """Names of models for the shell."""
    from snowpipe_platform.commands.completion import model_names  # noqa: PLC0415

    return [name for name in model_names() if name.startswith(incomplete)]


def complete_version(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Numbers of the versions of the model that was typed before, and their stage."""
    from snowpipe_platform.commands.completion import model_versions  # noqa: PLC0415

    model = str(context.params.get("model") or next(iter(context.args), ""))
    return [(number, stage) for number, stage in model_versions(model) if number.startswith(incomplete)]


def _table_before(context: typer.Context) -> str:
    """An option whose value is only being typed leaves the arguments before it among what is not parsed."""
    return str(context.params.get("table") or next(iter(context.args), ""))


Tables = Annotated[
    list[str] | None,
    typer.Argument(metavar="TABLE", help="such as silver/dim_customers; all if none", autocompletion=complete_table),
]
OneTable = Annotated[
    str, typer.Argument(metavar="TABLE", help="such as silver/dim_customers", autocompletion=complete_table)
]
Json = Annotated[bool, typer.Option("--json", help="The result as JSON on stdout.")]
Traceback = Annotated[bool, typer.Option("--traceback", help="Show where in the code an error comes from.")]
OneQuery = Annotated[
    str, typer.Argument(metavar="QUERY", help="of the queries file, such as orders", autocompletion=complete_query)
]
OneEntity = Annotated[
    str, typer.Argument(metavar="ENTITY", help="whose log it is, such as orders", autocompletion=complete_entity)
]
Reason = Annotated[str, typer.Option("--reason", metavar="WHY", help="Why; kept with the decision.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would follow; write nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
Limit = Annotated[int, typer.Option(min=1, help="How many to show, the newest.")]

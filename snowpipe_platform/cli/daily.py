"""What is typed every day: run, status, show, sql, doctor, demo, dev."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from snowpipe_platform.cli.words import Json, OneTable, Tables, Traceback, complete_rule, day_of
from snowpipe_platform.commands.invocation import answer, guard

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project


def register(app: typer.Typer) -> None:
    """Add the commands, in the order help shows them."""
    for command in (run, status, show, sql, doctor, demo, dev):
        app.command()(command)


def run(  # noqa: PLR0913, PLR0917 - an option each
    tables: Tables = None,
    partition: Annotated[date | None, typer.Option(parser=day_of, metavar="DAY", help="One day.")] = None,
    start: Annotated[date | None, typer.Option("--from", parser=day_of, metavar="DAY", help="First day.")] = None,
    end: Annotated[date | None, typer.Option("--to", parser=day_of, metavar="DAY", help="Last day.")] = None,
    every: Annotated[int, typer.Option(min=1, metavar="DAYS", help="Of analysis dates: one in so many days.")] = 1,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Replace silver and gold from all they read.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Rebuild without asking.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Compare tables with rebuilds; write nothing.")] = False,
    anyway: Annotated[
        str | None, typer.Option("--publish-anyway", metavar="REASON", help="Publish what a rule holds back.")
    ] = None,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Bring tables up to date.

    Extracts the day, then every table that follows from it. The day is the one that has just ended at the source,
    unless days are given.

    - `snowpipe run`
    - `snowpipe run silver/customer_changes dim_customers --partition 2024-03-02`
    - `snowpipe run --from 2024-03-01 --to 2024-04-29`
    - `snowpipe run customer_activity --from 2023-06-04 --to 2023-12-03 --every 7`
    - `snowpipe run gold/daily_sales --rebuild --yes`
    - `snowpipe run gold/daily_sales dim_customers --verify`
    - `snowpipe run silver/order_line_changes --partition 2024-03-02 --publish-anyway "known outage"`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import run as command  # noqa: PLC0415

        options = command.RunOptions(
            tables=tables or (),
            partition=partition,
            start=start,
            end=end,
            every=every,
            rebuild=rebuild,
            confirmed=yes,
            verify=verify,
            override=anyway,
            as_json=json,
            with_traceback=traceback,
        )
        return command.run(project, options)

    answer(work, "run", as_json=json, traceback=traceback)


def status(json: Json = False, traceback: Traceback = False) -> None:
    """How every table stands.

    One line per table: rows, last commit, what waits, what is held, what is stale.

    - `snowpipe status`
    - `snowpipe status --json`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import status as command  # noqa: PLC0415

        return command.status(project, as_json=json)

    answer(work, "status", as_json=json, traceback=traceback)


def show(  # noqa: PLR0913, PLR0917 - an option each
    table: OneTable,
    failing: Annotated[
        str | None, typer.Option(metavar="RULE", help="Only rows that break this rule.", autocompletion=complete_rule)
    ] = None,
    partition: Annotated[date | None, typer.Option(parser=day_of, metavar="DAY", help="Of those, one day's.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 10,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """What is in a table.

    Its columns, newest rows, place and last commits; or the rows that break a rule.

    - `snowpipe show silver/dim_customers`
    - `snowpipe show customer_changes --failing email_is_an_address --partition 2024-03-03 --limit 50`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import show as command  # noqa: PLC0415

        return command.show(project, table, command.Asked(failing, partition, limit, as_json=json))

    answer(work, "show", as_json=json, traceback=traceback)


def sql(
    statement: Annotated[str, typer.Argument(metavar="SQL", help="one SELECT, in DuckDB's SQL")],
    limit: Annotated[int | None, typer.Option(min=1, help="Rows to give; shown on a terminal: 1000.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="The result as CSV on stdout.")] = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Query tables by their names.

    Schemas bronze, silver, gold and features; read-only. A changes table shows its valid rows;
    `silver.<name>_quarantine` has the others.

    - `snowpipe sql "select count(*) from silver.dim_customers where is_current"`
    - `snowpipe sql "from gold.daily_sales" --csv > sales.csv`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import sql as command  # noqa: PLC0415

        form = command.form_of(as_json=json, as_csv=csv)
        return command.sql(project, statement, limit=limit, form=form)

    answer(work, "sql", as_json=json, traceback=traceback)


def doctor(json: Json = False, traceback: Traceback = False) -> None:
    """Check everything a run needs.

    One line per check, each failure with how to mend it.

    - `snowpipe doctor`
    """

    def work() -> int:
        from snowpipe_platform.commands import doctor as command  # noqa: PLC0415

        return command.doctor(as_json=json)

    guard(work, "doctor", as_json=json, traceback=traceback)


def demo(
    scale: Annotated[int, typer.Option(help="Customers of the shop, when it is built: 1,000 to 10,000,000.")] = 1_000,
    days: Annotated[int | None, typer.Option(min=1, help="Days to run: 3 at first, then 1.")] = None,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Build a shop and run it through Dagster.

    Its first days at first; again, the next day, incrementally.

    - `snowpipe demo`
    - `snowpipe demo --scale 100000 --days 5`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import demo as command  # noqa: PLC0415

        return command.demo(project, customers=scale, days=days, as_json=json)

    answer(work, "demo", as_json=json, traceback=traceback)


def dev(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the UI listens.")] = 3000,
    traceback: Traceback = False,
) -> None:
    """The Dagster UI on this machine.

    Over the home's own instance: what `snowpipe run` and `snowpipe demo` did is there.

    - `snowpipe dev`
    - `snowpipe dev --port 3001`
    """

    def work(project: "Project") -> int:
        from snowpipe_platform.commands import dev as command  # noqa: PLC0415

        return command.dev(project, port=port)

    answer(work, "dev", as_json=False, traceback=traceback)

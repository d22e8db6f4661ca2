"""`snowpipe sql`: one SELECT over every table by its name."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb
import sqlglot
from sqlglot import exp

from snowpipe_platform.backends.duckdb_sql import bronze_sql, lake_sql, literal
from snowpipe_platform.commands.lake_rows import any_rows, lake_rows
from snowpipe_platform.commands.project import Project, nearest_table
from snowpipe_platform.commands.schema_rows import NAME as SCHEMA_HISTORY
from snowpipe_platform.commands.schema_rows import schema_rows
from snowpipe_platform.commands.terminal import print_csv, print_json, print_rows, print_text
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.records import BronzeRows, LakeRows
from snowpipe_platform.spec.rows_sql import DISCARDED_SUFFIX, QUARANTINE_SUFFIX
from snowpipe_platform.spec.table import DISCARDED, QUARANTINED, STATUS, VALID, ChangesTable

SIDES = {"": VALID, QUARANTINE_SUFFIX: QUARANTINED, DISCARDED_SUFFIX: DISCARDED}
"""What a changes table's name ends with, and which of its rows are meant."""
SHOWN_ROWS = 1_000
SCHEMAS = ("silver", "gold", "features", "bronze")


def sql(project: Project, statement: str, *, limit: int | None, form: str) -> int:
    """Print the rows. Raises ConfigurationError for what is no SELECT, or names a table there is not."""
    shown = limit if limit is not None else SHOWN_ROWS if form == "table" else None
    with _session(project) as connection:
        _require_one_select(connection, statement)
        for name in _named(statement, sqlable_names(project)):
            _bind(connection, name, project)
        try:
            cursor = connection.execute(statement)
            columns = [column[0] for column in cursor.description]
            if form == "json":
                _refuse_twice(columns)
            rows = cursor.fetchall() if shown is None else cursor.fetchmany(shown + 1)
        except duckdb.Error as error:
            raise ConfigurationError(_first_line(error)) from error
    is_cut = shown is not None and len(rows) > shown
    _print(columns, rows[:shown], form=form, is_cut=is_cut)
    return 0


def form_of(*, as_json: bool, as_csv: bool) -> str:
    """How the rows are printed: json, csv or table. Raises ConfigurationError for two forms at once."""
    if as_json and as_csv:
        raise ConfigurationError("--json and --csv are two forms of one result. Give one of the two.")
    return "json" if as_json else "csv" if as_csv else "table"


def sqlable_names(project: Project) -> dict[str, str]:
    """Every name a statement may use, `silver.x`, and the table it stands for."""
    names = {SCHEMA_HISTORY: SCHEMA_HISTORY} | {name.replace("/", "."): name for name in project.pipeline.names}
    changes = [table.name for table in project.pipeline.tables if isinstance(table, ChangesTable)]
    return names | {name.replace("/", ".") + suffix: name for name in changes for suffix in SIDES}


@contextmanager
def _session(project: Project) -> Iterator[duckdb.DuckDBPyConnection]:
    spill = tempfile.mkdtemp(prefix="snowpipe-sql-")
    connection = duckdb.connect(config={"memory_limit": project.settings.memory_limit, "temp_directory": spill})
    try:
        connection.execute("SET enable_progress_bar = false")
        for schema in SCHEMAS:
            connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(f"SET search_path = {literal(','.join(SCHEMAS))}")
        connection.execute("SET python_enable_replacements = false")
        yield connection
    finally:
        connection.close()
        shutil.rmtree(spill, ignore_errors=True)


def _require_one_select(connection: duckdb.DuckDBPyConnection, statement: str) -> None:
    try:
        found = connection.extract_statements(statement)
    except duckdb.Error as error:
        raise ConfigurationError(_first_line(error)) from error
    if not found or any(part.type != duckdb.StatementType.SELECT for part in found) or len(found) > 1:
        kinds = ", ".join(part.type.name for part in found) or "nothing"
        raise ConfigurationError(f"snowpipe sql reads only: give one SELECT. Found: {kinds}.")


def _named(statement: str, known: Mapping[str, str]) -> list[str]:
    """The known names the statement uses. Where sqlglot does not know a form that DuckDB knows, all names.

    Raises ConfigurationError for a name that is none.
    """
    try:
        parsed = sqlglot.parse_one(statement, dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        return list(known)
    local = {cte.alias.lower() for cte in parsed.find_all(exp.CTE)}
    used: set[str] = set()
    for table in parsed.find_all(exp.Table):
        name = ".".join(part.lower() for part in (table.db, table.name) if part)
        if isinstance(table.this, exp.Identifier) and not table.catalog and name not in local:
            used.update(_matching(name, known))
    return sorted(used)


def _matching(name: str, known: Mapping[str, str]) -> list[str]:
    """`silver.x`, or `x` in any schema; nothing for what is DuckDB's own or a file."""
    schema, _, short = name.rpartition(".")
    found = [each for each in known if name in (each, each.partition(".")[2])]
    if not found and schema in ("", *SCHEMAS) and short.isidentifier():
        tables = [each.replace(".", "/", 1) for each in known]
        hint = nearest_table(name.replace(".", "/"), tables).replace("/", ".")
        raise ConfigurationError(f"there is no table {name}. {hint}")
    return found


def _bind(connection: duckdb.DuckDBPyConnection, name: str, project: Project) -> None:
    """A view over the files of the table's current commit, of bronze's committed manifests, or of their columns."""
    table = sqlable_names(project)[name]
    if table == SCHEMA_HISTORY:
        connection.register("schema_history_rows", schema_rows(project))
        connection.execute(f"CREATE VIEW {name} AS FROM schema_history_rows")
        return
    if isinstance(project.pipeline.by_name.get(table), ChangesTable):
        side = SIDES[name.removeprefix(table.replace("/", "."))]
        rows: BronzeRows | LakeRows = lake_rows(table, project, where={STATUS: side})
    else:
        rows = any_rows(table, project)
    try:
        connection.execute(f"CREATE VIEW {name} AS {_select(rows)}")
    except duckdb.Error as error:
        raise ConfigurationError(f"{table} cannot be read: {_first_line(error)}") from error


def _select(rows: BronzeRows | LakeRows) -> str:
    return bronze_sql(rows.manifests, rows.locations, rows.schema) if isinstance(rows, BronzeRows) else lake_sql(rows)


def _refuse_twice(columns: Sequence[str]) -> None:
    """A JSON object has each key once."""
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise ConfigurationError(f"column {twice} is twice in the result; give each its own alias")


def _print(columns: Sequence[str], rows: Sequence[Sequence[object]], *, form: str, is_cut: bool) -> None:
    if form == "csv":
        print_csv(columns, rows)
    elif form == "json":
        named = [dict(zip(columns, row, strict=True)) for row in rows]
        print_json({"columns": list(columns), "rows": named, "more": is_cut})
    else:
        more = f"the first {len(rows):,} rows; --limit for more, --csv for all" if is_cut else ""
        print_rows(columns, rows, more=more)
        if not rows:
            print_text("no rows")


def _first_line(error: duckdb.Error) -> str:
    """DuckDB's sentence without the statement it repeats below."""
    return " ".join(str(error).partition("\n\nLINE")[0].split())

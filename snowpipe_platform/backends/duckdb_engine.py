"""The embedded engine: Ibis expressions on DuckDB, over bronze and lake files."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa

from snowpipe_platform.backends.duckdb_errors import lake_errors, said
from snowpipe_platform.backends.duckdb_sql import (
    QUIET,
    bronze_sql,
    condition_sql,
    identifier,
    lake_sql,
    literal,
    type_sql,
)
from snowpipe_platform.backends.spill import spill_folder
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.records import ChangedRows, FileLayout, LakeRows, Rows, StagedFile
from snowpipe_platform.spec.table import AFTER, BEFORE, CHANGE_SIDE

SCRATCH = "scratch"
FILE_NAME = "__file_name"
JUDGED, ROW = "__judged", "__row"
WITH_FILES = "#files"
MATERIALIZED = "materialized "
BALANCE = "__balance"
KEPT_SQL = 512
"""Expressions whose SQL is kept."""
CONV_MACRO = "CREATE OR REPLACE MACRO conv(digits, from_base, to_base) AS CAST('0x' || digits AS BIGINT)"
"""Spark's builtin for a hexadecimal text; only base 16 to 10 is used."""


class DuckDBEngine:
    """The `Engine` of one machine. memory_limit: DuckDB's ('2GB'); above it, work spills to a temporary folder."""

    def __init__(self, *, memory_limit: str, threads: int | None = None) -> None:
        self._memory_limit, self._threads = memory_limit, threads

    @contextmanager
    def session(self) -> Iterator["DuckDBSession"]:
        spill = spill_folder()
        config: dict[str, Any] = {"memory_limit": self._memory_limit, "temp_directory": spill.name}
        if self._threads is not None:
            config["threads"] = self._threads
        connection = duckdb.connect(config=config)
        try:
            connection.execute(QUIET)
            connection.execute("SET preserve_insertion_order = false")
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(CONV_MACRO)
            yield DuckDBSession(connection, str(Path(spill.name) / SCRATCH))
        finally:
            connection.close()
            spill.cleanup()


class DuckDBSession:
    """One connection; names are temporary views and tables. Its methods raise LakeError, never DuckDB's own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, scratch: str) -> None:
        self._connection, self.scratch = connection, scratch

    @lake_errors()
    def bind(self, name: str, rows: Rows) -> None:
        """A difference is computed here, once; everything else is read whenever an expression needs it."""
        self._forget(name)
        if isinstance(rows, pa.Table):
            self._connection.register(name, rows)
        elif isinstance(rows, ChangedRows):
            self._keep(name, _changed_sql(rows))
        elif isinstance(rows, LakeRows):
            self._connection.execute(f"CREATE TEMP VIEW {identifier(name)} AS {lake_sql(rows)}")
            with_files = identifier(name + WITH_FILES)
            self._connection.execute(
                f"CREATE OR REPLACE TEMP VIEW {with_files} AS {lake_sql(rows, with_file=FILE_NAME)}"
            )
        else:
            sql = bronze_sql(rows.manifests, rows.locations, rows.schema)
            self._connection.execute(f"CREATE TEMP VIEW {identifier(name)} AS {sql}")

    @lake_errors()
    def materialize(self, name: str, expression: ir.Table) -> int:
        return self._keep(name, _sql(expression))

    def _keep(self, name: str, sql: str) -> int:
        """The view is made last, so the rows may come from what the name meant before."""
        table = identifier(MATERIALIZED + name)
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {sql}")
        self._forget(name)
        self._connection.execute(f"CREATE TEMP VIEW {identifier(name)} AS FROM {table}")
        ((count,),) = self._rows(f"SELECT count(*) FROM {table}")  # noqa: S608
        return int(count)

    def _forget(self, name: str) -> None:
        self._connection.execute(f"DROP VIEW IF EXISTS {identifier(name)}")

    @lake_errors()
    def fetch(self, expression: ir.Table) -> pa.Table:
        return self._connection.execute(_sql(expression)).to_arrow_table()

    def met(self, rows: pa.Table, conditions: Mapping[str, str], *, dialect: str) -> pa.Table:
        columns = ", ".join(
            f"coalesce(({condition_sql(condition, dialect)}), false) AS {identifier(name)}"
            for name, condition in conditions.items()
        )
        numbered = rows.append_column(ROW, pa.array(range(rows.num_rows), pa.int64()))
        self._connection.register(JUDGED, numbered)
        try:
            found = self._connection.execute(f"SELECT {columns} FROM {JUDGED} ORDER BY {ROW}")  # noqa: S608
            return found.to_arrow_table()
        except duckdb.Error as error:
            raise ConfigurationError(f"{' and '.join(conditions)}: {said(error)}") from error
        finally:
            self._connection.unregister(JUDGED)

    @lake_errors()
    def write(self, expression: ir.Table, layout: FileLayout) -> list[StagedFile]:
        folder = Path(layout.folder)
        folder.mkdir(parents=True, exist_ok=True)
        target, options = _target(layout)
        sql = f"COPY ({_exact_sql(expression)}) TO {literal(target)} ({', '.join(options)})"
        copied = [StagedFile(str(path), int(rows), int(size)) for path, rows, size, *_ in self._rows(sql)]
        for empty in (file for file in copied if not file.rows):
            Path(empty.path).unlink()
        return sorted((file for file in copied if file.rows), key=lambda file: file.path)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return list(self._connection.execute(sql).fetchall())

    @lake_errors()
    def files_with(self, name: str, expression: ir.Table) -> list[str]:
        """`name` must be bound to lake rows."""
        columns = " AND ".join(f"t.{identifier(c)} IS NOT DISTINCT FROM w.{identifier(c)}" for c in expression.columns)
        found = self._connection.execute(
            f"SELECT DISTINCT t.{FILE_NAME} FROM {identifier(name + WITH_FILES)} AS t "  # noqa: S608
            f"SEMI JOIN ({_sql(expression)}) AS w ON {columns}"
        )
        return sorted(str(row[0]) for row in found.fetchall())


def _target(layout: FileLayout) -> tuple[str, list[str]]:
    """Where COPY writes to, and how. A partition's rows go into one file in any case."""
    ids = [f"FIELD_IDS {_field_ids_sql(layout.field_ids)}"] if layout.field_ids else []
    options = ["FORMAT parquet", "COMPRESSION zstd", *ids, "RETURN_STATS"]
    pattern = f"FILENAME_PATTERN {literal(layout.prefix + '-{i}')}"
    if layout.partition_columns:
        columns = ", ".join(identifier(column) for column in layout.partition_columns)
        by = [f"PARTITION_BY ({columns})", "WRITE_PARTITION_COLUMNS true", "OVERWRITE_OR_IGNORE true"]
        return layout.folder, [*options, pattern, *by]
    if layout.one_file:
        return f"{layout.folder}/{layout.prefix}-0.parquet", options
    return layout.folder, [*options, pattern, "PER_THREAD_OUTPUT true"]


def _sql(expression: ir.Table) -> str:
    return _sql_of(expression.op())


@lru_cache(maxsize=KEPT_SQL)
def _sql_of(node: ops.Node) -> str:
    """Days of a run, and runs of a daemon, ask for the same over other files; ibis takes tens of milliseconds each."""
    return str(ibis.to_sql(node.to_expr(), dialect="duckdb"))


def _exact_sql(expression: ir.Table) -> str:
    """Ibis leaves out casts it believes redundant (`year()` is BIGINT here), so every column is cast to its type."""
    columns = (f"CAST({identifier(n)} AS {type_sql(t)}) AS {identifier(n)}" for n, t in expression.schema().items())
    return f"SELECT {', '.join(columns)} FROM ({_sql(expression)})"  # noqa: S608


def _changed_sql(rows: ChangedRows) -> str:
    """Each row as often as one side has it more than the other. One aggregate: DuckDB's EXCEPT ALL numbers both sides
    with a window, and took five times as long over 2.5 million rows."""
    sides = f"SELECT *, 1 AS {BALANCE} FROM ({lake_sql(rows.after)}) UNION ALL "  # noqa: S608
    sides += f"SELECT *, -1 FROM ({lake_sql(rows.before)})"  # noqa: S608
    columns = ", ".join(identifier(name) for name in rows.after.schema)
    counted = f"SELECT {columns}, sum({BALANCE}) AS {BALANCE} FROM ({sides}) GROUP BY ALL HAVING sum({BALANCE}) <> 0"  # noqa: S608
    side = f"CASE WHEN {BALANCE} > 0 THEN {literal(AFTER)} ELSE {literal(BEFORE)} END AS {CHANGE_SIDE}"
    return f"SELECT {columns}, {side} FROM ({counted}), range(abs({BALANCE})::BIGINT)"  # noqa: S608


def _field_ids_sql(ids: Mapping[str, object]) -> str:
    def one(value: object) -> str:
        return _field_ids_sql(value) if isinstance(value, Mapping) else str(value)

    return "{" + ", ".join(f"{identifier(name)}: {one(value)}" for name, value in ids.items()) + "}"

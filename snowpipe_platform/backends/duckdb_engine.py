"""The embedded engine: Ibis expressions on DuckDB, over bronze and lake files."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from snowpipe_platform.backends.duckdb_sql import bronze_sql, identifier, list_sql, literal, type_sql
from snowpipe_platform.ports import BronzeRows, ChangedRows, FileLayout, LakeRows, Rows, StagedFile
from snowpipe_platform.spec.table import AFTER, BEFORE, CHANGE_SIDE

FILE_NAME = "__file_name"
WITH_FILES = "#files"
MATERIALIZED = "materialized "
CONV_MACRO = "CREATE OR REPLACE MACRO conv(digits, from_base, to_base) AS CAST('0x' || digits AS BIGINT)"
"""Spark's builtin for a hexadecimal text; only base 16 to 10 is used."""


class DuckDBEngine:
    """The `Engine` of one machine. memory_limit: DuckDB's ('2GB'); above it, work spills to a temporary folder."""

    def __init__(self, *, memory_limit: str, threads: int | None = None) -> None:
        self._memory_limit, self._threads = memory_limit, threads

    @contextmanager
    def session(self) -> Iterator["DuckDBSession"]:
        spill = tempfile.mkdtemp(prefix="snowpipe-spill-")
        config: dict[str, Any] = {"memory_limit": self._memory_limit, "temp_directory": spill}
        if self._threads is not None:
            config["threads"] = self._threads
        connection = duckdb.connect(config=config)
        try:
            connection.execute("SET preserve_insertion_order = false")
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(CONV_MACRO)
            yield DuckDBSession(connection)
        finally:
            connection.close()
            shutil.rmtree(spill, ignore_errors=True)


class DuckDBSession:
    """One connection; names are temporary views and tables."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def bind(self, name: str, rows: Rows) -> None:
        self._forget(name)
        if isinstance(rows, pa.Table):
            self._connection.register(name, rows)
            return
        self._connection.execute(f"CREATE TEMP VIEW {identifier(name)} AS {_rows_sql(rows)}")
        if isinstance(rows, LakeRows):
            with_files = identifier(name + WITH_FILES)
            self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {with_files} AS {_lake_sql(rows, with_file=True)}")

    def materialize(self, name: str, expression: ir.Table) -> int:
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {identifier(MATERIALIZED + name)} AS {_sql(expression)}"
        )
        self._forget(name)
        table = identifier(MATERIALIZED + name)
        self._connection.execute(f"CREATE TEMP VIEW {identifier(name)} AS FROM {table}")
        row = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        return int(row[0]) if row else 0

    def _forget(self, name: str) -> None:
        self._connection.execute(f"DROP VIEW IF EXISTS {identifier(name)}")

    def fetch(self, expression: ir.Table) -> pa.Table:
        return self._connection.execute(_sql(expression)).to_arrow_table()

    def write(self, expression: ir.Table, layout: FileLayout) -> list[StagedFile]:
        folder = Path(layout.folder)
        folder.mkdir(parents=True, exist_ok=True)
        options = [
            "FORMAT parquet",
            "COMPRESSION zstd",
            f"FIELD_IDS {_field_ids_sql(layout.field_ids)}",
            f"FILENAME_PATTERN {literal(layout.prefix + '-{i}')}",
            "RETURN_STATS",
        ]
        if layout.partition_columns:
            columns = ", ".join(identifier(column) for column in layout.partition_columns)
            options += [f"PARTITION_BY ({columns})", "WRITE_PARTITION_COLUMNS true", "OVERWRITE_OR_IGNORE true"]
        else:
            options.append("PER_THREAD_OUTPUT true")
        sql = f"COPY ({_exact_sql(expression)}) TO {literal(layout.folder)} ({', '.join(options)})"
        copied = [StagedFile(str(path), int(rows), int(size)) for path, rows, size, *_ in self._rows(sql)]
        for empty in (file for file in copied if not file.rows):
            Path(empty.path).unlink()
        return sorted((file for file in copied if file.rows), key=lambda file: file.path)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return list(self._connection.execute(sql).fetchall())

    def files_with(self, name: str, expression: ir.Table) -> list[str]:
        """`name` must be bound to lake rows."""
        columns = " AND ".join(f"t.{identifier(c)} IS NOT DISTINCT FROM w.{identifier(c)}" for c in expression.columns)
        found = self._connection.execute(
            f"SELECT DISTINCT t.{FILE_NAME} FROM {identifier(name + WITH_FILES)} AS t "  # noqa: S608
            f"SEMI JOIN ({_sql(expression)}) AS w ON {columns}"
        )
        return sorted(str(row[0]) for row in found.fetchall())


def _sql(expression: ir.Table) -> str:
    return str(ibis.to_sql(expression, dialect="duckdb"))


def _exact_sql(expression: ir.Table) -> str:
    """Ibis leaves out casts it believes redundant (`year()` is BIGINT here), so every column is cast to its type."""
    columns = (f"CAST({identifier(n)} AS {type_sql(t)}) AS {identifier(n)}" for n, t in expression.schema().items())
    return f"SELECT {', '.join(columns)} FROM ({_sql(expression)})"  # noqa: S608


def _rows_sql(rows: BronzeRows | LakeRows | ChangedRows) -> str:
    if isinstance(rows, BronzeRows):
        return bronze_sql(rows.manifests, rows.locations, rows.schema)
    if isinstance(rows, LakeRows):
        return _lake_sql(rows)
    before, after = _lake_sql(rows.before), _lake_sql(rows.after)
    come = after if not rows.before.paths else f"{after} EXCEPT ALL {before}"
    gone = before if not rows.after.paths else f"{before} EXCEPT ALL {after}"
    sides = ((come, AFTER), (gone, BEFORE))
    return " UNION ALL ".join(f"SELECT *, {literal(side)} AS {CHANGE_SIDE} FROM ({sql})" for sql, side in sides)  # noqa: S608


def _lake_sql(rows: LakeRows, *, with_file: bool = False) -> str:
    """Columns by name; one that older files lack is null."""
    file = f", filename AS {FILE_NAME}" if with_file else ""
    nulls = ", ".join(f"CAST(NULL AS {type_sql(t)}) AS {identifier(n)}" for n, t in rows.schema.items())
    nothing = f"SELECT {nulls}, CAST(NULL AS VARCHAR) AS filename WHERE false"
    source = nothing
    if rows.paths:
        options = "union_by_name = true, filename = true, hive_partitioning = false"
        source = f"{nothing} UNION ALL BY NAME SELECT * FROM read_parquet({list_sql(rows.paths)}, {options})"  # noqa: S608
    columns = ", ".join(identifier(name) for name in rows.schema)
    return f"SELECT {columns}{file} FROM ({source})"  # noqa: S608


def _field_ids_sql(ids: Mapping[str, object]) -> str:
    def one(value: object) -> str:
        return _field_ids_sql(value) if isinstance(value, Mapping) else str(value)

    return "{" + ", ".join(f"{identifier(name)}: {one(value)}" for name, value in ids.items()) + "}"

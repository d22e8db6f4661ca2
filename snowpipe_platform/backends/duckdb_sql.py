"""DuckDB SQL text for names, literals, types and bronze files. Only names and paths of the platform's own pass here."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import ibis
import ibis.expr.datatypes as dt
from ibis.backends.sql.datatypes import DuckDBType

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.records import LakeRows
from snowpipe_platform.spec.manifest import Manifest

SOURCE_FILE = "source_file"
MANIFEST_NUMBER = "manifest_number"
LOAD_DAY = "load_day"
JSON_OBJECT_BYTES = 64 * 1024 * 1024
"""The largest row of a JSON lines file that is read back."""
_SCANNED_FILE = "__scanned_file"
"""DuckDB's own name, `filename`, may be a column of the source."""

QUIET = "SET enable_progress_bar = false"
"""DuckDB would draw a progress bar on stdout after two seconds, into the answer of `--json`."""


def identifier(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted string."""
    return "'" + text.replace("'", "''") + "'"


def type_sql(dtype: dt.DataType) -> str:
    """DuckDB's name of an Ibis type."""
    return str(DuckDBType.to_string(dtype))


def list_sql(texts: Sequence[str]) -> str:
    """A list of strings."""
    return "[" + ", ".join(literal(text) for text in texts) + "]"


def condition_sql(condition: str, dialect: str) -> str:
    """A user's condition in DuckDB's SQL. Raises ConfigurationError when it does not parse."""
    import sqlglot  # noqa: PLC0415 - costs import time
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        return sqlglot.parse_one(condition, dialect=dialect).sql(dialect="duckdb", comments=False)
    except SqlglotError as error:
        raise ConfigurationError(f"{condition!r} is no SQL condition of {dialect}") from error


def bronze_sql(manifests: Sequence[Manifest], locations: Mapping[str, str], schema: ibis.Schema) -> str:
    """A SELECT of the manifests' rows, cast to `schema`; a column a file does not have is null.

    Adds manifest_number, source_file (as the manifest names it) and load_day. Files are read with the schema their
    manifest gives, never with an inferred one.
    """
    with_files = [manifest for manifest in manifests if manifest.files]
    if not with_files:
        nothing = ", ".join(f"CAST(NULL AS {type_sql(t)}) AS {identifier(n)}" for n, t in schema.items())
        origin = f"CAST(NULL AS BIGINT) AS {MANIFEST_NUMBER}, CAST(NULL AS VARCHAR) AS {SOURCE_FILE}"
        return f"SELECT {nothing}, {origin}, CAST(NULL AS DATE) AS {LOAD_DAY} WHERE false"
    ordered = sorted(with_files, key=_shape)
    parts = [_part(list(group), locations, schema) for _, group in groupby(ordered, key=_shape)]
    return " UNION ALL ".join(parts)


def lake_sql(rows: LakeRows, *, with_file: str | None = None) -> str:
    """A SELECT of the columns of the rows' schema; one that no file has, or only newer ones, is null.

    with_file: the name of one more column, the path of the row's file.
    """
    nulls = ", ".join(f"CAST(NULL AS {type_sql(t)}) AS {identifier(n)}" for n, t in rows.schema.items())
    source = f"SELECT {nulls}, CAST(NULL AS VARCHAR) AS {_SCANNED_FILE} WHERE false"
    if rows.paths:
        options = f"union_by_name = true, filename = {literal(_SCANNED_FILE)}, hive_partitioning = false"
        source += f" UNION ALL BY NAME SELECT * FROM read_parquet({list_sql(rows.paths)}, {options})"  # noqa: S608
    columns = ", ".join(identifier(name) for name in rows.schema)
    file = f", {_SCANNED_FILE} AS {identifier(with_file)}" if with_file is not None else ""
    return f"SELECT {columns}{file} FROM ({source})"  # noqa: S608


def _shape(manifest: Manifest) -> tuple[str, str]:
    return manifest.file_format, str([(column.name, column.type) for column in manifest.columns])


def _part(manifests: Sequence[Manifest], locations: Mapping[str, str], schema: ibis.Schema) -> str:
    """Manifests of one format and one schema, in one scan."""
    own = manifests[0].schema
    columns = ", ".join(_cast(name, dtype, own, manifests[0].file_format) for name, dtype in schema.items())
    paths = {locations[file.path]: (file.path, manifest) for manifest in manifests for file in manifest.files}
    origins = ", ".join(
        f"({literal(path)}, {literal(name)}, CAST({manifest.number} AS BIGINT), DATE {literal(str(manifest.load_day))})"
        for path, (name, manifest) in paths.items()
    )
    scan = _scan(list(paths), own, manifests[0].file_format)
    return (
        f"SELECT {columns}, origin.number AS {MANIFEST_NUMBER}, origin.name AS {SOURCE_FILE}, "  # noqa: S608
        f"origin.load_day AS {LOAD_DAY} FROM {scan} AS file "
        f"JOIN (VALUES {origins}) AS origin(path, name, number, load_day) ON file.{_SCANNED_FILE} = origin.path"
    )


def _scan(paths: Sequence[str], own: ibis.Schema, file_format: str) -> str:
    if file_format == "parquet":
        return f"read_parquet({list_sql(paths)}, filename = {literal(_SCANNED_FILE)}, hive_partitioning = false)"
    columns = ", ".join(f"{literal(name)}: {literal(_json_type(dtype))}" for name, dtype in own.items())
    return (
        f"read_json({list_sql(paths)}, format = 'newline_delimited', columns = {{{columns}}}, "
        f"filename = {literal(_SCANNED_FILE)}, hive_partitioning = false, maximum_object_size = {JSON_OBJECT_BYTES})"
    )


def _json_type(dtype: dt.DataType) -> str:
    return "BOOLEAN" if dtype.is_boolean() else "VARCHAR"


def _cast(name: str, wanted: dt.DataType, own: ibis.Schema, file_format: str) -> str:
    if name not in own:
        return f"CAST(NULL AS {type_sql(wanted)}) AS {identifier(name)}"
    value = f"file.{identifier(name)}"
    if file_format == "json" and own[name].is_binary():
        value = f"unhex({value})"
    elif file_format == "json" and own[name] != wanted:
        value = f"CAST({value} AS {type_sql(own[name])})"
    return f"CAST({value} AS {type_sql(wanted)}) AS {identifier(name)}"

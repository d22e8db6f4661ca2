"""Committed rows as Ibis tables, for users' own assets and notebooks."""

from collections.abc import Collection
from datetime import date

import ibis
import ibis.expr.types as ir

from snowpipe_platform.backends.duckdb_sql import bronze_sql
from snowpipe_platform.errors import LakeError
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.spec.bronze_log import landings, last_extraction
from snowpipe_platform.spec.table import LOAD_DAY, STATUS, VALID, holds_changes


def load_bronze(entity: str, ground: Ground, *, days: Collection[date] | None = None) -> ir.Table:
    """All landed rows that count, of the days, None for all, with their origin. Columns: the latest extraction's.

    Raises LakeError when nothing was ever landed.
    """
    log = ground.bronze.log(entity)
    if not log:
        msg = f"bronze/{entity} has no extraction yet. Land one with 'snowpipe run bronze/{entity}'."
        raise LakeError(msg)
    manifests = [manifest for manifest in landings(log) if days is None or manifest.load_day in days]
    locations = {file.path: ground.bronze.locate(file) for manifest in manifests for file in manifest.files}
    return ibis.duckdb.connect().sql(bronze_sql(manifests, locations, (last_extraction(log) or log[-1]).schema))


def load_table(name: str, ground: Ground, *, days: Collection[date] | None = None) -> ir.Table:
    """Rows of the table's current commit. Of a changes table: the accepted ones, of the load days, None for all.

    Raises LakeError when the table has no commit.
    """
    state = ground.lake.state(name)
    if state is None:
        msg = f"{name} has no rows yet. Make them with 'snowpipe run {name}'."
        raise LakeError(msg)
    schema = ground.lake.schema(name)
    is_changes = holds_changes(schema)
    where = {STATUS: VALID} if is_changes else {}
    paths = [file.path for file in ground.lake.files(name, snapshot_id=state.snapshot_id, where=where)]
    rows = _read(paths, schema)
    if not is_changes:
        return rows
    accepted = rows.filter(rows[STATUS] == VALID)
    return accepted if days is None else accepted.filter(accepted[LOAD_DAY].isin(list(days)))


def _read(paths: list[str], schema: ibis.Schema) -> ir.Table:
    """A column that older files lack is null."""
    connection = ibis.duckdb.connect()
    if not paths:
        nulls = {name: ibis.null(dtype) for name, dtype in schema.items()}
        return connection.sql("SELECT 1 AS one").select(**nulls).limit(0)
    found = connection.read_parquet(paths, union_by_name=True, hive_partitioning=False)
    columns = {n: found[n].cast(t) if n in found.columns else ibis.null(t) for n, t in schema.items()}
    return found.select(**columns)

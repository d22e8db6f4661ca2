"""The rows of a table that break one of its rules, beside the rows of the tables the rule looks at.

assert breaking(FCT_ORDER_LINES, "order_id.references", [{"order_id": "a"}], {"silver/fct_orders": []}) == [0]
"""

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import pyarrow as pa

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.spec.table import Table

POSITION = "position"
Rows = Sequence[Mapping[str, Any]]


def breaking(table: Table, rule_id: str, rows: Rows, related: Mapping[str, Rows] | None = None) -> list[int]:
    """Positions of the rows, lowest first. Columns that a row leaves out are null."""
    (rule,) = [rule for rule in table.rules if rule.id == rule_id]
    numbered = [{**row, POSITION: position} for position, row in enumerate(rows)]
    schema = ibis.schema({**dict(table.schema.items()), POSITION: "int64"})
    with DuckDBEngine(memory_limit="1GB").session() as session:
        session.bind("rows", _arrow(schema, numbered))
        for name, columns in table.judged_with.items():
            session.bind(name, _arrow(columns, (related or {}).get(name, [])))
        judged = ibis.table(schema, name="rows")
        found = session.fetch(judged.filter(rule.breaks(judged)).select(POSITION))
    return sorted(found[POSITION].to_pylist())


def _arrow(schema: ibis.Schema, rows: Rows) -> pa.Table:
    return pa.Table.from_pylist([{**dict.fromkeys(schema), **row} for row in rows], schema.to_pyarrow())

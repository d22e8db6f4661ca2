"""Derived tables kept up to date run by run, as `derived_plan` decides it, without a lake: a run takes milliseconds.

shop = KeptUp(session, CHANGES, DIM)
shop.add("silver/item_changes", [{"id": "a", ...}])
shop.run("silver/dim_items")
shop.rows("silver/dim_items") == shop.rebuilt("silver/dim_items")

The SQL of a plan is made once for each set of inputs that changed.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import ibis
import pyarrow as pa

from snowpipe_platform.backends.duckdb_engine import DuckDBSession, _exact_sql, _sql
from snowpipe_platform.backends.duckdb_sql import identifier
from snowpipe_platform.execution.derived_plan import CHANGED_SUFFIX, derived_plan
from snowpipe_platform.execution.inputs import TableInputs
from snowpipe_platform.execution.plan import TARGET, TOUCHED, TableRequest
from snowpipe_platform.records import ChangedRows, LakeRows, TableState
from snowpipe_platform.spec.consumption import Consumption
from snowpipe_platform.spec.history import restrict
from snowpipe_platform.spec.table import AFTER, BEFORE, CHANGE_SIDE, DerivedTable, Table
from snowpipe_platform_tests.kit import moment
from snowpipe_platform_tests.ledger import IDENTITY

BASE = TableState("base", 1, 1, "base", moment("2024-03-01"), {})


class KeptUp:
    """tables: in the order they run in; the others are what `add` adds to."""

    def __init__(self, session: DuckDBSession, *tables: Table) -> None:
        self._connection, self._session = session._connection, session
        self.tables = {table.name: table for table in tables}
        self._schemas = {table.name: table.schema for table in tables}
        self.start()

    def start(self) -> None:
        """Without a row."""
        self._rows = {name: schema.to_pyarrow().empty_table() for name, schema in self._schemas.items()}
        self._seen: dict[tuple[str, str], pa.Table] = {}

    def add(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        schema = self._rows[name].schema
        full = [dict.fromkeys(schema.names) | row for row in rows]
        self._rows[name] = pa.concat_tables([self._rows[name], pa.Table.from_pylist(full, schema)])

    def run(self, name: str) -> None:
        """Take in what differs in its inputs since the table's last run."""
        table = self.tables[name]
        assert isinstance(table, DerivedTable)
        if (name, table.inputs[0]) not in self._seen:
            self._rows[name] = self._made_anew(table)
        else:
            changed = tuple(other for other in table.inputs if self._bind_changes(name, other))
            if changed:
                self._rows[name] = self._made_where(table, changed)
        self._seen |= {(name, other): self._rows[other] for other in table.inputs}

    def rows(self, name: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """Sorted."""
        return self._sorted(self._rows[name], columns)

    def rebuilt(self, name: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """What a rebuild from the inputs as they are gives."""
        return self._sorted(self._made_anew(self.tables[name]), columns)

    def _sorted(self, rows: pa.Table, columns: str) -> list[tuple[Any, ...]]:
        self._session.bind("result", rows)
        return self._connection.execute(f"SELECT {columns} FROM result ORDER BY ALL").fetchall()

    def _made_anew(self, table: Any) -> pa.Table:
        self._bind_inputs(table)
        return self._fetched(_whole(table, self), table)

    def _made_where(self, table: DerivedTable, changed: tuple[str, ...]) -> pa.Table:
        self._bind_inputs(table)
        touched, rows, kept = _parts(table, self, changed)
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {TOUCHED} AS {touched}")
        self._session.bind(TARGET, self._rows[table.name])
        return self._fetched(f"{rows} UNION ALL {kept}", table)

    def _fetched(self, sql: str, table: Table) -> pa.Table:
        return self._connection.execute(sql).to_arrow_table().cast(table.schema.to_pyarrow())

    def _bind_inputs(self, table: DerivedTable) -> None:
        for other in table.inputs:
            self._session.bind(other, self._rows[other])

    def _bind_changes(self, name: str, other: str) -> int:
        """Rows that one of two states of an input has more often; how many."""
        self._session.bind("seen", self._seen[name, other])
        self._session.bind("now", self._rows[other])
        found = self._connection.execute(
            f"(SELECT *, '{AFTER}' AS {CHANGE_SIDE} FROM (FROM now EXCEPT ALL FROM seen)) UNION ALL "
            f"(SELECT *, '{BEFORE}' FROM (FROM seen EXCEPT ALL FROM now))"
        ).to_arrow_table()
        self._session.bind(other + CHANGED_SUFFIX, found)
        return found.num_rows


@cache
def _whole(table: DerivedTable, within: KeptUp) -> str:
    plan = _plan(table, within, base=None, changed=())
    assert plan.operation == "replace_all"
    return f"({_exact_sql(plan.expression)})"


@cache
def _parts(table: DerivedTable, within: KeptUp, changed: tuple[str, ...]) -> tuple[str, str, str]:
    """SQL of what is touched, of the rows to write, and of the rows that stay."""
    plan = _plan(table, within, base=BASE, changed=changed)
    assert plan.operation == "replace_touched"
    touched = ibis.table(plan.touched.schema(), name=TOUCHED)
    kept = restrict(ibis.table(table.schema, name=TARGET), touched, plan.touched.columns, inside=False)
    return _sql(plan.touched), f"({_exact_sql(plan.expression)})", f"({_exact_sql(kept)})"


def _plan(table: DerivedTable, within: KeptUp, *, base: TableState | None, changed: tuple[str, ...]) -> Any:
    schemas = {name: within._schemas[name] for name in table.inputs}
    files = {name: LakeRows((identifier(name),), schema) for name, schema in schemas.items()}
    inputs = TableInputs(
        base,
        states=dict.fromkeys(table.inputs, BASE),
        paths={name: rows.paths for name, rows in files.items()},
        schemas=schemas,
        changed={name: ChangedRows(LakeRows((), schemas[name]), files[name]) for name in changed},
    )
    request = TableRequest(None, table, IDENTITY)  # type: ignore[arg-type] - no plan of a derived table reads it
    return derived_plan(request, table, inputs, Consumption())

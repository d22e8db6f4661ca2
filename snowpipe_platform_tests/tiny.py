"""A pipeline of two branches over a DuckDB source one can change, as the command line sees it.

    shop = TinyShop(tmp_path, monkeypatch)
    shop.orders(("o1", "12.50", "2024-03-01 10:00"))
    shop.end_day("2024-03-01")
    assert shop.type("run").exit_code == 0

orders: bronze/orders > silver/order_changes > silver/fct_orders > gold/daily_totals; more than 40% of a day's rows
without a number for an amount hold it back.
customers: bronze/customers > silver/customer_changes > silver/customer_list.
"""

import json
import linecache
import sys
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from snowpipe_platform.cli import app
from snowpipe_platform_tests.kit import Source

QUERIES = """
source_system: tiny
queries:
  - name: orders
    sql: SELECT * FROM orders WHERE updated_at > ?
    watermark_column: updated_at
    primary_key: order_id
    lookback: 1 day
  - name: customers
    sql: SELECT * FROM customers
    mode: full
    primary_key: customer_id
"""
ORDER_CHANGES = """
import ibis.expr.datatypes as dt
import pandera.ibis as pa
from snowpipe_platform.spec.table import ChangesTable

class OrderChanges(pa.DataFrameModel):
    order_id: str
    amount: dt.Decimal(18, 2) = pa.Field(nullable=True, metadata={"error_above": 0.4})
    note: str = pa.Field(nullable=True, str_contains="o", metadata={"severity": "warn"}, description="says why")

TABLE = ChangesTable(name="silver/order_changes", contract=OrderChanges, description="Changes of orders.",
    source="orders", key=("order_id",), clean=lambda rows: {}, types={"amount": "decimal(18, 2)"})
"""
FCT_ORDERS = """
import ibis.expr.datatypes as dt
import pandera.ibis as pa
from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.table import DerivedTable

class FctOrders(pa.DataFrameModel):
    order_id: str = pa.Field(unique=True)
    amount: dt.Decimal(18, 2) = pa.Field(lt=1000, metadata={"error_above": 0.0})
    ordered_on: dt.date

def build(inputs):
    rows = latest(inputs["silver/order_changes"], key=["order_id"])
    return rows.mutate(ordered_on=rows.changed_at.date())

TABLE = DerivedTable(name="silver/fct_orders", contract=FctOrders, description="Orders as they are.",
    inputs=("silver/order_changes",), scope=("order_id",), build=build)
"""
DAILY_TOTALS = """
import ibis.expr.datatypes as dt
import pandera.ibis as pa
from snowpipe_platform.spec.table import DerivedTable

class DailyTotals(pa.DataFrameModel):
    ordered_on: dt.date = pa.Field(unique=True)
    total: dt.Decimal(38, 2)

TABLE = DerivedTable(name="gold/daily_totals", contract=DailyTotals, description="Sales of a day.",
    inputs=("silver/fct_orders",), scope=("ordered_on",),
    build=lambda i: i["silver/fct_orders"].group_by("ordered_on").aggregate(total=lambda rows: rows.amount.sum()))
"""
CUSTOMER_CHANGES = """
import pandera.ibis as pa
from snowpipe_platform.spec.table import ChangesTable

class CustomerChanges(pa.DataFrameModel):
    customer_id: str
    name: str = pa.Field(nullable=True)

TABLE = ChangesTable(name="silver/customer_changes", contract=CustomerChanges, description="Changes of customers.",
    source="customers", key=("customer_id",), clean=lambda rows: {})
"""
CUSTOMER_LIST = """
import pandera.ibis as pa
from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.table import DerivedTable

class CustomerList(pa.DataFrameModel):
    customer_id: str = pa.Field(unique=True)
    name: str = pa.Field(nullable=True)

TABLE = DerivedTable(name="silver/customer_list", contract=CustomerList, description="Customers as they are.",
    inputs=("silver/customer_changes",), scope=("customer_id",),
    build=lambda i: latest(i["silver/customer_changes"], key=["customer_id"]))
"""
FILES = {
    "__init__.py": "from datetime import date\nFIRST_DAY = date(2024, 3, 1)\n",
    "source/queries.yaml": QUERIES,
    "silver/__init__.py": "",
    "silver/order_changes.py": ORDER_CHANGES,
    "silver/fct_orders.py": FCT_ORDERS,
    "silver/customer_changes.py": CUSTOMER_CHANGES,
    "silver/customer_list.py": CUSTOMER_LIST,
    "gold/__init__.py": "",
    "gold/daily_totals.py": DAILY_TOTALS,
}


class TinyShop:
    """The pipeline as a package on the path, its source, and the environment that points the command at both."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, more: Mapping[str, str] | None = None, **replaced: str
    ) -> None:
        self.folder, self._monkeypatch, self._more = folder, monkeypatch, dict(more or {})
        self.write(**replaced)
        self.source = Source(folder / "source.duckdb")
        self.source.run(
            "CREATE TABLE orders (order_id VARCHAR, amount VARCHAR, note VARCHAR, updated_at TIMESTAMP)",
            "CREATE TABLE customers (customer_id VARCHAR, name VARCHAR)",
            "INSERT INTO customers VALUES ('c1', 'Ada'), ('c2', 'Grace')",
        )
        self.home = folder / "home"
        self.environment = {
            "SNOWPIPE_HOME": str(self.home),
            "SNOWPIPE_PIPELINE": self.package,
            "SNOWPIPE_WAREHOUSE": str(self.source.path),
            "COLUMNS": "80",
        }
        for key, value in self.environment.items():
            monkeypatch.setenv(key, value)
        monkeypatch.setattr(sys, "path", [str(folder), *sys.path])

    def write(self, **replaced: str) -> None:
        """The package, under a new name, as what was imported stays. replaced: `silver__order_changes="..."`."""
        self.package = f"tiny_{uuid.uuid4().hex[:8]}"
        named = {known.partition(".")[0].replace("/", "__"): known for known in FILES}
        for name, text in {**FILES, **self._more, **{named[key]: text for key, text in replaced.items()}}.items():
            path = self.folder / self.package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def mend(self, **replaced: str) -> None:
        """Go on in the same home with other code."""
        self.write(**replaced)
        self._monkeypatch.setenv("SNOWPIPE_PIPELINE", self.package)

    def edit(self, file: str, text: str) -> None:
        """As a user does who changes a file of the package: the next command reads it anew."""
        (self.folder / self.package / file).write_text(text)
        for module in [name for name in sys.modules if name.startswith(self.package)]:
            del sys.modules[module]
        linecache.checkcache()

    def orders(self, *rows: tuple[str, str, str]) -> None:
        """(order_id, amount as text, updated_at)."""
        self.source.insert("orders", [(key, amount, "so", moment) for key, amount, moment in rows])

    def end_day(self, day: str) -> None:
        """The source's clock shows the midnight after the day."""
        self.source.set_clock(f"{date.fromisoformat(day) + timedelta(days=1)}")

    def one_day(self) -> None:
        """Two good orders on 2024-03-01."""
        self.orders(("o1", "12.50", "2024-03-01 10:00"), ("o2", "7.50", "2024-03-01 11:00"))
        self.end_day("2024-03-01")

    def type(self, *words: str) -> Result:
        """`snowpipe <words>` in this process."""
        return CliRunner().invoke(app, list(words))

    def json(self, *words: str) -> Any:
        """The JSON of `snowpipe <words> --json`, and nothing else, was on stdout."""
        return json.loads(self.type(*words, "--json").stdout)

    def outcomes(self, *words: str) -> dict[str, dict[str, Any]]:
        """Of `snowpipe run <words>`, by table, the last day's."""
        return {outcome["table"]: outcome for outcome in self.json("run", *words)["outcomes"]}

    def rows(self, statement: str) -> Sequence[dict[str, Any]]:
        """Of `snowpipe sql`."""
        return self.json("sql", statement)["rows"]

"""What an order states as its total is held against its lines, from extraction to sales, through a real lake."""

from datetime import date
from decimal import Decimal

import pytest

from snowpipe_platform.execution.execute import run_table
from snowpipe_platform.execution.extraction import ExtractionRequest, execute_extraction
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.execution.verify import verify
from snowpipe_platform.spec.pipeline import load_pipeline
from snowpipe_platform.spec.table import ChangesTable, DerivedTable
from snowpipe_platform_tests.kit import Source, make_ground
from snowpipe_platform_tests.ledger import IDENTITY, rows_in

ADDS_UP = "lines_add_up_to_the_order_total"
LINES, SALES = "silver/fct_order_lines", "gold/daily_sales"
D1, D2 = date(2024, 3, 1), date(2024, 3, 2)
TABLES = (
    (
        "CREATE TABLE customers (customer_id VARCHAR, first_name VARCHAR, last_name VARCHAR, email VARCHAR, "
        "phone VARCHAR, address VARCHAR, city VARCHAR, state VARCHAR, zip_code VARCHAR, created_at TIMESTAMP, "
        "updated_at TIMESTAMP)"
    ),
    (
        "CREATE TABLE orders (order_id VARCHAR, customer_id VARCHAR, status VARCHAR, currency VARCHAR, "
        "order_total DECIMAL(18, 2), ordered_at TIMESTAMP, updated_at TIMESTAMP)"
    ),
    (
        "CREATE TABLE order_lines (order_id VARCHAR, line_number INTEGER, product_id VARCHAR, quantity VARCHAR, "
        "unit_price DECIMAL(18, 2), updated_at TIMESTAMP)"
    ),
    (
        "CREATE TABLE products (product_id VARCHAR, product_name VARCHAR, category VARCHAR, list_price DECIMAL(18, 2), "
        "created_at TIMESTAMP)"
    ),
    (
        "INSERT INTO customers VALUES ('c1', 'Ada', 'Lovelace', NULL, NULL, NULL, NULL, 'NY', NULL, '2024-01-01', "
        "'2024-03-01 09:00')"
    ),
    "INSERT INTO products VALUES ('p1', 'Kite', 'Toys', 5.00, '2024-01-01')",
)


class Shop:
    def __init__(self, folder):
        self.pipeline = load_pipeline("snowpipe_platform.pipeline")
        self.source = Source(folder / "source.duckdb")
        self.source.run(*TABLES)
        self.ground = make_ground(folder, self.source.path)

    def order(self, key, total):
        self.source.insert("orders", [(key, "c1", "placed", "USD", total, "2024-03-01 10:00", "2024-03-01 10:00")])

    def line(self, key, number, quantity):
        """Of the same instant as its order's first state, however late it comes: within the lookback."""
        self.source.insert("order_lines", [(key, number, "p1", quantity, "5.00", "2024-03-01 10:00")])

    def day(self, day):
        """Extract it and bring every table up to date; what became of each."""
        self.source.set_clock(f"{day.replace(day=day.day + 1)}")
        for query in self.pipeline.queries_by_entity.values():
            execute_extraction(ExtractionRequest(query, "shop", Window(day), IDENTITY), self.ground)
        kinds = (ChangesTable, DerivedTable)
        tables = [table for table in self.pipeline.tables if isinstance(table, kinds)]
        return {table.name: run_table(TableRequest(self.pipeline, table, IDENTITY), self.ground) for table in tables}

    def sold(self):
        files = self.ground.lake.files(SALES, snapshot_id=self.ground.lake.state(SALES).snapshot_id)
        return rows_in([file.path for file in files], "sales_date, category, region, orders, units, gross_amount")


@pytest.mark.slow
@pytest.mark.case("A55")
def test_a_spoilt_total_is_named_and_holds_the_lines_back_until_it_is_mended(tmp_path):
    shop = Shop(tmp_path)
    shop.order("whole", "15.00")
    shop.line("whole", 1, "1")
    shop.line("whole", 2, "2")
    shop.order("spoilt", "99.00")
    shop.line("spoilt", 1, "1")
    ran = shop.day(D1)
    assert (ran[LINES].held_on, ran[LINES].quality.total.broken) == ("held", {ADDS_UP: 1})
    assert ran[SALES].plan.reason == f"waits for {LINES}"

    shop.source.run("UPDATE orders SET order_total = 5.00, updated_at = '2024-03-02 10:00' WHERE order_id = 'spoilt'")
    shop.line("whole", 3, "4")
    shop.source.run("UPDATE orders SET order_total = 35.00, updated_at = '2024-03-02 10:00' WHERE order_id = 'whole'")
    ran = shop.day(D2)
    assert (ran[LINES].published, ran[LINES].quality.total.broken) == (True, {})
    assert shop.sold() == [(D1, "Toys", "Northeast", 2, 8, Decimal("40.00"))]
    for name in ran:
        found = verify(shop.pipeline.table(name), shop.pipeline, shop.ground)
        assert (found.error, found.difference.rows) == (None, 0)
        assert found.live_rows

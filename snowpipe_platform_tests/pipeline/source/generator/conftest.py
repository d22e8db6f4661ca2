"""A shop of eight days, looked at on the evening of each, and its source values read without the generator's SQL."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from snowpipe_platform.pipeline.source.generator import ShopDay, advance_day, build_warehouse

DAYS = 8

# Written apart from the generator's own SQL: what a reader would make of a source value.
PLAIN_EMAIL = r"^[a-z0-9.-]+@[a-z]+(\.[a-z]+)+$"
CLEANED_CUSTOMERS = rf"""
    SELECT DISTINCT customer_id, updated_at, first_name, last_name,
        CASE WHEN regexp_matches(lower(trim(email)), '{PLAIN_EMAIL}') THEN lower(trim(email)) END,
        CASE WHEN length(regexp_replace(phone, '\D', '', 'g')) >= 10
             THEN '+1' || right(regexp_replace(phone, '\D', '', 'g'), 10) END,
        regexp_replace(trim(address), ' +', ' ', 'g'), trim(city), upper(trim(state)),
        regexp_extract(zip_code, '^(\d{{5}})(-\d{{4}})?$', 1), created_at
    FROM warehouse.customers WHERE customer_id IS NOT NULL"""
LATEST_CUSTOMERS = """
    SELECT customer_id, changed_at, first_name, last_name, email, phone, street, city, state,
        coalesce(zip_code, ''), created_at
    FROM truth.customer_versions
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY changed_at DESC) = 1"""
LATEST_LINES = """
    SELECT * FROM truth.order_line_versions
    QUALIFY row_number() OVER (PARTITION BY order_id, line_number ORDER BY changed_at DESC) = 1"""
# Dirt of the day that the warehouse does not show: each kind is looked for in the source's own values.
MISSING_DIRT = rf"""
    WITH source AS (
        SELECT 'customers' AS table_name, coalesce(customer_id, email) AS key, count(*) AS copies,
            any_value(c) AS customer, NULL AS quantity
        FROM warehouse.customers AS c GROUP BY 2
        UNION ALL
        SELECT 'order_lines', order_id || '/' || line_number, count(*), NULL, any_value(quantity)
        FROM warehouse.order_lines GROUP BY 2
    )
    SELECT d.kind, d.table_name, d.key
    FROM truth.dirt AS d LEFT JOIN source AS s USING (table_name, key)
    WHERE d.committed_on = $day AND NOT coalesce(CASE d.kind
        WHEN 'duplicate' THEN copies = 2
        WHEN 'bad_email' THEN NOT regexp_matches(lower(trim(customer.email)), '{PLAIN_EMAIL}')
        WHEN 'mixed_case_email' THEN customer.email <> lower(trim(customer.email))
             AND regexp_matches(lower(trim(customer.email)), '{PLAIN_EMAIL}')
        WHEN 'missing_phone' THEN customer.phone IS NULL
        WHEN 'bad_phone' THEN length(regexp_replace(customer.phone, '\D', '', 'g')) < 10
        WHEN 'bad_zip' THEN customer.zip_code IN ('ABCDE', '123')
        WHEN 'mixed_case_state' THEN customer.state <> upper(trim(customer.state))
        WHEN 'text_quantity' THEN quantity IN ('abc', 'n/a', 'two')
        WHEN 'null_key' THEN customer.customer_id IS NULL AND customer.email = d.key
        WHEN 'delete' THEN d.key NOT IN (SELECT product_id FROM warehouse.products)
        WHEN 'late_change' THEN true END, false)"""
LATE_INSTANTS = """
    SELECT d.key, coalesce(c.updated_at, o.updated_at)
    FROM truth.dirt AS d
    LEFT JOIN (SELECT DISTINCT customer_id, updated_at FROM warehouse.customers) AS c
        ON d.table_name = 'customers' AND c.customer_id = d.key
    LEFT JOIN warehouse.orders AS o ON d.table_name = 'orders' AND o.order_id = d.key
    WHERE d.kind = 'late_change' AND d.committed_on = $day"""
# Customers and lines that the first day changed are left out: their dirt may be gone.
MISSING_HISTORY_DIRT = f"""
    SELECT * FROM ({MISSING_DIRT.replace("d.committed_on = $day", "d.committed_on < $day")})
    WHERE key NOT IN (
        SELECT customer_id FROM truth.customer_versions WHERE committed_on = $day
        UNION ALL
        SELECT order_id || '/' || line_number FROM truth.order_line_versions WHERE committed_on = $day)"""


def opened(folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    connection.execute(f"ATTACH '{folder}/warehouse.duckdb' AS warehouse (READ_ONLY)")
    connection.execute(f"ATTACH '{folder}/truth.duckdb' AS truth (READ_ONLY)")
    return connection


class Shop:
    """A shop after several days, with what was seen at the end of each day."""

    customers = 5_000

    def __init__(self, folder: Path) -> None:
        self.days: list[ShopDay] = []
        self.unequal_customers: list[int] = []
        self.missing_dirt: list[list[tuple[object, ...]]] = []
        self.late_instants: list[list[tuple[object, ...]]] = []
        self.catalogs: list[set[str]] = []
        for number in range(DAYS):
            day = build_warehouse(folder, customers=self.customers) if number == 0 else advance_day(folder)
            self.days.append(day)
            self._look(folder, day.day)
            if number == 0:
                with opened(folder) as connection:
                    self.missing_history_dirt = connection.execute(MISSING_HISTORY_DIRT, {"day": day.day}).fetchall()
        self.connection = opened(folder)

    def count(self, query: str) -> int:
        return count(self.connection, query)

    @property
    def latest_lines(self) -> str:
        return LATEST_LINES

    @staticmethod
    def unequal(left: str, right: str) -> str:
        """The rows that only one of two queries has."""
        return f"(({left}) EXCEPT ({right})) UNION ALL (({right}) EXCEPT ({left}))"

    def _look(self, folder: Path, day: date) -> None:
        with opened(folder) as connection:
            self.unequal_customers.append(count(connection, self.unequal(CLEANED_CUSTOMERS, LATEST_CUSTOMERS)))
            self.missing_dirt.append(connection.execute(MISSING_DIRT, {"day": day}).fetchall())
            self.late_instants.append(connection.execute(LATE_INSTANTS, {"day": day}).fetchall())
            rows = connection.execute("SELECT product_id FROM warehouse.products").fetchall()
            self.catalogs.append({product for (product,) in rows})


def count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    (number,) = connection.execute(f"SELECT count(*) FROM ({query})").fetchone()
    return number


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    built = Shop(tmp_path_factory.mktemp("shop"))
    yield built
    built.connection.close()

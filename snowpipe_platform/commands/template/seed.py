"""A small warehouse, a DuckDB file where the real one will be: three days of orders, then a day more each time it runs.

`source_clock` is what the warehouse says the time is: midnight after its last day. `customers` waits to be extracted.
"""

import sys
from datetime import timedelta
from pathlib import Path

import duckdb

from my_shop import FIRST_DAY

WAREHOUSE = Path(__file__).with_name("warehouse.duckdb")
FIRST_DAYS = 3

TABLES = """
CREATE TABLE IF NOT EXISTS orders (
    order_id VARCHAR, customer VARCHAR, status VARCHAR, amount VARCHAR, ordered_at TIMESTAMP, updated_at TIMESTAMP
);
CREATE TABLE IF NOT EXISTS customers AS
    SELECT 'customer ' || n AS customer, ['DE', 'FR', 'GB', 'de'][n % 4 + 1] AS country FROM range(11) AS customers(n);
CREATE TABLE IF NOT EXISTS source_clock (now_at TIMESTAMP);
"""
YESTERDAYS_ORDERS = """
UPDATE orders
SET status = if(order_id LIKE '%-07', 'cancelled', 'paid'),
    amount = if(amount = 'n/a', '99.90', amount),
    updated_at = $day + INTERVAL 9 HOURS
WHERE status = 'placed'
"""
NEW_ORDERS = """
INSERT INTO orders
SELECT
    format('{}-{:02d}', $day::DATE, n), 'customer ' || (n * 7 % 11), 'placed',
    if(n = 13, 'n/a', (10 + n * 3.75)::DECIMAL(18, 2)::VARCHAR),
    $day + to_minutes(n * 60), $day + to_minutes(n * 60)
FROM range(1, 21) AS orders(n)
"""


def add_day(connection: duckdb.DuckDBPyConnection) -> str:
    """The day after the last one; its amount number 13 is no number until the next day mends it."""
    (now,) = connection.execute(
        "SELECT coalesce(max(now_at), $first) FROM source_clock", {"first": FIRST_DAY}
    ).fetchone()
    connection.execute(YESTERDAYS_ORDERS, {"day": now})
    connection.execute(NEW_ORDERS, {"day": now})
    connection.execute("DELETE FROM source_clock")
    connection.execute("INSERT INTO source_clock VALUES ($now)", {"now": now + timedelta(days=1)})
    return f"{now:%Y-%m-%d}"


def main() -> None:
    days = 1 if WAREHOUSE.exists() else FIRST_DAYS
    with duckdb.connect(str(WAREHOUSE)) as connection:
        connection.execute("BEGIN")
        connection.execute(TABLES)
        added = [add_day(connection) for _ in range(days)]
        connection.execute("COMMIT")
    sys.stdout.write(f"{WAREHOUSE.name} has the orders up to {added[-1]}\n")


if __name__ == "__main__":
    main()

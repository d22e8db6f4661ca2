"""The shop's tables in plain SQL over truth.duckdb alone; nothing of the platform's expressions is used.

Queries read the attached database `truth` and two tables: `keys (id, key)`, and `evenings (day, evening)` with the
evening on which the platform saw what the source had committed on a day: that day's, unless it could not look then.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import duckdb

from snowpipe_platform.execution.ground import Ground

# What was visible when the platform looked: of what changed between two evenings, the last.
SEEN = """
    SELECT * EXCLUDE (nth) FROM (
        SELECT *, row_number() OVER (PARTITION BY {key}, evening ORDER BY {at} DESC) AS nth
        FROM truth.{table}, (SELECT first_day FROM truth.generator)
        JOIN evenings ON evenings.day = greatest({on}, first_day))
    WHERE nth = 1"""
SEEN_CUSTOMERS = SEEN.format(table="customer_versions", key="customer_id", on="committed_on", at="changed_at")
SEEN_ORDERS = SEEN.format(table="order_versions", key="order_id", on="committed_on", at="changed_at")
SEEN_LINES = SEEN.format(table="order_line_versions", key="(order_id, line_number)", on="committed_on", at="changed_at")
SEEN_PRODUCTS = SEEN.format(table="product_versions", key="product_id", on="seen_on", at="seen_on")
MANIFEST = "greatest(date_diff('day', first_day, {on}) + 1, 1)"

DIM_CUSTOMERS = f"""
    WITH seen AS (
        SELECT *, first_name || ' ' || last_name AS full_name,
            {{'street': street, 'city': city, 'state': state, 'zip_code': zip_code, 'country': 'US'}} AS address,
            lag(changed_at) OVER one IS NULL AS is_first,
            (first_name, last_name, email, phone, street, city, state, zip_code)
                IS NOT DISTINCT FROM lag((first_name, last_name, email, phone, street, city, state, zip_code)) OVER one
                AS is_same
        FROM ({SEEN_CUSTOMERS}) WINDOW one AS (PARTITION BY customer_id ORDER BY changed_at)
    ), versions AS (
        SELECT *, CASE WHEN is_first THEN least(created_at, changed_at) ELSE changed_at END AS starts,
            lead(changed_at) OVER (PARTITION BY customer_id ORDER BY changed_at) AS ends
        FROM seen WHERE is_first OR NOT is_same
    )
    SELECT k.key AS customer_key, customer_id, full_name, email AS email_normalized, phone AS phone_normalized,
        address AS address_standardized,
        (2 + (email IS NOT NULL)::INT + (phone IS NOT NULL)::INT + (zip_code IS NOT NULL)::INT) / 5.0::DOUBLE
            AS data_quality_score,
        true AS is_active, created_at::DATE AS created_date, changed_at::DATE AS last_updated_date,
        starts::DATE AS effective_date, ends::DATE AS expiration_date, ends IS NULL AS is_current,
        starts AS effective_at, ends AS expires_at, {MANIFEST.format(on="committed_on")} AS manifest_number,
        year(starts) AS year, month(starts) AS month
    FROM versions JOIN keys AS k ON k.id = customer_id"""
DIM_PRODUCTS = f"""
    WITH seen AS (
        SELECT *, evening::TIMESTAMP + INTERVAL 1 DAY AS changed_at,
            row_number() OVER (PARTITION BY product_id ORDER BY seen_on) = 1 AS is_first
        FROM ({SEEN_PRODUCTS})
    ), versions AS (
        SELECT *, CASE WHEN is_first THEN least(created_at, changed_at) ELSE changed_at END AS starts,
            lead(changed_at) OVER (PARTITION BY product_id ORDER BY changed_at) AS ends,
            bool_or(is_deleted) OVER (PARTITION BY product_id) AS is_gone
        FROM seen
    )
    SELECT k.key AS product_key, product_id, product_name, category, list_price, NOT is_gone AS is_active,
        starts AS effective_at, ends AS expires_at, ends IS NULL AS is_current,
        {MANIFEST.format(on="seen_on")} AS manifest_number, year(starts) AS year, month(starts) AS month
    FROM versions JOIN keys AS k ON k.id = product_id WHERE NOT is_deleted"""
FCT_ORDERS = f"""
    SELECT order_id, k.key AS customer_key, customer_id, status, currency, order_total, ordered_at,
        ordered_at::DATE AS sales_date, changed_at AS last_changed_at, year(ordered_at) AS year,
        month(ordered_at) AS month
    FROM ({SEEN_ORDERS}) JOIN keys AS k ON k.id = customer_id
    QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY changed_at DESC) = 1"""
FCT_ORDER_LINES = f"""
    SELECT order_id, line_number, k.key AS product_key, product_id, quantity, unit_price,
        (quantity * unit_price)::DECIMAL(18, 2) AS line_amount, changed_at AS last_changed_at
    FROM ({SEEN_LINES}) JOIN keys AS k ON k.id = product_id WHERE quantity IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY order_id, line_number ORDER BY changed_at DESC) = 1"""
DAILY_SALES = f"""
    WITH sold AS (
        SELECT o.order_id, o.sales_date, o.status, l.quantity, l.line_amount,
            coalesce(p.category, 'Unknown') AS category,
            CASE WHEN state IN ('CT', 'ME', 'MA', 'NH', 'RI', 'VT', 'NJ', 'NY', 'PA') THEN 'Northeast'
                 WHEN state IN ('IL', 'IN', 'MI', 'OH', 'WI', 'IA', 'KS', 'MN', 'MO', 'NE', 'ND', 'SD') THEN 'Midwest'
                 WHEN state IN ('AZ', 'CO', 'ID', 'MT', 'NV', 'NM', 'UT', 'WY', 'AK', 'CA', 'HI', 'OR', 'WA')
                    THEN 'West'
                 WHEN state IS NOT NULL THEN 'South' ELSE 'Unknown' END AS region
        FROM ({FCT_ORDER_LINES}) AS l JOIN ({FCT_ORDERS}) AS o USING (order_id)
        LEFT JOIN (SELECT *, address_standardized.state AS state FROM ({DIM_CUSTOMERS})) AS c
            ON c.customer_id = o.customer_id AND o.ordered_at >= c.effective_at
            AND o.ordered_at < coalesce(c.expires_at, TIMESTAMP 'infinity')
        LEFT JOIN ({DIM_PRODUCTS}) AS p
            ON p.product_id = l.product_id AND o.ordered_at >= p.effective_at
            AND o.ordered_at < coalesce(p.expires_at, TIMESTAMP 'infinity')
    )
    SELECT sales_date, category, region, count(DISTINCT order_id) AS orders,
        count(DISTINCT order_id) FILTER (status = 'cancelled') AS cancelled_orders,
        coalesce(sum(quantity) FILTER (status <> 'cancelled'), 0) AS units, sum(line_amount) AS gross_amount,
        coalesce(sum(line_amount) FILTER (status = 'cancelled'), 0) AS cancelled_amount,
        coalesce(sum(line_amount) FILTER (status <> 'cancelled'), 0) AS net_amount,
        year(sales_date) AS year, month(sales_date) AS month
    FROM sold GROUP BY ALL"""
TRUTH = {
    "silver/dim_customers": DIM_CUSTOMERS,
    "silver/dim_products": DIM_PRODUCTS,
    "silver/fct_orders": FCT_ORDERS,
    "silver/fct_order_lines": FCT_ORDER_LINES,
    "gold/daily_sales": DAILY_SALES,
}


def _known(seen: str, key: str, on: date) -> str:
    """What was known of each key at the end of the day."""
    return f"""
        SELECT * FROM ({seen}) WHERE changed_at < TIMESTAMP '{on + timedelta(days=1)}'
        QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY changed_at DESC) = 1"""


def _ordered(on: date) -> str:
    """`orders` and `lines` of customers that existed, placed and not cancelled, as known at the end of the day."""
    end = f"TIMESTAMP '{on + timedelta(days=1)}'"
    return f"""
        customers AS ({_known(SEEN_CUSTOMERS, "customer_id", on)}),
        orders AS (
            SELECT order_id, customer_id, order_total AS total, ordered_at, ordered_at::DATE AS day
            FROM ({_known(SEEN_ORDERS, "order_id", on)}) WHERE status <> 'cancelled' AND ordered_at::DATE <= DATE '{on}'
        ),
        products AS (
            SELECT product_id, CASE WHEN is_deleted THEN NULL ELSE category END AS category,
                CASE WHEN row_number() OVER (PARTITION BY product_id ORDER BY seen_on) = 1
                     THEN least(created_at, changed_at) ELSE changed_at END AS starts
            FROM (SELECT *, evening::TIMESTAMP + INTERVAL 1 DAY AS changed_at FROM ({SEEN_PRODUCTS}))
            WHERE changed_at < {end}
        ),
        known_lines AS (
            {_known(f"SELECT * FROM ({SEEN_LINES}) WHERE quantity IS NOT NULL", "(order_id, line_number)", on)}
        ),
        lines AS (
            SELECT o.customer_id, o.ordered_at, (l.quantity * l.unit_price)::DECIMAL(18, 2) AS amount,
                coalesce(p.category, 'Unknown') AS category
            FROM (SELECT l.*, o.ordered_at AS at FROM known_lines AS l JOIN orders AS o USING (order_id)) AS l
            JOIN orders AS o USING (order_id)
            ASOF LEFT JOIN products AS p ON p.product_id = l.product_id AND l.at >= p.starts
        )"""


def customer_activity(on: date) -> str:
    """gold/customer_activity of one analysis date."""
    counts, kept = [], []
    for days in (30, 90, 365):
        recent = f"FILTER (ordered_at >= TIMESTAMP '{on - timedelta(days=days - 1)}')"
        counts += [f"count(*) {recent} AS orders_{days}d", f"coalesce(sum(total) {recent}, 0) AS spend_{days}d"]
        kept += [f"coalesce({name}_{days}d, 0) AS {name}_{days}d" for name in ("orders", "spend")]
    return f"""
        WITH {_ordered(on)},
        bought AS (SELECT customer_id, {", ".join(counts)}, max(day) AS last_day FROM orders GROUP BY customer_id),
        spread AS (
            SELECT customer_id, count(DISTINCT category) AS categories FROM lines
            WHERE ordered_at >= TIMESTAMP '{on - timedelta(days=364)}' GROUP BY customer_id
        )
        SELECT k.key AS customer_key, {", ".join(kept)},
            CASE WHEN orders_365d > 0 THEN spend_365d::DOUBLE / orders_365d END AS average_basket_365d,
            coalesce(categories, 0) AS categories_365d, DATE '{on}' - last_day AS recency_days,
            DATE '{on}' - created_at::DATE AS tenure_days, DATE '{on}' AS analysis_date
        FROM customers JOIN keys AS k ON k.id = customer_id
        LEFT JOIN bought USING (customer_id) LEFT JOIN spread USING (customer_id)"""


def customer_analytics(on: date) -> str:
    """gold/customer_analytics of one analysis date."""
    region = DAILY_SALES[DAILY_SALES.index("CASE WHEN state IN") : DAILY_SALES.index(" AS region")]
    return f"""
        WITH {_ordered(on)},
        bought AS (
            SELECT customer_id, count(*) AS n, sum(total)::DOUBLE AS value, min(day) AS first_on, max(day) AS last_day,
                count(*) FILTER (day > DATE '{on}' - 365) AS n_year,
                coalesce(sum(total) FILTER (day > DATE '{on}' - 365), 0) AS value_year
            FROM orders GROUP BY customer_id
        ),
        liked AS (
            SELECT customer_id, category FROM lines GROUP BY customer_id, category
            QUALIFY rank() OVER (PARTITION BY customer_id ORDER BY sum(amount) DESC, category) = 1
        ),
        scored AS (
            SELECT *, DATE '{on}' - last_day <= 30 AS is_recent, DATE '{on}' - last_day <= 90 AS is_here,
                (n_year >= 12)::INT + (n_year >= 4)::INT + (value_year >= 2000)::INT + (value_year >= 500)::INT AS worth
            FROM bought
        )
        SELECT k.key AS customer_key,
            CASE WHEN n IS NULL THEN 'Prospect' WHEN is_recent AND worth = 4 THEN 'Champion'
                 WHEN DATE '{on}' - first_on <= 90 THEN 'New' WHEN is_here AND worth >= 2 THEN 'Loyal'
                 WHEN is_here THEN 'Occasional' WHEN worth >= 2 THEN 'At risk' ELSE 'Lapsed' END AS customer_segment,
            coalesce(value, 0) AS lifetime_value, coalesce(n, 0)::INT AS total_orders, value / n AS avg_order_value,
            last_day AS last_order_date, NULL::DOUBLE AS churn_probability, liked.category AS preferred_category,
            {region} AS geographic_region, DATE '{on}' AS analysis_date
        FROM customers JOIN keys AS k ON k.id = customer_id
        LEFT JOIN scored USING (customer_id) LEFT JOIN liked USING (customer_id)"""


AS_OF = {"gold/customer_activity": customer_activity, "gold/customer_analytics": customer_analytics}


def open_truth(source: Path, evenings: Mapping[date, date]) -> duckdb.DuckDBPyConnection:
    """A connection with the truth of a shop's folder attached, and the tables the queries need."""
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{source}/truth.duckdb' AS truth (READ_ONLY)")
    ids = connection.execute(
        "SELECT DISTINCT customer_id FROM truth.customer_versions UNION SELECT DISTINCT product_id "
        "FROM truth.product_versions"
    ).fetchall()
    connection.execute("CREATE TABLE keys (id VARCHAR, key BIGINT)")
    connection.executemany(
        "INSERT INTO keys VALUES (?, ?)", [(i, int(hashlib.md5(i.encode()).hexdigest()[:15], 16)) for (i,) in ids]
    )
    connection.execute("CREATE TABLE evenings (day DATE, evening DATE)")
    connection.executemany("INSERT INTO evenings VALUES (?, ?)", list(evenings.items()))
    return connection


def rows_of(ground: Ground, table: str) -> str:
    """A query of the table's rows as they lie on disk."""
    state = ground.lake.state(table)
    assert state is not None, f"{table} has no commit"
    files = [file.path for file in ground.lake.files(table, snapshot_id=state.snapshot_id)]
    return f"SELECT * FROM read_parquet({files}, union_by_name = true, hive_partitioning = false)"


def differences(connection: duckdb.DuckDBPyConnection, found: str, expected: str) -> list[tuple[object, ...]]:
    """Rows that one of two queries has more often; columns are matched by name."""
    columns = ", ".join(name for name, *_ in connection.execute(f"DESCRIBE {expected}").fetchall())
    left, right = f"SELECT {columns} FROM ({found})", f"SELECT {columns} FROM ({expected})"
    more = f"SELECT 'found' AS side, * FROM ({left} EXCEPT ALL {right}) "
    return connection.execute(
        f"{more} UNION ALL SELECT 'expected', * FROM ({right} EXCEPT ALL {left}) ORDER BY ALL LIMIT 5"
    ).fetchall()

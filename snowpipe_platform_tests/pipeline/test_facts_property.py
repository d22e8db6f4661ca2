"""Facts and daily sales equal plain SQL over what the source did, in whatever order it arrives.

The shop's own tables, kept up to date after each arrival: lines that come before their order or long after it, orders
that change status, or their date over the edge of a month, deleted orders whose lines are left, customers and products
that turn out to have been something else.
"""

from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.pipeline.gold.daily_sales import TABLE as DAILY_SALES
from snowpipe_platform.pipeline.silver.customer_changes import TABLE as CUSTOMERS
from snowpipe_platform.pipeline.silver.dim_customers import TABLE as DIM_CUSTOMERS
from snowpipe_platform.pipeline.silver.dim_products import TABLE as DIM_PRODUCTS
from snowpipe_platform.pipeline.silver.fct_order_lines import TABLE as LINES
from snowpipe_platform.pipeline.silver.fct_orders import TABLE as ORDERS
from snowpipe_platform.pipeline.silver.order_changes import TABLE as ORDER_CHANGES
from snowpipe_platform.pipeline.silver.order_line_changes import TABLE as LINE_CHANGES
from snowpipe_platform.pipeline.silver.product_changes import TABLE as PRODUCTS
from snowpipe_platform_tests.kept_up import KeptUp
from snowpipe_platform_tests.kit import moment

RUNS = (DIM_CUSTOMERS.name, DIM_PRODUCTS.name, ORDERS.name, LINES.name, DAILY_SALES.name)
OVER_THE_EDGE = ("2024-01-31 23:59:59.999999", "2024-02-01 00:00", "2024-03-01 10:00")


def order(key, day, ordered_at, status="placed", total="0.00"):
    told = {"order_id": key, "customer_key": 1, "customer_id": "c1", "currency": "USD", "order_total": Decimal(total)}
    return ORDER_CHANGES.name, {**told, **at(day), "status": status, "ordered_at": moment(ordered_at)}


def line(key, number, day, quantity, price="1.50"):
    amount = quantity * Decimal(price)
    told = {"order_id": key, "line_number": number, "product_key": 7, "product_id": "p7", "quantity": quantity}
    return LINE_CHANGES.name, {**told, **at(day), "unit_price": Decimal(price), "line_amount": amount}


def customer(day, state):
    address = {"street": None, "city": None, "state": state, "zip_code": None, "country": "US"}
    told = {"customer_key": 1, "customer_id": "c1", "address_standardized": address, "created_at": moment("2024-01-01")}
    return CUSTOMERS.name, {**told, **at(day), "full_name": "Ada"}


def product(day, category):
    told = {"product_key": 7, "product_id": "p7", "product_name": "Kite", "list_price": Decimal("1.50")}
    return PRODUCTS.name, {**told, **at(day), "category": category, "created_at": moment("2024-01-01")}


def deleted(change, day):
    """The key and nothing else, as a delete comes."""
    table, row = change
    keys = {"order_id", "line_number"} & row.keys()
    return table, {name: row[name] for name in keys} | at(day) | {"change_type": "delete"}


def at(day):
    return {"changed_at": datetime(2024, 3, 1) + timedelta(days=day), "change_type": "upsert", "change_status": "valid"}


edges, statuses = st.sampled_from(OVER_THE_EDGE), st.sampled_from(["placed", "paid", "cancelled"])
keys, days = st.sampled_from(["o1", "o2", "o3"]), st.integers(0, 27)
learned = st.sampled_from([-45, -20, 0, 9])
"""Days of what becomes known of a customer or product: between the orders' dates."""
happening = st.one_of(
    st.builds(order, keys, days, edges, statuses),
    st.builds(order, keys, days, edges, statuses),
    st.builds(line, keys, st.integers(1, 2), days, st.integers(1, 3)),
    st.builds(line, keys, st.integers(1, 2), days, st.integers(1, 3)),
    st.builds(lambda key, day: deleted(order(key, 0, OVER_THE_EDGE[0]), day), keys, days),
    st.builds(lambda key, number, day: deleted(line(key, number, 0, 1), day), keys, st.integers(1, 2), days),
    st.builds(customer, learned, st.sampled_from(["CA", "NY", None])),
    st.builds(product, learned, st.sampled_from(["Toys", "Garden"])),
)


def _instant_of(one):
    table, row = one
    return table, row.get("order_id"), row.get("line_number"), row["changed_at"]


LATEST = """
    SELECT * FROM (SELECT * FROM {table} QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY changed_at DESC) = 1)
    WHERE change_type = 'upsert'"""
TRUE_ORDERS = LATEST.format(table="orders", key="order_id")
TRUE_LINES = LATEST.format(table="lines", key="(order_id, line_number)")
THEN = """coalesce((
    SELECT {value} FROM {table} AS was
    WHERE was.changed_at <= ordered_at OR was.changed_at = (SELECT min(changed_at) FROM {table})
        AND ordered_at >= TIMESTAMP '2024-01-01'
    ORDER BY was.changed_at DESC LIMIT 1), 'Unknown')"""
REGION = "CASE was.address_standardized.state WHEN 'CA' THEN 'West' WHEN 'NY' THEN 'Northeast' END"
TRUE_SALES = f"""
    SELECT ordered_at::DATE AS sales_date, {THEN.format(value="category", table="products")} AS category,
        {THEN.format(value=REGION, table="customers")} AS region, count(DISTINCT order_id) AS orders,
        count(DISTINCT order_id) FILTER (status = 'cancelled') AS cancelled_orders,
        coalesce(sum(quantity) FILTER (status <> 'cancelled'), 0)::BIGINT AS units, sum(line_amount) AS gross_amount,
        coalesce(sum(line_amount) FILTER (status = 'cancelled'), 0) AS cancelled_amount,
        coalesce(sum(line_amount) FILTER (status <> 'cancelled'), 0) AS net_amount
    FROM ({TRUE_LINES}) JOIN ({TRUE_ORDERS}) USING (order_id) GROUP BY ALL"""
TRUTH = {
    ORDERS.name: f"SELECT order_id, status, ordered_at, ordered_at::DATE AS sales_date FROM ({TRUE_ORDERS})",
    LINES.name: f"SELECT order_id, line_number, quantity, line_amount FROM ({TRUE_LINES})",
    DAILY_SALES.name: TRUE_SALES,
}
SOURCES = {
    "orders": ORDER_CHANGES.name,
    "lines": LINE_CHANGES.name,
    "customers": CUSTOMERS.name,
    "products": PRODUCTS.name,
}


@pytest.fixture(scope="module")
def shop():
    tables = (CUSTOMERS, PRODUCTS, ORDER_CHANGES, LINE_CHANGES, DIM_CUSTOMERS, DIM_PRODUCTS, ORDERS, LINES, DAILY_SALES)
    with DuckDBEngine(memory_limit="1GB", threads=1).session() as session:
        yield KeptUp(session, *tables)


def arrive(shop, parts):
    """Each part is landed, and every table brought up to date after it."""
    shop.start()
    for number, part in enumerate(parts, start=1):
        for place, (table, row) in enumerate(part):
            shop.add(table, [row | {"manifest_number": number, "source_row": place, "source_file": str(number)}])
        for name in RUNS:
            shop.run(name)


def equals_the_truth(shop):
    with duckdb.connect() as connection:
        for name, table in SOURCES.items():
            connection.register(name, shop._rows[table])
        for table, query in TRUTH.items():
            found = connection.execute(query)
            columns = ", ".join(name for name, *_ in found.description)
            assert shop.rows(table, columns) == connection.execute(f"SELECT * FROM ({query}) ORDER BY ALL").fetchall()


PLACED, ITS_LINE = order("o1", 0, OVER_THE_EDGE[0]), line("o1", 1, 0, 2)
STORIES = {
    "a line comes before its order": [[ITS_LINE], [PLACED]],
    "a line comes late": [[PLACED, ITS_LINE], [line("o1", 2, 20, 1)]],
    "an order changes its status, twice": [[PLACED, ITS_LINE], [order("o1", 1, OVER_THE_EDGE[0], "paid")],
        [order("o1", 2, OVER_THE_EDGE[0], "cancelled")]],
    "its last status comes first": [[ITS_LINE, order("o1", 2, OVER_THE_EDGE[0], "cancelled")], [PLACED]],
    "an order is deleted and its lines are left": [[PLACED, ITS_LINE], [deleted(PLACED, 3)]],
    "an order changes its date over a month's edge": [[PLACED, ITS_LINE], [order("o1", 1, OVER_THE_EDGE[1])]],
    "and back": [[PLACED, ITS_LINE], [order("o1", 1, OVER_THE_EDGE[1])], [order("o1", 2, OVER_THE_EDGE[0])]],
    "a customer turns out to have lived elsewhere": [[customer(9, "CA"), order("o1", 0, OVER_THE_EDGE[2]), ITS_LINE],
        [customer(0, "NY")]],
}  # fmt: skip


@pytest.mark.case("A55")
@pytest.mark.parametrize("story", STORIES)
def test_sales_of_a_story_are_those_of_the_truth_forwards_and_backwards(shop, story):
    for parts in (STORIES[story], STORIES[story][::-1]):
        arrive(shop, parts)
        equals_the_truth(shop)


@pytest.mark.case("A22")
@pytest.mark.case("A55")
@settings(max_examples=8, deadline=None)
@given(happened=st.lists(happening, min_size=4, max_size=16, unique_by=_instant_of), data=st.data())
def test_whatever_happened_and_in_whatever_order_it_arrives_the_tables_are_those_of_the_truth(shop, happened, data):
    arriving = data.draw(st.permutations(happened), label="order")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arriving)), max_size=3), label="split"))
    arrive(shop, [arriving[start:end] for start, end in zip([0, *cuts], [*cuts, len(arriving)], strict=True)])
    equals_the_truth(shop)
    assert [shop.rows(name) for name in RUNS] == [shop.rebuilt(name) for name in RUNS]

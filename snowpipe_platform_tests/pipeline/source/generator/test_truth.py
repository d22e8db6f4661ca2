"""On every day the warehouse shows what the truth says it holds."""

from datetime import UTC, date, datetime

import pytest

from snowpipe_platform.pipeline.source.generator import DIRT_KINDS, ShopSize

COLUMNS = {
    "orders": "order_id, updated_at, customer_id, status, currency, order_total, ordered_at",
    "lines": "order_id, line_number, product_id, quantity, unit_price, updated_at",
    "truth lines": "order_id, line_number, product_id, source_quantity, unit_price, changed_at",
}


def test_the_clock_stands_at_the_midnight_that_ends_the_day(shop):
    assert [day.day for day in shop.days] == [date(2024, 3, 1 + n) for n in range(8)]
    assert shop.connection.execute("SELECT now_at FROM warehouse.source_clock").fetchall() == [
        (datetime(2024, 3, 9, tzinfo=UTC).replace(tzinfo=None),)
    ]
    assert shop.connection.execute("SELECT * FROM truth.current_day").fetchall() == [(date(2024, 3, 8), 8)]


@pytest.mark.parametrize("table", ["customers", "orders", "order_lines"])
def test_everything_was_updated_before_the_clock_with_microseconds_and_some_ties(shop, table: str):
    assert shop.count(f"FROM warehouse.{table}, warehouse.source_clock WHERE updated_at >= now_at") == 0
    assert shop.count(f"FROM warehouse.{table} WHERE microsecond(updated_at) % 1000 <> 0") > 0
    key = "order_id" if table == "order_lines" else f"{table[:-1]}_id"
    ties = f"SELECT updated_at FROM warehouse.{table} GROUP BY updated_at HAVING count(DISTINCT {key}) > 1"
    assert shop.count(ties) > 0


def test_cleaned_customers_equal_the_latest_truth_on_every_day(shop):
    assert shop.unequal_customers == [0] * len(shop.days)


def test_orders_lines_and_products_equal_the_latest_truth(shop):
    orders = """
        SELECT order_id, changed_at, customer_id, status, currency, order_total, ordered_at FROM truth.order_versions
        QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY changed_at DESC) = 1"""
    assert shop.count(shop.unequal(f"SELECT {COLUMNS['orders']} FROM warehouse.orders", orders)) == 0
    lines = f"SELECT {COLUMNS['truth lines']} FROM ({shop.latest_lines})"
    assert shop.count(shop.unequal(f"SELECT DISTINCT {COLUMNS['lines']} FROM warehouse.order_lines", lines)) == 0
    products = """
        SELECT product_id, product_name, category, list_price, created_at
        FROM (FROM truth.product_versions
              QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY seen_on DESC) = 1)
        WHERE NOT is_deleted"""
    assert shop.count(shop.unequal("SELECT * FROM warehouse.products", products)) == 0


def test_an_order_total_is_the_sum_of_its_lines_where_every_quantity_is_a_number(shop):
    sums = f"""
        SELECT o.order_id, any_value(o.order_total) AS total, sum(l.quantity * l.unit_price) AS lines
        FROM warehouse.orders AS o JOIN ({shop.latest_lines}) AS l USING (order_id)
        GROUP BY o.order_id HAVING bool_and(l.quantity IS NOT NULL)"""
    assert shop.count(sums) > shop.customers * 9
    assert shop.count(f"FROM ({sums}) WHERE total <> lines") == 0


def test_the_quantity_behind_one_text_is_what_the_total_lacks(shop):
    lacking = f"""
        SELECT any_value(o.order_total) - coalesce(sum(l.quantity * l.unit_price), 0) AS amount,
            max(l.unit_price) FILTER (l.quantity IS NULL) AS price
        FROM warehouse.orders AS o JOIN ({shop.latest_lines}) AS l USING (order_id)
        GROUP BY o.order_id HAVING count(*) FILTER (l.quantity IS NULL) = 1"""
    assert shop.count(lacking) > 100
    assert shop.count(f"FROM ({lacking}) WHERE amount NOT IN (price, 2 * price, 3 * price, 4 * price, 6 * price)") == 0


@pytest.mark.parametrize(
    ("versions", "key", "instant"),
    [
        ("customer_versions", "customer_id", "changed_at"),
        ("order_versions", "order_id", "changed_at"),
        ("order_line_versions", "order_id, line_number", "changed_at"),
        ("product_versions", "product_id", "seen_on"),
    ],
)
def test_a_key_changes_once_a_day_at_most_and_always_later(shop, versions: str, key: str, instant: str):
    day = "seen_on" if instant == "seen_on" else "committed_on"
    assert shop.count(f"SELECT {key} FROM truth.{versions} GROUP BY {key}, {day} HAVING count(*) > 1") == 0
    assert shop.count(f"SELECT {key} FROM truth.{versions} GROUP BY {key} HAVING count(*) > 1") > 0
    order = f"OVER (PARTITION BY {key} ORDER BY {day})"
    assert shop.count(f"FROM truth.{versions} QUALIFY {instant} <= lag({instant}) {order}") == 0


def test_statuses_follow_one_another_and_end(shop):
    moves = shop.connection.execute(
        """SELECT DISTINCT before, status FROM (
               SELECT status, lag(status) OVER (PARTITION BY order_id ORDER BY changed_at) AS before
               FROM truth.order_versions)
           WHERE before <> status"""
    ).fetchall()
    assert set(moves) == {
        ("placed", "paid"),
        ("placed", "cancelled"),
        ("paid", "shipped"),
        ("paid", "cancelled"),
        ("shipped", "delivered"),
    }
    open_for_long = "status IN ('placed', 'paid', 'shipped') AND ordered_at < '2024-03-01'"
    assert shop.count(f"FROM warehouse.orders WHERE {open_for_long}") == 0


def test_products_and_customers_exist_before_the_orders_that_name_them(shop):
    lines = "truth.order_line_versions JOIN truth.order_versions USING (order_id) JOIN"
    too_new = f"FROM {lines} truth.product_versions AS p USING (product_id) WHERE p.created_at >= ordered_at"
    assert shop.count(too_new) == 0
    customers = "warehouse.orders LEFT JOIN (SELECT DISTINCT customer_id, created_at FROM truth.customer_versions) AS c"
    assert shop.count(f"FROM {customers} USING (customer_id) WHERE coalesce(c.created_at >= ordered_at, true)") == 0


def test_there_are_twenty_categories_and_states_of_every_region(shop):
    assert shop.count("SELECT DISTINCT category FROM warehouse.products") == 20
    states = {
        row[0] for row in shop.connection.execute("SELECT DISTINCT state FROM truth.customer_versions").fetchall()
    }
    assert {"NY", "IL", "TX", "CA"} <= states


def test_the_sizes_are_those_of_the_number_of_customers(shop):
    size = ShopSize.of(shop.customers)
    new_days = len(shop.days) * size.new_customers_a_day
    assert shop.count("SELECT DISTINCT customer_id FROM truth.customer_versions") == shop.customers + new_days
    assert shop.count("FROM warehouse.orders") == shop.customers * 10 + len(shop.days) * size.new_orders_a_day
    lines = shop.count("SELECT DISTINCT order_id, line_number FROM warehouse.order_lines")
    assert abs(lines / shop.count("FROM warehouse.orders") - 2.5) < 0.02
    assert shop.count("FROM warehouse.products") == 200


def test_a_day_counts_what_the_truth_holds_of_it(shop):
    last = shop.days[-1]
    assert set(last.dirt) == set(DIRT_KINDS)
    assert sum(last.dirt.values()) == shop.count(f"FROM truth.dirt WHERE committed_on = '{last.day}'")
    for versions, new, changed in (
        ("customer_versions", last.new_customers, last.changed_customers),
        ("order_versions", last.new_orders, last.changed_orders),
        ("order_line_versions", last.new_order_lines, last.changed_order_lines),
    ):
        assert shop.count(f"FROM truth.{versions} WHERE committed_on = '{last.day}'") == new + changed
    assert last.rows["customers"] == shop.count("FROM warehouse.customers")

"""What a customer is worth as of a date, worked by hand from the tables of docs/shop.md."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from snowpipe_platform.pipeline.gold.customer_analytics import TABLE
from snowpipe_platform.testing import given

DAY = date(2024, 12, 31)
ADDRESS = {"address_standardized": {"state": "CA"}}
CUSTOMER = {"customer_id": "c", "customer_key": 1, "created_at": "2020-01-01", "changed_at": "2020-01-01", **ADDRESS}


def order(key, days_ago, total):
    placed = DAY - timedelta(days=days_ago)
    changed = {"status": "paid", "order_total": total, "ordered_at": str(placed), "changed_at": str(placed)}
    return {"order_id": key, "customer_key": 1, **changed}


def line(order_id, number, product, amount):
    found = {"order_id": order_id, "line_number": number, "product_key": product, "line_amount": amount}
    return {**found, "changed_at": str(DAY - timedelta(days=1))}


def product(key, number, category, since):
    found = {"product_id": key, "product_key": number, "category": category}
    return {**found, "created_at": "2020-01-01", "changed_at": since}


def analytics(*orders, lines=(), products=()):
    made_from = given("silver/customer_changes", [CUSTOMER]).given("silver/order_changes", orders)
    made_from = made_from.given("silver/order_line_changes", lines).given("silver/product_changes", products)
    return made_from.when(TABLE, on=DAY)


def orders(count, *, last, first=300, each="100"):
    """So many, the first and the last so many days ago."""
    days = [first] + [last] * (count - 1) if count > 1 else [last]
    return [order(f"o{number}", ago, each) for number, ago in enumerate(days)]


@pytest.mark.parametrize(
    ("segment", "bought"),
    [
        ("Prospect", []),
        ("Champion", orders(12, last=30, each="200")),
        ("Champion", orders(20, last=0, first=20, each="100")),
        ("New", orders(1, last=90)),
        ("New", orders(5, last=40, first=90)),
        ("Loyal", orders(11, last=30, each="200")),
        ("Loyal", orders(4, last=90, each="125")),
        ("Loyal", orders(12, last=50, first=91, each="1")),
        ("Occasional", orders(2, last=90, first=91, each="10")),
        ("Occasional", orders(4, last=90, each="124.99")),
        ("At risk", orders(4, last=91, each="125")),
        ("At risk", orders(12, last=100, each="1")),
        ("Lapsed", orders(3, last=91, each="1")),
        ("Lapsed", orders(1, last=91, each="1999.99")),
        ("Lapsed", orders(30, last=366, first=400, each="1000")),
    ],
)
def test_a_segment_is_what_the_page_says(segment, bought):
    analytics(*bought).then([{"customer_segment": segment}])


def test_a_customer_without_an_order_is_there_with_zero():
    nothing = {"lifetime_value": 0.0, "total_orders": 0, "avg_order_value": None, "last_order_date": None}
    analytics().then([nothing | {"preferred_category": None, "geographic_region": "West", "churn_probability": None}])


def test_a_value_is_of_all_orders_and_of_the_latest_state_of_each():
    analytics(order("a", 900, "10.00"), order("b", 3, "5.00"), order("b", 2, "20.50")).then(
        [{"lifetime_value": 30.5, "total_orders": 2, "avg_order_value": 15.25, "last_order_date": DAY - timedelta(2)}]
    )


def test_an_order_dated_later_is_worth_nothing_yet():
    ahead = order("a", -1, "99.00") | {"changed_at": str(DAY)}
    bought = line("a", 1, 7, Decimal(99))
    nothing = {"customer_segment": "Prospect", "lifetime_value": 0.0, "total_orders": 0, "last_order_date": None}
    analytics(ahead, lines=[bought]).then([nothing | {"preferred_category": None}])
    analytics(order("b", 0, "5.00"), ahead).then([{"lifetime_value": 5.0, "total_orders": 1, "last_order_date": DAY}])


def test_the_preferred_category_is_the_one_most_spent_on_as_it_was_when_ordered():
    """A tie goes to the first in the alphabet; a product that became something else since counts as what it was."""
    products = [product("p", 7, "Toys", "2020-01-02"), product("p", 7, "Zoo", "2024-12-30")]
    products.append(product("q", 8, "Books", "2020-01-02"))
    placed = [order("a", 5, "20.00")]
    mostly_toys = [line("a", 1, 7, Decimal(6)), line("a", 2, 8, Decimal("5.99"))]
    analytics(*placed, lines=mostly_toys, products=products).then([{"preferred_category": "Toys"}])
    even = [line("a", 1, 7, Decimal(6)), line("a", 2, 8, Decimal(6))]
    analytics(*placed, lines=even, products=products).then([{"preferred_category": "Books"}])

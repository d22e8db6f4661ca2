"""Lines are of known orders and products, and add up to what their order states."""

from datetime import datetime
from decimal import Decimal

from snowpipe_platform.pipeline.silver.fct_order_lines import TABLE
from snowpipe_platform.pipeline.silver.order_changes import TABLE as ORDER_CHANGES
from snowpipe_platform.testing import given
from snowpipe_platform_tests.breaking import breaking

ADDS_UP = "lines_add_up_to_the_order_total"
NOON = datetime(2024, 3, 1, 12)


def line(order, amount="1.00", product=1, number=1):
    return {"order_id": order, "line_number": number, "product_key": product, "line_amount": Decimal(amount)}


def order(key, total="1.00"):
    return {"order_id": key, "order_total": Decimal(total), "ordered_at": NOON}


def test_every_line_of_an_order_that_does_not_add_up_breaks_the_rule():
    lines = [
        line("whole", "1.10"),
        line("whole", "2.20", number=2),
        line("short", "1.10"),
        line("short", "2.20", number=2),
        line("long", "0.01"),
        line("no such order", "9.99"),
    ]
    orders = [order("whole", "3.30"), order("short", "5.00"), order("long", "0.00"), order("without lines", "7.00")]
    assert breaking(TABLE, ADDS_UP, lines, {"silver/fct_orders": orders}) == [2, 3, 4]


def test_a_line_of_an_unknown_order_or_product_breaks_a_rule():
    lines = [line("known"), line("unknown"), line("known", product=2), line("known", product=None)]
    related = {"silver/fct_orders": [order("known")], "silver/dim_products": [{"product_key": 1}, {"product_key": 1}]}
    assert breaking(TABLE, "order_id.references", lines, related) == [1]
    assert breaking(TABLE, "product_key.references", lines, related) == [2]


def test_what_is_tolerated_is_what_the_source_is_known_for():
    """Of the demo's lines 0.3% have a text for a quantity, and the others of their orders are 0.6% of all; 0.5% are of
    products delisted before the first snapshot. Days loaded afterwards lack the orders of the next week, 1.4%."""
    rules = {rule.id: (rule.severity, rule.tolerance.warn_above, rule.tolerance.error_above) for rule in TABLE.rules}
    assert rules[ADDS_UP] == ("error", 0.01, 0.02)
    assert rules["order_id.references"] == ("error", 0.0, 0.05)
    assert rules["product_key.references"][:2] == ("warn", 0.01)
    assert rules["product_key.not_null"][0] == "error"


def test_a_total_in_another_currency_is_quarantined_and_its_lines_belong_to_no_known_order():
    """A line has no currency of its own, it is in its order's: no sum mixes currencies."""
    told = {"customer_id": "c1", "status": "placed", "ordered_at": "2024-03-01 12:00"}
    made = given(
        "bronze/orders",
        [
            {"order_id": "known", "currency": " usd ", "order_total": "1.00", **told},
            {"order_id": "foreign", "currency": "EUR", "order_total": "1.00", **told},
        ],
    ).when(ORDER_CHANGES)
    made.then([{"order_id": "known", "currency": "USD"}])
    made.then_quarantined([{"order_id": "foreign", "failed_rules": ["currency.isin"]}])
    lines = [line("known"), line("foreign")]
    known = {"silver/fct_orders": [order("known")]}
    assert breaking(TABLE, "order_id.references", lines, known) == [1]
    assert breaking(TABLE, ADDS_UP, lines, known) == []

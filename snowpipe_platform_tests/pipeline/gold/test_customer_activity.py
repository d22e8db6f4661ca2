"""What a customer did up to a date, worked by hand."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from snowpipe_platform.pipeline.gold.customer_activity import TABLE
from snowpipe_platform.spec.analysis_dates import end_of
from snowpipe_platform.testing import given

DAY = date(2024, 6, 30)
CUSTOMER = {"customer_id": "c", "customer_key": 1, "created_at": "2024-01-01", "changed_at": "2024-01-01"}
NO_ORDERS = {"orders_30d": 0, "spend_365d": Decimal(0), "recency_days": None, "average_basket_365d": None}


def order(key, at, total="10.00", **more):
    changed = {"status": "paid", "order_total": total, "ordered_at": at, "changed_at": at}
    return {"order_id": key, "customer_key": 1, **changed, **more}


def activity(*orders, on=DAY):
    return given("silver/customer_changes", [CUSTOMER]).given("silver/order_changes", orders).when(TABLE, on=on)


@pytest.mark.parametrize(("days", "column"), [(30, "orders_30d"), (90, "orders_90d"), (365, "orders_365d")])
def test_a_window_is_its_days_up_to_the_end_of_the_date(days, column):
    first = end_of(DAY) - timedelta(days=days)
    inside = [order("a", first), order("b", end_of(DAY) - timedelta(microseconds=1))]
    (row,) = activity(order("o", first - timedelta(microseconds=1)), *inside, order("d", end_of(DAY))).rows
    assert row[column] == 2


def test_a_cancelled_order_is_none_and_a_customer_without_orders_is_there():
    activity(order("a", "2024-06-01", status="cancelled")).then([NO_ORDERS])


def test_a_cancellation_after_the_date_alters_nothing_on_it():
    later = order("a", "2024-06-30 10:00", status="cancelled", changed_at="2024-07-03")
    activity(order("a", "2024-06-30 10:00"), later).then(
        [{"orders_30d": 1, "spend_30d": Decimal(10), "recency_days": 0, "average_basket_365d": 10.0}]
    )
    activity(order("a", "2024-06-30 10:00"), later, on=date(2024, 7, 3)).then([NO_ORDERS])


def test_an_order_dated_later_is_not_placed_yet():
    """Known on the 12th, dated the 20th: nothing of the 12th, one of the 20th."""
    ahead = order("a", "2024-03-20 09:00", changed_at="2024-03-12")
    activity(ahead, on=date(2024, 3, 12)).then([NO_ORDERS])
    activity(order("b", "2024-03-11"), ahead, on=date(2024, 3, 12)).then([{"orders_30d": 1, "recency_days": 1}])
    placed = {"orders_30d": 1, "spend_365d": Decimal(10), "recency_days": 0, "average_basket_365d": 10.0}
    activity(ahead, on=date(2024, 3, 20)).then([placed])


def test_the_categories_of_an_order_dated_later_are_not_bought_yet():
    bought = {"line_number": 1, "product_key": 7, "line_amount": Decimal(5), "changed_at": "2024-03-12"}
    made_from = given("silver/customer_changes", [CUSTOMER]).given(
        "silver/order_line_changes", [bought | {"order_id": "a"}]
    )
    ahead = made_from.given("silver/order_changes", [order("a", "2024-03-20", changed_at="2024-03-12")])
    ahead.when(TABLE, on=date(2024, 3, 19)).then([{"categories_365d": 0}])
    ahead.when(TABLE, on=date(2024, 3, 20)).then([{"categories_365d": 1}])


@pytest.mark.case("A59")
def test_what_is_known_at_a_moment_of_a_day_has_nothing_of_the_rest_of_that_day():
    """At a label's moment, the newest date that has ended is the day before."""
    label = datetime(2024, 6, 30, 12)
    known = max(on for on in (DAY - timedelta(days=1), DAY) if end_of(on) <= label)
    before, after = order("a", "2024-06-29 23:59:59"), order("b", "2024-06-30 12:00:01")
    with_later, without = activity(before, after, on=known), activity(before, on=known)
    assert with_later.rows == without.rows
    with_later.then([{"orders_30d": 1, "recency_days": 0, "analysis_date": date(2024, 6, 29)}])

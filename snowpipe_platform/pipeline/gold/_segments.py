"""What kind of customer somebody is, as of a date. Formulas: docs/shop.md."""

from datetime import date

import ibis
import ibis.expr.types as ir

from snowpipe_platform.pipeline.gold import _orders
from snowpipe_platform.pipeline.gold._orders import within
from snowpipe_platform.spec.table import Inputs

LOW, MIDDLE, HIGH = 1, 2, 3
RECENT_DAYS, LAPSING_DAYS = 30, 90
NEW_DAYS = 90
SOMETIMES, OFTEN = 4, 12
"""Orders in 365 days."""
SOME, MUCH = 500, 2_000
"""USD in 365 days."""
SEGMENTS = ("Champion", "Loyal", "New", "Occasional", "At risk", "Lapsed", "Prospect")


def spending(inputs: Inputs, on: date) -> ir.Table:
    """What was ordered up to the end of the date, and of that in the year before. Grain: customer_key."""
    orders = _orders.orders(inputs, on)
    recent = within(orders, _orders.YEAR_DAYS, on)
    return orders.group_by("customer_key").aggregate(
        orders=orders.count(),
        spend=orders.order_total.sum(),
        first_order_date=orders.ordered_on.min(),
        last_order_date=orders.ordered_on.max(),
        orders_365d=recent.ifelse(1, 0).sum(),
        spend_365d=recent.ifelse(orders.order_total, ibis.literal(0, "decimal(18, 2)")).sum(),
    )


def segment(rows: ir.Table, on: date) -> ir.StringValue:
    """Scores of 1 to 3 for recency, frequency and money, and what they make together: docs/shop.md has the table. rows:
    with the columns of `spending`, null where a customer has no order."""
    today = ibis.literal(on, "date")
    since_last = today.delta(rows.last_order_date, unit="day")
    since_first = today.delta(rows.first_order_date, unit="day")
    recency = ibis.cases((since_last <= RECENT_DAYS, HIGH), (since_last <= LAPSING_DAYS, MIDDLE), else_=LOW)
    frequency = ibis.cases((rows.orders_365d >= OFTEN, HIGH), (rows.orders_365d >= SOMETIMES, MIDDLE), else_=LOW)
    money = ibis.cases((rows.spend_365d >= MUCH, HIGH), (rows.spend_365d >= SOME, MIDDLE), else_=LOW)
    is_valuable = frequency + money >= MIDDLE + MIDDLE
    return ibis.cases(
        (rows.last_order_date.isnull(), "Prospect"),
        (recency + frequency + money == HIGH + HIGH + HIGH, "Champion"),
        (since_first <= NEW_DAYS, "New"),
        ((recency > LOW) & is_valuable, "Loyal"),
        (recency > LOW, "Occasional"),
        (is_valuable, "At risk"),
        else_="Lapsed",
    )

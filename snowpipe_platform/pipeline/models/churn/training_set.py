"""What the churn model learns from: customers who bought within a year, and whether they bought again in 90 days."""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from snowpipe_platform.pipeline.gold import _orders, _segments
from snowpipe_platform.pipeline.silver import _contact
from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.label import Context, Label, TrainingSet, ends_of_weeks
from snowpipe_platform.spec.table import Inputs

CUSTOMERS, ORDERS = "silver/customer_changes", "silver/order_changes"
HORIZON = timedelta(days=90)
ACTIVE = timedelta(days=365)


def churned(known: Inputs, later: Inputs, at: datetime, until: datetime) -> ir.Table:
    """Customers that exist and placed an order in the year before, and whether they place none until the end of the
    horizon. Cancelled orders are none, as known at either instant."""
    customers = latest(known[CUSTOMERS], key=["customer_id"])
    active = customers.semi_join(_placed(known[ORDERS], at - ACTIVE, at), "customer_key")
    bought = _placed(later[ORDERS], at, until)
    return active.select("customer_key", churned=active.customer_key.notin(bought.customer_key))


def regions(known: Inputs, _at: datetime) -> ir.Table:
    """Where customers live, as gold/customer_analytics has it."""
    customers = _orders.customers(known)
    return customers.select("customer_key", region=_contact.region(customers.address_standardized["state"]))


def segments(known: Inputs, at: datetime) -> ir.Table:
    """Their segment at the end of the day that ends at the instant, or that it lies in."""
    on = (at - timedelta(microseconds=1)).date()
    spent = _segments.spending(known, on)
    rows = _orders.customers(known).left_join(spent, "customer_key", rname="{name}_ordered")
    return rows.select("customer_key", segment=_segments.segment(rows, on))


def _placed(changes: ir.Table, start: datetime, end: datetime) -> ir.Table:
    """Customers with an order placed from the start until before the end."""
    orders = latest(changes, key=["order_id"])
    first, last = (ibis.literal(instant, "timestamp(6)") for instant in (start, end))
    is_placed = (orders.ordered_at >= first) & (orders.ordered_at < last)
    kept = orders.filter((orders.status != "cancelled") & orders.customer_key.notnull() & is_placed)
    return kept.select("customer_key").distinct()


TRAINING_SET = TrainingSet(
    name="churn",
    description="Customers at the end of each week, and whether they ordered nothing in the 90 days after.",
    owners=("team:crm",),
    group="features/customer_activity",
    label=Label(name="churned", inputs=(CUSTOMERS, ORDERS), horizon=HORIZON, build=churned),
    labels_at=ends_of_weeks,
    # A week without features has no labels: what is older than a day is not what the model is asked with.
    max_age=timedelta(days=1),
    context=(
        Context(name="region", inputs=(CUSTOMERS,), build=regions),
        Context(name="segment", inputs=(CUSTOMERS, ORDERS), build=segments),
    ),
)

"""What the churn model learns from: customers who bought within a year, and whether they bought again in 90 days."""

from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

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
    max_age=timedelta(days=7),
    context=(
        Context(name="region", table="gold/customer_analytics", column="geographic_region"),
        Context(name="segment", table="gold/customer_analytics", column="customer_segment"),
    ),
)

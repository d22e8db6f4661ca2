"""What each customer did up to a date: the features of the churn model."""

from datetime import date, timedelta

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.pipeline.gold import _orders
from snowpipe_platform.pipeline.gold._orders import within
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.table import Inputs

COUNTED = (
    *("orders_30d", "orders_90d", "orders_365d", "spend_30d", "spend_90d", "spend_365d"),
    "categories_365d",
)
"""Nothing, where a customer has no order."""


class CustomerActivity(pa.DataFrameModel):
    """Windows end with the analysis date and are that many days long. Cancelled orders do not count. Amounts: USD."""

    customer_key: dt.int64 = pa.Field(description="60-bit key of customer_id")
    orders_30d: dt.int64 = pa.Field(ge=0)
    orders_90d: dt.int64 = pa.Field(ge=0)
    orders_365d: dt.int64 = pa.Field(ge=0)
    spend_30d: dt.Decimal(18, 2) = pa.Field(ge=0)
    spend_90d: dt.Decimal(18, 2) = pa.Field(ge=0)
    spend_365d: dt.Decimal(18, 2) = pa.Field(ge=0)
    average_basket_365d: dt.float64 = pa.Field(nullable=True, ge=0, description="spend_365d by orders_365d")
    categories_365d: dt.int64 = pa.Field(ge=0, description="different categories bought")
    recency_days: dt.int64 = pa.Field(nullable=True, ge=0, description="since the last order; null without one")
    tenure_days: dt.int64 = pa.Field(ge=0, description="since the customer signed up")
    analysis_date: dt.date = pa.Field(description="UTC day; what is known at its end")

    @pa.dataframe_check(name="longer_windows_hold_shorter_ones", error_above=0.0)
    def longer_windows_hold_shorter_ones(cls, data: pa.IbisData) -> ir.BooleanValue:
        rows = data.table
        counts = (rows.orders_30d <= rows.orders_90d) & (rows.orders_90d <= rows.orders_365d)
        return counts & (rows.spend_30d <= rows.spend_90d) & (rows.spend_90d <= rows.spend_365d)

    class Config:
        unique = ("customer_key", "analysis_date")


def build(inputs: Inputs, on: date) -> ir.Table:
    today = ibis.literal(on, "date")
    customers = _orders.customers(inputs)
    bought = _ordered(inputs, on)
    spread = _spread(inputs, on)
    rows = customers.left_join(bought, "customer_key", rname="{name}_ordered")
    rows = rows.left_join(spread, "customer_key", rname="{name}_spread")
    counted = {name: rows[name].fill_null(0) for name in (*bought.columns, *spread.columns) if name in COUNTED}
    activity = rows.mutate(
        **counted,
        average_basket_365d=rows.spend_365d.cast("float64") / rows.orders_365d.nullif(0).cast("float64"),
        recency_days=today.delta(rows.last_order_date, unit="day"),
        tenure_days=today.delta(rows.created_at.date(), unit="day"),
    )
    return activity.drop("last_order_date")


def _ordered(inputs: Inputs, on: date) -> ir.Table:
    orders = _orders.orders(inputs, on)
    nothing = ibis.literal(0, "decimal(18, 2)")
    sums = {}
    for days in (30, 90, _orders.YEAR_DAYS):
        recent = within(orders, days, on)
        sums[f"orders_{days}d"] = recent.ifelse(1, 0).sum()
        sums[f"spend_{days}d"] = recent.ifelse(orders.order_total, nothing).sum().cast("decimal(18, 2)")
    return orders.group_by("customer_key").aggregate(**sums, last_order_date=orders.ordered_on.max())


def _spread(inputs: Inputs, on: date) -> ir.Table:
    lines = _orders.lines(inputs, on)
    recent = lines.filter(within(lines, _orders.YEAR_DAYS, on))
    return recent.group_by("customer_key").aggregate(categories_365d=recent.category.nunique())


TABLE = AsOfTable(
    name="gold/customer_activity",
    description="A customer's orders in the windows up to an analysis date.",
    owners=("team:crm",),
    contract=CustomerActivity,
    inputs=(_orders.CUSTOMERS, _orders.ORDERS, _orders.LINES, _orders.PRODUCTS),
    build=build,
    due=timedelta(hours=8),
)

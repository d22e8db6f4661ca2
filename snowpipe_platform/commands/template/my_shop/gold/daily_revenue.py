"""What the orders of each day are worth."""

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.table import DerivedTable, Inputs


class DailyRevenue(pa.DataFrameModel):
    """An order counts on the day it was placed, also when it is cancelled later."""

    order_date: dt.date = pa.Field(unique=True)
    orders: dt.int64 = pa.Field(ge=0, description="not cancelled")
    cancelled: dt.int64 = pa.Field(ge=0)
    revenue: dt.Decimal(18, 2) = pa.Field(ge=0, description="USD, of orders that are not cancelled")


def build(inputs: Inputs) -> ir.Table:
    orders = inputs["silver/fct_orders"]
    is_cancelled = orders.status == "cancelled"
    return orders.group_by("order_date").aggregate(
        orders=(~is_cancelled).sum(),
        cancelled=is_cancelled.sum(),
        revenue=is_cancelled.ifelse(0, orders.amount).sum().cast("decimal(18, 2)"),
    )


TABLE = DerivedTable(
    name="gold/daily_revenue",
    description="The orders of a day.",
    contract=DailyRevenue,
    inputs=("silver/fct_orders",),
    # A run replaces all rows of the days whose orders changed, and no other.
    scope=("order_date",),
    build=build,
)

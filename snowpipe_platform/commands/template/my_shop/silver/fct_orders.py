"""Orders as they are now."""

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.table import DerivedTable, Inputs


class FctOrders(pa.DataFrameModel):
    order_id: str = pa.Field(unique=True)
    customer: str
    status: str
    amount: dt.Decimal(18, 2) = pa.Field(description="USD")
    ordered_at: dt.Timestamp(scale=6) = pa.Field(description="UTC")
    order_date: dt.date = pa.Field(description="UTC day of ordered_at")


def build(inputs: Inputs) -> ir.Table:
    orders = latest(inputs["silver/order_changes"], key=["order_id"])
    return orders.mutate(order_date=orders.ordered_at.date())


TABLE = DerivedTable(
    name="silver/fct_orders",
    kind="fact",
    description="One order, latest state.",
    contract=FctOrders,
    inputs=("silver/order_changes",),
    scope=("order_id",),
    build=build,
)

"""Orders as they are now."""

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.table import DerivedTable, Inputs


class FctOrders(pa.DataFrameModel):
    order_id: str = pa.Field(unique=True)
    # An order whose customer is not known yet is an order all the same.
    customer_key: dt.int64 = pa.Field(
        nullable=True, metadata={"references": "silver/dim_customers.customer_key", "severity": "warn"}
    )
    customer_id: str = pa.Field(nullable=True)
    status: str
    currency: str
    order_total: dt.Decimal(18, 2) = pa.Field(ge=0, description="USD, as the source states it")
    ordered_at: dt.Timestamp(scale=6) = pa.Field(description="UTC")
    sales_date: dt.date = pa.Field(description="UTC day of ordered_at")
    last_changed_at: dt.Timestamp(scale=6) = pa.Field(description="UTC")
    year: dt.int32 = pa.Field(description="of sales_date")
    month: dt.int32 = pa.Field(description="of sales_date")


def build(inputs: Inputs) -> ir.Table:
    rows = latest(inputs["silver/order_changes"], key=["order_id"])
    return rows.mutate(
        sales_date=rows.ordered_at.date(),
        last_changed_at=rows.changed_at,
        year=rows.ordered_at.year(),
        month=rows.ordered_at.month(),
    )


TABLE = DerivedTable(
    name="silver/fct_orders",
    kind="fact",
    description="One order, latest state.",
    owners=("team:sales",),
    contract=FctOrders,
    inputs=("silver/order_changes",),
    scope=("order_id",),
    build=build,
    partition_columns=("year", "month"),
)

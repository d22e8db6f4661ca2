"""What each customer is worth, as of a date."""

from datetime import date, timedelta

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.pipeline.gold import _orders
from snowpipe_platform.pipeline.gold._segments import SEGMENTS, segment, spending
from snowpipe_platform.pipeline.silver import _contact
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.table import Inputs

SCORES = "gold/customer_churn"


class CustomerAnalytics(pa.DataFrameModel):
    """Customers without an order are present with zero. Cancelled orders do not count. Amounts: USD."""

    customer_key: dt.int64 = pa.Field(description="60-bit key of customer_id")
    customer_segment: str = pa.Field(isin=SEGMENTS, description="by recency, frequency and money: docs/shop.md")
    lifetime_value: dt.float64 = pa.Field(ge=0, description="all orders")
    total_orders: dt.int32 = pa.Field(ge=0)
    avg_order_value: dt.float64 = pa.Field(nullable=True, ge=0, description="null without an order")
    last_order_date: dt.date = pa.Field(nullable=True, description="UTC; null without an order")
    churn_probability: dt.float64 = pa.Field(
        nullable=True,
        in_range={"min_value": 0, "max_value": 1},
        description="gold/customer_churn has it, and the version that gave it; null where that has none",
    )
    preferred_category: str = pa.Field(nullable=True, description="most spent on; null without a line")
    geographic_region: str = pa.Field(description="of the customer's address then")
    analysis_date: dt.date = pa.Field(description="UTC day; what is known at its end")

    @pa.dataframe_check(name="orders_have_a_date", error_above=0.0)
    def orders_have_a_date(cls, data: pa.IbisData) -> ir.BooleanValue:
        return (data.table.total_orders > 0) == data.table.last_order_date.notnull()

    class Config:
        unique = ("customer_key", "analysis_date")


def build(inputs: Inputs, on: date) -> ir.Table:
    rows = _orders.customers(inputs).left_join(spending(inputs, on), "customer_key", rname="{name}_ordered")
    rows = rows.left_join(_preferred(inputs, on), "customer_key", rname="{name}_preferred")
    scores = inputs[SCORES].select("customer_key", "churn_probability")
    rows = rows.left_join(scores, "customer_key", rname="{name}_scored")
    value = rows.spend.fill_null(0).cast("float64")
    total = rows.orders.fill_null(0)
    analytics = rows.mutate(
        customer_segment=segment(rows, on),
        lifetime_value=value,
        total_orders=total.cast("int32"),
        avg_order_value=value / total.nullif(0).cast("float64"),
        geographic_region=_contact.region(rows.address_standardized["state"]),
    )
    return analytics.drop("orders", "spend", "first_order_date", "orders_365d", "spend_365d")


def _preferred(inputs: Inputs, on: date) -> ir.Table:
    """The category with the highest sum of lines, of equal ones the first in the alphabet. Grain: customer_key."""
    lines = _orders.lines(inputs, on)
    spent = lines.group_by("customer_key", "category").aggregate(amount=lines.line_amount.sum())
    place = ibis.row_number().over(group_by="customer_key", order_by=[ibis.desc("amount"), "category"])
    ranked = spent.mutate(place=place)
    return ranked.filter(ranked.place == 0).select("customer_key", preferred_category="category")


TABLE = AsOfTable(
    name="gold/customer_analytics",
    description="A customer's value, segment and habits as of an analysis date.",
    owners=("team:crm",),
    contract=CustomerAnalytics,
    inputs=(_orders.CUSTOMERS, _orders.ORDERS, _orders.LINES, _orders.PRODUCTS),
    scores=(SCORES,),
    build=build,
    due=timedelta(hours=8),
)

"""What each customer bought up to a date."""

from datetime import date

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.table import Inputs

from . import _customers


class CustomerActivity(pa.DataFrameModel):
    """Windows end with the analysis date, in the shop's time, and are that many days long. Spend is of sales alone."""

    customer_key: dt.int64 = pa.Field(description="customer_id")
    orders_30d: dt.int64 = pa.Field(ge=0)
    orders_90d: dt.int64 = pa.Field(ge=0)
    orders_365d: dt.int64 = pa.Field(ge=0)
    spend_30d: dt.Decimal(18, 3) = pa.Field(ge=0)
    spend_90d: dt.Decimal(18, 3) = pa.Field(ge=0)
    spend_365d: dt.Decimal(18, 3) = pa.Field(ge=0)
    returned_365d: dt.Decimal(18, 3) = pa.Field(ge=-400, description="a cancellation may charge: one does")
    average_basket_365d: dt.float64 = pa.Field(nullable=True, ge=0, description="spend_365d by orders_365d")
    products_365d: dt.int64 = pa.Field(ge=0, description="different stock codes bought")
    recency_days: dt.int64 = pa.Field(nullable=True, ge=0, description="since the last sale; null without one")
    tenure_days: dt.int64 = pa.Field(ge=0, description="since the first invoice or cancellation")
    analysis_date: dt.date = pa.Field(description="London; what is known at its end")

    class Config:
        unique = ("customer_key", "analysis_date")


def build(inputs: Inputs, on: date) -> ir.Table:
    today = ibis.literal(on, "date")
    rows = _customers.invoices(inputs)
    is_sale = ~rows.is_cancellation
    sums = {}
    for days in (30, 90, _customers.YEAR_DAYS):
        recent = is_sale & _customers.within(rows, days, on)
        sums[f"orders_{days}d"] = recent.ifelse(1, 0).sum()
        sums[f"spend_{days}d"] = recent.ifelse(rows.amount_gbp, _customers.NOTHING).sum().cast("decimal(18, 3)")
    taken_back = rows.is_cancellation & _customers.within(rows, _customers.YEAR_DAYS, on)
    customers = rows.group_by("customer_id").aggregate(
        **sums,
        returned_365d=taken_back.ifelse(-rows.amount_gbp, _customers.NOTHING).sum().cast("decimal(18, 3)"),
        last_sale_on=is_sale.ifelse(rows.invoiced_local.date(), ibis.null("date")).max(),
        first_on=rows.invoiced_local.date().min(),
    )
    found = customers.left_join(_products(inputs, on), "customer_id", rname="{name}_bought")
    activity = found.mutate(
        customer_key=found.customer_id,
        products_365d=found.products_365d.fill_null(0),
        average_basket_365d=found.spend_365d.cast("float64") / found.orders_365d.nullif(0).cast("float64"),
        recency_days=today.delta(found.last_sale_on, unit="day"),
        tenure_days=today.delta(found.first_on, unit="day"),
    )
    return activity.drop("last_sale_on", "first_on")


def _products(inputs: Inputs, on: date) -> ir.Table:
    lines = _customers.lines(inputs)
    bought = lines.filter(
        lines.is_product & ~lines.is_cancellation & _customers.within(lines, _customers.YEAR_DAYS, on)
    )
    return bought.group_by("customer_id").aggregate(products_365d=bought.stock_code.nunique())


TABLE = AsOfTable(
    name="gold/customer_activity",
    description="A customer's purchases in the windows up to an analysis date.",
    owners=("team:sales",),
    contract=CustomerActivity,
    inputs=(_customers.LINES,),
    build=build,
)

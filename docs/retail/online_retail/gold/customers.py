"""What each customer bought."""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.table import DerivedTable, Inputs

AMOUNT = "decimal(18, 3)"


class Customers(pa.DataFrameModel):
    """Customers the shop knows; guests are in gold/monthly_sales. One who only returned has no purchase dates."""

    customer_id: dt.int64 = pa.Field(unique=True)
    first_purchase_on: dt.date = pa.Field(nullable=True, description="London")
    last_purchase_on: dt.date = pa.Field(nullable=True, description="London")
    invoices: dt.int64 = pa.Field(ge=0, description="cancellations not among them")
    cancellations: dt.int64 = pa.Field(ge=0)
    net_revenue_gbp: dt.Decimal(18, 3) = pa.Field(description="invoices less cancellations, exact")


def build(inputs: Inputs) -> ir.Table:
    invoices = inputs["silver/fct_invoices"]
    known = invoices.filter(invoices.customer_id.notnull())
    is_sale = ~known.is_cancellation
    bought_on = is_sale.ifelse(known.invoiced_local.date(), ibis.null("date"))
    return known.group_by("customer_id").aggregate(
        first_purchase_on=bought_on.min(),
        last_purchase_on=bought_on.max(),
        invoices=is_sale.sum(),
        cancellations=known.is_cancellation.sum(),
        net_revenue_gbp=known.amount_gbp.sum().cast(AMOUNT),
    )


TABLE = DerivedTable(
    name="gold/customers",
    description="One customer, over all time.",
    owners=("team:sales",),
    contract=Customers,
    inputs=("silver/fct_invoices",),
    scope=("customer_id",),
    build=build,
)

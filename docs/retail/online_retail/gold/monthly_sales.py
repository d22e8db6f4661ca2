"""What the shop sold each month, by country."""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.table import DerivedTable, Inputs

AMOUNT = "decimal(18, 3)"


class MonthlySales(pa.DataFrameModel):
    """Amounts are exact GBP: sums of decimals, never rounded. A return counts in the month it was taken back."""

    sales_month: dt.date = pa.Field(description="first day of the month, London")
    country: str
    invoices: dt.int64 = pa.Field(ge=0, description="cancellations not among them")
    guest_invoices: dt.int64 = pa.Field(ge=0, description="of invoices, those without a customer")
    cancellations: dt.int64 = pa.Field(ge=0)
    customers: dt.int64 = pa.Field(ge=0, description="different ones with an invoice")
    gross_revenue_gbp: dt.Decimal(18, 3) = pa.Field(ge=0, description="of invoices, services included")
    returned_gbp: dt.Decimal(18, 3) = pa.Field(description="of cancellations, what was taken back")
    net_revenue_gbp: dt.Decimal(18, 3) = pa.Field(description="gross_revenue_gbp less returned_gbp")
    service_gbp: dt.Decimal(18, 3) = pa.Field(description="of net_revenue_gbp, what is no product")

    class Config:
        unique = ("sales_month", "country")


def build(inputs: Inputs) -> ir.Table:
    invoices = inputs["silver/fct_invoices"]
    is_sale = ~invoices.is_cancellation
    return invoices.group_by("sales_month", "country").aggregate(
        invoices=is_sale.sum(),
        guest_invoices=(is_sale & invoices.customer_id.isnull()).sum(),
        cancellations=invoices.is_cancellation.sum(),
        customers=is_sale.ifelse(invoices.customer_id, ibis.null("int64")).nunique(),
        gross_revenue_gbp=is_sale.ifelse(invoices.amount_gbp, 0).sum().cast(AMOUNT),
        returned_gbp=is_sale.ifelse(0, -invoices.amount_gbp).sum().cast(AMOUNT),
        net_revenue_gbp=invoices.amount_gbp.sum().cast(AMOUNT),
        service_gbp=invoices.service_gbp.sum().cast(AMOUNT),
    )


TABLE = DerivedTable(
    name="gold/monthly_sales",
    description="Sales of a month in a country.",
    owners=("team:sales",),
    contract=MonthlySales,
    inputs=("silver/fct_invoices",),
    scope=("sales_month",),
    build=build,
)

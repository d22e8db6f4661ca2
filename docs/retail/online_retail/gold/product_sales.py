"""What sold each month, by product."""

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.table import DerivedTable, Inputs

AMOUNT = "decimal(18, 3)"


class ProductSales(pa.DataFrameModel):
    """Products only. A return counts in the month it was taken back, so it may exceed what the month sold."""

    sales_month: dt.date = pa.Field(description="first day of the month, London")
    stock_code: str
    description: str = pa.Field(nullable=True, description="of the month's spellings, the last in the alphabet")
    units: dt.int64 = pa.Field(ge=0, description="sold")
    revenue_gbp: dt.Decimal(18, 3) = pa.Field(ge=0, description="of units")
    returned_units: dt.int64 = pa.Field(ge=0)
    returned_gbp: dt.Decimal(18, 3) = pa.Field(ge=0, description="of returned_units")

    class Config:
        unique = ("sales_month", "stock_code")


def build(inputs: Inputs) -> ir.Table:
    lines = inputs["silver/fct_invoice_lines"]
    products = lines.filter(lines.is_product)
    is_sale = ~products.is_cancellation
    return products.group_by("sales_month", "stock_code").aggregate(
        description=products.description.max(),
        units=is_sale.ifelse(products.quantity, 0).sum(),
        revenue_gbp=is_sale.ifelse(products.amount_gbp, 0).sum().cast(AMOUNT),
        returned_units=is_sale.ifelse(0, -products.quantity).sum(),
        returned_gbp=is_sale.ifelse(0, -products.amount_gbp).sum().cast(AMOUNT),
    )


TABLE = DerivedTable(
    name="gold/product_sales",
    description="Sales of a product in a month.",
    owners=("team:sales",),
    contract=ProductSales,
    inputs=("silver/fct_invoice_lines",),
    scope=("sales_month",),
    build=build,
)

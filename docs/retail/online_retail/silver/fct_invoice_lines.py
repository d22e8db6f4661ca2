"""Invoice lines, each once, at the time of their invoice."""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.table import DerivedTable, Inputs


class FctInvoiceLines(pa.DataFrameModel):
    """Exact copies of a line are one line. An invoice whose lines have two times has the first."""

    line_id: str = pa.Field(unique=True, metadata={"error_above": 0.0})
    invoice_no: str
    is_cancellation: dt.boolean
    stock_code: str
    is_product: dt.boolean
    description: str = pa.Field(nullable=True)
    quantity: dt.int64 = pa.Field(ne=0, description="negative on returns")
    unit_price_gbp: dt.Decimal(18, 3) = pa.Field(gt=0)
    amount_gbp: dt.Decimal(18, 3) = pa.Field(description="negative on returns")
    customer_id: dt.int64 = pa.Field(nullable=True, description="null for guests")
    country: str
    entered_at: dt.Timestamp(scale=6) = pa.Field(description="UTC, of the line")
    invoiced_at: dt.Timestamp(scale=6) = pa.Field(description="UTC, of the invoice's first line")
    invoiced_local: dt.Timestamp(scale=6) = pa.Field(description="London, of the invoice's first line")
    sales_month: dt.date = pa.Field(description="first day of the month of invoiced_local")
    copies: dt.int64 = pa.Field(gt=0, description="times the line was entered")
    year: dt.int32 = pa.Field(description="of sales_month")
    month: dt.int32 = pa.Field(description="of sales_month")

    @pa.dataframe_check(name="entered_once", severity="warn")
    def entered_once(cls, data) -> ir.BooleanValue:
        return data.table.copies == 1


def build(inputs: Inputs) -> ir.Table:
    changes = inputs["silver/invoice_line_changes"]
    counted = changes.mutate(copies=changes.count().over(group_by="line_id"), entered_at=changes.invoiced_at)
    lines = latest(counted, key=["line_id"])
    of_invoice = ibis.window(group_by="invoice_no")
    lines = lines.mutate(
        invoiced_at=lines.invoiced_at.min().over(of_invoice), invoiced_local=lines.invoiced_local.min().over(of_invoice)
    )
    return lines.mutate(
        sales_month=lines.invoiced_local.truncate("M").date(),
        year=lines.invoiced_local.year(),
        month=lines.invoiced_local.month(),
    )


TABLE = DerivedTable(
    name="silver/fct_invoice_lines",
    kind="fact",
    description="One line of an invoice.",
    owners=("team:sales",),
    contract=FctInvoiceLines,
    inputs=("silver/invoice_line_changes",),
    # Not the line: a line that comes later may be the invoice's first, and moves all the others.
    scope=("invoice_no",),
    build=build,
    partition_columns=("year", "month"),
)

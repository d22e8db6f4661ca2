"""Invoices and cancellations."""

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.table import DerivedTable, Inputs

AMOUNT = "decimal(18, 3)"
OF_THE_INVOICE = (
    *("invoice_no", "is_cancellation", "customer_id", "country"),
    *("invoiced_at", "invoiced_local", "sales_month", "year", "month"),
)
"""Equal on all lines of an invoice: one that names two customers would be two rows, which the key's rule refuses."""


class FctInvoices(pa.DataFrameModel):
    invoice_no: str = pa.Field(unique=True, metadata={"error_above": 0.0})
    is_cancellation: dt.boolean
    customer_id: dt.int64 = pa.Field(nullable=True, description="null for guests")
    country: str
    invoiced_at: dt.Timestamp(scale=6) = pa.Field(description="UTC, of the first line")
    invoiced_local: dt.Timestamp(scale=6) = pa.Field(description="London, of the first line")
    sales_month: dt.date = pa.Field(description="first day of the month of invoiced_local")
    lines: dt.int64 = pa.Field(gt=0)
    entry_times: dt.int64 = pa.Field(gt=0, description="different times its lines have")
    amount_gbp: dt.Decimal(18, 3) = pa.Field(description="negative on cancellations")
    service_gbp: dt.Decimal(18, 3) = pa.Field(description="of amount_gbp, what is no product")
    year: dt.int32 = pa.Field(description="of sales_month")
    month: dt.int32 = pa.Field(description="of sales_month")

    @pa.dataframe_check(name="lines_share_one_time", severity="warn")
    def lines_share_one_time(cls, data) -> ir.BooleanValue:
        return data.table.entry_times == 1


def build(inputs: Inputs) -> ir.Table:
    lines = inputs["silver/fct_invoice_lines"]
    return lines.group_by(*OF_THE_INVOICE).aggregate(
        lines=lines.count(),
        entry_times=lines.entered_at.nunique(),
        amount_gbp=lines.amount_gbp.sum().cast(AMOUNT),
        service_gbp=lines.is_product.ifelse(0, lines.amount_gbp).sum().cast(AMOUNT),
    )


TABLE = DerivedTable(
    name="silver/fct_invoices",
    kind="fact",
    description="One invoice or cancellation.",
    owners=("team:sales",),
    contract=FctInvoices,
    inputs=("silver/fct_invoice_lines",),
    scope=("invoice_no",),
    build=build,
    partition_columns=("year", "month"),
)

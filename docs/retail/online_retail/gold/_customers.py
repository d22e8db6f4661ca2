"""What known customers bought and took back, as known at the end of a date. Guests are nobody's."""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from snowpipe_platform.spec.analysis_dates import end_of
from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.table import Inputs

LINES = "silver/invoice_line_changes"
YEAR_DAYS = 365
NOTHING = ibis.literal(0, "decimal(18, 3)")


def lines(inputs: Inputs) -> ir.Table:
    """Lines of customers, exact copies once. Grain: line_id."""
    rows = latest(inputs[LINES], key=["line_id"])
    return rows.filter(rows.customer_id.notnull())


def invoices(inputs: Inputs) -> ir.Table:
    """Sales and cancellations at the time of their first line. Grain: invoice_no. amount_gbp: negative on returns."""
    rows = lines(inputs)
    return rows.group_by("invoice_no", "customer_id", "is_cancellation").aggregate(
        amount_gbp=rows.amount_gbp.sum(), invoiced_local=rows.invoiced_local.min(), country=rows.country.max()
    )


def within(rows: ir.Table, days: int, on: date) -> ir.BooleanValue:
    """Whether it was invoiced in the last `days` days up to the end of the date, in the shop's time."""
    return rows.invoiced_local >= ibis.literal(end_of(on) - timedelta(days=days), "timestamp(6)")

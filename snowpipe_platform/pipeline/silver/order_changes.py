"""Accepted changes of orders."""

from datetime import timedelta

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.cleaning import stable_key
from snowpipe_platform.spec.table import ChangesTable, Columns

STATUSES = ("placed", "paid", "shipped", "delivered", "cancelled")


class OrderChanges(pa.DataFrameModel):
    order_id: str
    customer_key: dt.int64 = pa.Field(nullable=True, description="60-bit key of customer_id")
    customer_id: str = pa.Field(nullable=True)
    status: str = pa.Field(isin=STATUSES)
    currency: str = pa.Field(isin=["USD"])
    order_total: dt.Decimal(18, 2) = pa.Field(ge=0, description="USD, as the source states it")
    ordered_at: dt.Timestamp(scale=6) = pa.Field(description="UTC")


def clean(rows: ir.Table) -> Columns:
    return {
        "customer_key": stable_key(rows.customer_id),
        "status": rows.status.strip().lower(),
        "currency": rows.currency.strip().upper().fill_null("USD"),
    }


TABLE = ChangesTable(
    name="silver/order_changes",
    description="One accepted change of an order.",
    owners=("team:sales",),
    contract=OrderChanges,
    source="orders",
    key=("order_id",),
    clean=clean,
    due=timedelta(hours=7),
)

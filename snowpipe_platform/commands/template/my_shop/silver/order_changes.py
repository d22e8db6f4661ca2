"""Accepted changes of orders."""

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.table import ChangesTable, Columns


class OrderChanges(pa.DataFrameModel):
    """A change that breaks a rule is quarantined. A day is held back when more than one amount in ten does."""

    order_id: str
    customer: str
    status: str = pa.Field(isin=["placed", "paid", "cancelled"])
    amount: dt.Decimal(18, 2) = pa.Field(ge=0, description="USD", metadata={"error_above": 0.1})
    ordered_at: dt.Timestamp(scale=6) = pa.Field(description="UTC")


def clean(rows: ir.Table) -> Columns:
    return {"status": rows.status.strip().lower()}


TABLE = ChangesTable(
    name="silver/order_changes",
    description="One accepted change of an order.",
    contract=OrderChanges,
    source="orders",
    key=("order_id",),
    types={"amount": "decimal(18, 2)"},
    clean=clean,
)

"""Accepted changes of order lines."""

from datetime import timedelta

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.cleaning import stable_key
from snowpipe_platform.spec.table import ChangesTable, Columns


class OrderLineChanges(pa.DataFrameModel):
    """A quantity that is no number is quarantined with its text."""

    order_id: str
    line_number: dt.int64
    product_key: dt.int64 = pa.Field(nullable=True, description="60-bit key of product_id")
    product_id: str = pa.Field()
    quantity: dt.int64 = pa.Field(gt=0)
    unit_price: dt.Decimal(18, 2) = pa.Field(ge=0, description="USD")
    line_amount: dt.Decimal(18, 2) = pa.Field(nullable=True, description="USD, quantity times unit_price")


def clean(rows: ir.Table) -> Columns:
    return {
        "product_key": stable_key(rows.product_id),
        "line_amount": (rows.quantity.cast("decimal(18, 0)") * rows.unit_price).cast("decimal(18, 2)"),
    }


TABLE = ChangesTable(
    name="silver/order_line_changes",
    description="One accepted change of an order line.",
    owners=("team:sales",),
    contract=OrderLineChanges,
    source="order_lines",
    key=("order_id", "line_number"),
    types={"quantity": "int64"},
    clean=clean,
    due=timedelta(hours=7),
)

"""Order lines as they are now."""

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.table import DerivedTable, Inputs


class FctOrderLines(pa.DataFrameModel):
    order_id: str
    line_number: dt.int64
    product_key: dt.int64
    product_id: str
    quantity: dt.int64 = pa.Field(gt=0)
    unit_price: dt.Decimal(18, 2) = pa.Field(ge=0, description="USD")
    line_amount: dt.Decimal(18, 2) = pa.Field(description="USD, quantity times unit_price")
    last_changed_at: dt.Timestamp(scale=6) = pa.Field(description="UTC")

    class Config:
        unique = ("order_id", "line_number")


def build(inputs: Inputs) -> ir.Table:
    rows = latest(inputs["silver/order_line_changes"], key=["order_id", "line_number"])
    return rows.mutate(last_changed_at=rows.changed_at)


TABLE = DerivedTable(
    name="silver/fct_order_lines",
    kind="fact",
    description="One line of an order, latest state.",
    owners=("team:sales",),
    contract=FctOrderLines,
    inputs=("silver/order_line_changes",),
    scope=("order_id", "line_number"),
    build=build,
)

"""Order lines as they are now."""

import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.pipeline.silver.fct_orders import TABLE as ORDERS
from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.table import DerivedTable, Inputs, related


class FctOrderLines(pa.DataFrameModel):
    # Days of a source that keeps rows as they are now, loaded afterwards: an order comes on the day of its last change,
    # and its lines before.
    order_id: str = pa.Field(metadata={"references": "silver/fct_orders.order_id", "error_above": 0.05})
    line_number: dt.int64
    # The source keeps what is on sale: of a product delisted before the first snapshot nothing is known.
    product_key: dt.int64 = pa.Field(
        metadata={
            "references": "silver/dim_products.product_key",
            "rules": {"references": {"severity": "warn", "warn_above": 0.01}},
        }
    )
    product_id: str
    quantity: dt.int64 = pa.Field(gt=0)
    unit_price: dt.Decimal(18, 2) = pa.Field(ge=0, description="USD")
    line_amount: dt.Decimal(18, 2) = pa.Field(description="USD, quantity times unit_price")
    last_changed_at: dt.Timestamp(scale=6) = pa.Field(description="UTC")

    # A line whose quantity is no number is in quarantine, and its order does not add up: 0.3% of the demo's lines leave
    # 0.6% behind.
    @pa.dataframe_check(name="lines_add_up_to_the_order_total", scope="table", warn_above=0.01, error_above=0.02)
    def lines_add_up_to_the_order_total(cls, data: pa.IbisData) -> ir.BooleanValue:
        sums = data.table.group_by("order_id").aggregate(lines_total=data.table.line_amount.sum())
        both = sums.inner_join(related(ORDERS), "order_id")
        return data.table.order_id.notin(both.filter(both.lines_total != both.order_total).order_id)

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

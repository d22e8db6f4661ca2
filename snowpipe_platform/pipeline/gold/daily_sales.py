"""What the shop sold each day, by category and region."""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.pipeline.silver import _contact
from snowpipe_platform.pipeline.silver.fct_order_lines import TABLE as FCT_ORDER_LINES
from snowpipe_platform.pipeline.silver.fct_orders import TABLE as FCT_ORDERS
from snowpipe_platform.spec.history import as_of, moved
from snowpipe_platform.spec.table import DerivedTable, Inputs, related

UNKNOWN_CATEGORY = "Unknown"
AMOUNT = "decimal(18, 2)"

ORDERS, LINES = "silver/fct_orders", "silver/fct_order_lines"
CUSTOMERS, PRODUCTS = "silver/dim_customers", "silver/dim_products"


class DailySales(pa.DataFrameModel):
    """Amounts are USD. A line counts on the day, and in the category and region, it was ordered."""

    sales_date: dt.date = pa.Field(description="UTC day of the order")
    category: str = pa.Field(description="of the product when it was ordered")
    region: str = pa.Field(description="of the customer when they ordered")
    orders: dt.int64 = pa.Field(gt=0, description="orders with a line in the category, cancelled ones included")
    cancelled_orders: dt.int64 = pa.Field(ge=0)
    units: dt.int64 = pa.Field(ge=0, description="of orders that were not cancelled")
    gross_amount: dt.Decimal(18, 2) = pa.Field(ge=0, description="all lines")
    cancelled_amount: dt.Decimal(18, 2) = pa.Field(ge=0, description="lines of cancelled orders")
    net_amount: dt.Decimal(18, 2) = pa.Field(ge=0, description="gross_amount less cancelled_amount")
    year: dt.int32 = pa.Field(description="of sales_date")
    month: dt.int32 = pa.Field(description="of sales_date")

    @pa.dataframe_check(name="days_add_up_to_their_lines", scope="table", error_above=0.0)
    def days_add_up_to_their_lines(cls, data: pa.IbisData) -> ir.BooleanValue:
        """Days kept up to date one by one are what all lines would make today. When a day is missing, no row holds."""
        days = data.table.group_by("sales_date").aggregate(total=data.table.gross_amount.sum())
        orders = related(FCT_ORDERS).select("order_id", day="sales_date")
        lines = related(FCT_ORDER_LINES).inner_join(orders, "order_id")
        lines = lines.group_by("day").aggregate(lines_total=lines.line_amount.sum())
        both = days.outer_join(lines, days.sales_date == lines.day)
        differing = both.filter(~both.total.identical_to(both.lines_total))
        has_all_days = differing.filter(differing.sales_date.isnull()).count().as_scalar() == 0
        return data.table.sales_date.notin(differing.sales_date) & has_all_days

    class Config:
        unique = ("sales_date", "category", "region")


def build(inputs: Inputs) -> ir.Table:
    lines = _dated_lines(inputs)
    lines = as_of(lines, inputs[PRODUCTS], key="product_key", at="ordered_at", take=("category",))
    lines = as_of(lines, _regions(inputs[CUSTOMERS]), key="customer_key", at="ordered_at", take=("region",))
    lines = lines.mutate(
        category=lines.category.fill_null(UNKNOWN_CATEGORY), region=lines.region.fill_null(_contact.UNKNOWN_REGION)
    )
    cancelled = lines.status == "cancelled"
    nothing = ibis.literal(0, AMOUNT)
    sales = lines.group_by("sales_date", "category", "region").aggregate(
        orders=lines.order_id.nunique(),
        cancelled_orders=cancelled.ifelse(lines.order_id, ibis.null("string")).nunique(),
        units=cancelled.ifelse(0, lines.quantity).sum(),
        gross_amount=lines.line_amount.sum().cast(AMOUNT),
        cancelled_amount=cancelled.ifelse(lines.line_amount, nothing).sum().cast(AMOUNT),
        net_amount=cancelled.ifelse(nothing, lines.line_amount).sum().cast(AMOUNT),
    )
    return sales.mutate(year=sales.sales_date.year(), month=sales.sales_date.month())


def touched(changed: Inputs, inputs: Inputs) -> ir.Table:
    """Days of orders that changed, before and after; of lines that changed; and of lines whose product or customer
    then was something else than it was thought to be."""
    days = []
    if ORDERS in changed:
        days.append(changed[ORDERS].select("sales_date"))
    if LINES in changed:
        orders = inputs[ORDERS]
        days.append(orders.semi_join(changed[LINES], "order_id").select("sales_date"))
    if CUSTOMERS in changed:
        regions = _regions(changed[CUSTOMERS])
        days.append(moved(inputs[ORDERS], regions, key="customer_key", at="ordered_at", attribute="region"))
    if PRODUCTS in changed:
        lines = _dated_lines(inputs)
        days.append(moved(lines, changed[PRODUCTS], key="product_key", at="ordered_at", attribute="category"))
    days = [rows.select("sales_date") for rows in days]
    return ibis.union(*days, distinct=True) if len(days) > 1 else days[0]


def _dated_lines(inputs: Inputs) -> ir.Table:
    """Lines with their order's day, customer and status."""
    orders = inputs[ORDERS].select("order_id", "customer_key", "status", "ordered_at", "sales_date")
    return inputs[LINES].select("order_id", "product_key", "quantity", "line_amount").inner_join(orders, "order_id")


def _regions(customers: ir.Table) -> ir.Table:
    return customers.mutate(region=_contact.region(customers.address_standardized["state"]))


TABLE = DerivedTable(
    name="gold/daily_sales",
    description="Sales of a day in a category and a region.",
    owners=("team:sales",),
    contract=DailySales,
    inputs=(ORDERS, LINES, CUSTOMERS, PRODUCTS),
    scope=("sales_date",),
    build=build,
    touched=touched,
    partition_columns=("year", "month"),
)

"""What each customer is worth, as of a date."""

from datetime import date

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa

from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.table import Inputs

from . import _customers

LOW, MIDDLE, HIGH = 1, 2, 3
RECENT_DAYS, LAPSING_DAYS = 30, 90
NEW_DAYS = 90
SOMETIMES, OFTEN = 4, 12
"""Sales in 365 days."""
SOME, MUCH = 500, 2_000
"""GBP in 365 days."""
SEGMENTS = ("Champion", "Loyal", "New", "Occasional", "At risk", "Lapsed", "Prospect")


class CustomerAnalytics(pa.DataFrameModel):
    """Customers the shop knows: whoever has an invoice or a cancellation with a number of theirs."""

    customer_key: dt.int64 = pa.Field(description="customer_id")
    customer_segment: str = pa.Field(isin=SEGMENTS, description="by recency, frequency and money, as in docs/shop.md")
    lifetime_value: dt.float64 = pa.Field(description="GBP, sales less what was taken back")
    total_orders: dt.int32 = pa.Field(ge=0, description="sales")
    avg_order_value: dt.float64 = pa.Field(nullable=True, ge=0, description="GBP, of sales; null without one")
    last_order_date: dt.date = pa.Field(nullable=True, description="London; null without a sale")
    churn_probability: dt.float64 = pa.Field(nullable=True, description="null: this shop has no model")
    preferred_category: str = pa.Field(
        nullable=True, description="first two digits of the stock codes most spent on: the shop has no categories"
    )
    geographic_region: str = pa.Field(description="country of the last invoice")
    analysis_date: dt.date = pa.Field(description="London; what is known at its end")

    class Config:
        unique = ("customer_key", "analysis_date")


def build(inputs: Inputs, on: date) -> ir.Table:
    today = ibis.literal(on, "date")
    customers = _customers_of(inputs, on)
    rows = customers.left_join(_preferred(inputs), "customer_id", rname="{name}_preferred")
    since_last = today.delta(rows.last_order_date, unit="day")
    since_first = today.delta(rows.first_order_date, unit="day")
    recency = ibis.cases((since_last <= RECENT_DAYS, HIGH), (since_last <= LAPSING_DAYS, MIDDLE), else_=LOW)
    frequency = ibis.cases((rows.orders_365d >= OFTEN, HIGH), (rows.orders_365d >= SOMETIMES, MIDDLE), else_=LOW)
    money = ibis.cases((rows.spend_365d >= MUCH, HIGH), (rows.spend_365d >= SOME, MIDDLE), else_=LOW)
    is_valuable = frequency + money >= MIDDLE + MIDDLE
    analytics = rows.mutate(
        customer_key=rows.customer_id,
        customer_segment=ibis.cases(
            (rows.last_order_date.isnull(), "Prospect"),
            (recency + frequency + money == HIGH + HIGH + HIGH, "Champion"),
            (since_first <= NEW_DAYS, "New"),
            ((recency > LOW) & is_valuable, "Loyal"),
            (recency > LOW, "Occasional"),
            (is_valuable, "At risk"),
            else_="Lapsed",
        ),
        lifetime_value=rows.net_gbp.cast("float64"),
        total_orders=rows.orders.cast("int32"),
        avg_order_value=rows.gross_gbp.cast("float64") / rows.orders.nullif(0).cast("float64"),
        churn_probability=ibis.null("float64"),
        geographic_region=rows.country,
    )
    return analytics.drop("orders", "net_gbp", "gross_gbp", "first_order_date", "orders_365d", "spend_365d")


def _customers_of(inputs: Inputs, on: date) -> ir.Table:
    rows = _customers.invoices(inputs)
    is_sale = ~rows.is_cancellation
    recent = is_sale & _customers.within(rows, _customers.YEAR_DAYS, on)
    sold_on = is_sale.ifelse(rows.invoiced_local.date(), ibis.null("date"))
    last = ibis.row_number().over(
        group_by="customer_id", order_by=[ibis.desc("invoiced_local"), ibis.desc("invoice_no")]
    )
    countries = rows.mutate(place=last)
    sums = rows.group_by("customer_id").aggregate(
        orders=is_sale.ifelse(1, 0).sum(),
        net_gbp=rows.amount_gbp.sum(),
        gross_gbp=is_sale.ifelse(rows.amount_gbp, _customers.NOTHING).sum(),
        first_order_date=sold_on.min(),
        last_order_date=sold_on.max(),
        orders_365d=recent.ifelse(1, 0).sum(),
        spend_365d=recent.ifelse(rows.amount_gbp, _customers.NOTHING).sum(),
    )
    newest = countries.filter(countries.place == 0).select("customer_id", "country")
    return sums.inner_join(newest, "customer_id")


def _preferred(inputs: Inputs) -> ir.Table:
    lines = _customers.lines(inputs)
    bought = lines.filter(lines.is_product & ~lines.is_cancellation)
    spent = bought.group_by("customer_id", category=bought.stock_code.substr(0, 2)).aggregate(
        amount=bought.amount_gbp.sum()
    )
    place = ibis.row_number().over(group_by="customer_id", order_by=[ibis.desc("amount"), "category"])
    ranked = spent.mutate(place=place)
    return ranked.filter(ranked.place == 0).select("customer_id", preferred_category="category")


TABLE = AsOfTable(
    name="gold/customer_analytics",
    description="A customer's value, segment and habits as of an analysis date.",
    owners=("team:sales",),
    contract=CustomerAnalytics,
    inputs=(_customers.LINES,),
    build=build,
)

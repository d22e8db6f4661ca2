"""What customers ordered up to the end of a date, as known then. No cancelled ones. Formulas: docs/shop.md."""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from snowpipe_platform.spec.analysis_dates import end_of
from snowpipe_platform.spec.history import as_of, latest, versions
from snowpipe_platform.spec.table import Inputs

CUSTOMERS, ORDERS = "silver/customer_changes", "silver/order_changes"
LINES, PRODUCTS = "silver/order_line_changes", "silver/product_changes"
UNKNOWN_CATEGORY = "Unknown"
YEAR_DAYS = 365


def customers(inputs: Inputs) -> ir.Table:
    """Customers that exist. Grain: customer_key."""
    return latest(inputs[CUSTOMERS], key=["customer_id"])


def orders(inputs: Inputs, on: date) -> ir.Table:
    """Orders of a known customer placed by the end of the date and not cancelled. Grain: order_id.

    order_total: USD, as the source states it. An order may be known before the instant it is said to be placed at.
    """
    rows = latest(inputs[ORDERS], key=["order_id"])
    is_placed = rows.ordered_at < ibis.literal(end_of(on), "timestamp(6)")
    kept = rows.filter((rows.status != "cancelled") & rows.customer_key.notnull() & is_placed)
    return kept.select("order_id", "customer_key", "order_total", "ordered_at", ordered_on=kept.ordered_at.date())


def lines(inputs: Inputs, on: date) -> ir.Table:
    """Lines of those orders, with the category their product had when it was ordered. Grain: order_id, line_number."""
    rows = latest(inputs[LINES], key=["order_id", "line_number"]).select("order_id", "product_key", "line_amount")
    dated = rows.inner_join(orders(inputs, on).select("order_id", "customer_key", "ordered_at"), "order_id")
    categories = versions(
        inputs[PRODUCTS], key=["product_id"], attributes=["category"], created_at="created_at"
    ).select("product_key", "category", "effective_at", "expires_at")
    found = as_of(dated, categories, key="product_key", at="ordered_at", take=("category",))
    return found.mutate(category=found.category.fill_null(UNKNOWN_CATEGORY))


def within(rows: ir.Table, days: int, on: date) -> ir.BooleanValue:
    """Whether the order was placed in the last `days` days up to the end of the date."""
    return rows.ordered_at >= ibis.literal(end_of(on) - timedelta(days=days), "timestamp(6)")

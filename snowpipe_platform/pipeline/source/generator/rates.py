"""How large the shop is and how dirty: every number the generator draws against, in one place."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SMALLEST_SHOP_CUSTOMERS = 1_000
LARGEST_SHOP_CUSTOMERS = 10_000_000

CATEGORY_COUNT = 20
SMALLEST_CATALOG_PRODUCTS = 200
LARGEST_CATALOG_PRODUCTS = 20_000

HISTORY_NULL_KEY_ROWS = 4
"""customers rows without a key in the initial history; later ones come at the rate of null_key, one a day at most."""

PER_MILLION: Mapping[str, int] = MappingProxyType(
    {
        # Of customers that exist, each day.
        "customer_change": 5_000,
        # Of lines of orders not yet shipped, each day.
        "quantity_change": 10_000,
        # Of changes, those that a nightly job makes all at one instant.
        "batch_job": 100_000,
        # Of emails written.
        "bad_email": 5_000,
        "mixed_case_email": 20_000,
        # Of phones written; the others come in four legitimate formats.
        "missing_phone": 30_000,
        "bad_phone": 10_000,
        # Of addresses written; zip+4 and untidy spaces are legitimate variety, not dirt.
        "bad_zip": 5_000,
        "zip_plus_four": 150_000,
        "mixed_case_state": 20_000,
        "untidy_address": 50_000,
        # Of customers rows and of lines written.
        "duplicate_customer": 5_000,
        "duplicate_line": 2_000,
        # Of new lines, and of those the ones that a later change of the line mends.
        "text_quantity": 3_000,
        "text_quantity_mended": 500_000,
        # Of days.
        "null_key": 100_000,
        # Of changes of customers and of orders that could be late.
        "late_customer": 40_000,
        "late_order": 20_000,
    }
)
"""Chances in parts per million, each drawn per row by a hash of its id and the day."""

DIRT_KINDS = (
    "duplicate",
    "mixed_case_email",
    "bad_email",
    "missing_phone",
    "bad_phone",
    "bad_zip",
    "mixed_case_state",
    "text_quantity",
    "null_key",
    "late_change",
    "delete",
)


@dataclass(frozen=True, kw_only=True)
class ShopSize:
    """The counts that depend on the number of customers alone. Those a day are the same every day."""

    customers: int
    new_customers_a_day: int
    orders: int
    new_orders_a_day: int
    products: int
    new_products_a_day: int
    delisted_products_a_day: int
    changed_products_a_day: int

    @classmethod
    def of(cls, customers: int) -> "ShopSize":
        """10 orders a customer a year, 0.1% new customers a day; the catalog is a multiple of the categories."""
        wanted = min(max(SMALLEST_CATALOG_PRODUCTS, customers // 50), LARGEST_CATALOG_PRODUCTS)
        products = wanted - wanted % CATEGORY_COUNT
        turnover = max(2, products // 1_000)
        return cls(
            customers=customers,
            new_customers_a_day=customers // 1_000,
            orders=customers * 10,
            new_orders_a_day=round(customers * 10 / 365),
            products=products,
            new_products_a_day=turnover,
            delisted_products_a_day=turnover,
            changed_products_a_day=max(3, products // 200),
        )

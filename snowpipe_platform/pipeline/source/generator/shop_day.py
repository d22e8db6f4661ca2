"""What one day changed in the warehouse."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True)
class ShopDay:
    """The changes one simulated UTC day committed.

    Counts are of keys, without the second copies; a key is new or changed at most once a day. `dirt` counts the pieces
    injected that day for every kind, zeros included. `rows` is the size of each warehouse table at the end of the day,
    second copies included.
    """

    day: date
    day_number: int
    new_customers: int
    changed_customers: int
    new_orders: int
    changed_orders: int
    new_order_lines: int
    changed_order_lines: int
    new_products: int
    changed_products: int
    deleted_products: int
    dirt: Mapping[str, int]
    rows: Mapping[str, int]

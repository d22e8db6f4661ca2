"""The counts of a shop hold at every size it may have."""

from hypothesis import given
from hypothesis import strategies as st

from snowpipe_platform.pipeline.source.generator import PER_MILLION, ShopSize


@given(customers=st.integers(min_value=1_000, max_value=10_000_000))
def test_a_shop_of_any_size_has_full_categories_and_something_new_every_day(customers):
    size = ShopSize.of(customers)
    assert size.products % 20 == 0
    assert 200 <= size.products <= 20_000
    assert size.orders == 10 * customers
    assert abs(size.new_orders_a_day * 365 - size.orders) <= 183
    assert min(size.new_customers_a_day, size.new_products_a_day, size.delisted_products_a_day) >= 1
    assert size.delisted_products_a_day + size.changed_products_a_day < size.products / 10


def test_every_chance_is_a_share_of_a_million():
    assert all(0 < chance < 1_000_000 for chance in PER_MILLION.values())

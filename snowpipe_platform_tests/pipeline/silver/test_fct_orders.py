"""An order is a known customer's, or nobody's."""

from snowpipe_platform.pipeline.silver.fct_orders import TABLE
from snowpipe_platform_tests.breaking import breaking


def test_an_order_of_an_unknown_customer_breaks_the_rule():
    orders = [{"order_id": "a", "customer_key": 1}, {"order_id": "b", "customer_key": 2}, {"order_id": "c"}]
    versions = [{"customer_key": 1}, {"customer_key": 1}, {"customer_key": 3}]
    assert breaking(TABLE, "customer_key.references", orders, {"silver/dim_customers": versions}) == [1]

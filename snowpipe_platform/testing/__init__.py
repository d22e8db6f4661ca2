"""A test of one table: given these rows, when the table runs, then those rows.

    from my_shop.gold.daily_revenue import TABLE
    from snowpipe_platform.testing import given

    def test_a_cancelled_order_brings_nothing():
        orders = [{"order_id": "a", "order_date": "2024-03-01", "status": "cancelled", "amount": "12.50"}]
        given("silver/fct_orders", orders).when(TABLE).then([{"order_date": "2024-03-01", "revenue": 0}])

The table's own expression runs on the platform's engine, in memory: no file, no lake, no warehouse. What its rules
tolerate is no matter here: every row that is made is there.
"""

from snowpipe_platform.testing.given import Given, Made, given

__all__ = ["Given", "Made", "given"]

from my_shop.gold.daily_revenue import TABLE
from snowpipe_platform.testing import given


def test_a_cancelled_order_counts_on_its_day_without_its_amount():
    orders = [
        {"order_id": "a", "order_date": "2024-03-01", "status": "paid", "amount": "12.50"},
        {"order_id": "b", "order_date": "2024-03-01", "status": "cancelled", "amount": "99.00"},
        {"order_id": "c", "order_date": "2024-03-02", "status": "placed", "amount": "7.50"},
    ]
    given("silver/fct_orders", orders).when(TABLE).then(
        [
            {"order_date": "2024-03-01", "orders": 1, "cancelled": 1, "revenue": "12.50"},
            {"order_date": "2024-03-02", "orders": 1, "cancelled": 0, "revenue": "7.50"},
        ]
    )

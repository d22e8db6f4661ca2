from my_shop.silver.order_changes import TABLE
from snowpipe_platform.testing import given

ORDER = {
    "order_id": "a",
    "customer": "customer 1",
    "status": "placed",
    "amount": "12.50",
    "ordered_at": "2024-03-01 10:00",
    "updated_at": "2024-03-01 10:00",
}


def test_the_status_is_lower_case():
    given("bronze/orders", [ORDER | {"status": " PAID "}]).when(TABLE).then([{"order_id": "a", "status": "paid"}])


def test_an_amount_that_is_no_number_is_quarantined():
    made = given("bronze/orders", [ORDER, ORDER | {"order_id": "b", "amount": "n/a"}]).when(TABLE)
    made.then([{"order_id": "a", "amount": "12.50"}])
    made.then_quarantined([{"order_id": "b", "failed_rules": ["amount.is_decimal", "amount.not_null"]}])

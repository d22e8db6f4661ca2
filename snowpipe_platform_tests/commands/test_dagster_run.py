"""What a run through Dagster says about each table is what `snowpipe run` would have said."""

from datetime import date

import pytest

from snowpipe_platform.commands.dagster_run import open_runner
from snowpipe_platform.commands.project import open_project

DAY = date(2024, 3, 1)


def run_through_dagster():
    with open_runner(open_project()) as runner:
        return {outcome.step.name: outcome for outcome in runner.run(DAY)}


@pytest.mark.case("A32")
def test_held_rows_block_their_branch_and_name_the_rule(shop):
    shop.orders(("o1", "1.00", "2024-03-01 10:00"), ("o2", "two", "2024-03-01 10:00"))
    shop.end_day("2024-03-01")
    found = run_through_dagster()
    assert {name: outcome.status.value for name, outcome in found.items()} == {
        "bronze/orders": "ok",
        "bronze/customers": "ok",
        "silver/customer_changes": "ok",
        "silver/order_changes": "held",
        "silver/customer_list": "ok",
        "silver/fct_orders": "blocked",
        "gold/daily_totals": "blocked",
    }
    held = found["silver/order_changes"]
    assert (held.note, held.new, held.quarantined, held.rules) == ("amount is a decimal(18, 2): 1 row", 0, 1, 3)
    assert found["gold/daily_totals"].note == "blocked by silver/order_changes"


def test_a_source_that_refuses_is_told_in_its_own_words(shop):
    shop.source.run("DROP TABLE orders")
    shop.end_day("2024-03-01")
    found = run_through_dagster()
    assert found["bronze/orders"].status.value == "FAILED"
    assert "refused the query" in found["bronze/orders"].note
    assert found["silver/order_changes"].note == "blocked by bronze/orders"
    assert found["silver/customer_list"].status.value == "ok"

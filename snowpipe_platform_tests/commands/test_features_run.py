"""A feature group on the command line: made with its date, after its source, and looked at like any table."""

import pytest

from snowpipe_platform_tests.commands.test_as_of import ORDER_STATES, four_days
from snowpipe_platform_tests.tiny import TinyShop

ORDER_FEATURES = """
from snowpipe_platform.spec.feature import Feature, FeatureGroup

TABLE = FeatureGroup(name="features/order_states", description="What is known of an order.", source="gold/order_states",
    entity="order_id", entity_type="string", version=1,
    features=(Feature(name="amount", type="decimal(18, 2)", description="USD"),))
"""
STATES, GROUP = "gold/order_states", "features/order_states"
FILES = {
    "gold/order_states.py": ORDER_STATES,
    "features/__init__.py": "",
    "features/order_states.py": ORDER_FEATURES,
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    return TinyShop(tmp_path, monkeypatch, more=FILES)


def standing(shop):
    (found,) = [one for one in shop.json("status")["tables"] if one["table"] == GROUP]
    return found


def test_a_run_makes_features_of_its_dates_after_gold(shop):
    four_days(shop)
    found = shop.rows("select event_time, count(*) as n from features.order_states group by all order by all")
    assert [(row["event_time"][:10], row["n"]) for row in found] == [(f"2024-03-0{n + 1}", n) for n in range(1, 5)]
    assert (standing(shop)["status"], standing(shop)["analysis_dates"]) == ("ok", 4)


def test_what_a_late_change_restates_comes_in_the_same_run_however_old(shop):
    four_days(shop)
    shop.orders(("late", "9.00", "2024-03-01 12:00"))
    made = [one["day"] for one in shop.json("run", "--partition", "2024-03-01")["outcomes"] if one["table"] == GROUP]
    assert made == ["2024-03-01", "2024-03-03", "2024-03-04"], "gold made its own date and the last two anew"
    shop.type("run", "bronze/orders", "order_changes", STATES, "--partition", "2024-03-02")
    assert "2024-03-02" in standing(shop)["note"]
    shop.type("run")
    assert (standing(shop)["status"], standing(shop)["stale_dates"]) == ("ok", [])


def test_a_plan_counts_the_rows_that_come(shop):
    shop.one_day()
    shop.type("run", "bronze/orders", "bronze/customers", "order_changes", STATES, "--partition", "2024-03-01")
    (step,) = [one for one in shop.json("plan", GROUP, "--partition", "2024-03-01")["steps"] if one["table"] == GROUP]
    assert (step["operation"], step["rows_appended"]) == ("append", 2)
    shop.type("run", GROUP, "--partition", "2024-03-01")
    (step,) = [one for one in shop.json("plan", GROUP, "--partition", "2024-03-01")["steps"] if one["table"] == GROUP]
    assert step["operation"] == "nothing"


def test_a_date_whose_source_is_held_back_waits(shop):
    four_days(shop)
    shop.orders(*((f"bad{n}", "many", "2024-03-04 20:00") for n in range(9)))
    shop.end_day("2024-03-05")
    shop.type("run", "--partition", "2024-03-05")
    waiting = shop.outcomes(GROUP, "--partition", "2024-03-05")[GROUP]
    assert (waiting["status"], waiting["blocked_by"]) == ("blocked", "gold/order_states of 2024-03-05")


def test_a_feature_comes_from_a_column_of_gold_and_so_on_up_to_the_source(shop):
    four_days(shop)
    shown = [line.split() for line in shop.type("lineage", f"{GROUP}.amount").stdout.splitlines()]
    assert ["└─", "amount", STATES] in shown
    assert ["└─", "amount", "query", "orders"] in shown


def test_its_rows_and_columns_are_shown_with_what_they_mean(shop):
    four_days(shop)
    shown = shop.json("show", GROUP)
    assert shown["about"]["amount"] == "USD"
    assert shown["about"]["event_time"] == "exclusive end of the date the features are as of, UTC"
    assert [row["order_id"] for row in shown["rows"]][:1] != []

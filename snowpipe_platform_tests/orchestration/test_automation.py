"""What is requested without anybody asking."""

import pytest

CHANGES, DIMENSION, GOLD = "silver/customer_changes", "silver/dim_customers", "gold/customer_count"


def test_an_update_of_a_day_requests_that_day_downstream(shop, automation):
    automation.tick()
    shop.customers("2024-03-01", good=3)
    shop.run("bronze/customers", day="2024-03-01")

    assert (CHANGES, "2024-03-01") in automation.tick()


def test_a_whole_table_is_requested_although_most_days_do_not_exist(shop, automation):
    automation.tick()
    shop.customers("2024-03-02", good=3)
    shop.run("bronze/customers", CHANGES, day="2024-03-02")

    assert automation.tick() == {(DIMENSION, None), (GOLD, None)}


def test_what_ran_is_not_requested_again(shop, automation):
    automation.tick()
    shop.customers("2024-03-01", good=3)
    shop.run(day="2024-03-01")

    assert automation.tick() == set()
    assert automation.tick() == set()


def test_an_old_day_requests_what_depends_on_it_too(shop, automation):
    for day in ("2024-03-01", "2024-03-02", "2024-03-03"):
        shop.customers(day, good=3)
        shop.run(day=day)
    automation.tick()
    shop.customers("2024-03-01", good=1, prefix="late")
    shop.run("bronze/customers", day="2024-03-01")

    assert {(CHANGES, "2024-03-01")} <= automation.tick()


@pytest.mark.case("A61")
def test_a_red_old_day_holds_the_dimension_and_gold_until_it_is_green(shop, automation):
    shop.customers("2024-03-01", good=100)
    shop.run(day="2024-03-01")
    automation.tick()

    shop.customers("2024-03-02", good=90, bad=10)
    shop.run("bronze/customers", CHANGES, day="2024-03-02")
    assert automation.tick() == set()

    shop.customers("2024-03-03", good=100)
    shop.run("bronze/customers", CHANGES, day="2024-03-03")
    assert automation.tick() == set()
    assert shop.sensor_requests("sweep") == []

    shop.customers("2024-03-02", good=900, prefix="late")
    shop.run("bronze/customers", CHANGES, day="2024-03-02")
    assert automation.tick() == {(DIMENSION, None), (GOLD, None)}

    shop.run(DIMENSION, GOLD)
    assert automation.tick() == set()
    assert automation.tick() == set()
    assert shop.rows(GOLD) == [{"domain": "example.com", "customers": 1190}]


@pytest.mark.case("A61")
def test_gold_is_not_requested_behind_a_red_input_of_its_input(shop, automation):
    shop.customers("2024-03-01", good=100)
    shop.run(day="2024-03-01")
    automation.tick()

    shop.customers("2024-03-02", good=90, bad=10)
    shop.run("bronze/customers", CHANGES, day="2024-03-02")
    automation.tick()
    shop.run(DIMENSION)
    assert automation.tick() == set()

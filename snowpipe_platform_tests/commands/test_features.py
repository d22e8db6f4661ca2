"""`snowpipe features`: groups, their features, and what is online of an entity."""

import pytest

from snowpipe_platform.commands.completion import group_names
from snowpipe_platform.settings import read_settings
from snowpipe_platform_tests.commands.test_features_run import FILES, GROUP
from snowpipe_platform_tests.tiny import TinyShop


@pytest.fixture
def shop(tmp_path, monkeypatch):
    return TinyShop(tmp_path, monkeypatch, more=FILES)


def listed(shop):
    (found,) = shop.json("features", "list")["groups"]
    return found


def test_a_group_is_listed_with_its_history_and_its_entities(shop):
    assert (listed(shop)["status"], listed(shop)["newest"]) == ("never run", None)
    shop.one_day()
    shop.type("run")
    assert listed(shop) == {
        "group": GROUP,
        "status": "ok",
        "version": 1,
        "entity": "order_id",
        "features": 1,
        "rows": 2,
        "entities": 2,
        "newest": "2024-03-02T00:00:00",
    }
    lines = shop.type("features", "list").stdout.splitlines()
    assert lines[1].split() == [GROUP, "1", "2", "2", "2024-03-02", "ok"]


def test_a_store_that_lacks_rows_is_behind_and_the_next_run_brings_them(shop):
    shop.one_day()
    shop.type("run")
    for file in shop.home.glob("online.db*"):
        file.unlink()
    assert (listed(shop)["status"], listed(shop)["entities"]) == ("behind", 0)
    assert shop.type("features", "list").stdout.splitlines()[-1] == "next: snowpipe run"
    shop.type("run")
    assert (listed(shop)["status"], listed(shop)["entities"]) == ("ok", 2)


def test_an_entitys_features_are_shown_with_their_times(shop):
    shop.one_day()
    shop.type("run")
    found = shop.json("features", "show", "order_states", "o2", "o1", "o1")
    assert [row["order_id"] for row in found["rows"]] == ["o2", "o1"]
    assert (found["version"], found["missing"]) == (1, [])
    assert (found["rows"][1]["event_time"], found["rows"][1]["amount"]) == ("2024-03-02T00:00:00", "12.50")
    lines = [line.split() for line in shop.type("features", "show", GROUP, "o1").stdout.splitlines()]
    assert ["event_time", "2024-03-02", "00:00:00"] in lines
    assert ["amount", "12.50"] in lines


def test_a_key_that_is_not_online_is_named_and_the_others_are_shown(shop):
    shop.one_day()
    shop.type("run")
    found = shop.type("features", "show", "order_states", "o1", "o9")
    assert found.exit_code == 1
    assert f"{GROUP} has nothing online for order_id o9" in found.stdout
    assert "12.50" in found.stdout
    assert shop.json("features", "show", "order_states", "o1", "o9")["missing"] == ["o9"]


def test_without_a_key_its_features_are_told(shop):
    (feature,) = shop.json("features", "show", "order_states")["features"]
    expected = {"type": "decimal(18, 2)", "description": "USD", "window": None, "default": None}
    assert feature == {"name": "amount", **expected}
    assert "next: snowpipe features show order_states KEY" in shop.type("features", "show", "order_states").stdout


def test_a_group_there_is_not_is_answered_with_the_nearest(shop):
    answer = shop.type("features", "show", "order_state", "o1")
    assert answer.exit_code == 2
    assert "there is no feature group 'order_state'. Did you mean 'order_states'?" in answer.stderr


def test_a_key_of_a_number_is_one(monkeypatch, tmp_path):
    monkeypatch.setenv("SNOWPIPE_HOME", str(tmp_path))
    shop = TinyShop.type(None, "features", "show", "customer_activity", "x12")
    assert shop.exit_code == 2
    assert "customer_key is a whole number, and 'x12' is none" in " ".join(shop.stderr.split())
    assert not read_settings().online_path.exists()


def test_groups_are_completed_short_and_full(shop):
    assert group_names() == ["order_states", GROUP]

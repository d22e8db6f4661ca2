"""`snowpipe run --verify`: what it prints, what it answers with."""

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import EqualTo

from snowpipe_platform_tests.commands.test_as_of import ORDER_STATES, STATES, four_days
from snowpipe_platform_tests.tiny import FCT_ORDERS, TinyShop

KEYS = {
    "table",
    "status",
    "rows_live",
    "rows_rebuilt",
    "differing",
    "only_live",
    "only_rebuilt",
    "columns",
    "key",
    "examples",
    "made_by",
    "code_version",
    "dates_left_out",
    "seconds",
    "error",
}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    return TinyShop(tmp_path, monkeypatch, more={"gold/order_states.py": ORDER_STATES})


def opened(shop, table):
    """As another tool opens it."""
    root = shop.home / "lake"
    catalog = SqlCatalog("snowpipe", uri=f"sqlite:///{root / 'catalog.db'}", warehouse=f"file://{root}")
    return catalog.load_table(tuple(table.split("/")))


def test_one_line_per_table_and_a_difference_ends_with_the_command_that_mends_it(shop):
    shop.one_day()
    assert shop.type("run").exit_code == 0
    answer = shop.type("run", "--verify")
    title, *lines, last = answer.stdout.splitlines()
    assert title.split() == ["table", "live", "rebuilt", "differ", "only", "live", "only", "rebuilt", "took"]
    assert {line.split()[-1] for line in lines} == {"ok"}
    assert (last, answer.exit_code) == ("every row is what the table's inputs make of it", 0)

    opened(shop, "silver/fct_orders").delete(EqualTo("order_id", "o2"))
    answer = shop.type("run", "fct_orders", "daily_totals", "--verify")
    lines = answer.stdout.splitlines()
    assert lines[1].split()[-1] == "differs"
    assert lines[2:] == [
        "    order_id o2: only in the rebuild",
        lines[3],
        "next: snowpipe run silver/fct_orders --rebuild",
    ]
    assert (lines[3].split()[0], lines[3].split()[-1]) == ("gold/daily_totals", "ok")
    assert max(map(len, lines)) <= 80
    assert (answer.exit_code, answer.stderr) == (1, "")

    assert shop.type("run", "fct_orders", "--rebuild", "--yes").exit_code == 0
    assert shop.type("run", "fct_orders", "--verify").exit_code == 0


def test_json_names_what_differs_with_both_values_and_the_code_that_made_them(shop):
    shop.one_day()
    shop.type("run", "bronze/orders", "order_changes", "fct_orders")
    shop.mend(silver__fct_orders=FCT_ORDERS.replace("rows.mutate(", "rows.mutate(amount=rows.amount + 1, "))
    told = shop.json("run", "fct_orders", "daily_totals", "--verify")
    assert (set(told), told["status"]) == ({"status", "tables", "next"}, "differs")
    orders, totals = told["tables"]
    assert set(orders) == set(totals) == KEYS
    assert (orders["differing"], orders["columns"], orders["key"]) == (2, {"amount": 2}, ["order_id"])
    first = {"side": "both", "key": {"order_id": "o1"}, "columns": {"amount": {"live": "12.50", "rebuilt": "13.50"}}}
    assert orders["examples"][0] == first
    assert orders["made_by"] != [orders["code_version"]]
    assert (totals["status"], totals["rows_live"]) == ("never run", None)
    words = " ".join(shop.type("run", "fct_orders", "--verify").stdout.split())
    assert f"made by code {orders['made_by'][0]}, rebuilt by {orders['code_version']}" in words
    assert "order_id o1: amount 12.50, rebuilt 13.50" in words


@pytest.mark.case("A56")
def test_a_date_is_compared_with_what_it_was_made_of_also_when_it_is_stale(shop):
    four_days(shop)
    shop.orders(("late", "9.00", "2024-03-02 12:00"))
    shop.type("run", "bronze/orders", "order_changes", "--partition", "2024-03-02")
    shop.type("run", STATES, "--partition", "2024-03-04")
    (states,) = shop.json("run", STATES, "--verify")["tables"]
    # The 3rd and the 4th were made anew; the 2nd is stale, and would have a row more.
    assert (states["status"], states["rows_live"], states["rows_rebuilt"]) == ("ok", 1 + 2 + 4 + 5, 12)
    opened(shop, STATES).delete(EqualTo("order_id", "o1"))
    (states,) = shop.json("run", STATES, "--verify")["tables"]
    assert (states["only_rebuilt"], states["examples"][0]["key"]) == (
        4,
        {"order_id": "o1", "analysis_date": "2024-03-01"},
    )


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["--rebuild"], "Leave --rebuild out"),
        (["--partition", "2024-03-01"], "Leave --partition out"),
        (["--from", "2024-03-01"], "Leave --from out"),
        (["--publish-anyway", "so"], "Leave --publish-anyway out"),
        (["bronze/orders"], "nothing makes them anew to compare"),
    ],
)
def test_what_verify_does_not_go_with_is_refused(shop, typed, told):
    answer = shop.type("run", "--verify", *typed)
    assert answer.exit_code == 2
    assert told in " ".join(answer.stderr.split())

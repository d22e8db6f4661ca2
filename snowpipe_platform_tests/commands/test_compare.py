"""`snowpipe compare`: what was deleted at the source is told, closed, and brought on by the next command."""

import pytest

from snowpipe_platform.commands import deciding
from snowpipe_platform_tests.tiny import TinyShop


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Two orders, in silver; o2 is deleted at the source since, where it is noon of the next day."""
    shop = TinyShop(tmp_path, monkeypatch)
    shop.one_day()
    assert shop.type("run").exit_code == 0
    shop.source.run("CREATE TABLE kept AS SELECT * FROM orders", "DELETE FROM orders WHERE order_id = 'o2'")
    shop.source.set_clock("2024-03-02 12:00")
    return shop


def words(answer):
    return [line.split() for line in answer.stdout.splitlines()]


@pytest.mark.case("A24")
def test_a_deleted_row_leaves_the_fact_and_comes_back_when_it_is_restored(shop):
    answer = shop.type("compare", "orders", "--yes")
    assert answer.exit_code == 0
    assert words(answer) == [
        ["table", "at", "source", "open", "gone", "back", "tombstones"],
        ["bronze/orders", "1", "2", "1", "0", "1", "ok"],
        ["orders", "gone:", "order_id=o2"],
        ["next:", "snowpipe", "run", "--partition", "2024-03-02"],
    ]
    orders = "select order_id from silver.fct_orders order by 1"
    assert shop.type("run", "--partition", "2024-03-02").exit_code == 0
    assert shop.rows(orders) == [{"order_id": "o1"}]
    assert words(shop.type("compare"))[1] == ["bronze/orders", "1", "1", "0", "0", "0", "unchanged"]
    shop.source.run("INSERT INTO orders SELECT * FROM kept WHERE order_id = 'o2'", "DELETE FROM source_clock")
    shop.source.set_clock("2024-03-02 13:00")
    assert words(shop.type("compare", "bronze/orders"))[1] == ["bronze/orders", "2", "1", "0", "1", "0", "ok"]
    assert shop.type("run", "--partition", "2024-03-02").exit_code == 0
    assert shop.rows(orders) == [{"order_id": "o1"}, {"order_id": "o2"}]
    log = shop.type("bronze", "log", "orders").stdout
    assert "comparison" in log
    assert "1 closed, 0 open again" in log


def test_more_than_the_share_is_refused_with_the_mend_and_exit_code_1(shop):
    answer = shop.type("compare", "orders")
    assert answer.exit_code == 1
    text = " ".join(answer.stdout.split())
    assert "bronze/orders - - - - - FAILED" in text
    assert "1 of 2 open keys (50.0%) are not at the source any more" in text
    assert "run 'snowpipe compare orders --yes'" in text
    assert len(shop.json("bronze", "log", "orders")["entries"]) == 1


@pytest.mark.parametrize(("said", "code", "entries"), [(True, 0, 2), (False, 1, 1)])
def test_a_person_on_a_terminal_is_asked(shop, monkeypatch, said, code, entries):
    monkeypatch.setattr(deciding, "_is_asked", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda question, **_: said if "Close them all the same?" in question else None)
    assert shop.type("compare", "orders").exit_code == code
    assert len(shop.json("bronze", "log", "orders")["entries"]) == entries


def test_a_dry_run_tells_and_writes_nothing(shop):
    answer = shop.type("compare", "--dry-run")
    assert answer.exit_code == 0
    assert words(answer)[1] == ["bronze/orders", "1", "2", "1", "0", "-", "planned"]
    assert " ".join(answer.stdout.split()).endswith(
        "orders gone: order_id=o2 orders: more than max_deleted_share (10.0%) of the open keys are gone; it takes "
        "--yes dry run: nothing was written next: snowpipe compare"
    )
    assert max(map(len, answer.stdout.splitlines())) <= 80
    assert len(shop.json("bronze", "log", "orders")["entries"]) == 1


def test_the_keys_of_the_json_are_stable(shop):
    told = shop.json("compare", "--yes")
    assert set(told) == {"dry_run", "comparisons", "next"}
    (one,) = told["comparisons"]
    assert one == {
        "table": "bronze/orders",
        "query": "orders",
        "status": "ok",
        "at": "2024-03-02T12:00:00",
        "keys_at_source": 1,
        "keys_open": 2,
        "keys_gone": 1,
        "keys_back": 0,
        "first_gone": [{"order_id": "o2"}],
        "first_back": [],
        "tombstones": 1,
        "rows_opened": 0,
        "entry": 2,
        "load_day": "2024-03-02",
        "error": None,
    }


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("customers", "query 'customers' reads every key in each run and finds deletes itself (mode 'full')."),
        ("odrers", "there is no bronze/odrers. Did you mean 'orders'?"),
    ],
)
def test_an_entity_without_keys_to_compare_is_refused(shop, name, told):
    answer = shop.type("compare", name)
    assert answer.exit_code == 2
    assert told in " ".join(answer.stderr.split())

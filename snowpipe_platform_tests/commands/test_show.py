"""`snowpipe show`: a table, and the rows that break a rule."""

import getpass

import pytest

from snowpipe_platform_tests.tiny import CUSTOMER_LIST, ORDER_CHANGES, TinyShop


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """One row in quarantine, one that a warning is about, one good; the next day all bad, held back."""
    with pytest.MonkeyPatch.context() as environment:
        yield _judged(TinyShop(tmp_path_factory.mktemp("judged"), environment))


def _judged(shop):
    shop.orders(
        ("o1", "1.00", "2024-03-01 10:00"), ("o2", "two", "2024-03-01 10:00"), ("o3", "3.00", "2024-03-01 10:00")
    )
    shop.source.run("UPDATE orders SET note = 'why' WHERE order_id = 'o3'")
    shop.end_day("2024-03-01")
    shop.type("run", "bronze/orders", "silver/order_changes")
    shop.orders(("o4", "four", "2024-03-02 10:00"))
    shop.end_day("2024-03-02")
    shop.type("run", "bronze/orders", "silver/order_changes")
    return shop


def failing(shop, rule):
    return shop.json("show", "silver/order_changes", "--failing", rule)


def test_a_table_has_columns_newest_rows_place_and_commits(shop):
    shop.one_day()
    shop.type("run")
    told = shop.json("show", "fct_orders")
    assert told["columns"] == {"order_id": "string", "amount": "decimal(18, 2)", "ordered_on": "date"}
    assert sorted(row["order_id"] for row in told["rows"]) == ["o1", "o2"]
    assert told["location"] == str(shop.home / "lake" / "silver" / "fct_orders")
    assert [(commit["number"], commit["rows"]) for commit in told["commits"]] == [(1, 2)]
    assert all(len(line) <= 80 for line in shop.type("show", "fct_orders").stdout.splitlines() if "/home/" not in line)


def test_newest_changes_come_first(shop):
    shop.one_day()
    shop.type("run")
    told = shop.json("show", "silver/order_changes", "--limit", "1")
    assert [row["order_id"] for row in told["rows"]] == ["o2"]


def test_a_log_of_bronze_shows_its_manifests(shop):
    shop.one_day()
    shop.type("run")
    told = shop.json("show", "bronze/orders")
    assert [(commit["number"], commit["rows"], commit["day"]) for commit in told["commits"]] == [(1, 2, "2024-03-01")]


def test_a_table_without_rows_says_how_to_make_them(shop):
    shop.end_day("2024-03-01")
    answer = shop.type("show", "silver/fct_orders")
    assert (answer.exit_code, answer.stdout.splitlines()[-2:]) == (
        0,
        ["no rows yet", "next: snowpipe run silver/fct_orders"],
    )


def test_quarantined_and_held_rows_are_shown_with_payload_and_origin(judged):
    told = failing(judged, "amount.is_decimal")
    kept = {row["order_id"]: row["kept_in"] for row in told["rows"]}
    assert kept == {"o2": "quarantine", "o4": "held-2024-03-02"}
    quarantined = next(row for row in told["rows"] if row["order_id"] == "o2")
    assert '"amount":"two"' in quarantined["payload"].replace(" ", "")
    assert quarantined["source_file"].startswith("orders/year=2024/month=03/day=01/")


def test_the_rows_of_one_day_are_those_its_check_counts(judged):
    def ids(*words):
        told = judged.json("show", "silver/order_changes", "--failing", "amount.is_decimal", *words)
        assert told["count"] == len(told["rows"])
        return [row["order_id"] for row in told["rows"]]

    assert ids("--partition", "2024-03-01") == ["o2"]
    assert ids("--partition", "2024-03-02") == ["o4"]
    assert ids("--partition", "2024-03-03") == []
    answer = judged.type("show", "silver/fct_orders", "--failing", "amount.less_than", "--partition", "2024-03-01")
    assert (answer.exit_code, answer.stderr.splitlines()[0]) == (
        2,
        "error: silver/fct_orders has no rows of a day: its rules judge it whole. Leave out --partition.",
    )
    assert judged.type("show", "silver/order_changes", "--partition", "2024-03-01").exit_code == 2


def test_a_row_that_was_given_up_breaks_no_rule(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch)
    shop.orders(*((f"o{n}", "two" if n == 2 else "1.00", "2024-03-01 10:00") for n in range(1, 5)))
    shop.end_day("2024-03-01")
    shop.type("run", "bronze/orders", "silver/order_changes")
    assert failing(shop, "amount.is_decimal")["count"] == 1
    shop.type("quarantine", "discard", "silver/order_changes", "--day", "2024-03-01", "--reason", "a test", "--yes")
    shop.type("run", "silver/order_changes")
    assert failing(shop, "amount.is_decimal")["count"] == 0


def test_what_a_person_decided_stands_under_the_commit(tmp_path, monkeypatch):
    strict = ORDER_CHANGES.replace("pa.Field(nullable=True, metadata", "pa.Field(nullable=True, lt=100, metadata")
    shop = TinyShop(tmp_path, monkeypatch, silver__order_changes=strict)
    shop.orders(("o1", "500.00", "2024-03-01 10:00"), ("o2", "2.00", "2024-03-01 10:00"))
    shop.end_day("2024-03-01")
    shop.type("run", "bronze/orders", "silver/order_changes")
    shop.type("run", "silver/order_changes", "--publish-anyway", "known outage")
    (commit,) = shop.json("show", "silver/order_changes")["commits"]
    told = f"published anyway, beyond amount.less_than, by {getpass.getuser()}: known outage"
    assert commit["decided"] == told
    assert told in " ".join(shop.type("show", "silver/order_changes").stdout.split())
    shop.edit("silver/order_changes.py", ORDER_CHANGES)
    shop.type("quarantine", "replay", "silver/order_changes", "--reason", "any text will do", "--yes")
    *_, replayed = shop.json("show", "silver/order_changes")["commits"]
    assert replayed["decided"] == f"replayed 1 row by {getpass.getuser()}: any text will do"


def test_a_warning_shows_rows_of_the_table_itself(judged):
    told = failing(judged, "note.str_contains")
    assert [(row["order_id"], row["kept_in"]) for row in told["rows"]] == [("o3", "table")]


def test_a_rule_is_found_by_its_description_whatever_the_case(judged):
    assert failing(judged, "AMOUNT is a decimal(18, 2)")["rule"] == "amount.is_decimal"


def test_a_rule_there_is_not_is_answered_with_the_nearest(judged):
    answer = judged.type("show", "silver/order_changes", "--failing", "amount.is_decimals")
    assert answer.exit_code == 2
    assert "has no rule 'amount.is_decimals'. Did you mean 'amount.is_decimal'?" in answer.stderr


def test_a_person_reads_what_was_extracted_and_where_it_is(judged):
    text = " ".join(judged.type("show", "order_changes", "--failing", "amount.is_decimal").stdout.split())
    assert "extracted as order_id 'o2', amount 'two', note 'so'" in text
    assert "from bronze/orders/year=2024/month=03/day=01/" in text


def test_a_derived_tables_rows_are_judged_where_they_are_held(shop):
    shop.orders(("o1", "1.00", "2024-03-01 10:00"), ("o2", "5000.00", "2024-03-01 10:00"))
    shop.end_day("2024-03-01")
    assert shop.outcomes()["silver/fct_orders"]["held_on"] == "held"
    told = shop.json("show", "silver/fct_orders", "--failing", "amount.less_than")
    assert [(row["kept_in"], row["order_id"], row["amount"]) for row in told["rows"]] == [("held", "o2", "5000.00")]


def test_rows_that_refer_to_nothing_are_found_with_todays_rows_of_the_other_table(tmp_path, monkeypatch):
    refers = 'pa.Field(unique=True, metadata={"references": "silver/fct_orders.order_id", "error_above": 0.6})'
    changed = CUSTOMER_LIST.replace("pa.Field(unique=True)", refers)
    shop = TinyShop(tmp_path, monkeypatch, silver__customer_list=changed)
    shop.orders(("c1", "1.00", "2024-03-01 10:00"))
    shop.end_day("2024-03-01")
    assert shop.outcomes()["silver/customer_list"]["status"] == "warned"
    told = shop.json("show", "silver/customer_list", "--failing", "customer_id.references")
    assert [(row["kept_in"], row["customer_id"]) for row in told["rows"]] == [("table", "c2")]
    assert told["description"] == "customer_id is in silver/fct_orders"
    shop.orders(("c2", "1.00", "2024-03-02 10:00"))
    shop.end_day("2024-03-02")
    shop.type("run", "bronze/orders", "silver/order_changes", "silver/fct_orders")
    assert shop.json("show", "silver/customer_list", "--failing", "customer_id.references")["count"] == 0

"""`snowpipe status`: how tables stand, without running anything."""

from datetime import date

import pytest

from snowpipe_platform.execution.extraction import ExtractionRequest, execute_extraction
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.spec.pipeline import load_pipeline
from snowpipe_platform_tests.kit import make_ground
from snowpipe_platform_tests.tiny import FCT_ORDERS, QUERIES, TinyShop

DAY_AND_RULE = "2024-03-01: amount.is_decimal"


def words(shop):
    told = shop.json("status")
    return {standing["table"]: standing["status"] for standing in [*told["bronze"], *told["tables"]]}


def standing(shop, table):
    told = shop.json("status")
    return next(found for found in [*told["bronze"], *told["tables"]] if found["table"] == table)


def test_before_any_run_it_says_what_to_type(shop):
    answer = shop.type("status")
    assert set(words(shop).values()) == {"never run"}
    assert answer.stdout.splitlines()[-1] == "next: snowpipe demo, or snowpipe run"


def test_one_line_per_table_with_rows_watermark_and_days(shop):
    shop.one_day()
    shop.type("run")
    assert set(words(shop).values()) == {"ok"}
    orders = standing(shop, "bronze/orders")
    assert (orders["rows"], orders["load_days"], orders["watermark"]) == (2, 1, "2024-03-02T00:00:00.000000")
    changes = standing(shop, "silver/order_changes")
    assert (changes["rows"], changes["load_days"], changes["quarantined"], changes["held"]) == (2, 1, 0, 0)
    assert all(len(line) <= 80 for line in shop.type("status").stdout.splitlines())


def test_landed_rows_that_nobody_has_taken_in_make_what_reads_them_stale(shop):
    shop.one_day()
    shop.type("run")
    shop.orders(("o3", "3.00", "2024-03-02 10:00"))
    shop.end_day("2024-03-02")
    shop.type("run", "bronze/orders")
    assert [name for name, word in words(shop).items() if word == "stale"] == ["silver/order_changes"]
    shop.type("run", "silver/order_changes", "--partition", "2024-03-02")
    assert standing(shop, "silver/fct_orders")["note"] == "changes in silver/order_changes"
    assert shop.type("status").stdout.splitlines()[-1] == "next: snowpipe run"


def test_held_rows_are_counted_and_the_rule_is_named(shop):
    shop.orders(("o1", "1.00", "2024-03-01 10:00"), ("o2", "two", "2024-03-01 10:00"))
    shop.end_day("2024-03-01")
    shop.type("run")
    found = standing(shop, "silver/order_changes")
    assert (found["status"], found["held"], found["rows"], found["note"]) == ("held", 2, 0, DAY_AND_RULE)
    last = shop.type("status").stdout.splitlines()[-1]
    assert last == "next: snowpipe show silver/order_changes --failing amount.is_decimal"


def test_changed_code_makes_a_table_stale_until_it_is_rebuilt(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch)
    shop.one_day()
    shop.type("run")
    changed = TinyShop(tmp_path / "changed", monkeypatch, silver__fct_orders=FCT_ORDERS.replace("lt=1000", "lt=999"))
    monkeypatch.setenv("SNOWPIPE_HOME", str(shop.home))
    found = standing(changed, "silver/fct_orders")
    assert (found["status"], found["note"]) == ("stale", "its code changed since its last commit")
    changed.end_day("2024-03-01")
    changed.type("run", "silver/fct_orders", "--rebuild")
    assert standing(changed, "silver/fct_orders")["status"] == "ok"


@pytest.mark.case("A62")
def test_a_window_that_was_cut_short_is_shown_with_its_day(tmp_path, monkeypatch):
    cut = QUERIES.replace("lookback: 1 day", "lookback: 1 day\n    batch_size: 2\n    max_batches: 1")
    shop = TinyShop(tmp_path, monkeypatch, source__queries=cut)
    shop.orders(*((f"o{n}", "1.00", f"2024-03-01 10:0{n}") for n in range(5)))
    shop.end_day("2024-03-01")
    query = load_pipeline(shop.package).queries_by_entity["orders"]
    request = ExtractionRequest(query, "tiny", Window(date(2024, 3, 1)), RunIdentity(run_id="r", job="test"))
    execute_extraction(request, make_ground(shop.home, shop.source.path))
    found = standing(shop, "bronze/orders")
    assert (found["status"], found["incomplete_days"]) == ("incomplete", ["2024-03-01"])


def test_days_that_have_not_landed_by_their_deadline_are_shown(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch, source__queries=QUERIES.replace("lookback: 1 day", "due: 6h"))
    shop.one_day()
    shop.type("run")
    shop.source.set_clock("2024-03-03 05:59")
    assert standing(shop, "bronze/orders")["status"] == "ok"
    shop.source.set_clock("2024-03-04 06:00")
    found = standing(shop, "bronze/orders")
    assert (found["status"], found["late_days"]) == ("late", ["2024-03-02", "2024-03-03"])
    assert found["note"] == "not landed by their deadline: 2024-03-02 to 2024-03-03"
    assert shop.type("status").stdout.splitlines()[-1] == "next: snowpipe run"
    shop.source.path.unlink()
    assert standing(shop, "bronze/orders")["status"] == "ok"


def test_a_withdrawn_day_is_late_and_not_the_day_before_whose_late_row_it_brought(tmp_path, monkeypatch):
    due = QUERIES.replace("lookback: 1 day", "lookback: 1 day\n    due: 6h")
    shop = TinyShop(tmp_path, monkeypatch, source__queries=due)
    for day, late in {"2024-03-01": "2024-03-01", "2024-03-02": "2024-03-02", "2024-03-03": "2024-03-02"}.items():
        shop.orders((day, "1.00", f"{day} 10:00"), (f"late-{day}", "1.00", f"{late} 11:00"))
        shop.end_day(day)
        shop.type("run", "bronze/orders", "--partition", day)
    shop.source.set_clock("2024-03-04 06:00")
    shop.type("bronze", "withdraw", "orders", "3", "--reason", "read during a restore", "--yes")
    found = standing(shop, "bronze/orders")
    assert (found["status"], found["watermark"]) == ("incomplete", "2024-03-02T11:00:00.000000")
    assert (found["late_days"], found["incomplete_days"]) == (["2024-03-03"], ["2024-03-03"])


def hold(shop, day):
    """Half of the day's orders have an amount that is no number."""
    shop.orders((f"good-{day}", "1.00", f"{day} 10:00"), (f"bad-{day}", "two", f"{day} 10:00"))
    shop.end_day(day)
    shop.type("run")


def test_rows_held_of_several_days_are_told_by_day(shop):
    hold(shop, "2024-03-01")
    hold(shop, "2024-03-02")
    found = standing(shop, "silver/order_changes")
    assert (found["held"], found["held_by"]) == (4, ["amount.is_decimal"])
    assert found["note"] == "2024-03-01, 2024-03-02: amount.is_decimal"


def test_a_held_rebuild_stands_for_the_days_it_has_too(shop):
    hold(shop, "2024-03-01")
    shop.type("run", "silver/order_changes", "--rebuild", "--yes")
    found = standing(shop, "silver/order_changes")
    assert (found["held"], found["note"]) == (2, "amount.is_decimal")


def test_a_day_held_after_a_held_rebuild_is_what_is_shown(shop):
    hold(shop, "2024-03-01")
    shop.type("run", "silver/order_changes", "--rebuild", "--yes")
    hold(shop, "2024-03-02")
    assert standing(shop, "silver/order_changes")["note"] == "2024-03-01, 2024-03-02: amount.is_decimal"


def test_a_log_that_cannot_be_read_fails_its_own_lines_only(shop):
    shop.one_day()
    shop.type("run")
    (shop.home / "bronze" / "orders" / "_log" / "000000001.json").write_text("{")
    answer = shop.type("status")
    found = words(shop)
    assert [name for name, word in found.items() if word == "FAILED"] == ["bronze/orders", "silver/order_changes"]
    assert (found["bronze/customers"], found["silver/customer_list"]) == ("ok", "ok")
    assert "is no manifest" in standing(shop, "bronze/orders")["note"]
    assert (answer.exit_code, answer.stdout.splitlines()[-1]) == (1, "next: snowpipe doctor")
    assert shop.type("status", "--json").exit_code == 1


def test_a_table_whose_metadata_is_gone_fails_its_own_line_and_those_that_read_it(shop):
    shop.one_day()
    shop.type("run")
    for path in (shop.home / "lake" / "gold" / "daily_totals" / "metadata").glob("*.json"):
        path.unlink()
    assert [name for name, word in words(shop).items() if word == "FAILED"] == ["gold/daily_totals"]
    assert shop.type("status").exit_code == 1

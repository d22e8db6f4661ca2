"""Dirt is where the truth says it is, in the amounts that the rates say."""

from datetime import UTC, datetime, timedelta

import pytest

from snowpipe_platform.pipeline.source.generator import PER_MILLION


def test_every_piece_of_dirt_is_in_the_warehouse_on_its_day(shop):
    assert shop.missing_dirt == [[]] * len(shop.days)


def test_dirt_of_the_history_is_in_the_warehouse_on_the_first_day(shop):
    assert shop.missing_history_dirt == []


def test_dirt_that_the_truth_does_not_name_is_not_there(shop):
    known = "SELECT key FROM truth.dirt WHERE kind = '{}' AND table_name = '{}'"
    null_keys = known.format("null_key", "customers")
    assert shop.count(f"FROM warehouse.customers WHERE customer_id IS NULL AND email NOT IN ({null_keys})") == 0
    texts = f"SELECT order_id || '/' || line_number AS key FROM ({shop.latest_lines}) WHERE quantity IS NULL"
    assert shop.count(f"FROM ({texts}) WHERE key NOT IN ({known.format('text_quantity', 'order_lines')})") == 0
    twice = "SELECT customer_id FROM warehouse.customers WHERE customer_id IS NOT NULL GROUP BY ALL HAVING count(*) > 1"
    assert shop.count(f"FROM ({twice}) WHERE customer_id NOT IN ({known.format('duplicate', 'customers')})") == 0


@pytest.mark.parametrize(("table", "key"), [("customers", "customer_id"), ("order_lines", "(order_id, line_number)")])
def test_second_copies_are_exact(shop, table: str, key: str):
    rows = f"SELECT DISTINCT * FROM warehouse.{table} WHERE {key} IS NOT NULL"
    assert shop.count(rows) == shop.count(f"SELECT DISTINCT {key} FROM ({rows})")


@pytest.mark.parametrize(
    ("kind", "table", "each", "per_million"),
    [
        ("bad_email", "customers", 1, PER_MILLION["bad_email"]),
        ("mixed_case_email", "customers", 1, PER_MILLION["mixed_case_email"]),
        ("missing_phone", "customers", 1, PER_MILLION["missing_phone"]),
        ("bad_phone", "customers", 1, PER_MILLION["bad_phone"]),
        ("bad_zip", "customers", 1, PER_MILLION["bad_zip"]),
        ("mixed_case_state", "customers", 1, PER_MILLION["mixed_case_state"]),
        ("duplicate", "customers", 1, PER_MILLION["duplicate_customer"]),
        ("duplicate", "order_lines", 25, PER_MILLION["duplicate_line"]),
        ("text_quantity", "order_lines", 25, PER_MILLION["text_quantity"]),
    ],
)
def test_dirt_comes_at_its_rate(shop, kind: str, table: str, each: int, per_million: int):
    injected = shop.count(f"FROM truth.dirt WHERE kind = '{kind}' AND table_name = '{table}'")
    expected = shop.customers * each * per_million / 1_000_000
    # Four standard deviations of a count, and the few that the days after the history add.
    assert abs(injected - expected) < 4 * expected**0.5 + 0.05 * expected + 2


def test_half_of_the_texts_are_mended_within_two_weeks_by_a_change_of_the_line(shop):
    by_line = """
        SELECT arg_max(quantity, changed_at) AS quantity FROM truth.order_line_versions
        GROUP BY order_id, line_number HAVING bool_or(quantity IS NULL)"""
    mended = shop.count(f"FROM ({by_line}) WHERE quantity IS NOT NULL") / shop.count(by_line)
    assert abs(mended - 0.5 * len(shop.days) / 14) < 0.1


def test_a_late_change_was_updated_on_the_day_before_at_most_twenty_hours_back(shop):
    late = 0
    for day, rows in zip(shop.days, shop.late_instants, strict=True):
        midnight = datetime(day.day.year, day.day.month, day.day.day, tzinfo=UTC).replace(tzinfo=None)
        assert all(midnight - timedelta(hours=20) <= updated_at < midnight for _, updated_at in rows)
        late += len(rows)
    assert late > len(shop.days)
    assert shop.count("FROM truth.dirt WHERE kind = 'late_change'") == late


@pytest.mark.parametrize("versions", ["customer_versions", "order_versions"])
def test_only_late_changes_are_committed_after_the_day_of_their_instant(shop, versions: str):
    key, table = ("customer_id", "customers") if versions == "customer_versions" else ("order_id", "orders")
    late = f"SELECT {key}, committed_on FROM truth.{versions} WHERE changed_at::DATE <> committed_on"
    named = f"SELECT key, committed_on FROM truth.dirt WHERE kind = 'late_change' AND table_name = '{table}'"
    assert shop.count(shop.unequal(late, named)) == 0


def test_delisted_products_are_gone_for_good_and_their_lines_stay(shop):
    for day, before, after in zip(shop.days[1:], shop.catalogs, shop.catalogs[1:], strict=False):
        assert len(before - after) == day.deleted_products > 0
        assert len(after - before) == day.new_products > 0
    gone = "SELECT product_id FROM truth.product_versions WHERE is_deleted"
    assert shop.count(f"FROM warehouse.order_lines WHERE product_id IN ({gone})") > 0
    assert shop.count(f"FROM warehouse.products WHERE product_id IN ({gone})") == 0

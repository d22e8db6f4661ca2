"""The extraction schedule asks for every load day that is over and not landed."""

from datetime import date

import dagster as dg
import pytest

from snowpipe_platform.execution.extraction import ExtractionRequest, execute_extraction
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.orchestration import landed, schedules
from snowpipe_platform_tests.dropping import ADOPTER

BRONZE = dg.AssetKey(["bronze", "customers"])


def _days(requests):
    return [request.partition_key for request in requests]


def _extract_unreported(shop, day):
    (query,) = shop.pipeline.queries.queries
    execute_extraction(ExtractionRequest(query, "shop", Window(date.fromisoformat(day)), ADOPTER), shop.ground)


def test_the_first_tick_asks_for_yesterday_alone(shop):
    shop.now("2024-03-11")

    requests = shop.scheduled("2024-03-11 00:15")

    assert [(request.partition_key, list(request.asset_selection), request.run_key) for request in requests] == [
        ("2024-03-10", [BRONZE], "2024-03-10:2024-03-11T00:15")
    ]


def test_a_tick_before_the_first_day_is_over_asks_for_nothing(shop):
    assert shop.scheduled("2024-03-01 00:15") == []


def test_a_landed_day_is_not_asked_for_again(shop):
    shop.customers("2024-03-01", good=1)
    shop.run("bronze/customers", day="2024-03-01")

    assert shop.scheduled("2024-03-02 00:15") == []


def test_a_day_that_brought_nothing_has_landed_all_the_same(shop):
    shop.customers("2024-03-01", good=1)
    shop.run("bronze/customers", day="2024-03-01")
    shop.now("2024-03-03")
    assert _days(shop.scheduled("2024-03-03 00:15")) == ["2024-03-02"]

    shop.run("bronze/customers", day="2024-03-02")

    assert shop.ground.bronze.log("customers")[-1].rows_landed == 0
    assert shop.scheduled("2024-03-03 00:15") == []


def test_a_day_that_only_dropped_files_came_for_is_asked_for(shop):
    shop.customers("2024-03-01", good=1)
    shop.run("bronze/customers", day="2024-03-01")
    shop.now("2024-03-03")
    shop.adopt("2024-03-02", "dropped", at="2024-03-02 10:00")
    assert _days(shop.scheduled("2024-03-03 00:15")) == ["2024-03-02"]

    shop.run("bronze/customers", day="2024-03-02")
    shop.adopt("2024-03-02", "more", at="2024-03-02 11:00")

    assert shop.scheduled("2024-03-03 00:15") == []


def test_a_day_extracted_before_its_end_alone_is_asked_for_whatever_was_dropped_since(shop):
    shop.now("2024-03-01 12:00")
    shop.run("bronze/customers", day="2024-03-01")
    shop.now("2024-03-02")
    shop.adopt("2024-03-01", "dropped", at="2024-03-01 10:00")
    assert _days(shop.scheduled("2024-03-02 00:15")) == ["2024-03-01"]


def test_a_withdrawn_day_is_asked_for_until_a_run_has_read_it(shop):
    for day in ("2024-03-01", "2024-03-02"):
        shop.customers(day, good=1)
        shop.run("bronze/customers", day=day)
    shop.withdraw(1)
    assert _days(shop.scheduled("2024-03-03 00:15")) == ["2024-03-01"]

    shop.run("bronze/customers", day="2024-03-01")

    assert shop.scheduled("2024-03-03 00:15") == []


def test_of_more_adoptions_than_a_page_has_the_extraction_between_them_is_found(shop, monkeypatch):
    monkeypatch.setattr(landed, "RECORDS_PER_PAGE", 2)
    shop.customers("2024-03-01", good=1)
    shop.run("bronze/customers", day="2024-03-01")
    for number in range(5):
        shop.adopt("2024-03-01", f"dropped-{number}", at="2024-03-01 10:00")
    assert shop.scheduled("2024-03-02 00:15") == []


def test_long_ago_a_day_that_only_dropped_files_came_for_is_found_too(shop):
    shop.customers("2024-03-01", good=1)
    shop.run("bronze/customers", day="2024-03-01")
    shop.adopt("2024-03-02", "dropped", at="2024-03-02 10:00")
    shop.now("2024-05-01")
    assert _days(shop.scheduled("2024-05-01 00:15"))[0] == "2024-03-02"


def test_with_nothing_but_dropped_files_the_first_tick_asks_for_yesterday_alone(shop):
    shop.customers("2024-03-01", good=1)
    _extract_unreported(shop, "2024-03-01")
    shop.now("2024-03-11")
    shop.adopt("2024-03-05", "dropped", at="2024-03-05 10:00")
    assert _days(shop.scheduled("2024-03-11 00:15")) == ["2024-03-10"]


def test_missed_and_failed_days_are_asked_for_oldest_first_by_every_tick_until_they_land(shop):
    shop.customers("2024-03-01", good=1)
    shop.run("bronze/customers", day="2024-03-01")
    shop.now("2024-03-05")
    shop.run("bronze/customers", day="2024-03-03")
    shop.sql("ALTER TABLE customers RENAME TO mislaid")
    assert not shop.run("bronze/customers", day="2024-03-04").success
    shop.sql("ALTER TABLE mislaid RENAME TO customers")

    first, second = shop.scheduled("2024-03-05 00:15"), shop.scheduled("2024-03-05 06:15")

    assert _days(first) == _days(second) == ["2024-03-02", "2024-03-04"]
    assert {request.run_key for request in first}.isdisjoint(request.run_key for request in second)
    for day in _days(second):
        assert shop.run("bronze/customers", day=day).success
    assert shop.scheduled("2024-03-05 12:15") == []


def test_a_day_under_way_is_left_alone(shop):
    shop.now("2024-03-02")
    job = shop.definitions.resolve_job_def("extract")
    shop.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": "2024-03-01"})

    assert shop.scheduled("2024-03-02 00:15") == []


def test_a_day_extracted_before_its_end_is_asked_for_once_it_is_over(shop):
    shop.now("2024-03-01 12:00")
    shop.run("bronze/customers", day="2024-03-01")
    assert shop.scheduled("2024-03-01 12:15") == []

    shop.now("2024-03-02")
    assert _days(shop.scheduled("2024-03-02 00:15")) == ["2024-03-01"]
    shop.run("bronze/customers", day="2024-03-01")
    assert shop.scheduled("2024-03-02 00:15") == []


def test_a_day_extracted_within_the_safety_lag_of_its_end_is_not_all_there(make_shop):
    shop = make_shop("safety_lag: 30m")
    shop.now("2024-03-02 00:15")
    shop.run("bronze/customers", day="2024-03-01")
    assert _days(shop.scheduled("2024-03-02 00:20")) == ["2024-03-01"]

    shop.now("2024-03-02 00:30")
    shop.run("bronze/customers", day="2024-03-01")
    assert shop.scheduled("2024-03-02 00:35") == []


def test_a_replayed_source_is_not_asked_for_days_it_does_not_have_yet(shop):
    shop.customers("2024-03-01", good=1)
    shop.run("bronze/customers", day="2024-03-01")

    assert shop.scheduled("2026-11-24 00:15") == []


def test_a_source_whose_clock_is_a_little_late_is_asked_at_midnight(shop):
    shop.now("2024-03-01 23:58")
    assert _days(shop.scheduled("2024-03-02 00:00")) == ["2024-03-01"]


def test_a_source_that_does_not_answer_is_asked_all_the_same_so_that_the_run_says_why(shop):
    (shop.root / "warehouse.duckdb").unlink()
    assert _days(shop.scheduled("2024-03-02 00:15")) == ["2024-03-01"]


@pytest.mark.parametrize(
    ("tick", "days"),
    [
        ("2024-03-04 00:15", ["2024-03-02", "2024-03-03"]),
        ("2024-03-05 00:15", ["2024-03-02", "2024-03-03", "2024-03-04"]),
        ("2024-03-08 00:15", ["2024-03-02", "2024-03-03", "2024-03-07"]),
    ],
)
def test_a_tick_asks_for_the_newest_day_and_so_many_of_the_oldest(shop, monkeypatch, tick, days):
    monkeypatch.setattr(schedules, "DAYS_PER_TICK", 3)
    shop.customers("2024-03-01", good=1)
    shop.run("bronze/customers", day="2024-03-01")
    shop.now("2024-03-20")

    assert _days(shop.scheduled(tick)) == days


def test_the_cron_is_the_queries_files_own_and_off_until_it_is_turned_on(shop):
    schedule = shop.definitions.resolve_schedule_def("extraction")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("15 0 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED

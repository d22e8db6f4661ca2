"""What the command line did is in Dagster as if Dagster had run it."""

from dataclasses import replace
from datetime import date, timedelta

import dagster as dg
import pytest

from snowpipe_platform.execution.execute import run_table
from snowpipe_platform.execution.extraction import ExtractionRequest, execute_extraction
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.orchestration.reporting import report_extraction, report_table

CHANGES, DIMENSION, GOLD = "silver/customer_changes", "silver/dim_customers", "gold/customer_count"
COMMAND = RunIdentity(run_id="cli-1", job="snowpipe run")


def _key(name):
    return dg.AssetKey(name.split("/"))


def _extract(shop, day, *, identity=COMMAND):
    window = Window(date.fromisoformat(day))
    request = ExtractionRequest(shop.pipeline.queries.queries[0], "shop", window, identity)
    report_extraction(shop.instance, execute_extraction(request, shop.ground), shop.ground)


def _run(shop, name, day=None, *, identity=COMMAND):
    load_day = None if day is None else date.fromisoformat(day)
    request = TableRequest(shop.pipeline, shop.pipeline.table(name), identity, day=load_day)
    report_table(shop.instance, run_table(request, shop.ground), shop.ground)


def _check(shop, name, check, day=None):
    key = dg.AssetCheckKey(_key(name), check)
    records = shop.instance.event_log_storage.get_asset_check_execution_history(key, limit=20)
    return next(record.evaluation for record in records if record.evaluation.partition == day)


@pytest.mark.case("A37")
def test_sixty_days_of_one_process_are_sixty_materialized_days(shop):
    days = [date(2024, 3, 1) + timedelta(days=number) for number in range(60)]
    shop.customers("2024-03-01", good=1)
    request = ExtractionRequest(shop.pipeline.queries.queries[0], "shop", Window(days[0]), COMMAND)
    first = execute_extraction(request, shop.ground)
    for day in days:
        nothing_new = replace(first, plan=replace(first.plan, load_day=day), manifest=None)
        report_extraction(shop.instance, first if day == days[0] else nothing_new, shop.ground)
        _run(shop, CHANGES, day.isoformat())

    expected = {day.isoformat() for day in days}
    for name in ("bronze/customers", CHANGES):
        assert shop.instance.get_materialized_partitions(_key(name)) == expected
    published = dg.AssetCheckKey(_key(CHANGES), "published")
    infos = shop.instance.event_log_storage.get_asset_check_partition_info([published])
    assert {info.partition_key for info in infos} == expected
    assert all(info.is_current for info in infos)
    assert shop.instance.get_runs() == []


def test_a_day_may_be_reported_as_often_as_it_is_run(shop):
    for command in ("cli-1", "cli-2", "cli-2"):
        identity = RunIdentity(run_id=command, job="snowpipe run")
        _extract(shop, "2024-03-01", identity=identity)
        _run(shop, CHANGES, "2024-03-01", identity=identity)

    published = dg.AssetCheckKey(_key(CHANGES), "published")
    infos = shop.instance.event_log_storage.get_asset_check_partition_info([published])
    assert [(info.partition_key, info.is_current) for info in infos] == [("2024-03-01", True)]


def test_a_reported_table_looks_like_a_run_one(shop):
    shop.customers("2024-03-01", good=199, bad=1)
    for name in (CHANGES, DIMENSION):
        if name == CHANGES:
            _extract(shop, "2024-03-01")
        _run(shop, name, "2024-03-01" if name == CHANGES else None)

    changes = shop.instance.get_latest_materialization_event(_key(CHANGES)).asset_materialization
    assert changes.partition == "2024-03-01"
    assert changes.metadata["dagster/row_count"].value == 200
    assert changes.metadata["rows_quarantined"].value == 1
    assert changes.tags["dagster/code_version"] == shop.pipeline.table(CHANGES).code_version
    rule = _check(shop, CHANGES, "email__str_contains", "2024-03-01")
    assert (rule.passed, rule.severity, rule.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    assert rule.metadata["counts_from"].value == "the commit's own record"
    assert rule.metadata["examples"].records[0].data["email"] == "nowhere"
    assert _check(shop, DIMENSION, "published").passed
    assert _check(shop, "bronze/customers", "window_complete", "2024-03-01").passed


@pytest.mark.case("A61")
def test_a_reported_red_day_holds_automation_back(shop, automation):
    shop.customers("2024-03-01", good=100)
    _extract(shop, "2024-03-01")
    _run(shop, CHANGES, "2024-03-01")
    _run(shop, DIMENSION)
    _run(shop, GOLD)
    automation.tick()

    shop.customers("2024-03-02", good=90, bad=10)
    _extract(shop, "2024-03-02")
    _run(shop, CHANGES, "2024-03-02")
    assert not _check(shop, CHANGES, "published", "2024-03-02").passed
    assert automation.tick() == set()

    shop.customers("2024-03-02", good=900, prefix="late")
    _extract(shop, "2024-03-02")
    _run(shop, CHANGES, "2024-03-02")
    assert automation.tick() == {(DIMENSION, None), (GOLD, None)}


def test_a_changes_table_run_over_all_days_is_reported_for_each(shop):
    for day in ("2024-03-01", "2024-03-02"):
        shop.customers(day, good=3)
        _extract(shop, day)

    _run(shop, CHANGES)

    assert shop.instance.get_materialized_partitions(_key(CHANGES)) == {"2024-03-01", "2024-03-02"}
    assert _check(shop, CHANGES, "email__str_contains", "2024-03-02").metadata["rows"].value == 3


def test_days_of_one_command_reported_at_its_end_have_their_own_counts(shop):
    results = []
    for day, good in {"2024-03-01": 3, "2024-03-02": 4}.items():
        shop.customers(day, good=good)
        _extract(shop, day)
        request = TableRequest(shop.pipeline, shop.pipeline.table(CHANGES), COMMAND, day=date.fromisoformat(day))
        results.append(run_table(request, shop.ground))
    for result in results:
        report_table(shop.instance, result, shop.ground)

    rows = [
        _check(shop, CHANGES, "email__str_contains", day).metadata["rows"].value for day in ("2024-03-01", "2024-03-02")
    ]
    assert rows == [3, 4]

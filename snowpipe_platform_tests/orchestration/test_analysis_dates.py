"""Analysis dates in Dagster: made once their day is there, by themselves, and in a backfill with their load days."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.execution.asset_backfill import AssetBackfillData

from snowpipe_platform.execution.execute import run_table
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.orchestration import analysis_sensor
from snowpipe_platform.orchestration.partitions import load_day
from snowpipe_platform.orchestration.reporting import report_table

CHANGES, STATES = "silver/customer_changes", "gold/customer_states"
KEY = dg.AssetKey(STATES.split("/"))


def _load(shop, day):
    shop.customers(day, good=1)
    shop.run("bronze/customers", CHANGES, day=day)


def _requested(shop):
    return [(request.partition_key, request.run_key) for request in shop.sensor_requests("analysis_dates")]


def test_a_date_is_requested_once_its_load_day_is_taken_in_until_it_is_made(dated_shop):
    dated_shop.customers("2024-03-01", good=1)
    dated_shop.run("bronze/customers", day="2024-03-01")
    assert _requested(dated_shop) == []

    dated_shop.run(CHANGES, day="2024-03-01")
    assert [date for date, _ in _requested(dated_shop)] == ["2024-03-01"]

    result = dated_shop.analyse("2024-03-01")
    assert dated_shop.evaluations(result)[f"{STATES}:up_to_date"].passed
    assert _requested(dated_shop) == []


class Clock(datetime):
    """Stands still."""

    moment = datetime(2026, 11, 24, 10, 59, tzinfo=UTC)

    @classmethod
    def now(cls, _tz):
        return cls.moment


def test_dagster_starts_no_second_run_for_a_failed_date_before_an_hour_has_passed_or_its_input_has_changed(
    dated_shop, monkeypatch
):
    monkeypatch.setattr(analysis_sensor, "datetime", Clock)
    _load(dated_shop, "2024-03-01")
    first = dict(_requested(dated_shop))["2024-03-01"]
    assert dict(_requested(dated_shop))["2024-03-01"] == first, "it knows the key"

    monkeypatch.setattr(Clock, "moment", Clock.moment + timedelta(minutes=1))
    assert dict(_requested(dated_shop))["2024-03-01"] != first

    monkeypatch.setattr(Clock, "moment", Clock.moment - timedelta(minutes=1))
    _load(dated_shop, "2024-03-02")
    assert dict(_requested(dated_shop))["2024-03-01"] != first


def test_a_date_that_cannot_be_made_yet_fails_with_what_it_waits_for_and_does_not_count_as_made(dated_shop):
    _load(dated_shop, "2024-03-01")
    dated_shop.now("2024-03-03")

    result = dated_shop.analyse("2024-03-02")

    failure = result.failure_data_for_node("gold__customer_states")
    assert failure.user_failure_data.description == (
        "gold/customer_states of 2024-03-02 waits for silver/customer_changes up to 2024-03-02; "
        "it is requested once that is there"
    )
    assert dated_shop.instance.get_materialized_partitions(KEY) == set()


def test_a_date_of_the_command_line_that_cannot_be_made_yet_does_not_count_as_made_either(dated_shop):
    _load(dated_shop, "2024-03-01")
    for day in ("2024-03-01", "2024-03-02"):
        identity = RunIdentity(run_id="cli", job="snowpipe run")
        request = TableRequest(dated_shop.pipeline, dated_shop.pipeline.table(STATES), identity, day=load_day(day))
        report_table(dated_shop.instance, run_table(request, dated_shop.ground), dated_shop.ground)

    assert dated_shop.instance.get_materialized_partitions(KEY) == {"2024-03-01"}
    assert set(dated_shop.latest(STATES, "on_time")) == {"2024-03-01"}


def test_a_date_made_again_tells_when_it_came_first(dated_shop):
    _load(dated_shop, "2024-03-01")
    dated_shop.now("2024-03-02 01:00")
    dated_shop.analyse("2024-03-01")
    dated_shop.now("2024-03-20")
    dated_shop.analyse("2024-03-01")

    assert dated_shop.latest(STATES, "on_time")["2024-03-01"].description == "came 7 h before its deadline"


def test_a_date_made_while_the_source_does_not_answer_came_by_this_machines_clock(dated_shop):
    _load(dated_shop, "2024-03-01")
    (dated_shop.root / "warehouse.duckdb").unlink()

    result = dated_shop.analyse("2024-03-01")

    assert result.success
    on_time = dated_shop.evaluations(result)[f"{STATES}:on_time"]
    assert on_time.passed
    days_after = (datetime.now(UTC).replace(tzinfo=None) - datetime(2024, 3, 2, 8)).days
    assert on_time.description.startswith(f"came {days_after} d ")


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`:DeprecationWarning")  # Dagster's own call
@pytest.mark.parametrize("days", [["2024-03-01"], ["2024-03-01", "2024-03-02"]])
def test_a_backfill_over_both_kinds_of_days_takes_each_day_of_both(dated_shop, days):
    graph = dated_shop.definitions.get_repository_def().asset_graph
    assets = [dg.AssetKey(name.split("/")) for name in ("bronze/customers", CHANGES, "silver/dim_customers", STATES)]

    backfill = AssetBackfillData.from_asset_partitions(
        asset_graph=graph,
        partition_names=days,
        asset_selection=assets,
        dynamic_partitions_store=dated_shop.instance,
        backfill_start_timestamp=datetime.now(UTC).timestamp(),
        all_partitions=False,
    )

    asked = backfill.target_subset.partitions_subsets_by_asset_key
    by_name = {key.to_user_string(): sorted(found.get_partition_keys()) for key, found in asked.items()}
    assert by_name == dict.fromkeys(("bronze/customers", CHANGES, STATES), days)
    assert backfill.target_subset.non_partitioned_asset_keys == {dg.AssetKey(["silver", "dim_customers"])}

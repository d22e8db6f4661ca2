"""A comparison of keys in Dagster: its schedule, its run, and what follows from the rows it landed."""

import dagster as dg
import pytest

from snowpipe_platform.orchestration.landed import missing_days
from snowpipe_platform_tests.orchestration.conftest import FIRST_DAY

DAY = "2024-03-01"
BRONZE, CHANGES, DIMENSION = "bronze/customers", "silver/customer_changes", "silver/dim_customers"
KEY = dg.AssetKey(["bronze", "customers"])
SETTINGS = "compare_keys: 0 4 * * *\n    max_deleted_share: 0.5"


@pytest.fixture
def shop(make_shop):
    """Four customers in silver; one is deleted at the source since."""
    shop = make_shop(SETTINGS)
    shop.customers(DAY, good=4, prefix="c")
    assert shop.run(BRONZE, CHANGES, day=DAY).success
    assert shop.run(DIMENSION).success
    shop.sql("CREATE TABLE kept AS SELECT * FROM customers", "DELETE FROM customers WHERE customer_id = 'c-1'")
    shop.now("2024-03-02 04:00")
    return shop


def compare(shop):
    job = shop.definitions.resolve_job_def("compare_customers")
    return job.execute_in_process(instance=shop.instance, raise_on_error=False)


def metadata(result):
    (event,) = [event for event in result.all_events if event.is_successful_output]
    return {key: value.value for key, value in event.step_output_data.metadata.items()}


def materializations(shop):
    records = shop.instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=KEY), limit=20).records
    return [record.asset_materialization for record in records]


def versions(shop, customer):
    rows = [row for row in shop.rows(DIMENSION) if row["customer_id"] == customer]
    return [(str(row["effective_at"])[:16], row["expires_at"] and str(row["expires_at"])[:16]) for row in rows]


def test_each_query_with_compare_keys_has_a_schedule_that_is_off_until_a_person_turns_it_on(shop):
    schedule = shop.definitions.resolve_schedule_def("compare_customers_schedule")
    assert (schedule.job_name, schedule.cron_schedule) == ("compare_customers", "0 4 * * *")
    assert (schedule.execution_timezone, schedule.default_status) == ("UTC", dg.DefaultScheduleStatus.STOPPED)


def test_without_compare_keys_there_is_no_job(make_shop):
    names = {job.name for job in make_shop().definitions.resolve_all_job_defs()}
    assert not [name for name in names if name.startswith("compare")]


@pytest.mark.case("A24")
def test_a_deleted_customer_is_closed_in_the_dimension_and_opened_again_when_back(shop):
    result = compare(shop)
    assert result.success
    told = metadata(result)
    found = {name: told[name] for name in ("keys_at_source", "keys_open", "keys_gone", "keys_back", "rows_landed")}
    assert found == {"keys_at_source": 3, "keys_open": 4, "keys_gone": 1, "keys_back": 0, "rows_landed": 1}
    assert materializations(shop)[0].partition == "2024-03-02"
    shop.run(CHANGES, day="2024-03-02")
    shop.run(DIMENSION)
    assert versions(shop, "c-1") == [("2024-03-01 12:00", "2024-03-02 04:00")]
    shop.sql("INSERT INTO customers SELECT * FROM kept WHERE customer_id = 'c-1'")
    shop.now("2024-03-02 05:00")
    assert compare(shop).success
    shop.run(CHANGES, day="2024-03-02")
    shop.run(DIMENSION)
    assert versions(shop, "c-1") == [("2024-03-01 12:00", "2024-03-02 04:00"), ("2024-03-02 05:00", None)]
    assert versions(shop, "c-2") == [("2024-03-01 12:00", None)]


def test_a_comparison_with_nothing_to_say_materializes_nothing(shop):
    shop.sql("INSERT INTO customers SELECT * FROM kept WHERE customer_id = 'c-1'")
    before = len(materializations(shop))
    result = compare(shop)
    assert result.success
    assert metadata(result)["summary"] == "4 keys at the source, 4 open: nothing to say"
    assert len(materializations(shop)) == before


def test_a_refused_comparison_fails_the_run_with_the_mend(shop):
    shop.sql("DELETE FROM customers")
    (failure,) = compare(shop).get_step_failure_events()
    told = failure.step_failure_data.user_failure_data.description
    assert told.startswith("bronze/customers: 4 of 4 open keys (100.0%) are not at the source any more")
    assert told.endswith("run 'snowpipe compare customers --yes'.")


def test_a_day_that_was_compared_and_not_extracted_is_still_missing(shop):
    compare(shop)
    log = shop.ground.bronze.log("customers")
    day = FIRST_DAY.replace(day=2)
    assert missing_days(shop.instance, KEY, last=day, log=log) == [day]
    (check,) = [one for at, one in shop.latest(BRONZE, "window_complete").items() if at == "2024-03-02"]
    assert check.passed
    assert {name: value.value for name, value in check.metadata.items()} == {
        "extractions": 0,
        "arrivals": 0,
        "comparisons": 1,
    }
    shop.now("2024-03-03")
    result = shop.run(BRONZE, day="2024-03-02")
    assert result.success
    assert missing_days(shop.instance, KEY, last=day, log=shop.ground.bronze.log("customers")) == []


def test_the_sweep_brings_it_to_silver(shop):
    compare(shop)
    requested = {(key, one.partition_key) for one in shop.sensor_requests("sweep") for key in one.asset_selection}
    assert (dg.AssetKey(["silver", "customer_changes"]), "2024-03-02") in requested


def test_a_marked_customer_is_closed_in_the_dimension(make_shop):
    shop = make_shop("soft_delete_column: is_deleted")
    shop.sql("ALTER TABLE customers ADD COLUMN is_deleted BOOLEAN")
    shop.sql("INSERT INTO customers VALUES ('c', 'c@example.com', 'nick', '2024-03-01 12:00', false)")
    shop.now("2024-03-02")
    shop.run(BRONZE, CHANGES, day=DAY)
    shop.sql("UPDATE customers SET is_deleted = true, updated_at = '2024-03-02 09:00'")
    shop.now("2024-03-03")
    shop.run(BRONZE, CHANGES, day="2024-03-02")
    shop.run(DIMENSION)
    assert versions(shop, "c") == [("2024-03-01 12:00", "2024-03-02 09:00")]

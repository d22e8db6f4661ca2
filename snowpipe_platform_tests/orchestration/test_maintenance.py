"""The maintenance job and its schedule."""

import dagster as dg

from snowpipe_platform.orchestration.names import MAINTAIN_JOB

CHANGES, DIMENSION, GOLD = "silver/customer_changes", "silver/dim_customers", "gold/customer_count"
AT_ONCE = {"ops": {"maintain_tables": {"config": {"older_than": "0s", "grace": "0s"}}}}


def maintain(shop, config=AT_ONCE):
    job = shop.definitions.resolve_job_def(MAINTAIN_JOB)
    return job.execute_in_process(instance=shop.instance, run_config=config, raise_on_error=False)


def metadata(result):
    (event,) = [event for event in result.all_events if event.is_successful_output]
    return {key: value.value for key, value in event.step_output_data.metadata.items()}


def test_the_job_maintains_every_table_and_makes_nothing_stale(shop):
    for day in range(1, 6):
        shop.customers(f"2024-03-0{day}", good=3)
        shop.run("bronze/customers", CHANGES, day=f"2024-03-0{day}")
    shop.run(DIMENSION, GOLD)
    rows = {name: shop.rows(name) for name in (CHANGES, DIMENSION, GOLD)}
    result = maintain(shop)
    assert result.success
    told = metadata(result)
    assert (told["tables"], told["tables_skipped"]) == (4, 0)
    assert (told["files_merged_away"], told["snapshots_expired"]) == (4, 3)
    assert told["bytes_freed"] > 0
    for name, expected in rows.items():
        assert sorted(map(repr, shop.rows(name))) == sorted(map(repr, expected))
    assert shop.sensor_requests("sweep") == []


def test_a_table_that_a_run_writes_is_skipped_and_the_job_succeeds(shop):
    shop.customers("2024-03-01", good=3)
    shop.run(day="2024-03-01")
    with shop.ground.state.lease(CHANGES, holder="another run"):
        result = maintain(shop)
    assert (result.success, metadata(result)["tables_skipped"]) == (True, 1)


def test_a_table_that_cannot_be_maintained_fails_the_job_by_name(shop):
    shop.customers("2024-03-01", good=3)
    shop.run(day="2024-03-01")
    for path in (shop.root / "home" / "lake" / CHANGES / "data").rglob("*.parquet"):
        path.unlink()
    (failure,) = maintain(shop).get_step_failure_events()
    told = failure.step_failure_data.user_failure_data.description
    assert told.startswith(f"{CHANGES}: ")
    assert "is missing, so nothing is removed" in told


def test_a_duration_that_is_none_fails_before_anything_is_done(shop):
    wrong = {"ops": {"maintain_tables": {"config": {"older_than": "a while"}}}}
    (failure,) = maintain(shop, wrong).get_step_failure_events()
    told = failure.step_failure_data.user_failure_data.description
    assert "older-than 'a while' is not a duration" in told


def test_the_schedule_runs_the_job_at_night_and_is_off_until_a_person_turns_it_on(shop):
    schedule = shop.definitions.resolve_schedule_def("maintain_daily")
    assert (schedule.job_name, schedule.cron_schedule) == (MAINTAIN_JOB, "30 3 * * *")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


def test_the_sweep_goes_on_while_the_job_runs(shop):
    shop.customers("2024-03-01", good=3)
    shop.run("bronze/customers", day="2024-03-01")
    job = shop.definitions.resolve_job_def(MAINTAIN_JOB)
    shop.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert [one.partition_key for one in shop.sensor_requests("sweep")] == ["2024-03-01"]

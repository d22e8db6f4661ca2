"""The check `reconciled` of bronze: by load day, on request, once a week; and a run that mends."""

import dagster as dg

from snowpipe_platform.orchestration.names import RECONCILE_JOB

BRONZE, CHANGES, RECONCILED = "bronze/customers", "silver/customer_changes", "reconciled"
LATE = "INSERT INTO customers VALUES ('late', 'l@example.com', 'nick', TIMESTAMP '2020-02-02 02:00')"
DAY, NEXT = "2024-03-01", "2024-03-02"


def landed(shop):
    for day in (DAY, NEXT):
        shop.customers(day, good=2)
        shop.run(BRONZE, CHANGES, day=day)
    return shop


def verdicts(shop):
    return {day: one.passed for day, one in shop.latest(BRONZE, RECONCILED).items()}


def test_a_day_is_red_by_itself_and_a_run_that_mends_turns_it_green(shop):
    landed(shop).sql(LATE)
    for day in (DAY, NEXT):
        shop.check((BRONZE, RECONCILED), day=day)

    red = shop.latest(BRONZE, RECONCILED)[DAY]
    assert verdicts(shop) == {DAY: False, NEXT: True}
    assert (red.severity, red.blocking) == (dg.AssetCheckSeverity.ERROR, False)
    assert red.description == "1 row at the source and not in bronze"
    (record,) = red.metadata["differences"].records
    assert record.data == {
        "part": "source",
        "rows": 1,
        "what": "at the source and not in bronze",
        "where": "[beginning, 2024-03-02T00:00:00.000000)",
        "keys": "customer_id=late",
    }
    assert "snowpipe reconcile bronze/customers --day 2024-03-01 --mend" in red.metadata["next"].value

    before = shop.ground.state.watermark("customers")
    result = shop.run_implicitly(BRONZE, day=DAY, config={"ops": {"bronze__customers": {"config": {"mend": True}}}})

    made = shop.materialized(result)[BRONZE].metadata
    assert (made["summary"].value, made["rows_landed"].value) == ("1 missing row landed", 1)
    assert verdicts(shop) == {DAY: True, NEXT: True}
    assert shop.ground.state.watermark("customers") == before
    assert DAY in [one.partition_key for one in shop.sensor_requests("sweep")]


def test_a_run_that_extracts_does_not_reconcile(shop):
    landed(shop)
    assert shop.latest(BRONZE, RECONCILED) == {}
    result = shop.run_implicitly(BRONZE, day=NEXT)
    assert result.success
    assert f"{BRONZE}:{RECONCILED}" not in shop.evaluations(result)
    assert f"{BRONZE}:window_complete" in shop.evaluations(result)
    for job in ("extract", "everything"):
        assert "bronze__customers__reconciled" not in {
            node.name for node in shop.definitions.resolve_job_def(job).nodes
        }


def test_a_weeks_landed_days_are_reconciled_in_a_run_each(shop):
    for day in (DAY, "2024-03-07", "2024-03-08"):
        shop.customers(day, good=1)
        shop.run(BRONZE, day=day)
    schedule = shop.definitions.resolve_schedule_def("reconcile_weekly")
    requests = shop.scheduled("2024-03-17T03:00", "reconcile_weekly")
    # The source's clock shows the end of the 8th.
    days = ["2024-03-07", "2024-03-08"]
    assert [one.tags["dagster/partition"] for one in requests] == days
    assert (schedule.cron_schedule, schedule.default_status) == ("0 3 * * 0", dg.DefaultScheduleStatus.STOPPED)

    job = shop.definitions.resolve_job_def(RECONCILE_JOB)
    result = job.execute_in_process(instance=shop.instance, tags=requests[-1].tags, raise_on_error=False)
    assert result.success
    assert verdicts(shop) == {days[-1]: True}
    assert shop.materialized(result) == {}


def test_a_check_alone_keeps_no_sensor_waiting(shop):
    landed(shop)
    shop.customers("2024-03-03", good=1)
    shop.run(BRONZE, day="2024-03-03")
    day = {"dagster/partition": "2024-03-03"}
    scheduled = shop.instance.create_run_for_job(shop.definitions.resolve_job_def(RECONCILE_JOB), tags=day)
    asked = shop.instance.create_run_for_job(shop.definitions.resolve_implicit_global_asset_job_def(), tags=day)
    keys = frozenset({dg.AssetCheckKey(dg.AssetKey(BRONZE.split("/")), RECONCILED)})
    for run in (scheduled, asked._replace(asset_check_selection=keys)):
        shop.instance.delete_run(run.run_id)
        shop.instance.add_run(run._replace(status=dg.DagsterRunStatus.STARTED))
    assert "2024-03-03" in [one.partition_key for one in shop.sensor_requests("sweep")]


def test_a_source_that_does_not_answer_fails_the_check_and_judges_nothing(shop):
    landed(shop)
    (shop.root / "warehouse.duckdb").unlink()
    result = shop.check((BRONZE, RECONCILED), day=DAY)
    assert not result.success
    (failure,) = result.get_step_failure_events()
    assert "warehouse.duckdb does not exist" in str(failure.step_failure_data)
    assert shop.latest(BRONZE, RECONCILED) == {}

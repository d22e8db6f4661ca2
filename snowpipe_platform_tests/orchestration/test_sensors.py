"""What automation does not see is swept up; what max_batches cut short is continued."""

import dagster as dg
import pytest

from snowpipe_platform.execution import watermark_moves, withdrawal
from snowpipe_platform.execution.corrections import discard
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.quarantine import Selection, quarantined_rows

ANN = Author(by="ann", reason="read during a restore", identity=RunIdentity(run_id="cli-1", job="test"))
CHANGES, DIMENSION, GOLD = "silver/customer_changes", "silver/dim_customers", "gold/customer_count"
SMALL_BATCHES = "batch_size: 10\n    max_batches: 1"


def _requested(requests):
    return [({key.to_user_string() for key in one.asset_selection}, one.partition_key) for one in requests]


@pytest.mark.case("A61")
def test_the_sweep_requests_what_has_not_consumed_an_old_day(shop):
    for day in ("2024-03-01", "2024-03-02"):
        shop.customers(day, good=3)
        shop.run(day=day)
    assert shop.sensor_requests("sweep") == []

    shop.customers("2024-03-01", good=1, prefix="late")
    shop.run("bronze/customers", day="2024-03-01")
    assert _requested(shop.sensor_requests("sweep")) == [({CHANGES}, "2024-03-01")]

    shop.run(CHANGES, day="2024-03-01")
    assert _requested(shop.sensor_requests("sweep")) == [({DIMENSION}, None)]

    shop.run(DIMENSION)
    assert _requested(shop.sensor_requests("sweep")) == [({GOLD}, None)]

    shop.run(GOLD)
    assert shop.sensor_requests("sweep") == []


def test_the_sweep_tries_held_rows_again_only_when_something_came(shop):
    shop.customers("2024-03-01", good=90, bad=10)
    shop.run("bronze/customers", CHANGES, day="2024-03-01")
    assert shop.sensor_requests("sweep") == []

    shop.customers("2024-03-01", good=900, prefix="late")
    shop.run("bronze/customers", day="2024-03-01")
    assert _requested(shop.sensor_requests("sweep")) == [({CHANGES}, "2024-03-01")]


@pytest.mark.case("A31")
def test_the_sweep_requests_the_load_day_of_a_decision_and_its_run_turns_the_day_green(shop):
    shop.customers("2024-03-01", good=97, bad=3)
    held = shop.run("bronze/customers", CHANGES, day="2024-03-01")
    assert not shop.evaluations(held)[f"{CHANGES}:published"].passed
    table = shop.pipeline.table(CHANGES)
    rows = quarantined_rows(table, shop.ground, Selection())
    author = Author(by="ana", reason="test customers", identity=RunIdentity(run_id="cli", job="test"))
    discard(table, rows, author, shop.ground)
    assert _requested(shop.sensor_requests("sweep")) == [({CHANGES}, "2024-03-01")]

    run = shop.run(CHANGES, day="2024-03-01")
    checks = shop.evaluations(run)
    assert all(check.passed for check in checks.values())
    assert checks[f"{CHANGES}:email__str_contains"].metadata["rows_broken"].value == 0
    assert "100 rows judged, 0 quarantined, 3 discarded." in shop.materialized(run)[CHANGES].metadata["quality"].value
    assert shop.check((CHANGES, "email__str_contains"), day="2024-03-01").success
    assert _requested(shop.sensor_requests("sweep")) == [({DIMENSION}, None)]


def test_the_sweep_leaves_alone_what_a_run_is_about_to_do(shop):
    shop.customers("2024-03-01", good=3)
    shop.run("bronze/customers", day="2024-03-01")
    job = shop.definitions.resolve_job_def("everything")
    shop.instance.create_run_for_job(
        job,
        asset_selection=frozenset({dg.AssetKey(["silver", "customer_changes"])}),
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": "2024-03-01"},
    )

    assert shop.sensor_requests("sweep") == []


@pytest.mark.case("A62")
def test_a_day_cut_short_is_red_and_continued_until_it_is_done(make_shop):
    shop = make_shop(SMALL_BATCHES)
    shop.customers("2024-03-01", good=25)
    shop.sql("UPDATE customers SET updated_at = updated_at + INTERVAL 1 MINUTE * substr(customer_id, 12)::INTEGER")
    first = shop.run(day="2024-03-01")
    verdicts, downstream, keys = [_window(shop, first)], [CHANGES in shop.materialized(first)], []

    while requests := shop.sensor_requests("continuation"):
        assert _requested(requests) == [({"bronze/customers"}, "2024-03-01")]
        keys.append(requests[0].run_key)
        result = shop.run("bronze/customers", CHANGES, day=requests[0].partition_key)
        verdicts.append(_window(shop, result))
        downstream.append(CHANGES in shop.materialized(result))

    assert verdicts == [False, False, True]
    assert downstream == [False, False, True]
    assert len(set(keys)) == len(keys)
    assert len(shop.rows(CHANGES)) == 25


@pytest.mark.case("A62")
def test_the_sweep_waits_for_a_day_that_was_cut_short(make_shop):
    shop = make_shop(SMALL_BATCHES)
    shop.customers("2024-03-01", good=25)
    shop.sql("UPDATE customers SET updated_at = updated_at + INTERVAL 1 MINUTE * substr(customer_id, 12)::INTEGER")
    shop.run(day="2024-03-01")

    assert shop.sensor_requests("sweep") == []


def test_a_day_whose_extraction_was_withdrawn_is_red_and_requested_until_it_is_read_again(shop):
    for day in ("2024-03-01", "2024-03-02"):
        shop.customers(day, good=3)
        shop.run(day=day)
    withdrawal.carry_out("customers", 1, ANN, shop.ground)

    (requested,) = shop.sensor_requests("continuation")
    assert _requested([requested]) == [({"bronze/customers"}, "2024-03-01")]
    red = shop.check(("bronze/customers", "window_complete"), day="2024-03-01")
    assert not _window(shop, red)
    told = shop.evaluations(red)["bronze/customers:window_complete"].description
    assert told.startswith("more rows wait: what was landed was withdrawn")

    again = shop.run("bronze/customers", day="2024-03-01")
    assert _window(shop, again)
    metadata = shop.materialized(again)["bronze/customers"].metadata
    assert (metadata["rows_landed"].value, metadata["dagster/row_count"].value) == (3, 6)
    assert shop.sensor_requests("continuation") == []


def test_the_sweep_requests_the_day_of_what_was_withdrawn_and_nothing_for_a_watermark(shop):
    shop.customers("2024-03-01", good=3)
    shop.run(day="2024-03-01")
    (query,) = shop.pipeline.queries.queries
    move = watermark_moves.plan_rewind(query, shop.ground, to=None, by="6h")
    watermark_moves.carry_out(query, move, ANN, shop.ground)
    assert shop.sensor_requests("sweep") == []

    withdrawal.carry_out("customers", 1, ANN, shop.ground)
    assert _requested(shop.sensor_requests("sweep")) == [({CHANGES}, "2024-03-01")]


def _window(shop, result):
    return shop.evaluations(result)["bronze/customers:window_complete"].passed


def test_every_sensor_runs_from_the_start(shop):
    sensors = {sensor.name: sensor.default_status for sensor in shop.definitions.sensors}
    assert sensors == dict.fromkeys(
        ("default_automation_condition_sensor", "sweep", "continuation", "arrivals"), dg.DefaultSensorStatus.RUNNING
    )

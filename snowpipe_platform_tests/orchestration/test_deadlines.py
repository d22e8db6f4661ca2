"""A day that does not come by its deadline turns red without a run, and green when it comes."""

from datetime import timedelta

import dagster as dg
import pytest

from snowpipe_platform.orchestration import deadlines

BRONZE, CHANGES = "bronze/customers", "silver/customer_changes"
LATE = "not there; it was due by {} UTC"


@pytest.fixture
def due_shop(make_shop):
    return make_shop("due: 6h", due=timedelta(hours=7))


class Watch:
    """The sensor tick by tick."""

    def __init__(self, shop) -> None:
        self.shop, self.cursor = shop, None

    def tick(self, now: str) -> str:
        """Why nothing was requested."""
        self.shop.now(now)
        tick = self.shop.sensor_tick("deadlines", cursor=self.cursor)
        assert not tick.run_requests
        self.cursor = tick.cursor
        return tick.skip_message

    def red(self, name: str) -> dict[str, str]:
        """Days whose check is red, each with what it says."""
        latest = self.shop.latest(name, "on_time").items()
        return {day: evaluation.description for day, evaluation in latest if not evaluation.passed}


def test_before_anything_has_landed_nothing_is_expected(due_shop):
    assert Watch(due_shop).tick("2024-03-20") == "every day came, or is not due yet"


def test_a_day_is_red_from_its_deadline_on(due_shop):
    due_shop.customers("2024-03-01", good=1)
    due_shop.run(BRONZE, CHANGES, day="2024-03-01")
    watch = Watch(due_shop)

    assert watch.tick("2024-03-03 05:59") == "every day came, or is not due yet"
    assert watch.red(BRONZE) == {}
    assert watch.tick("2024-03-03 06:00") == f"not there by their deadline: {BRONZE} 2024-03-02"
    assert watch.red(BRONZE) == {"2024-03-02": LATE.format("2024-03-03 06:00")}
    assert watch.red(CHANGES) == {}
    watch.tick("2024-03-03 07:00")
    assert watch.red(CHANGES) == {"2024-03-02": LATE.format("2024-03-03 07:00")}


def test_what_was_told_is_not_told_again(due_shop):
    due_shop.customers("2024-03-01", good=1)
    due_shop.run(BRONZE, CHANGES, day="2024-03-01")
    watch = Watch(due_shop)
    for now in ("2024-03-03 06:00", "2024-03-03 06:05", "2024-03-03 06:10"):
        watch.tick(now)

    assert _evaluations(due_shop, BRONZE) == ["2024-03-01", "2024-03-02"]


def test_a_day_that_comes_late_is_green_again_and_says_how_late(due_shop):
    due_shop.customers("2024-03-01", good=1)
    due_shop.run(BRONZE, CHANGES, day="2024-03-01")
    watch = Watch(due_shop)
    watch.tick("2024-03-03 09:30")

    due_shop.run(BRONZE, CHANGES, day="2024-03-02")

    assert (watch.red(BRONZE), watch.red(CHANGES)) == ({}, {})
    assert watch.tick("2024-03-03 10:00") == "every day came, or is not due yet"
    assert due_shop.latest(BRONZE, "on_time")["2024-03-02"].description == "came 3 h 30 min after its deadline"
    assert due_shop.latest(CHANGES, "on_time")["2024-03-02"].description == "came 2 h 30 min after its deadline"


def test_a_day_that_came_without_its_check_is_turned_green_by_the_sensor(due_shop):
    due_shop.customers("2024-03-01", good=1)
    due_shop.run(BRONZE, day="2024-03-01")
    watch = Watch(due_shop)
    watch.tick("2024-03-03 06:00")
    job = due_shop.definitions.resolve_job_def("extract")
    bare = job.get_subset(asset_selection={dg.AssetKey(["bronze", "customers"])}, asset_check_selection=set())
    assert bare.execute_in_process(partition_key="2024-03-02", instance=due_shop.instance).success
    assert watch.red(BRONZE) != {}

    watch.tick("2024-03-03 08:00")

    assert watch.red(BRONZE) == {}
    assert due_shop.latest(BRONZE, "on_time")["2024-03-02"].description == "came 0 s before its deadline"


def test_a_day_extracted_before_its_end_alone_is_late(due_shop):
    due_shop.customers("2024-03-01", good=1)
    due_shop.run(BRONZE, day="2024-03-01")
    due_shop.now("2024-03-02 12:00")
    due_shop.run(BRONZE, day="2024-03-02")
    assert due_shop.latest(BRONZE, "on_time")["2024-03-02"].description == "due by 2024-03-03 06:00 UTC"
    watch = Watch(due_shop)

    watch.tick("2024-03-03 06:00")
    assert watch.red(BRONZE) == {"2024-03-02": LATE.format("2024-03-03 06:00")}

    due_shop.run(BRONZE, day="2024-03-02")
    assert watch.red(BRONZE) == {}


def test_a_day_that_only_dropped_files_came_for_is_late(due_shop):
    due_shop.customers("2024-03-01", good=1)
    due_shop.run(BRONZE, day="2024-03-01")
    due_shop.now("2024-03-02 12:00")
    due_shop.adopt("2024-03-02", "dropped", at="2024-03-02 10:00")
    watch = Watch(due_shop)

    assert watch.tick("2024-03-03 06:00") == f"not there by their deadline: {BRONZE} 2024-03-02"
    assert watch.red(BRONZE) == {"2024-03-02": LATE.format("2024-03-03 06:00")}

    due_shop.run(BRONZE, day="2024-03-02")
    assert watch.tick("2024-03-03 07:00") == "every day came, or is not due yet"
    assert watch.red(BRONZE) == {}


def test_a_withdrawn_day_is_late_until_it_is_read_again(due_shop):
    for day in ("2024-03-01", "2024-03-02"):
        due_shop.customers(day, good=1)
        due_shop.run(BRONZE, day=day)
    watch = Watch(due_shop)
    assert watch.tick("2024-03-03 07:00") == "every day came, or is not due yet"

    due_shop.withdraw(2)

    assert watch.tick("2024-03-03 08:00") == f"not there by their deadline: {BRONZE} 2024-03-02"
    assert watch.red(BRONZE) == {"2024-03-02": LATE.format("2024-03-03 06:00")}
    due_shop.run(BRONZE, day="2024-03-02")
    assert watch.tick("2024-03-03 09:00") == "every day came, or is not due yet"
    assert due_shop.latest(BRONZE, "on_time")["2024-03-02"].description == "came 2 h after its deadline"


def test_a_day_that_the_next_days_run_has_read_is_not_late(due_shop):
    due_shop.customers("2024-03-01", good=1)
    due_shop.run(BRONZE, day="2024-03-01")
    watch = Watch(due_shop)
    watch.tick("2024-03-03 06:00")
    assert set(watch.red(BRONZE)) == {"2024-03-02"}

    due_shop.now("2024-03-04")
    due_shop.run(BRONZE, day="2024-03-03")

    assert watch.tick("2024-03-04 05:00") == "every day came, or is not due yet"
    assert due_shop.latest(BRONZE, "on_time")["2024-03-02"].description == "came 18 h after its deadline"


def test_a_source_that_does_not_answer_is_no_failed_tick_and_what_was_told_stays(due_shop):
    due_shop.customers("2024-03-01", good=1)
    due_shop.run(BRONZE, day="2024-03-01")
    watch = Watch(due_shop)
    watch.tick("2024-03-03 06:00")
    (due_shop.root / "warehouse.duckdb").rename(due_shop.root / "away")

    tick = due_shop.sensor_tick("deadlines", cursor=watch.cursor)

    assert tick.skip_message.startswith("the source does not say what time it is there: warehouse ")
    assert tick.cursor in {None, watch.cursor}


def test_many_late_days_are_told_some_at_a_tick(due_shop, monkeypatch):
    monkeypatch.setattr(deadlines, "REPORTS_PER_TICK", 2)
    due_shop.customers("2024-03-01", good=1)
    due_shop.run(BRONZE, day="2024-03-01")
    watch = Watch(due_shop)

    seen = []
    for now in ("2024-03-06 06:00", "2024-03-06 06:05", "2024-03-06 06:10"):
        watch.tick(now)
        seen.append(len(watch.red(BRONZE)))

    assert seen == [2, 4, 4]


def test_without_a_deadline_there_is_no_sensor_and_no_check(shop):
    assert "deadlines" not in {sensor.name for sensor in shop.definitions.sensors}
    specs = [spec.name for checks in shop.definitions.asset_checks for spec in checks.check_specs]
    assert "on_time" not in specs


def _evaluations(shop, name):
    key = dg.AssetCheckKey(dg.AssetKey(name.split("/")), "on_time")
    return sorted(
        record.evaluation.partition
        for record in shop.instance.event_log_storage.get_asset_check_execution_history(key, limit=50)
    )

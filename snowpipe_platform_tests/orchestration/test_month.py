"""A shop's days run unattended on a real daemon, with failures on the way, and end equal to the truth.

Time is accelerated by partitions: each day happens at the source, and the ticks that the extraction schedule has that
evening are evaluated for their time; what they request is run, and nothing else is requested by hand. The source keeps
its current state only, so the next day waits for the extraction; the rest the daemon does behind, as it comes to it.

The daemon runs its runs in its own process, one after another, and looks more often than it would. A process for each
run, as in `deploy/dagster.yaml`, pays five seconds of imports: test_live_instance.py has that launcher. It takes
minutes, and is run when it is asked for: `make month` has thirty-one days, `--month-days 8` the least that holds all.
"""

import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from live import wait_for
from month import FIRST_DAY, Month, simulated

from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.table import ChangesTable
from snowpipe_platform_tests.pipeline.truth import AS_OF, TRUTH, differences, open_truth, rows_of

CUT, BACK_AT_SIX, MISSED, KILLED = 0, 2, 4, 6
"""Days, counted from the first: `max_batches` cuts its extraction short; the source cannot be read at midnight, but is
back for the tick at six; it cannot be read at all; the daemon is killed afterwards, and started again."""
BRONZE = ("bronze/customers", "bronze/orders", "bronze/order_lines", "bronze/products")

pytestmark = [pytest.mark.month, pytest.mark.slow, pytest.mark.timeout(3_600)]


@pytest.fixture(scope="module")
def days(pytestconfig: pytest.Config) -> list[date]:
    return [FIRST_DAY + timedelta(days=number) for number in range(pytestconfig.getoption("month_days"))]


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory, days: list[date]):
    with simulated(tmp_path_factory.mktemp("month")) as lived:
        for number, day in enumerate(days):
            lived.advance(day)
            _evening(lived, number, day)
            if number == KILLED:
                lived.kill()
                lived.start()
        lived.wait_until_done(seconds=60 * len(days))
        yield lived


@pytest.fixture(scope="module")
def truth(month: Month):
    with open_truth(month.source, month.evenings) as connection:
        yield connection


def _evening(month: Month, number: int, day: date) -> None:
    """What the schedule's ticks of the night after the day come to."""
    if number in {BACK_AT_SIX, MISSED}:
        month.hide()
        assert month.tick(day, 0) == ["FAILURE"]
    if number == MISSED:
        assert month.tick(day, 6) == ["FAILURE"]
        month.evenings[day] = day + timedelta(days=1)
        return
    month.show()
    month.evenings[day] = day
    if number == MISSED + 1:
        late = [f"{name}:on_time {day - timedelta(days=1)}" for name in BRONZE]
        wait_for(lambda: set(late) <= {text.partition(": ")[0] for text in month.red("on_time")} or None, seconds=120)
    outcome = "FAILURE" if number == CUT else "SUCCESS"
    assert month.tick(day, 6 if number == BACK_AT_SIX else 0) == [outcome] * (2 if number == MISSED + 1 else 1)


@pytest.mark.parametrize("table", TRUTH)
def test_a_table_equals_the_truth(month, truth, table: str):
    """But for the number of the manifest a row came with, which a missed day and a cut one change."""
    expected = f"SELECT COLUMNS(name -> name <> 'manifest_number') FROM ({TRUTH[table]})"
    assert differences(truth, rows_of(month.ground, table), expected) == []


@pytest.mark.parametrize("table", AS_OF)
def test_every_analysis_date_equals_the_truth_of_its_end(month, truth, days, table: str):
    for on in days:
        found = f"SELECT * FROM ({rows_of(month.ground, table)}) WHERE analysis_date = DATE '{on}'"
        assert differences(truth, found, AS_OF[table](on)) == [], on


def test_every_load_day_and_analysis_date_is_there(month, days):
    dated = [table.name for table in month.pipeline.tables if isinstance(table, ChangesTable | AsOfTable)]
    expected = {day.isoformat() for day in days}
    assert {name: month.materialized(name) for name in [*BRONZE, *dated]} == dict.fromkeys([*BRONZE, *dated], expected)


def test_nothing_is_left_to_do_and_no_check_is_red(month):
    assert not month.is_busy()
    assert month.red() == []


@pytest.mark.case("A62")
def test_what_was_cut_short_was_continued_unasked(month):
    continued = [run.tags["dagster/partition"] for run in _requested_by(month, "continuation")]
    assert set(continued) == {FIRST_DAY.isoformat()}
    assert len(month.ground.bronze.log("order_lines")[0].files) == 20


def test_dates_were_requested_unasked_and_some_again_when_changes_came_late(month, days):
    requested = Counter(run.tags["dagster/partition"] for run in _requested_by(month, "analysis_dates"))
    assert set(requested) == {day.isoformat() for day in days}
    assert max(requested.values()) > 1, "no date was restated"


def test_no_run_failed_but_those_that_had_to(month, days):
    """The extractions of hidden evenings, those that were cut short, and what died with the daemon."""
    unexpected = [
        (run.run_id, run.tags.get("dagster/partition"), sorted(map(str, run.asset_selection or [])))
        for run in month.runs(dg.DagsterRunStatus.FAILURE)
        if not month.died_with_the_daemon(run) and run.tags.get("dagster/partition") not in _failing(days)
    ]
    assert unexpected == []


def _failing(days: list[date]) -> set[str]:
    return {days[number].isoformat() for number in (CUT, BACK_AT_SIX, MISSED)}


def _requested_by(month: Month, sensor: str) -> list[dg.DagsterRun]:
    return [run for run in month.runs() if run.tags.get("dagster/sensor_name") == sensor]

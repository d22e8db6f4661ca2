"""Analysis dates in Dagster: what requests them, and what their checks say."""

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest

from snowpipe_platform.orchestration.analysis_sensor import DATES_PER_TICK, NAME
from snowpipe_platform.orchestration.build import build_definitions
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.settings import Settings
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.history import latest
from snowpipe_platform_tests.ledger import CHANGES, START, Ledger, change

STATES = "gold/item_states"
KEY = dg.AssetKey(["gold", "item_states"])
DAYS = [(START.date() + timedelta(days=n)).isoformat() for n in range(60)]


class ItemStates(pa.DataFrameModel):
    id: str = pa.Field(str_length={"max_value": 3}, metadata={"error_above": 0.4})
    name: str = pa.Field(nullable=True)
    analysis_date: dt.date


TABLE = AsOfTable(
    name=STATES,
    description="Items as they were.",
    contract=ItemStates,
    inputs=(CHANGES.name,),
    restate_days=2,
    build=lambda inputs, _on: latest(inputs[CHANGES.name], key=["id"]),
)


class Shop:
    """A ledger behind Dagster definitions and an instance, and a sensor that remembers its cursor."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.ledger, self.instance = Ledger(folder, (CHANGES, TABLE)), instance
        self.ground = GroundResource.of(Settings(home=folder))
        self.definitions = build_definitions(self.ledger.pipeline, self.ground)
        self.cursor: str | None = None

    def tick(self) -> list[dg.RunRequest]:
        context = dg.build_sensor_context(
            instance=self.instance, definitions=self.definitions, resources={"ground": self.ground}, cursor=self.cursor
        )
        result = self.definitions.resolve_sensor_def(NAME).evaluate_tick(context)
        self.cursor = result.cursor
        return list(result.run_requests or [])

    def requested(self) -> list[str | None]:
        return [request.partition_key for request in self.tick()]

    def make(self, *days: str) -> list[dg.ExecuteInProcessResult]:
        job = self.definitions.resolve_job_def("analysis")
        return [job.execute_in_process(partition_key=day, instance=self.instance, raise_on_error=False) for day in days]

    def land(self, day: str, *rows: dict[str, object]) -> None:
        self.ledger.land(day, *rows)
        self.ledger.run(CHANGES.name, day)

    def stale_by_check(self) -> dict[str, bool]:
        """What the check `up_to_date` last said of each date."""
        return {day: not evaluation.passed for day, evaluation in self.up_to_date().items()}

    def up_to_date(self) -> dict[str, dg.AssetCheckEvaluation]:
        """The last evaluation by date."""
        key = dg.AssetCheckKey(KEY, "up_to_date")
        records = self.instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
        found: dict[str, dg.AssetCheckEvaluation] = {}
        for record in reversed(records):
            evaluation = record.event.dagster_event.event_specific_data if record.event else None
            if evaluation is not None:
                found[evaluation.partition] = evaluation
        return found


@pytest.fixture
def shop(tmp_path):
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield Shop(tmp_path, instance)


def test_a_date_is_requested_once_its_load_day_has_landed_and_only_until_it_is_made(shop):
    assert shop.requested() == []
    shop.land(DAYS[0], change("a", 0.5))
    (request,) = shop.tick()
    assert (request.partition_key, request.asset_selection) == (DAYS[0], [KEY])
    shop.make(DAYS[0])
    assert shop.requested() == []


def test_a_date_whose_run_failed_is_the_same_request_until_an_hour_or_its_inputs_have_moved_on(shop):
    shop.land(DAYS[0], change("a", 0.5))
    first, second = shop.tick(), shop.tick()
    assert first[0].run_key == second[0].run_key
    shop.land(DAYS[0], change("b", 0.6))
    assert shop.tick()[0].run_key != first[0].run_key


def test_a_late_change_asks_for_recent_dates_again_and_turns_the_check_of_older_ones(shop):
    for number in range(4):
        shop.land(DAYS[number], change(f"k{number}", number + 0.5))
    assert shop.requested() == DAYS[:4]
    shop.make(*DAYS[:4])
    assert (shop.requested(), shop.stale_by_check()) == ([], dict.fromkeys(DAYS[:4], False))
    shop.land(DAYS[3], change("b", 0.6))
    assert shop.requested() == DAYS[2:4]
    assert shop.stale_by_check() == dict.fromkeys(DAYS[:4], True)
    shop.make(*DAYS[2:4])
    shop.tick()
    assert shop.stale_by_check() == {DAYS[0]: True, DAYS[1]: True, DAYS[2]: False, DAYS[3]: False}


def test_the_check_of_a_stale_date_warns_and_says_how_to_mend_it(shop):
    for number in range(4):
        shop.land(DAYS[number], change(f"k{number}", number + 0.5))
    shop.make(*DAYS[:4])
    shop.land(DAYS[3], change("b", 0.6))
    shop.tick()
    evaluation = shop.up_to_date()[DAYS[0]]
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert evaluation.metadata["next"].value == f"snowpipe run {STATES} --partition {DAYS[0]}"


@pytest.mark.case("A33")
def test_each_date_has_its_own_checks_and_one_that_breaks_a_rule_is_held(shop):
    shop.land(DAYS[0], change("a", 0.5))
    shop.land(DAYS[1], change("long", 1.5))
    good, bad = shop.make(*DAYS[:2])
    said = [
        {one.check_name: (one.passed, one.partition) for one in result.get_asset_check_evaluations()}
        for result in (good, bad)
    ]
    assert {passed for passed, _ in said[0].values()} == {True}
    assert {day for result in said for _, day in result.values()} == set(DAYS[:2])
    assert (said[1]["published"], said[1]["id__str_length"]) == ((False, DAYS[1]), (False, DAYS[1]))
    assert said[1]["id__not_null"] == (True, DAYS[1])
    assert shop.requested() == [], "a held date is not tried again while nothing has changed"


def test_dates_wait_behind_what_an_input_holds_back(shop):
    shop.land(DAYS[0], change("a", 0.5))
    shop.land(DAYS[1], *(change(None, 1.5) for _ in range(9)))
    shop.land(DAYS[2], change("b", 2.5))
    assert shop.requested() == DAYS[:1]


def test_a_backfill_is_requested_in_parts(shop):
    for number in range(DATES_PER_TICK + 5):
        shop.ledger.land(DAYS[number], change("a", number + 0.5))
    shop.ledger.run(CHANGES.name)
    assert shop.requested() == DAYS[:DATES_PER_TICK]


def test_a_date_that_is_not_over_is_not_requested(shop):
    today = date.today().isoformat()  # noqa: DTZ011 - the sensor's own clock, UTC in tests
    shop.land(today, change("a", 0.5))
    assert shop.requested() == []

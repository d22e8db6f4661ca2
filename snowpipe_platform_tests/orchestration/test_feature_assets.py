"""A feature group as a Dagster asset: by analysis date, requested once its source has the date, checked like any."""

import dagster as dg
import pytest

from snowpipe_platform.orchestration.analysis_sensor import NAME
from snowpipe_platform.orchestration.build import build_definitions
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.settings import Settings
from snowpipe_platform_tests.grouped import D1, D2, GROUP, STATES, grouped_ledger, history
from snowpipe_platform_tests.ledger import CHANGES, change

KEY, SOURCE = dg.AssetKey(GROUP.split("/")), dg.AssetKey(STATES.split("/"))
DAYS = [D1.isoformat(), D2.isoformat()]


class Shop:
    """A ledger behind definitions and an instance."""

    def __init__(self, folder, instance):
        self.ledger, self.instance = grouped_ledger(folder), instance
        self.ground = GroundResource.of(Settings(home=folder))
        self.definitions = build_definitions(self.ledger.pipeline, self.ground)

    def land(self, day, *rows):
        self.ledger.land(day, *rows)
        self.ledger.run(CHANGES.name, day)

    def requested(self):
        """(dates, assets) of the sensor's next tick."""
        context = dg.build_sensor_context(
            instance=self.instance, definitions=self.definitions, resources={"ground": self.ground}
        )
        result = self.definitions.resolve_sensor_def(NAME).evaluate_tick(context)
        return [(one.partition_key, one.asset_selection) for one in result.run_requests or []]

    def make(self, day, *keys):
        job = self.definitions.resolve_job_def("analysis")
        return job.execute_in_process(
            partition_key=day, instance=self.instance, raise_on_error=False, asset_selection=list(keys) or None
        )


@pytest.fixture
def shop(tmp_path):
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield Shop(tmp_path, instance)


def test_a_date_is_requested_when_its_source_has_it_and_again_when_that_is_made_anew(shop):
    shop.land(DAYS[0], change("a", 0.5, name="A"))
    assert shop.requested() == [(DAYS[0], [SOURCE])]
    shop.make(DAYS[0], SOURCE)
    assert shop.requested() == [(DAYS[0], [KEY])]
    shop.make(DAYS[0], KEY)
    assert shop.requested() == []
    shop.land(DAYS[1], change("a", 0.6, name="AA"))
    shop.make(DAYS[0], SOURCE)
    shop.make(DAYS[1], SOURCE)
    assert shop.requested() == [(DAYS[0], [KEY]), (DAYS[1], [KEY])]


def test_one_run_of_a_date_makes_the_source_and_then_its_features(shop):
    shop.land(DAYS[0], change("a", 0.5, name="A"))
    assert shop.make(DAYS[0]).success
    assert history(shop.ledger) == [(D1, "a", "A", None)]


def test_its_checks_are_of_the_date_and_up_to_date_turns_when_the_source_was_made_anew(shop):
    shop.land(DAYS[0], change("a", 0.5, name="A"))
    result = shop.make(DAYS[0])
    told = {one.check_name: (one.passed, one.partition) for one in result.get_asset_check_evaluations()}
    assert told["id_and_event_time_and_created_time__unique"] == (True, DAYS[0])
    shop.land(DAYS[1], change("a", 0.6, name="AA"))
    shop.make(DAYS[0], SOURCE)
    shop.requested()
    key = dg.AssetCheckKey(KEY, "up_to_date")
    latest, *_ = shop.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert (latest.evaluation.partition, latest.evaluation.passed) == (DAYS[0], False)


def test_a_date_that_its_source_does_not_have_fails_and_says_what_it_waits_for(shop):
    shop.land(DAYS[0], change("a", 0.5, name="A"))
    failed = shop.make(DAYS[0], KEY)
    (event,) = failed.get_step_failure_events()
    told = event.step_failure_data.user_failure_data.description
    assert told == f"{GROUP} of {DAYS[0]} waits for {STATES} of {DAYS[0]}; it is requested once that is there"


def test_what_online_lacks_is_requested_with_the_newest_date_until_it_is_there(shop):
    shop.land(DAYS[0], change("a", 0.5, name="A"))
    shop.land(DAYS[1], change("a", 1.5, name="AA"))
    for day in DAYS:
        shop.make(day)
    for file in shop.ledger.folder.glob("online.db*"):
        file.unlink()
    assert shop.requested() == [(DAYS[1], [KEY])]
    assert shop.make(DAYS[1], KEY).success
    assert shop.requested() == []
    assert shop.ledger.ground.online.get(GROUP, ["a"])["a"].values["name"] == "AA"

"""A score table as a Dagster asset: below the features and the approval, harmless before there is a model."""

import dagster as dg
import pytest

from snowpipe_platform.orchestration.analysis_sensor import NAME
from snowpipe_platform.orchestration.build import build_definitions
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.settings import Settings
from snowpipe_platform_tests.grouped import D1, GROUP, STATES
from snowpipe_platform_tests.ledger import CHANGES, change
from snowpipe_platform_tests.scored import JUDGED, SCORES, register, scored_ledger, serve

KEYS = {name: dg.AssetKey(name.split("/")) for name in (STATES, GROUP, SCORES, JUDGED)}
DAY = D1.isoformat()


class Shop:
    """A ledger behind definitions and an instance."""

    def __init__(self, folder, instance):
        self.ledger, self.instance = scored_ledger(folder), instance
        self.ground = GroundResource.of(Settings(home=folder))
        self.definitions = build_definitions(self.ledger.pipeline, self.ground)
        self.ledger.land(DAY, change("a", 0.5, amount="1"))
        self.ledger.run(CHANGES.name, DAY)

    def requested(self):
        """The assets of each run that the sensor's next tick requests."""
        context = dg.build_sensor_context(
            instance=self.instance, definitions=self.definitions, resources={"ground": self.ground}
        )
        result = self.definitions.resolve_sensor_def(NAME).evaluate_tick(context)
        return [one.asset_selection for one in result.run_requests or []]

    def make(self, *names):
        job = self.definitions.resolve_job_def("analysis")
        chosen = [KEYS[name] for name in names] or None
        return job.execute_in_process(
            partition_key=DAY, instance=self.instance, raise_on_error=False, asset_selection=chosen
        )


@pytest.fixture
def shop(tmp_path):
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield Shop(tmp_path, instance)


def test_it_comes_after_the_features_and_the_approved_version(shop):
    graph = shop.definitions.get_repository_def().asset_graph
    assert graph.get(KEYS[SCORES]).parent_keys == {KEYS[GROUP], dg.AssetKey(["models", "churn_approved"])}
    assert KEYS[SCORES] in graph.get(KEYS[JUDGED]).parent_keys


def test_before_there_is_a_model_a_whole_date_is_made_without_scores(shop):
    result = shop.make()
    assert result.success
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key == KEYS[SCORES]]
    told = event.step_materialization_data.materialization.metadata
    assert told["reason"].value == "no version of model 'churn' is approved yet"
    assert shop.ledger.rows(JUDGED) == [("a", None, D1)]
    assert shop.requested() == []


def test_once_there_is_a_model_the_date_is_scored_in_a_run_of_its_own_and_shown(shop):
    shop.make()
    serve(shop.ledger, register(shop.ledger))
    assert shop.requested() == [[KEYS[SCORES]]]
    assert shop.make(SCORES).success
    assert shop.requested() == [[KEYS[JUDGED]]]
    assert shop.make(JUDGED).success
    ((_, score, version, _),) = shop.ledger.rows(SCORES)
    assert (version, shop.ledger.rows(JUDGED)) == (1, [("a", score, D1)])
    assert shop.requested() == []


def test_a_model_that_cannot_be_asked_fails_its_scores_alone(shop):
    version = register(shop.ledger)
    serve(shop.ledger, version)
    (shop.ledger.ground.models.registry.artefact(version) / "model.joblib").unlink()
    shop.make(STATES)
    shop.make(GROUP)
    assert shop.requested() == [[KEYS[JUDGED]], [KEYS[SCORES]]]
    assert shop.make(JUDGED).success
    (failed,) = shop.make(SCORES).get_step_failure_events()
    assert "has other files than were registered" in failed.step_failure_data.user_failure_data.description

"""What a training and a deployment leave in Dagster."""

from pathlib import Path

import dagster as dg
import pytest

from snowpipe_platform.serving.deployed import Standing, only_server, write_standing
from snowpipe_platform.spec.model_version import ON_APPROVAL
from snowpipe_platform_tests.orchestration.modelled import APPROVED, ENDPOINT, TRAINED, DagsterModels, told


@pytest.fixture
def shop(tmp_path, monkeypatch, instance):
    return DagsterModels(tmp_path, monkeypatch, instance)


def materialization(result):
    (event,) = result.get_asset_materialization_events()
    return event.step_materialization_data.materialization


def failure(result):
    (event,) = result.get_step_failure_events()
    return event.step_failure_data.user_failure_data


def test_a_training_says_how_good_the_version_is_and_shows_its_plots_and_card(shop):
    digest = shop.keep_training_set()
    result = shop.materialize(TRAINED)
    found = materialization(result)
    seen = told(found)
    assert seen["summary"] == "version 1: ROC AUC 0.800, passed 2 of 2 gates"
    assert (seen["version"], seen["roc_auc"], seen["brier"]) == (1, 0.8, 0.15)
    assert (seen["training_set"], Path(seen["training_set_file"]).stem) == (digest, digest)
    assert seen["parameters"] == {"horizon_days": 1, "roc_auc": 0.8}
    contenders = [one.data for one in found.metadata["contenders"].records]
    assert [(one["contender"], one["roc_auc"], one["calibration_error"]) for one in contenders] == [
        ("this version", 0.8, None),
        ("baseline", 0.61, None),
    ]
    (north,) = (one.data for one in found.metadata["groups"].records)
    assert (north["by"], north["group"], north["rows"], north["roc_auc"]) == ("region", "North", 900, 0.71)
    assert seen["plots"] == "![roc](data:image/svg+xml;base64,PHN2Zy8+)"
    assert seen["card"] == "# Churn\n\nFor all.\n"
    assert Path(seen["card_page"]).read_text() == "<p>"
    version = shop.registry.versions("churn")[0]
    assert found.tags["dagster/data_version"] == version.artefact_hash
    assert found.tags["dagster/code_version"] == seen["code_version"] == version.candidate.code_version
    assert version.candidate.run_id == result.run_id


def test_the_lines_of_the_script_are_in_the_log_of_the_run(shop):
    shop.keep_training_set()
    result = shop.materialize(TRAINED)
    lines = [record.user_message for record in shop.instance.all_logs(result.run_id)]
    assert "fitting on 40 rows" in lines


@pytest.mark.case("A42")
def test_a_failed_gate_is_red_says_why_and_stops_nothing(shop):
    shop.register()
    shop.approve(1)
    shop.serve(1)
    shop.worsen(0.62)
    shop.keep_training_set()
    result = shop.materialize(TRAINED)
    assert result.success
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert set(checks) == {"roc_auc_at_least_0_6", "roc_auc_within_0_01_of_the_champion"}
    worse = checks["roc_auc_within_0_01_of_the_champion"]
    assert (worse.passed, worse.severity, worse.blocking) == (False, dg.AssetCheckSeverity.ERROR, False)
    assert worse.description == "0.620, the champion, version 1, has 0.800 on the same rows"
    assert (worse.metadata["measured"].value, worse.metadata["threshold"].value) == (0.62, 0.79)
    assert checks["roc_auc_at_least_0_6"].passed
    found = materialization(result)
    assert told(found)["summary"] == "version 2: ROC AUC 0.620, failed roc_auc within 0.01 of the champion"
    assert [one.data["passed"] for one in found.metadata["gates"].records] == [True, False]


def test_the_same_training_again_is_the_same_version_and_says_so(shop):
    shop.keep_training_set()
    first, again = (materialization(shop.materialize(TRAINED)) for _ in range(2))
    assert told(again)["summary"].startswith(
        "version 1: ROC AUC 0.800, passed 2 of 2 gates; nothing has changed since it was registered on "
    )
    assert again.tags["dagster/data_version"] == first.tags["dagster/data_version"]


def test_it_learns_from_the_newest_set(shop):
    shop.keep_training_set("later", day=9)
    shop.keep_training_set("earlier", day=2)
    seen = told(materialization(shop.materialize(TRAINED)))
    assert Path(seen["training_set_file"]).read_text() == "later"


def test_without_a_training_set_or_with_a_script_that_fails_it_says_so_once(shop):
    told_none = failure(shop.materialize(TRAINED))
    assert told_none.description.startswith("model 'churn' has no training set yet. Materialize models/churn_training")
    shop.keep_training_set()
    shop.edit("models/churn/train.py", "raise SystemExit('too few rows')")
    failed = shop.materialize(TRAINED)
    assert "too few rows" in failure(failed).description
    assert not failed.filter_events(lambda event: event.is_step_up_for_retry)
    assert shop.registry.versions("churn") == []


@pytest.mark.case("A42")
def test_what_is_approved_last_serves(shop):
    for number in (1, 2, 3):
        shop.register()
        if number != 3:
            shop.approve(number, "better")
    first = told(materialization(shop.materialize(ENDPOINT)))
    assert first["summary"] == "churn version 2 serves, in place of nothing"
    assert (first["version"], first["in_place_of"], first["action"]) == (2, "nothing", "deploy")
    assert first["answers_at"] == "no server runs: snowpipe serve"
    shop.type("models", "deploy", "churn", "1", "--reason", "back")
    assert shop.materialize(ENDPOINT).success
    (by_hand,) = (one for one in shop.registry.served("churn") if one.version == 1)
    last = shop.registry.served("churn")[-1]
    assert by_hand.by != ON_APPROVAL
    assert (last.version, last.by, last.reason.endswith(": better")) == (2, ON_APPROVAL, True)
    assert shop.ground.endpoint().current().version == 2


def test_what_serves_already_goes_on_and_says_where(shop):
    shop.register()
    shop.approve(1)
    shop.materialize(ENDPOINT)
    folder = shop.home / "endpoint"
    with only_server(folder):
        write_standing(folder, Standing(pid=1, url="http://127.0.0.1:8080", number=1, version=1))
        seen = told(materialization(shop.materialize(ENDPOINT)))
    assert seen["summary"] == "churn version 1 serves already"
    assert (seen["answers_at"], "in_place_of" in seen) == ("http://127.0.0.1:8080", False)
    assert len(shop.ground.endpoint().history()) == 1


def test_what_a_person_let_serve_since_the_sensor_asked_stays(shop):
    for number in (1, 2):
        shop.register()
        shop.approve(number)
        shop.materialize(ENDPOINT)
    asked = {"dagster/sensor_name": "approvals"}
    shop.type("models", "rollback", "churn", "--reason", "too many alarms")
    told_no = failure(shop.materialize(ENDPOINT, tags=asked)).description
    assert told_no.startswith("churn version 2 has served since, or a person has let another one serve meanwhile")
    assert shop.ground.endpoint().current().version == 1
    assert shop.materialize(ENDPOINT).success  # a person who asks for it means it
    assert shop.ground.endpoint().current().version == 2


def test_nothing_approved_or_nothing_to_load_is_a_final_failure(shop):
    assert failure(shop.materialize(ENDPOINT)).description == (
        "no version of churn is approved. See which there are: snowpipe models list churn"
    )
    shop.register()
    shop.approve(1)
    shop.edit("models/churn/serve.py", "raise SystemExit('no library')")
    failed = shop.materialize(ENDPOINT)
    assert failure(failed).description == "churn version 1 was not deployed: no library"
    assert shop.ground.endpoint().current() is None


def test_the_graph_goes_from_the_features_to_the_endpoint_and_no_daily_job_runs_it(shop):
    definitions = shop.definitions
    graph = definitions.get_repository_def().asset_graph
    of_set = dg.AssetKey(["models", "churn_training_set"])
    assert graph.get(TRAINED).parent_keys == {of_set}
    assert graph.get(APPROVED).parent_keys == {TRAINED}
    assert graph.get(ENDPOINT).parent_keys == {APPROVED}
    assert graph.get(APPROVED).is_external
    assert {graph.get(key).group_name for key in (TRAINED, APPROVED, ENDPOINT)} == {"models"}
    for job in ("everything", "analysis"):
        chosen = definitions.resolve_job_def(job).asset_layer.selected_asset_keys
        assert not {key for key in chosen if key.path[0] == "models"}


def test_a_pipeline_without_models_has_none_of_it(tmp_path, make_shop):
    definitions = make_shop().definitions
    graph = definitions.get_repository_def().asset_graph
    assert not [key for key in graph.get_all_asset_keys() if key.path[0] == "models"]
    assert "approvals" not in {sensor.name for sensor in definitions.sensors}

"""An approval is observed, and deployed once."""

import pytest

from snowpipe_platform_tests.orchestration.modelled import APPROVED, ENDPOINT, DagsterModels, told


@pytest.fixture
def shop(tmp_path, monkeypatch, instance):
    """Versions 1 and 2 wait."""
    shop = DagsterModels(tmp_path, monkeypatch, instance)
    shop.register()
    shop.register()
    return shop


def requested(tick):
    return [request.run_key.split(":")[:2] for request in tick.run_requests or []]


def observed(shop):
    """What was observed, oldest first."""
    records = shop.instance.fetch_observations(APPROVED, limit=10).records
    return [record.asset_observation for record in reversed(records)]


def test_before_an_approval_there_is_nothing_to_observe(shop):
    tick = shop.observe()
    assert (tick.run_requests, tick.skip_message) == ([], "churn: no version is approved")
    assert observed(shop) == []


def test_an_approval_is_observed_with_who_and_why_and_asked_to_serve(shop):
    shop.approve(1, "better in every segment")
    tick = shop.observe()
    assert requested(tick) == [["churn", "1"]]
    assert tick.run_requests[0].asset_selection == [ENDPOINT]
    (event,) = observed(shop)
    (decision,) = shop.registry.versions("churn")[0].decisions
    seen = told(event)
    assert event.tags["dagster/data_version"] == f"version 1, approved {decision.at.isoformat()}Z"
    assert (seen["version"], seen["approved_by"], seen["reason"]) == (1, decision.by, "better in every segment")
    assert seen["approved_at"] == f"{decision.at.isoformat()}Z"
    assert [one.data["passed"] for one in event.metadata["gates"].records] == [True, True]
    assert "override" not in seen


def test_an_override_is_observed_with_it(shop):
    shop.serve(1)
    shop.approve(2)
    shop.observe()
    assert told(observed(shop)[0])["override"] == "in a test"


def test_the_next_look_observes_nothing_and_asks_under_the_same_key(shop):
    shop.approve(1)
    first, second = shop.observe(), shop.observe()
    assert [one.run_key for one in second.run_requests] == [one.run_key for one in first.run_requests]
    assert len(observed(shop)) == 1


def test_the_one_approved_last_counts_whatever_its_number(shop):
    shop.approve(2)
    shop.approve(1)
    assert requested(shop.observe()) == [["churn", "1"]]
    shop.type("models", "reject", "churn", "1", "--reason", "no")
    assert requested(shop.observe()) == [["churn", "2"]]
    shop.type("models", "reject", "churn", "2", "--reason", "no")
    tick = shop.observe()
    assert (requested(tick), tick.skip_message) == ([], "churn: no version is approved")
    assert [event.tags["dagster/data_version"].split(",")[0] for event in observed(shop)] == [
        *("version 1", "version 2", "none"),
    ]
    assert told(observed(shop)[-1])["summary"] == "no version is approved any more"


@pytest.mark.case("A42")
def test_a_rollback_by_a_person_stands(shop):
    for number in (1, 2):
        shop.approve(number)
        assert requested(shop.observe()) == [["churn", str(number)]]
        assert shop.materialize(ENDPOINT).success
        assert requested(shop.observe()) == []
    assert shop.type("models", "rollback", "churn", "--reason", "too many alarms").exit_code == 0
    tick = shop.observe()
    assert requested(tick) == []
    assert tick.skip_message.endswith("it has served since, or a person has let another one serve")
    assert shop.ground.endpoint().current().version == 1


def test_what_a_person_deployed_and_rolled_back_before_the_first_look_stands_too(shop):
    for number in (1, 2):
        shop.approve(number)
        shop.type("models", "deploy", "churn", str(number), "--reason", "by hand")
    shop.type("models", "rollback", "churn", "--reason", "too many alarms")
    tick = shop.observe()
    assert requested(tick) == []
    assert told(observed(shop)[0])["version"] == 2


def test_a_version_that_is_approved_anew_is_asked_for_anew(shop):
    for number in (1, 2):
        shop.approve(number)
        shop.materialize(ENDPOINT)
    shop.type("models", "rollback", "churn", "--reason", "too many alarms")
    shop.type("models", "reject", "churn", "2", "--reason", "too many alarms")
    shop.approve(2, "it was the threshold")
    assert requested(shop.observe()) == [["churn", "2"]]


def test_an_approval_does_not_take_the_place_of_another_model(shop):
    shop.approve(1)
    shop.ground.endpoint().deploy("churn", 1)
    file = shop.home / "endpoint" / "deployed.json"
    file.write_text(file.read_text().replace('"churn"', '"value"'))
    tick = shop.tick()
    assert requested(tick) == []
    assert "model 'value' serves; see snowpipe models deploy churn 1" in tick.skip_message


def test_a_damaged_file_is_the_reason_and_what_was_approved_is_observed_all_the_same(shop):
    shop.approve(1)
    (shop.home / "endpoint").mkdir()
    (shop.home / "endpoint" / "deployed.json").write_text("{")
    tick = shop.tick()
    assert "cannot look at what was approved" in tick.skip_message
    assert len(tick.asset_events) == 1

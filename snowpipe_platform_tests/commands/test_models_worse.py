"""A model made worse on purpose, all the way: the shop's script and gates, a registry, and what is typed."""

from datetime import datetime

import pytest

from snowpipe_platform.commands.models_project import open_models
from snowpipe_platform.execution.training import train
from snowpipe_platform.serving.loaded import load_model
from snowpipe_platform_tests.churning import spoiled, write_training_set
from snowpipe_platform_tests.model_shop import ModelShop


@pytest.fixture
def shop(tmp_path, monkeypatch):
    made = ModelShop(tmp_path, monkeypatch)
    monkeypatch.delenv("SNOWPIPE_PIPELINE")  # the home is the shop's own
    return made


def trained(made):
    project = open_models()
    return train(project.find("churn"), made.path, project.ground, run_id="run-1", log=lambda _: None)


def decided(shop, *words):
    answer = shop.type("models", *words, "--reason", "in a test")
    assert answer.exit_code == 0, answer.output
    return answer.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.case("A42")
def test_a_model_made_worse_on_purpose_does_not_serve_and_the_one_before_comes_back_with_one_command(shop, tmp_path):
    good = write_training_set(tmp_path / "good", customers=200)
    first = trained(good)
    decided(shop, "approve", "churn", "1")
    assert decided(shop, "deploy", "churn", "1")[0] == "churn version 1 serves, in place of nothing"

    learned_until = datetime.fromisoformat(first.candidate.evaluation.document["split"]["learning"]["last"])
    worse = trained(spoiled(good, tmp_path / "worse", until=learned_until)).candidate.evaluation
    assert worse.metrics["champion"] == first.candidate.evaluation.metrics["model"]

    refused = shop.type("models", "approve", "churn", "2", "--reason", "it is newer")
    assert (refused.exit_code, refused.stderr) == (1, "")
    told = " ".join(refused.stdout.split())
    ours, theirs = worse.measured("model", "roc_auc"), worse.measured("champion", "roc_auc")
    assert f"roc_auc within 0.01 of the champion {ours:.3f} {theirs - 0.01:.3f} FAILED" in told
    assert f"{ours:.3f}, the champion, version 1, has {theirs:.3f} on the same rows" in told
    assert "not approved: a gate failed" in told
    undone = shop.type("models", "deploy", "churn", "2", "--reason", "it is newer")
    assert undone.exit_code == 1
    assert undone.stderr.startswith("error: churn version 2 is registered, and only what is approved serves")
    assert shop.json("models", "show", "churn", "1")["serves"]

    trained(write_training_set(tmp_path / "later", customers=200, seed=2))
    decided(shop, "approve", "churn", "3")
    assert decided(shop, "deploy", "churn", "3")[0] == "churn version 3 serves, in place of churn version 1"
    assert decided(shop, "rollback", "churn")[0] == "churn version 1 serves, in place of churn version 3"
    now = open_models().endpoint.current()
    assert now.version == 1
    assert load_model(shop.registry.artefact(first), version=1).signature.names == (
        *("orders_90d", "spend_90d", "recency_days", "tenure_days"),
    )

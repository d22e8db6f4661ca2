"""From a training set to a registered version, with the real script."""

import json

import pytest

from snowpipe_platform.errors import ModelError, TrainingFailedError
from snowpipe_platform.execution.training import train
from snowpipe_platform.pipeline.models.churn.model import MODEL
from snowpipe_platform_tests.churning import write_training_set
from snowpipe_platform_tests.kit import make_ground


@pytest.fixture
def ground(tmp_path):
    return make_ground(tmp_path, tmp_path / "no-source.duckdb").models


def trained(ground, made):
    return train(MODEL, made.path, ground, run_id="run-1", log=lambda _: None)


@pytest.mark.slow
def test_a_version_knows_what_it_was_made_from_and_is_the_same_when_made_again(ground, tmp_path):
    good = write_training_set(tmp_path / "good")
    first = trained(ground, good)
    assert (first.number, first.candidate.training_set) == (1, good.path.stem)
    assert first.candidate.lineage["inputs"] == {"features/customer_activity": {"snapshot_id": 7, "content_id": "c7"}}
    assert (first.candidate.code_version, first.candidate.parameters) == (MODEL.code_version, {"horizon_days": 90})
    assert (ground.registry.artefact(first) / "card.html").is_file()
    assert trained(ground, good) == first


def test_a_failed_training_registers_nothing(ground, tmp_path):
    short = write_training_set(tmp_path / "short", weeks=2)
    with pytest.raises(TrainingFailedError, match="the labels span 7 days"):
        trained(ground, short)
    assert ground.registry.models() == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda path: path.with_suffix(".json").unlink(),
            r"\.json is no record of a training set \(.*Make the set again",
        ),
        (
            lambda path: path.with_suffix(".json").write_text(json.dumps({"hash": "x"})),
            "is not the training set .* but x",
        ),
        (
            lambda path: path.write_bytes(write_training_set(path.parent / "other", seed=2).path.read_bytes()),
            "but [0-9a-f]{64}",
        ),
    ],
    ids=["no record", "another's record", "other rows"],
)
def test_a_file_that_is_not_what_its_record_says_makes_no_version(ground, tmp_path, damage, message):
    made = write_training_set(tmp_path / "set")
    damage(made.path)
    with pytest.raises(ModelError, match=message):
        trained(ground, made)
    assert ground.registry.models() == []

"""The training script, as a process, on customers whose probability to churn is known."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snowpipe_platform.backends.local_trainer import LocalTrainer
from snowpipe_platform.errors import TrainingFailedError
from snowpipe_platform.pipeline.models.churn.model import MODEL
from snowpipe_platform.spec.evaluation import evaluation_from
from snowpipe_platform.spec.gates import judge
from snowpipe_platform.spec.model import TrainingJob
from snowpipe_platform_tests.churning import write_training_set

pytestmark = pytest.mark.slow  # a training takes 2 to 3 s of CPU

FILES = {
    *("model.joblib", "signature.json", "evaluation.json", "card.md", "card.html"),
    *("roc.svg", "precision_recall.svg", "calibration.svg"),
}


def train(folder, made, *, id="1", champion=None, **given):  # noqa: A002 - the job's own word
    channels = {"train": (made.path, made.path.with_suffix(".json"))}
    channels |= {} if champion is None else {"champion": tuple(champion.iterdir())}
    job = TrainingJob(id=id, model="churn", script=MODEL.training, channels=channels, hyperparameters=given)
    return LocalTrainer(folder / "jobs").train(job, log=lambda _: None)


def evaluated(artefact):
    return evaluation_from((artefact / "evaluation.json").read_text(), source="evaluation.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return write_training_set(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def artefact(tmp_path_factory, made):
    return train(tmp_path_factory.mktemp("first"), made)


def test_an_artefact_is_whole(artefact):
    assert {path.name for path in artefact.iterdir()} == FILES


def test_it_ranks_about_as_well_as_whoever_knows_the_truth(artefact, made):
    """No model can rank better than the probabilities that the labels were drawn with, but by luck."""
    found = evaluated(artefact)
    holdout = found.document["split"]["holdout"]
    at = np.array([str(instant) for instant in made.rows["label_at"].to_pylist()])
    judged = (at >= holdout["first"].replace("T", " ")) & (at <= holdout["last"].replace("T", " "))
    churned, truth = made.rows["churned"].to_numpy()[judged], made.truth[judged]
    assert holdout["rows"] == judged.sum()
    best = (truth[churned][:, None] > truth[~churned][None, :]).mean()
    assert best - 0.03 < found.measured("model", "roc_auc") < best + 0.01
    assert found.measured("model", "brier") < ((truth - churned) ** 2).mean() + 0.01


def test_it_is_better_than_recency_alone_and_than_a_regression(artefact):
    found = evaluated(artefact)
    for metric, lead in (("roc_auc", 1), ("average_precision", 1), ("brier", -1)):
        ours = found.measured("model", metric)
        for other in ("baseline", "logistic"):
            assert lead * (ours - found.measured(other, metric)) > 0, (metric, other)


def test_probabilities_are_calibrated(artefact):
    assert evaluated(artefact).measured("model", "calibration_error") < 0.04


def test_groups_are_by_region_segment_and_tenure_and_hold_every_row(artefact):
    found = evaluated(artefact)
    rows = found.document["split"]["holdout"]["rows"]
    assert list(dict.fromkeys(group.dimension for group in found.groups)) == ["region", "segment", "tenure"]
    for dimension in ("region", "segment", "tenure"):
        assert sum(group.rows for group in found.groups if group.dimension == dimension) == rows


def test_it_passes_its_gates(artefact):
    assert [result for result in judge(MODEL.gates, evaluated(artefact), champion=None) if not result.passed] == []


def test_the_signature_has_the_features_in_order_with_what_was_seen_in_training(artefact, made):
    signature = json.loads((artefact / "signature.json").read_text())
    assert [(each["name"], each["type"], each["default"]) for each in signature["features"]] == [
        ("orders_90d", "int64", 0),
        ("spend_90d", "decimal(18, 2)", "0"),
        ("recency_days", "int64", None),
        ("tenure_days", "int64", None),
    ]
    last = json.loads((artefact / "evaluation.json").read_text())["split"]["learning"]["last"]
    fitted = made.rows["label_at"].to_numpy() <= np.datetime64(last)
    orders = made.rows["orders_90d"].to_numpy()[fitted]
    assert (signature["features"][0]["min"], signature["features"][0]["max"]) == (orders.min(), orders.max())
    without = [
        bool(made.rows[each["name"]].filter(pa.array(fitted)).null_count) and each["default"] is None
        for each in signature["features"]
    ]
    assert [each["missing"] for each in signature["features"]] == without
    assert (signature["model"], signature["label"]) == ("churn", "churned")


@pytest.mark.parametrize("name", ["card.md", "card.html"])
def test_the_card_says_what_it_was_made_from_and_how_good_it_is(artefact, made, name):
    card = (artefact / name).read_text()
    assert made.path.stem in card
    figure = f"{evaluated(artefact).measured('model', 'roc_auc'):.3f}"
    row = rf"this model (\| ){figure} " if name == "card.md" else f"<td>this model</td><td>{figure}</td>"
    assert re.search(row, card)
    for words in ("recency alone", "region", "segment", "tenure", "Precision and recall", "scikit-learn"):
        assert words in card


def test_the_same_input_gives_the_same_bytes_with_any_number_of_threads(artefact, made, tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONHASHSEED": "5",
        "OMP_NUM_THREADS": "2",
        "SM_CHANNEL_TRAIN": str(made.path.parent),
        "SM_MODEL_DIR": str(tmp_path / "model"),
        "SM_OUTPUT_DATA_DIR": str(tmp_path / "output/data"),
    }
    command = [sys.executable, "-W", "error", "-m", MODEL.training]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert {
        name for name in FILES if (artefact / name).read_bytes() != (tmp_path / "model" / name).read_bytes()
    } == set()


def test_a_champion_that_cannot_be_measured_says_why_and_stops_no_training(artefact, made, tmp_path):
    champion = tmp_path / "champion"
    champion.mkdir()
    (champion / "signature.json").write_text(json.dumps({"features": [{"name": "visits_7d"}]}))
    found = evaluated(train(tmp_path, made, champion=champion, champion_version=4, iterations=1))
    assert (found.champion, found.champion_problem) == (4, "it needs visits_7d, which the training set has not")
    assert "champion" not in found.metrics


def test_what_no_model_can_be_made_of_is_refused_in_a_line(made, tmp_path):
    churned = made.rows.set_column(made.rows.num_columns - 1, "churned", pa.array([True] * made.rows.num_rows))
    pq.write_table(churned, tmp_path / "x.parquet")
    job = TrainingJob(
        id="1", model="churn", script=MODEL.training, channels={"train": (tmp_path / "x.parquet",)}, hyperparameters={}
    )
    with pytest.raises(
        TrainingFailedError, match=r"ended with 1: all labels of the customers in one of 5 parts are the same\."
    ):
        LocalTrainer(tmp_path / "jobs").train(job, log=lambda _: None)

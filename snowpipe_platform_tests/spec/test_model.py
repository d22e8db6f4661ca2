"""Models as they are declared."""

import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.pipeline.models.churn.model import MODEL
from snowpipe_platform.spec.gates import AtLeast
from snowpipe_platform.spec.pipeline import build_pipeline
from snowpipe_platform_tests.grouped import GROUP, HORIZON, STATES_TABLE, TRAINING, group
from snowpipe_platform_tests.ledger import CHANGES, QUERIES


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "Churn 2"}, "model 'Churn 2': a name is lower-case letters, digits and '_', as in 'churn'. Rename"),
        ({"gates": ()}, "model 'churn' has no gate, so that any version could be approved. Declare at least one."),
        (
            {"gates": (AtLeast("roc_au", 0.6),)},
            "model 'churn': gate 'roc_au at least 0.6' is about no metric. Did you mean 'roc_auc'?",
        ),
        (
            {"gates": (AtLeast("roc_auc", 0.6), AtLeast("roc_auc", 0.60))},
            "model 'churn': gate 'roc_auc at least 0.6' is declared twice. Remove one.",
        ),
    ],
)
def test_what_cannot_work_is_refused(changed, message):
    with pytest.raises(PipelineError) as told:
        replace(MODEL, **changed)
    assert str(told.value).startswith(message)


def test_the_code_version_follows_every_file_of_the_script_and_imports_none(tmp_path, monkeypatch):
    folder = tmp_path / "my_models"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "train.py").write_text("raise RuntimeError('imported')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    model = replace(MODEL, training="my_models.train")
    first = model.code_version
    assert (model.code_version, len(first)) == (first, 12)
    (folder / "fitting.py").write_text("x = 1")
    assert model.code_version != first


@pytest.mark.parametrize("module", ["no_such_package.train", "snowpipe_platform.pipeline.models.churn.trian"])
def test_a_script_that_is_not_there_is_named(module):
    with pytest.raises(PipelineError, match=f"its training script '{module}' is not on the Python path"):
        _ = replace(MODEL, training=module).code_version


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"name": "noise"}, "model 'noise' has no training set to learn from. Declare TRAINING_SET = TrainingSet(...)"),
        (
            {"label": "churned"},
            "model 'silence' predicts 'churned' within 1 day, 12:00:00, and shop/training_set.py has",
        ),
        (
            {"horizon": timedelta(days=90)},
            "predicts 'silent' within 90 days, 0:00:00, and shop/training_set.py has 'silent'",
        ),
    ],
    ids=["no set", "label", "horizon"],
)
def test_a_model_learns_the_label_of_the_training_set_of_its_name(declared, message):
    silence = replace(MODEL, name="silence", label="silent", horizon=HORIZON)
    tables = [CHANGES, STATES_TABLE, group()]
    pipeline = build_pipeline("shop", QUERIES, tables, training_sets=[TRAINING], models=[silence])
    assert (pipeline.training_set("silence"), pipeline.feature_group("silence").name) == (TRAINING, GROUP)
    with pytest.raises(PipelineError) as error:
        build_pipeline("shop", QUERIES, tables, training_sets=[TRAINING], models=[replace(silence, **declared)])
    assert message in str(error.value)

"""Where a job finds its input, by variables and by the folders of the contract."""

import json
from pathlib import Path

import pytest

from snowpipe_platform.errors import TrainingFailedError
from snowpipe_platform.pipeline.models.churn.container import Hyperparameters, read_container, read_hyperparameters


def test_without_variables_the_folders_of_the_contract_count(tmp_path):
    found = read_container({}, root=tmp_path)
    assert (found.train, found.model) == (tmp_path / "input/data/train", tmp_path / "model")
    assert (found.champion, found.failure) == (None, tmp_path / "output/failure")
    assert read_container({}).train == Path("/opt/ml/input/data/train")


def test_variables_win(tmp_path):
    names = ("SM_CHANNEL_TRAIN", "SM_MODEL_DIR", "SM_OUTPUT_DATA_DIR", "SM_CHANNEL_CHAMPION")
    environment = {name: str(tmp_path / name) for name in names}
    (tmp_path / "SM_CHANNEL_CHAMPION").mkdir()
    found = read_container(environment)
    assert (found.train, found.model) == (tmp_path / "SM_CHANNEL_TRAIN", tmp_path / "SM_MODEL_DIR")
    assert (found.champion, found.failure) == (None, tmp_path / "failure")
    (tmp_path / "SM_CHANNEL_CHAMPION" / "model.joblib").touch()
    assert read_container(environment).champion == tmp_path / "SM_CHANNEL_CHAMPION"


def test_hyperparameters_are_text_in_a_file_or_numbers_in_a_variable(tmp_path):
    assert read_hyperparameters({}, root=tmp_path) == Hyperparameters()
    config = tmp_path / "input/config/hyperparameters.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"iterations": "7", "learning_rate": "0.5"}))
    assert read_hyperparameters({}, root=tmp_path) == Hyperparameters(iterations=7, learning_rate=0.5)
    assert read_hyperparameters({"SM_HPS": '{"leaves": 9}'}, root=tmp_path) == Hyperparameters(leaves=9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the hyperparameters are no JSON object"),
        ("[1]", "the hyperparameters are no JSON object"),
        ('{"iteration": 3}', "'iteration' is no hyperparameter. Did you mean 'iterations'?"),
        ('{"iterations": "many"}', "hyperparameter 'iterations' is 'many', which is no int."),
        ('{"iterations": 1.5}', "hyperparameter 'iterations' is 1.5, which is no int."),
    ],
)
def test_what_is_no_hyperparameter_is_named(text, message):
    with pytest.raises(TrainingFailedError) as told:
        read_hyperparameters({"SM_HPS": text})
    assert str(told.value).startswith(message)

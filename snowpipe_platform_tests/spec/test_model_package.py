"""The models of a package on disk."""

import sys
import uuid

import pytest

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.spec.model_package import load_models

GOOD = "from dataclasses import replace\nfrom snowpipe_platform.pipeline.models.churn.model import MODEL\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write files of a package of models; its name."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    name = f"models_{uuid.uuid4().hex[:8]}"

    def write(**files):
        for folder in ("", "models", *{f"models/{key.partition('__')[0]}" for key in files}):
            (tmp_path / name / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / name / folder / "__init__.py").touch()
        for key, text in files.items():
            (tmp_path / name / "models" / f"{key.replace('__', '/')}.py").write_text(text)
        return name

    return write


def test_the_shops_models_are_found_and_what_trains_them_is_not_imported():
    assert list(load_models("snowpipe_platform.pipeline")) == ["churn"]


def test_models_come_by_name_and_private_folders_are_no_models(package):
    value = GOOD + "MODEL = replace(MODEL, name='value')\n"
    name = package(churn__model=GOOD, value__model=value, _shared__draw="x = 1")
    assert [(key, model.name) for key, model in load_models(name).items()] == [("churn", "churn"), ("value", "value")]


def test_a_package_without_models_has_none(package):
    assert load_models(package()) == {}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"churn__train": ""}, r"models/churn/model\.py is missing\. Write MODEL = Model\(\.\.\.\) in it, or start"),
        ({"churn__model": "MODEL = 3"}, r"models/churn/model\.py: declares no MODEL\. Write MODEL = Model\(\.\.\.\)\."),
        ({"churn__model": "1 / 0"}, r"models/churn/model\.py:1: ZeroDivisionError"),
        (
            {"value__model": GOOD},
            r"models/value/model\.py: its MODEL is called 'churn'\. A model is called after its folder: 'value'",
        ),
    ],
    ids=["no file", "no model", "no import", "another name"],
)
def test_what_is_no_model_is_named_with_its_file(package, files, message):
    with pytest.raises(PipelineError, match=message):
        load_models(package(**files))

"""What is loaded answers as the model does; what cannot be served says why."""

import json
import shutil
from dataclasses import replace

import joblib
import numpy as np
import pytest

from snowpipe_platform.errors import ServingError
from snowpipe_platform.serving.loaded import load_model, log_odds_of
from snowpipe_platform_tests.artefacts import FEATURES, ROW, make_artefact


def test_a_loaded_model_answers_as_the_one_that_was_trained(artefact, model):
    trained = joblib.load(artefact / "model.joblib")
    rows = model.matrix([(3.0, 20.5, 10.0), (0.0, 0.0, None)])
    expected = trained.predict_proba(model_frame(rows))[:, 1]
    np.testing.assert_array_equal(model.probabilities(rows), expected)
    assert 1 / (1 + np.exp(-model.base)) == pytest.approx(expected[1])


def model_frame(rows):
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame(rows, columns=["orders", "spend", "recency"])


def test_contributions_add_up_to_the_log_odds_minus_the_base(model, regional):
    for one, values in ((model, (3.0, 20.5, 10.0)), (regional, (3.0, 20.5, None, "south"))):
        rows = one.matrix([values])
        (log_odds,) = log_odds_of(one.probabilities(rows))
        told = one.contributions(rows[0], log_odds)
        assert told.by_feature.sum() == pytest.approx(log_odds - one.base, abs=1e-9)
        assert np.any(told.by_feature != 0)


def test_where_what_is_known_of_the_trees_does_not_add_up_the_model_is_asked(model):
    trees = replace(model.known.trees, leaf_value=model.known.trees.leaf_value * 1.01)
    wrong = replace(model, known=replace(model.known, trees=trees))
    rows = model.matrix([(3.0, 20.5, 10.0)])
    (log_odds,) = log_odds_of(model.probabilities(rows))
    expected = model.contributions(rows[0], log_odds)
    told = wrong.contributions(rows[0], log_odds)
    np.testing.assert_allclose(told.by_feature, expected.by_feature, atol=1e-9)


def test_what_is_all_but_certain_has_log_odds_still():
    assert log_odds_of(np.array([0.5, 0.0, 1.0])) == pytest.approx([0.0, -27.63102, 27.63102], abs=1e-4)


def test_a_text_reaches_the_model_as_a_text(regional):
    assert not regional.signature.is_numeric
    answers = regional.probabilities(regional.matrix([(3.0, 20.5, 10.0, "north"), (3.0, 20.5, 10.0, "south")]))
    assert np.all((answers > 0) & (answers < 1))


@pytest.fixture
def copy(artefact, tmp_path):
    return shutil.copytree(artefact, tmp_path / "copy")


def refused(folder):
    with pytest.raises(ServingError) as error:
        load_model(folder, version=4)
    return str(error.value).replace(str(folder), "FOLDER")


def test_a_folder_that_lacks_a_file_says_which(copy):
    (copy / "model.joblib").unlink()
    assert refused(copy).startswith("version 4 in FOLDER: FOLDER/model.joblib is missing. Restore it from a backup")
    shutil.rmtree(copy)
    assert refused(copy).startswith("version 4 in FOLDER: FOLDER/signature.json is missing.")


@pytest.mark.parametrize("damage", [b"", b"not a model", None], ids=["empty", "text", "torn"])
def test_a_damaged_model_is_refused(copy, damage):
    path = copy / "model.joblib"
    path.write_bytes(path.read_bytes()[:2000] if damage is None else damage)
    assert refused(copy).startswith("version 4 in FOLDER cannot be served (")


def test_a_model_of_another_scikit_learn_is_refused_by_its_version(copy):
    path = copy / "model.joblib"
    model = joblib.load(path)

    class Older(type(model)):
        pass

    state = model.__getstate__() | {"_sklearn_version": "1.0"}
    type_name, Older.__reduce__ = type(model), lambda _self: (type_name.__new__, (type_name,), state)
    older = Older.__new__(Older)
    joblib.dump(older, path)
    assert "made with scikit-learn 1.0, here is" in refused(copy)


def test_a_signature_of_other_features_is_refused(tmp_path):
    folder = make_artefact(tmp_path / "m", features=[FEATURES[1], FEATURES[0], FEATURES[2]])
    assert refused(folder) == "the model takes orders, spend, recency; its signature says spend, orders, recency."


def test_what_does_not_answer_with_probabilities_is_refused(copy):
    joblib.dump(Wrong(), copy / "model.joblib")
    assert refused(copy) == "the model 'churn' does not answer with one probability for each row."


class Wrong:
    classes_ = (False, True)

    def predict_proba(self, rows):
        return np.full((len(rows), 2), 1.5)


def test_a_model_that_is_none_is_refused(copy):
    joblib.dump({"no": "model"}, copy / "model.joblib")
    assert "cannot be served (AttributeError:" in refused(copy)
    (copy / "signature.json").write_text(json.dumps(ROW))
    assert refused(copy).startswith("FOLDER/signature.json has no 'features'.")

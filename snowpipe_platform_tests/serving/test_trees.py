"""Contributions taken from trees are those of the game that asks the model, whatever the row and the defaults."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from snowpipe_platform.serving.loaded import log_odds_of
from snowpipe_platform.serving.shapley import EXACT, contributions
from snowpipe_platform.serving.trees import trees_of

FEATURES = 5
DRAWN = np.random.default_rng(3)
ROWS = np.where(DRAWN.random((800, FEATURES)) < 0.1, np.nan, DRAWN.integers(0, 6, (800, FEATURES)))
CHURNED = np.nan_to_num(ROWS[:, 0] * ROWS[:, 1] - ROWS[:, 2], nan=2.0) + DRAWN.normal(0, 2, 800) > 2


def boosted(**options):
    return HistGradientBoostingClassifier(max_iter=12, max_leaf_nodes=9, random_state=0, **options).fit(ROWS, CHURNED)


ALONE = boosted()
CALIBRATED = CalibratedClassifierCV(FrozenEstimator(boosted(class_weight="balanced"))).fit(ROWS, CHURNED)
VALUES = st.lists(st.sampled_from([0.0, 1.0, 2.5, 5.0, 9.0, float("nan")]), min_size=FEATURES, max_size=FEATURES)


@pytest.mark.parametrize("model", [ALONE, CALIBRATED], ids=["alone", "calibrated"])
@given(row=VALUES, defaults=VALUES)
@settings(max_examples=30, deadline=None)
def test_they_are_what_asking_the_model_about_every_set_gives(model, row, defaults):
    row, defaults = np.array(row), np.array(defaults)
    asked = contributions(row, defaults, lambda rows: log_odds_of(model.predict_proba(rows)[:, 1]))
    trees = trees_of(model)
    told = trees.contributions(row, trees.met(defaults))
    assert asked.method == EXACT
    np.testing.assert_allclose(told, asked.by_feature, atol=1e-9)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(LogisticRegression().fit(np.nan_to_num(ROWS), CHURNED), id="no trees"),
        pytest.param(CalibratedClassifierCV(FrozenEstimator(ALONE), method="isotonic").fit(ROWS, CHURNED), id="steps"),
        pytest.param(CalibratedClassifierCV(boosted(), cv=2, ensemble=True).fit(ROWS, CHURNED), id="a mean of models"),
        pytest.param(boosted(categorical_features=[0]), id="categories"),
        pytest.param(
            HistGradientBoostingClassifier(max_iter=2).fit(ROWS, np.arange(800) % 3), id="more classes than two"
        ),
        pytest.param(HistGradientBoostingClassifier(max_iter=2).fit(ROWS[:10], CHURNED[:10]), id="trees of a leaf"),
        pytest.param("no model", id="no model"),
    ],
)
def test_of_another_kind_of_model_they_are_not_taken(model):
    assert trees_of(model) is None


def test_another_scikit_learn_is_no_error(monkeypatch):
    monkeypatch.delattr(ALONE, "_predictors")
    assert trees_of(ALONE) is None

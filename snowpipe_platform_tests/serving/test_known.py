"""Contributions taken from the parts of a model are those of the game that asks it, whatever the row and defaults."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from snowpipe_platform.pipeline.models.churn.container import Hyperparameters
from snowpipe_platform.pipeline.models.churn.fitting import fit_model
from snowpipe_platform.serving.known import known_of
from snowpipe_platform.serving.loaded import log_odds_of
from snowpipe_platform.serving.shapley import EXACT, contributions

NAMES = ("orders_30d", "spend_30d", "recency_days", "tenure_days", "visits")
DRAWN = np.random.default_rng(3)
ROWS = np.where(DRAWN.random((800, 5)) < 0.1, np.nan, DRAWN.integers(0, 6, (800, 5)))
ROWS[:, 4] = np.nan_to_num(ROWS[:, 4])  # never missing in training
CHURNED = np.nan_to_num(ROWS[:, 2] - ROWS[:, 0] * ROWS[:, 1], nan=-2.0) + DRAWN.normal(0, 2, 800) > 0
TREES = HistGradientBoostingClassifier(max_iter=5, random_state=0)
SHOPS = fit_model(ROWS, CHURNED, np.arange(800), NAMES, Hyperparameters(iterations=20, rows_in_leaf=20))
VALUES = st.lists(st.sampled_from([0.0, 1.0, 2.5, 5.0, 9.0, float("nan")]), min_size=5, max_size=5)


@given(row=VALUES, defaults=VALUES)
@settings(max_examples=40, deadline=None)
def test_of_the_shops_model_they_are_what_asking_it_about_every_set_gives(row, defaults):
    row, defaults = np.array(row), np.array(defaults)
    asked = contributions(row, defaults, lambda rows: log_odds_of(SHOPS.predict_proba(rows)[:, 1]))
    assert asked.method == EXACT
    np.testing.assert_allclose(known_of(SHOPS, defaults).contributions(row), asked.by_feature, atol=1e-9)


@pytest.mark.parametrize(
    "parts",
    [
        [("trees", TREES), ("bayes", GaussianNB())],
        [("trees", TREES), ("regression", LogisticRegression())],
        [("trees", TREES)],
        [("trees", TREES), ("more", TREES), ("most", TREES)],
    ],
    ids=["another part", "a regression that fills nothing", "one part", "three parts"],
)
def test_of_another_stack_they_are_not_taken(parts):
    model = StackingClassifier(parts, cv=2).fit(np.nan_to_num(ROWS), CHURNED)
    assert known_of(model, np.zeros(5)) is None


def test_of_a_regression_alone_they_are_not_taken():
    assert known_of(LogisticRegression().fit(np.nan_to_num(ROWS), CHURNED), np.zeros(5)) is None

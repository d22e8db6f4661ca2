"""Contributions: by hand, by the definition over all orders, and always adding up."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.serving.shapley import EXACT, EXACT_FEATURES, SAMPLED, contributions

NOTHING = float("nan")


def by_definition(row, defaults, predict):
    """The mean over all orders of the features of what each adds when its turn comes: Shapley's second formula."""
    totals = np.zeros(len(row))
    orders = list(permutations(range(len(row))))
    for order in orders:
        mixed = defaults.copy()
        worth = predict(mixed[None, :])[0]
        for feature in order:
            mixed[feature] = row[feature]
            following = predict(mixed[None, :])[0]
            totals[feature] += following - worth
            worth = following
    return totals / len(orders)


def additive(rows):
    return 2 * rows[:, 0] - 3 * rows[:, 1]


def mixing(rows):
    """Of three at a time, and a jump."""
    return rows[:, 0] * rows[:, 1] * rows[:, 2] + np.where(rows[:, 1] > rows[:, -1], 0.25, 0.0)


def test_where_features_only_add_each_contributes_its_own_part():
    told = contributions(np.array([5.0, 2.0]), np.array([1.0, 1.0]), additive)
    assert (told.by_feature.tolist(), told.method) == ([8.0, -3.0], EXACT)


def test_what_two_features_give_together_is_shared_in_halves():
    told = contributions(np.array([1.0, 1.0]), np.zeros(2), lambda rows: rows[:, 0] * rows[:, 1])
    assert told.by_feature.tolist() == [0.5, 0.5]


def test_a_feature_at_its_default_contributes_nothing_and_is_not_asked_about():
    asked = []

    def predict(rows):
        asked.append(len(rows))
        return mixing(rows)

    told = contributions(np.array([2.0, 3.0, NOTHING, 1.0]), np.array([0.0, 3.0, NOTHING, 1.0]), predict)
    assert told.by_feature.tolist()[1:] == [0.0, 0.0, 0.0]
    assert asked == [2]


def test_a_row_of_defaults_asks_nothing():
    told = contributions(np.array([1.0, NOTHING]), np.array([1.0, NOTHING]), lambda _rows: pytest.fail("asked"))
    assert (told.by_feature.tolist(), told.method) == ([0.0, 0.0], EXACT)


def test_texts_and_nothing_are_features_too():
    def predict(rows):
        return np.array([(row[0] == "south") * 0.5 + (row[1] is None) * 0.25 for row in rows])

    row, defaults = np.array(["south", None], dtype=object), np.array(["north", 1.0], dtype=object)
    assert contributions(row, defaults, predict).by_feature.tolist() == [0.5, 0.25]


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=3, max_size=5))
@settings(max_examples=40, deadline=None)
def test_up_to_the_bound_they_are_the_mean_over_all_orders(pairs):
    row, defaults = np.array(pairs, dtype=float).T
    told = contributions(row, defaults, mixing)
    assert told.method == EXACT
    np.testing.assert_allclose(told.by_feature, by_definition(row, defaults, mixing), atol=1e-9)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=3, max_size=14))
@settings(max_examples=40, deadline=None)
def test_they_add_up_to_the_difference_from_the_defaults_however_many_there_are(pairs):
    row, defaults = np.array(pairs, dtype=float).T
    told = contributions(row, defaults, mixing)
    difference = mixing(row[None, :]) - mixing(defaults[None, :])
    np.testing.assert_allclose(told.by_feature.sum(), difference[0], atol=1e-9)
    assert np.all(told.by_feature[row == defaults] == 0)
    assert told.method == (EXACT if np.sum(row != defaults) <= EXACT_FEATURES else SAMPLED)


def test_beyond_the_bound_what_mixes_two_features_at_a_time_is_exact_still():
    n = EXACT_FEATURES + 3
    row, defaults = np.arange(1.0, n + 1), np.zeros(n)

    def predict(rows):
        return rows[:, 0] + rows[:, 1] * rows[:, 2] + rows[:, 3] * rows[:, n - 1]

    told = contributions(row, defaults, predict)
    expected = np.zeros(n)
    expected[[0, 1, 2, 3, n - 1]] = [1.0, 3.0, 3.0, 2.0 * n, 2.0 * n]
    np.testing.assert_allclose(told.by_feature, expected, atol=1e-9)
    assert told.method == SAMPLED


def test_beyond_the_bound_the_estimate_is_near_and_the_same_each_time():
    """Features 0, 1 and 2 give something together only: a third each. An order gives all to one of the three."""
    n = EXACT_FEATURES + 2
    row, defaults = np.ones(n), np.zeros(n)
    first, again = (contributions(row, defaults, lambda rows: rows[:, :3].prod(axis=1)) for _ in range(2))
    np.testing.assert_array_equal(first.by_feature, again.by_feature)
    deviation = np.sqrt((1 / 3) * (2 / 3) / (4 * n))
    assert np.abs(first.by_feature - np.where(np.arange(n) < 3, 1 / 3, 0)).max() < 3 * deviation


def test_beyond_the_bound_what_takes_all_features_is_shared_equally():
    n = EXACT_FEATURES + 2
    told = contributions(np.ones(n), np.zeros(n), lambda rows: rows.prod(axis=1))
    np.testing.assert_allclose(told.by_feature, np.full(n, 1 / n), atol=1e-9)

"""Measures against their definitions in plain Python."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.pipeline.models.churn.measures import (
    calibration_bins,
    groups_of,
    importance_of,
    metrics_of,
    precision_points,
    roc_points,
)

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 20).map(lambda n: n / 20)), min_size=1, max_size=40)


def arrays(rows):
    return np.array([row[0] for row in rows], dtype=bool), np.array([row[1] for row in rows], dtype=float)


def pairs_in_order(rows):
    """Of one who churned and one who stayed; a tie is half a pair."""
    churned, stayed = ([p for c, p in rows if c is which] for which in (True, False))
    if not churned or not stayed:
        return None
    right = sum((a > b) + (a == b) / 2 for a in churned for b in stayed)
    return right / (len(churned) * len(stayed))


def mean_precision(rows):
    """Over the rows that churned, the precision at each probability, weighed by what it adds to recall."""
    positives = sum(churned for churned, _ in rows)
    if positives in {0, len(rows)}:
        return None
    total, before = 0.0, 0
    for limit in sorted({p for _, p in rows}, reverse=True):
        flagged = [churned for churned, p in rows if p >= limit]
        total += (sum(flagged) - before) / positives * (sum(flagged) / len(flagged))
        before = sum(flagged)
    return total


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_metrics_are_what_their_definitions_say(rows):
    found = metrics_of(*arrays(rows))
    for name, expected in (("roc_auc", pairs_in_order(rows)), ("average_precision", mean_precision(rows))):
        assert found[name] == (None if expected is None else pytest.approx(expected, abs=1e-6))
    assert found["brier"] == pytest.approx(sum((p - c) ** 2 for c, p in rows) / len(rows), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_bins_hold_every_row_once_and_add_up_to_all_of_them(rows):
    churned, probability = arrays(rows)
    bins = calibration_bins(churned, probability)
    assert sum(each["rows"] for each in bins) == len(rows)
    assert max(each["rows"] for each in bins) - min(each["rows"] for each in bins) <= 1
    assert math.isclose(sum(b["rows"] * b["observed"] for b in bins), churned.sum(), abs_tol=1e-3)
    assert math.isclose(sum(b["rows"] * b["predicted"] for b in bins), probability.sum(), abs_tol=1e-3)
    assert all(one["to"] <= following["from"] for one, following in pairwise(bins))


def test_probabilities_that_are_right_have_no_calibration_error():
    churned, probability = arrays([(n < 3, 0.3) for n in range(10)] * 10)
    in_every_bin = metrics_of(churned, probability)
    assert (in_every_bin["brier"], in_every_bin["calibration_error"]) == (0.21, 0.0)
    all_in_one = metrics_of(np.repeat([True, False], 50), np.repeat([1.0, 0.0], 50))
    assert all_in_one == {"roc_auc": 1.0, "average_precision": 1.0, "brier": 0.0, "calibration_error": 0.0}


def test_no_row_has_no_measure():
    assert set(metrics_of(*arrays([])).values()) == {None}


def test_groups_are_measured_apart_and_tenure_comes_by_length():
    churned, probability = arrays([(True, 0.9), (False, 0.1), (False, 0.8), (True, 0.2)])
    tenure = ["under 90 days", "under 90 days", "90 days to a year", "90 days to a year"]
    found = groups_of(churned, probability, {"region": ["B", "B", "A", "A"], "tenure": tenure})
    assert [(one["dimension"], one["name"], one["rows"], one["positives"]) for one in found] == [
        ("region", "A", 2, 1),
        ("region", "B", 2, 1),
        ("tenure", "under 90 days", 2, 1),
        ("tenure", "90 days to a year", 2, 1),
    ]
    assert [one["metrics"]["roc_auc"] for one in found] == [0.0, 1.0, 1.0, 0.0]


def test_curves_have_few_points_and_both_ends():
    churned, probability = arrays([(n % 3 == 0, n / 1_000) for n in range(1_000)])
    roc, precision = roc_points(churned, probability), precision_points(churned, probability)
    assert (roc[0], roc[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert (precision[0][0], precision[-1]) == (0.0, (1.0, 0.334))
    assert max(len(roc), len(precision)) <= 100
    assert roc == sorted(roc)


def test_a_feature_matters_by_what_the_order_loses_without_it():
    """One column is the outcome: dealt out anew it leaves chance, and half of a perfect order is lost."""
    churned = np.arange(2_000) % 2 == 0
    values = np.column_stack([np.zeros(2_000), churned])
    found = importance_of(churned, values, ("nothing", "outcome"), lambda rows: rows @ np.array([0.0, 1.0]), seed=1)
    assert [each["feature"] for each in found] == ["outcome", "nothing"]
    assert found[0]["lost"] == pytest.approx(0.5, abs=0.03)
    assert found[1]["lost"] == 0


def test_of_one_class_nothing_is_known_to_matter():
    found = importance_of(np.array([True, True]), np.zeros((2, 1)), ("orders",), lambda rows: rows[:, 0], seed=1)
    assert found == [{"feature": "orders", "lost": None}]

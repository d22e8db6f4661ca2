"""How far measures could be off, by customers drawn anew."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from snowpipe_platform.pipeline.models.churn import intervals
from snowpipe_platform.pipeline.models.churn.intervals import intervals_of

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 10), st.integers(0, 3)), min_size=2, max_size=30)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_a_draw_is_measured_as_scikit_learn_does_with_how_often_each_row_was_drawn(rows):
    churned, tenths, weight = (np.array(column) for column in zip(*rows, strict=True))
    churned, probability = churned.astype(bool), tenths / 10
    if not weight[churned].any() or not weight[~churned].any():
        return
    found = intervals._drawn(churned, probability, [weight])
    for metric, asked in (
        ("roc_auc", roc_auc_score),
        ("average_precision", average_precision_score),
        ("brier", brier_score_loss),
    ):
        assert found[metric] == pytest.approx([asked(churned, probability, sample_weight=weight)])


def judged(weeks):
    """200 customers with the same row in each week: churn is drawn with the first contender's probability."""
    chance = np.random.default_rng(1)
    truth = chance.random(200)
    churned = np.tile(chance.random(200) < truth, weeks)
    known, noise = np.tile(truth, weeks), np.tile(chance.random(200), weeks)
    contenders = {"model": known, "baseline": noise, "champion": known}
    return intervals_of(churned, contenders, np.tile(np.arange(200), weeks), seed=5)


def test_the_same_customers_in_more_weeks_tell_no_more():
    assert judged(1) == judged(7)


def test_who_knows_leads_whoever_guesses_and_nobody_leads_himself():
    leads = judged(1)["leads"]
    assert all(low > 0 for low, _ in leads["baseline"].values())
    assert set(leads["champion"]) == {"roc_auc", "average_precision", "brier"}
    assert all(bounds == [0.0, 0.0] for bounds in leads["champion"].values())


def test_an_interval_is_as_wide_as_the_textbook_has_it():
    """The Brier score is a mean over customers: nine in ten means lie within 1.645 standard errors."""
    chance = np.random.default_rng(2)
    churned, probability = chance.random(400) < 0.3, chance.random(400)
    low, high = intervals_of(churned, {"model": probability}, np.arange(400), seed=5)["metrics"]["model"]["brier"]
    error = ((probability - churned) ** 2).std() / 20
    assert (high - low) / (2 * 1.645 * error) == pytest.approx(1, abs=0.12)


def test_of_one_class_there_is_none():
    none = intervals_of(np.array([True, True]), {"model": np.array([0.1, 0.2])}, np.array([1, 2]), seed=5)
    assert none == {"metrics": {}, "leads": {}}

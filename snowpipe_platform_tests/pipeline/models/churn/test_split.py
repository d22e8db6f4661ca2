"""Labels by time."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowpipe_platform.errors import TrainingFailedError
from snowpipe_platform.pipeline.models.churn.split import FOLDS, Period, fold_of, split_by_time

START = datetime(2023, 1, 1)
DAY = timedelta(days=1)


def days(*numbers):
    return [START + number * DAY for number in numbers]


def test_a_year_of_weeks_is_split_as_worked_out_by_hand():
    """52 weeks span 357 days, of which the gap of 90 leaves 267, and three quarters of them are 200.25. Weeks begin at
    multiples of 7: learned from 0 to 196; judged from 286 (so 287) to 357."""
    split = split_by_time(days(*range(0, 358, 7)), horizon=90 * DAY)
    assert split.learning == Period(first=START, last=START + 196 * DAY)
    assert split.holdout == Period(first=START + 287 * DAY, last=START + 357 * DAY)


@given(numbers=st.sets(st.integers(0, 400), min_size=1), horizon=st.integers(0, 90))
def test_no_outcome_that_is_learned_from_is_open_when_judging_begins(numbers, horizon):
    instants = days(*sorted(numbers))
    try:
        split = split_by_time(instants, horizon=horizon * DAY)
    except TrainingFailedError:
        assert max(numbers) - min(numbers) <= horizon
        return
    assert split.learning.last + horizon * DAY <= split.holdout.first
    ends = [split.learning.first, split.learning.last, split.holdout.first, split.holdout.last]
    assert ends == sorted(ends)
    assert set(ends) <= set(instants)
    assert (ends[0], ends[-1]) == (instants[0], instants[-1])


@pytest.mark.parametrize("numbers", [(), (0,), (0, 90)], ids=["none", "one", "the gap alone"])
def test_labels_that_span_too_little_say_how_much_it_takes(numbers):
    with pytest.raises(TrainingFailedError, match=r"^the labels span \d+ days\. .* takes more than 90: add earlier"):
        split_by_time(days(*numbers), horizon=90 * DAY)


@pytest.mark.parametrize("step", [1, 2, 100, 2**40])
def test_about_a_fifth_of_the_customers_is_in_each_part_whatever_the_keys(step):
    keys = np.arange(10_000, dtype=np.int64) * step
    found = fold_of(keys)
    shares = np.bincount(found, minlength=FOLDS) / len(keys)
    assert len(shares) == FOLDS
    assert all(0.17 < share < 0.23 for share in shares)
    np.testing.assert_array_equal(fold_of(keys[::-1])[::-1], found)

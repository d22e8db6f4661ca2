"""Labels by time."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowpipe_platform.errors import TrainingFailedError
from snowpipe_platform.pipeline.models.churn.split import Period, split_by_time

START = datetime(2023, 1, 1)
DAY = timedelta(days=1)


def days(*numbers):
    return [START + number * DAY for number in numbers]


def test_a_year_of_weeks_is_split_as_worked_out_by_hand():
    """52 weeks span 357 days, of which two gaps of 90 leave 177: 106.2 to fit on, 35.4 to calibrate on, the rest to
    judge on. Weeks begin at multiples of 7: fitted on 0 to 105; calibrated from 195 (so 196) to at most 230.4 (so 224);
    judged from 314 (so 315) to 357."""
    split = split_by_time(days(*range(0, 358, 7)), horizon=90 * DAY)
    assert split.train == Period(first=START, last=START + 105 * DAY)
    assert split.validation == Period(first=START + 196 * DAY, last=START + 224 * DAY)
    assert split.holdout == Period(first=START + 315 * DAY, last=START + 357 * DAY)


@given(numbers=st.sets(st.integers(0, 400), min_size=1), horizon=st.integers(0, 90))
def test_no_outcome_of_a_period_is_open_when_the_next_begins(numbers, horizon):
    instants = days(*sorted(numbers))
    try:
        split = split_by_time(instants, horizon=horizon * DAY)
    except TrainingFailedError:
        return
    periods = [split.train, split.validation, split.holdout]
    for one, following in pairwise(periods):
        assert one.last + horizon * DAY <= following.first
    assert all(period.first <= period.last for period in periods)
    assert {period.first for period in periods} | {period.last for period in periods} <= set(instants)
    assert (split.train.first, split.holdout.last) == (instants[0], instants[-1])


@pytest.mark.parametrize("numbers", [(), (0,), (0, 180), (0, 7, 360)], ids=["none", "one", "two gaps", "no middle"])
def test_labels_that_span_too_little_say_how_much_it_takes(numbers):
    with pytest.raises(TrainingFailedError, match=r"^the labels span \d+ days\. .* takes more than 180: add earlier"):
        split_by_time(days(*numbers), horizon=90 * DAY)

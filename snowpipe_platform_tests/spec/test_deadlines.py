"""Until when a day has to be there."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.spec.deadlines import deadline_of, last_due, last_over
from snowpipe_platform_tests.ledger import CHANGES

SIX_HOURS = timedelta(hours=6)


def test_a_deadline_counts_from_the_end_of_the_day():
    assert deadline_of(date(2024, 2, 29), SIX_HOURS) == datetime(2024, 3, 1, 6)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2024, 3, 3), date(2024, 3, 2)),
        (datetime(2024, 3, 3, 23, 59), date(2024, 3, 2)),
        (datetime(2024, 3, 2, 23, 59), date(2024, 3, 1)),
    ],
)
def test_a_day_is_over_from_its_midnight_on(now: datetime, day: date):
    assert last_over(now) == day


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2024, 3, 3, 5, 59), date(2024, 3, 1)),
        (datetime(2024, 3, 3, 6), date(2024, 3, 2)),
    ],
)
def test_a_deadline_has_passed_when_it_is_reached(now: datetime, day: date):
    assert last_due(SIX_HOURS, now=now) == day


@pytest.mark.parametrize("due", [timedelta(hours=-1), 6])
def test_a_deadline_that_cannot_be_meant_is_refused_with_its_file(due):
    with pytest.raises(PipelineError, match=r"shop/x\.py: due is .*It is how long after the end of its day"):
        replace(CHANGES, due=due, defined_in="shop/x.py")


def test_a_deadline_makes_no_row_and_so_is_no_part_of_the_code_version():
    assert replace(CHANGES, due=SIX_HOURS).code_version == CHANGES.code_version

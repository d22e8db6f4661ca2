from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowpipe_platform.spec.analysis_dates import AnalysisDates, end_of, in_words

FIRST = date(2024, 3, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(10)]


def made(*dates: date, code: str = "c1") -> AnalysisDates:
    found = AnalysisDates()
    for on in dates:
        found = found.with_made(on, code_version=code)
    return found


@pytest.mark.parametrize(
    ("at", "stale"),
    [
        pytest.param(None, [], id="nothing changed"),
        pytest.param(datetime(2024, 3, 11), [], id="after the end of all"),
        pytest.param(datetime(2024, 3, 10, 23, 59), DAYS[-1:], id="inside the last"),
        pytest.param(datetime(2024, 3, 10), DAYS[-1:], id="at the end of the last but one, which it is not in"),
        pytest.param(datetime(2024, 3, 8, 12), DAYS[-3:], id="inside an earlier one"),
        pytest.param(datetime(2023, 1, 1), DAYS, id="before all"),
    ],
)
def test_a_change_makes_every_date_stale_that_had_not_ended_by_then(at, stale):
    assert sorted(made(*DAYS).changed_since(at).stale) == stale


def test_a_date_that_is_made_again_is_no_longer_stale_and_is_of_the_code_that_made_it():
    found = made(*DAYS[:3]).changed_since(datetime(2024, 3, 2)).with_made(DAYS[1], code_version="c2")
    assert (sorted(found.stale), sorted(found.all)) == ([DAYS[2]], DAYS[:3])
    assert found.by_other_code("c2") == {DAYS[0], DAYS[2]}
    assert (found.oldest_code("c2"), made(DAYS[0]).oldest_code("c1")) == ("c1", "c1")


@pytest.mark.parametrize(("restate_days", "again"), [(0, []), (1, DAYS[-1:]), (4, DAYS[-4:]), (30, DAYS[-8:])])
def test_stale_dates_are_restated_among_the_last_days_up_to_the_newest(restate_days, again):
    assert made(*DAYS).changed_since(datetime(2024, 3, 3)).restatable(restate_days) == again


@given(st.lists(st.tuples(st.sampled_from(DAYS), st.sampled_from(["c1", "c2"])), max_size=12), st.sampled_from(DAYS))
def test_dates_survive_being_stored(steps, change):
    found = AnalysisDates()
    for on, code in steps:
        found = found.with_made(on, code_version=code)
    found = found.changed_since(end_of(change))
    assert AnalysisDates.decode(found.encode()) == found


def test_nothing_stored_is_no_date():
    assert (AnalysisDates.decode(None), AnalysisDates.decode("")) == (AnalysisDates(), AnalysisDates())


@given(
    st.lists(st.one_of(st.sampled_from(DAYS), st.datetimes(datetime(2024, 2, 28), datetime(2024, 3, 13))), max_size=20)
)
def test_a_date_is_stale_exactly_while_a_change_from_before_its_end_came_after_it_was_made(steps):
    """Against the steps themselves: a date is a making, an instant a change that comes then."""
    found = AnalysisDates()
    for step in steps:
        changed = isinstance(step, datetime)
        found = found.changed_since(step) if changed else found.with_made(step, code_version="c1")
    for on in DAYS:
        makings = [place for place, step in enumerate(steps) if step == on and not isinstance(step, datetime)]
        since = steps[makings[-1] :] if makings else []
        late = any(isinstance(step, datetime) and step < end_of(on) for step in since)
        assert (on in found.stale) == late


def test_runs_of_days_in_words():
    assert in_words({DAYS[0], DAYS[3], DAYS[4], DAYS[5]}) == "2024-03-01, 2024-03-04 to 2024-03-06"
    assert in_words(()) == ""

from decimal import Decimal
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from snowpipe_platform.spec.ranges import Ranges
from snowpipe_platform.spec.watermark import Interval

LOWEST, HIGHEST = -1, 9
"""-1 stands for everything below 0, which only an interval without a beginning holds."""


def interval(lower, upper):
    return Interval(None if lower is None else Decimal(lower), Decimal(upper))


def ranges(*bounds):
    return Ranges.of(interval(lower, upper) for lower, upper in bounds)


def bounds(found):
    return [(None if i.lower is None else int(i.lower), int(i.upper)) for i in found.intervals]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(ranges((5, 7), (1, 2)), [(1, 2), (5, 7)], id="in order"),
        pytest.param(ranges((1, 3), (3, 5)), [(1, 5)], id="neighbours are one"),
        pytest.param(ranges((1, 3), (4, 6), (2, 5)), [(1, 6)], id="a bridge joins both sides"),
        pytest.param(ranges((4, 6), (None, 4)), [(None, 6)], id="without a beginning"),
        pytest.param(ranges((3, 3)), [], id="an empty interval is nothing"),
        pytest.param(ranges((1, 9)).remove(interval(3, 5)), [(1, 3), (5, 9)], id="a hole"),
        pytest.param(ranges((1, 9)).remove(interval(3, 3)), [(1, 9)], id="an empty hole parts nothing"),
        pytest.param(ranges((None, 9)).remove(interval(None, 4)), [(4, 9)], id="the beginning"),
        pytest.param(ranges((1, 3), (5, 7)).below(Decimal(6)), [(1, 3), (5, 6)], id="below a bound"),
        pytest.param(ranges((None, 3)).below(Decimal(1)), [(None, 1)], id="below a bound, without a beginning"),
    ],
)
def test_intervals_are_joined_and_parted(found, expected):
    assert bounds(found) == expected


def held(lower, upper):
    """The watermarks of an interval, of those from LOWEST to HIGHEST."""
    return set(range(LOWEST if lower is None else lower, min(upper, HIGHEST + 1)))


lowers = st.one_of(st.none(), st.integers(0, HIGHEST))
changes = st.lists(st.tuples(st.sampled_from(["add", "remove", "below"]), lowers, st.integers(0, HIGHEST)), max_size=8)


@settings(max_examples=200, deadline=None)
@given(changes=changes)
def test_they_hold_what_sets_of_their_watermarks_hold(changes):
    found, expected = Ranges(), set()
    for change, lower, upper in changes:
        if change == "below":
            found, expected = found.below(Decimal(upper)), expected & held(None, upper)
        elif change == "add":
            found, expected = found.add(interval(lower, upper)), expected | held(lower, upper)
        else:
            found, expected = found.remove(interval(lower, upper)), expected - held(lower, upper)
    parts = bounds(found)
    assert set().union(*(held(*part) for part in parts)) == expected
    assert all(left[1] < right[0] for left, right in pairwise(parts))

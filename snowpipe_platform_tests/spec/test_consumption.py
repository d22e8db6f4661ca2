"""What a table has consumed survives being written down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowpipe_platform.spec.consumption import Consumption, UpstreamCommit, decode_ranges, encode_ranges

NUMBERS = st.frozensets(st.integers(0, 60))


@given(numbers=NUMBERS)
def test_ranges_come_back_as_they_were(numbers):
    assert decode_ranges(encode_ranges(numbers)) == numbers


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([5], "5"), ([1, 2, 3, 7], "1-3,7"), ([9, 1, 2], "1-2,9"), (range(1, 1001), "1-1000")],
)
def test_ranges_are_compact(numbers, text: str):
    assert encode_ranges(numbers) == text


@given(
    manifests=st.dictionaries(st.text(max_size=5), NUMBERS, max_size=3),
    commits=st.dictionaries(
        st.text(max_size=5), st.builds(UpstreamCommit, st.integers(-(2**63), 2**63), st.integers(0)), max_size=3
    ),
)
def test_consumption_comes_back_as_it_was(manifests, commits):
    consumption = Consumption(manifests, commits)
    assert Consumption.decode(consumption.encode()) == consumption


@pytest.mark.parametrize("text", [None, ""])
def test_nothing_written_is_nothing_consumed(text):
    assert Consumption.decode(text) == Consumption()


@given(mine=NUMBERS, others=NUMBERS)
def test_consumption_is_within_another_that_has_all_its_manifests(mine, others):
    assert Consumption({"a": mine}).is_within(Consumption({"a": others})) is (mine <= others)
    assert Consumption({"a": mine}).is_within(Consumption({"b": others})) is (not mine)

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
        st.text(max_size=5),
        st.builds(UpstreamCommit, st.integers(-(2**63), 2**63), st.integers(0), st.text(max_size=5)),
        max_size=3,
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


def test_a_record_from_before_commits_were_kept_is_read():
    text = '{"commits": {"silver/a": ["7", 3]}, "manifests": {"orders": "1-3"}}'
    assert Consumption.decode(text) == Consumption(
        {"orders": frozenset({1, 2, 3})}, {"silver/a": UpstreamCommit(7, 3, "")}
    )


@pytest.mark.parametrize(
    ("mine", "other", "same"),
    [
        (UpstreamCommit(1, 1, "a"), UpstreamCommit(2, 1, "a"), True),
        (UpstreamCommit(1, 1, "a"), UpstreamCommit(1, 1, "b"), False),
        (UpstreamCommit(1, 1, ""), UpstreamCommit(1, 1, "a"), True),
        (UpstreamCommit(1, 1, ""), UpstreamCommit(2, 1, "a"), False),
        (UpstreamCommit(1, 1, ""), UpstreamCommit(2, 1, ""), False),
    ],
    ids=["rewritten", "another commit", "an old record", "an old record, rewritten", "two old records"],
)
def test_a_commit_is_told_by_its_rows_and_by_the_snapshot_where_those_are_not_recorded(mine, other, same):
    assert (mine.has_rows_of(other), other.has_rows_of(mine)) == (same, same)
    assert Consumption({}, {"t": mine}).is_level_with(Consumption({}, {"t": other})) is same


def test_consumption_of_other_tables_is_not_level():
    one, two = UpstreamCommit(1, 1, "a"), UpstreamCommit(2, 1, "b")
    assert Consumption().is_level_with(Consumption())
    assert not Consumption({}, {"t": one}).is_level_with(Consumption())
    assert not Consumption({}, {"t": one}).is_level_with(Consumption({}, {"t": one, "u": two}))
    assert not Consumption({}, {"t": one}).is_level_with(Consumption({}, {"u": one}))

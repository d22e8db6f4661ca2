"""Which files are merged, and which snapshots go."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.maintenance_plan import FEW, Upkeep, expired, merges, upkeep_of
from snowpipe_platform.records import LakeFile, LakeSnapshot
from snowpipe_platform.spec.consumption import UpstreamCommit

NOW = datetime(2024, 3, 20, 12, 0, 0, 123456)
DAY = timedelta(days=1)


def files(*sizes, partition=(), first="a"):
    return [LakeFile(f"{first}{n:03d}", 1, size, partition) for n, size in enumerate(sizes)]


def groups(found):
    return [[file.path for file in group] for group in found]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([1] * FEW, []),
        ([1] * (FEW + 1), [["a000", "a001", "a002", "a003", "a004"]]),
        ([100] * 3 + [1] * FEW, []),
        ([75] * 9, []),
        ([74] * 5, []),
        ([40] * 5, [["a000", "a001"], ["a002", "a003"]]),
        ([60, 30, 20, 60, 30, 20], [["a000", "a001"], ["a002", "a003"], ["a004", "a005"]]),
        ([], []),
    ],
    ids=[
        "a few small files",
        "one more than a few",
        "large files do not count",
        "three quarters of the target are not small",
        "no two fit into one",
        "groups of about the target, and a last one alone",
        "a file that does not fit begins the next group",
        "no file",
    ],
)
def test_small_files_become_files_of_about_the_target(sizes, expected):
    assert groups(merges(files(*sizes), target_bytes=100)) == expected


def test_partitions_are_merged_each_by_itself():
    one, two = (("status", "valid"),), (("status", None),)
    found = merges(
        [*files(*[1] * 5, partition=one), *files(*[1] * 5, partition=two, first="b"), *files(1, first="c")],
        target_bytes=100,
    )
    assert [{file.partition for file in group} for group in found] == [{one}, {two}]


def test_spared_files_are_neither_merged_nor_counted():
    found = merges(files(*[1] * 6), spared={"a000", "a001"}, target_bytes=100)
    assert groups(found) == []
    assert groups(merges(files(*[1] * 6), spared={"a000"}, target_bytes=100)) == [[f"a00{n}" for n in range(1, 6)]]


@given(st.lists(st.integers(0, 120), max_size=40))
def test_no_group_is_larger_than_the_target_and_no_file_is_in_two(sizes):
    found = merges(files(*sizes), target_bytes=100)
    paths = [path for group in groups(found) for path in group]
    assert len(paths) == len(set(paths))
    assert all(len(group) > 1 and sum(file.size_bytes for file in group) <= 100 for group in found)


def snapshots(*left_days_ago, contents=None):
    """Numbered from 1; None: shown by something."""
    names = contents or [f"c{n}" for n in range(1, len(left_days_ago) + 1)]
    return [
        LakeSnapshot(n, content, None if ago is None else NOW - ago * DAY)
        for n, (content, ago) in enumerate(zip(names, left_days_ago, strict=True), start=1)
    ]


def test_what_the_table_left_before_the_instant_goes_and_what_is_shown_stays():
    assert expired(snapshots(9, 8, 7, None, None), (), before=NOW - 7 * DAY) == (1, 2)


@pytest.mark.parametrize(
    ("consumed", "stays"),
    [
        (UpstreamCommit(1, 1, "c1"), {2}),
        (UpstreamCommit(2, 1, "c1"), {2}),
        (UpstreamCommit(3, 2, "c3"), {3}),
        (UpstreamCommit(3, 2, ""), {3}),
        (UpstreamCommit(99, 9, "gone"), set()),
        (UpstreamCommit(5, 3, "c5"), set()),
    ],
    ids=["rewritten since", "as rewritten", "another commit", "an old record", "expired long ago", "as it is now"],
)
def test_what_a_table_downstream_compares_with_stays_in_its_newest_snapshot(consumed, stays):
    there = snapshots(9, 9, 9, 9, None, contents=["c1", "c1", "c3", "c4", "c5"])
    assert {1, 2, 3, 4} - set(expired(there, [consumed], before=NOW)) == stays


def test_a_state_goes_after_the_longer_of_the_two_ages_and_a_file_after_the_grace():
    upkeep = Upkeep(now=NOW, older_than=timedelta(hours=1), grace=DAY)
    whole = NOW.replace(microsecond=123000)
    assert (upkeep.expires_before, upkeep.removes_before) == (whole - DAY, whole - DAY)
    assert Upkeep(now=NOW).expires_before == whole - 7 * DAY


def test_durations_are_typed_and_a_wrong_one_is_named():
    upkeep = upkeep_of(older_than="2w", grace="90m")
    assert (upkeep.older_than, upkeep.grace) == (14 * DAY, timedelta(minutes=90))
    with pytest.raises(ConfigurationError, match=r"grace 'soon' is not a duration\. Write one such as 7d, 36h or 90m"):
        upkeep_of(older_than="7d", grace="soon")

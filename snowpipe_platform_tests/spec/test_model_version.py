"""What stage a version is in, and who is the champion."""

import pytest

from snowpipe_platform.spec.model_version import champion
from snowpipe_platform_tests.evaluating import served, version

A, R = "approved", "rejected"


@pytest.mark.parametrize(
    ("versions", "history", "expected"),
    [
        ([], [], None),
        ([version(1)], [], None),
        ([version(1, R)], [], None),
        ([version(1, A), version(2, A, day=3)], [], 2),
        ([version(1, A, day=3), version(2, A)], [], 1),
        ([version(1, A), version(2, A, R, day=3)], [], 1),
        ([version(1, A), version(2, A)], [1, 2, 1], 1),
    ],
    ids=["none", "registered", "rejected", "approved last", "approved last, not numbered", "rejected since", "serves"],
)
def test_the_champion_serves_or_was_approved_last(versions, history, expected):
    assert champion(versions, [served(number) for number in history]) == expected


def test_the_stage_is_the_last_decision():
    assert [version(1, *stages).stage for stages in ([], [A], [A, R])] == ["registered", A, R]

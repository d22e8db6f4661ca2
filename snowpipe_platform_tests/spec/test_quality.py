"""How counts become verdicts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowpipe_platform.spec.quality import Counts, Quality, Verdict
from snowpipe_platform.spec.rule import Rule, Tolerance


def rule(severity="error", warn_above=0.0, error_above=0.02, rule_id="r") -> Rule:
    return Rule(rule_id, "", severity, "row", ("v",), Tolerance(warn_above, error_above), lambda rows: rows.v)


@pytest.mark.case("A32")
@pytest.mark.parametrize(
    ("severity", "broken", "verdict"),
    [
        ("error", 0, Verdict.OK),
        ("error", 5, Verdict.WARNED),
        ("error", 20, Verdict.WARNED),
        ("error", 21, Verdict.FAILED),
        ("warn", 1000, Verdict.WARNED),
        ("warn", 0, Verdict.OK),
    ],
)
def test_half_a_percent_warns_and_more_than_two_fail_an_error_rule(severity, broken, verdict):
    assert Counts(1000, 0, {"r": broken}).verdict(rule(severity)) is verdict


@pytest.mark.parametrize(
    ("broken", "verdict"), [(10, Verdict.OK), (11, Verdict.WARNED), (20, Verdict.WARNED), (21, Verdict.FAILED)]
)
def test_a_share_exactly_at_a_tolerance_is_within_it(broken, verdict):
    assert Counts(100, 0, {"r": broken}).verdict(rule(warn_above=0.1, error_above=0.2)) is verdict


def test_no_row_breaks_no_rule():
    assert Counts(0).verdict(rule(error_above=0.0)) is Verdict.OK


def test_partitions_fail_by_themselves():
    quality = Quality({"2024-03-01": Counts(100, 3, {"r": 3}), "2024-03-02": Counts(10_000, 3, {"r": 3})})
    assert [*quality.failed([rule()])] == ["2024-03-01"]
    assert quality.total == Counts(10_100, 6, {"r": 6})


COUNTS = st.builds(
    Counts, st.integers(0, 9), st.integers(0, 9), st.dictionaries(st.text(max_size=3), st.integers(0, 9))
)


@given(quality=st.builds(Quality, st.dictionaries(st.text(max_size=3), COUNTS)))
def test_quality_comes_back_as_it_was(quality):
    assert Quality.decode(quality.encode()) == quality

"""What lets a version pass, and what is said of one that does not."""

import pytest

from snowpipe_platform.spec.gates import (
    AtLeast,
    AtMost,
    BetterThan,
    InEveryGroup,
    NotWorseThan,
    NotWorseThanChampion,
    judge,
)
from snowpipe_platform_tests.evaluating import GOOD, evaluation, group

IN_REGIONS = InEveryGroup("roc_auc", 0.6, dimensions=("region",), min_rows=100)


def answer(gate, found, *, champion=None):
    ((result),) = judge((gate,), found, champion=champion)
    return result


@pytest.mark.parametrize(
    ("gate", "measured", "passed", "why"),
    [
        (AtLeast("roc_auc", 0.6), 0.6, True, "0.600 of 0.6 asked for"),
        (AtLeast("roc_auc", 0.6), 0.599, False, "0.599 of 0.6 asked for"),
        (AtLeast("roc_auc", 0.6), None, False, "not measured of 0.6 asked for"),
        (AtMost("brier", 0.2), 0.2, True, "0.200 of 0.2 allowed"),
        (AtMost("brier", 0.2), 0.21, False, "0.210 of 0.2 allowed"),
        (AtMost("brier", 0.2), 0.20041, False, "0.2004 of 0.2 allowed"),
        (AtMost("brier", 0.2), None, False, "not measured of 0.2 allowed"),
    ],
)
def test_a_threshold_is_met_or_not(gate, measured, passed, why):
    result = answer(gate, evaluation(model={gate.metric: measured}))
    assert (result.gate, result.passed, result.measured, result.why) == (gate.name, passed, measured, why)
    assert result.threshold == gate.threshold


@pytest.mark.parametrize(
    ("metric", "ours", "theirs", "passed"),
    [
        ("roc_auc", 0.7, 0.69, True),
        ("roc_auc", 0.7, 0.7, False),
        ("brier", 0.14, 0.15, True),
        ("brier", 0.15, 0.14, False),
        ("brier", 0.15, None, False),
    ],
)
def test_better_is_higher_or_lower_as_the_metric_goes_and_not_equal(metric, ours, theirs, passed):
    result = answer(BetterThan("baseline", metric), evaluation(model={metric: ours}, baseline={metric: theirs}))
    assert (result.passed, result.threshold) == (passed, theirs)


@pytest.mark.parametrize(
    ("ours", "lead", "passed", "why"),
    [
        (0.15, None, True, "0.150, baseline has 0.150"),
        (0.14, (-0.02, -0.01), True, "0.140, baseline has 0.150"),
        (0.16, (-0.02, 0.001), True, "0.160, baseline has 0.150; with other customers 0.020 worse to 0.001 better"),
        (0.16, (-0.02, 0.0), True, "0.160, baseline has 0.150; with other customers 0.020 worse to 0.000 better"),
        (0.16, (-0.02, -0.004), False, "0.160, baseline has 0.150; with other customers 0.020 worse to 0.004 worse"),
        (0.16, None, False, "0.160, baseline has 0.150"),
        (None, (-0.02, 0.01), False, "not measured, baseline has 0.150"),
    ],
    ids=["equal", "better", "may be better", "may be equal", "surely worse", "worse, nobody knows by how much", "none"],
)
def test_not_worse_is_as_good_or_so_near_that_other_customers_could_turn_it(ours, lead, passed, why):
    intervals = {} if lead is None else {"intervals": {"leads": {"baseline": {"brier": lead}}}}
    found = evaluation(model={"brier": ours}, baseline={"brier": 0.15}, **intervals)
    result = answer(NotWorseThan("baseline", "brier"), found)
    assert (result.gate, result.passed, result.threshold) == ("brier not worse than baseline", passed, 0.15)
    assert result.why == why


@pytest.mark.case("A42")
@pytest.mark.parametrize(
    ("metric", "ours", "theirs", "passed", "limit"),
    [
        ("roc_auc", 0.79, 0.80, True, 0.79),
        ("roc_auc", 0.789, 0.80, False, 0.79),
        ("roc_auc", 0.9, 0.80, True, 0.79),
        ("brier", 0.16, 0.15, True, 0.16),
        ("brier", 0.161, 0.15, False, 0.16),
    ],
)
def test_it_may_be_a_little_worse_than_the_champion(metric, ours, theirs, passed, limit):
    found = evaluation(model={metric: ours}, champion=(3, {metric: theirs}))
    result = answer(NotWorseThanChampion(metric, by=0.01), found, champion=3)
    assert (result.passed, result.measured, result.threshold) == (passed, ours, pytest.approx(limit))
    assert result.why == f"{ours:.3f}, the champion, version 3, has {theirs:.3f} on the same rows"


def test_the_first_version_has_no_champion_to_beat():
    result = answer(NotWorseThanChampion("roc_auc", by=0.01), evaluation())
    assert (result.passed, result.why) == (True, "there is no champion yet")


@pytest.mark.parametrize(
    ("compared", "why"),
    [
        (None, "measured against no champion, and version 3 is the champion now: train again to compare them"),
        ((2, GOOD), "measured against version 2, and version 3 is the champion now: train again to compare them"),
        ((3, "it needs x"), "the champion, version 3, was not measured: it needs x"),
    ],
    ids=["none then", "another then", "not measured"],
)
def test_a_champion_it_was_not_compared_with_stops_it(compared, why):
    result = answer(NotWorseThanChampion("roc_auc", by=0.01), evaluation(champion=compared), champion=3)
    assert (result.passed, result.why) == (False, why)


def test_the_worst_group_decides_and_all_that_are_below_are_named():
    groups = (group("North", 0.55), group("South", 0.7), group("West", 0.5), group("Loyal", 0.1, dimension="segment"))
    result = answer(IN_REGIONS, evaluation(groups=groups))
    assert (result.passed, result.measured) == (False, 0.5)
    assert result.why == "below in region North 0.550, region West 0.500 (3 groups)"


def test_when_no_group_is_below_the_lowest_is_named():
    result = answer(IN_REGIONS, evaluation(groups=(group("North", 0.6), group("South", 0.7))))
    assert (result.passed, result.measured, result.why) == (True, 0.6, "lowest in region North, 0.600 (2 groups)")


@pytest.mark.parametrize(
    "small",
    [
        {"rows": 99, "positives": 50},
        {"rows": 100, "positives": 9},
        {"rows": 100, "positives": 91},
    ],
    ids=["few rows", "few who churn", "few who stay"],
)
def test_a_group_too_small_to_tell_stops_nothing_but_a_dimension_without_any_other_does(small):
    tiny = group("Tiny", 0.1, **small)
    assert answer(IN_REGIONS, evaluation(groups=(tiny, group("North", 0.7)))).passed
    result = answer(IN_REGIONS, evaluation(groups=(tiny,)))
    assert (result.passed, result.why) == (False, "no group by region has 100 rows to measure")

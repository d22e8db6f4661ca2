"""The check `on_time` in a run, run alone, and of what a command reported."""

from datetime import date, timedelta

import dagster as dg
import pytest

from snowpipe_platform.execution.extraction import ExtractionRequest, execute_extraction
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.orchestration.on_time import Deadline, in_words, on_time_outcome
from snowpipe_platform.orchestration.reporting import report_extraction

BRONZE, CHANGES = "bronze/customers", "silver/customer_changes"


@pytest.fixture
def due_shop(make_shop):
    return make_shop("due: 6h", due=timedelta(hours=7))


def _said(result, name):
    [evaluation] = [
        one
        for one in result.get_asset_check_evaluations()
        if (one.asset_key.to_user_string(), one.check_name) == (name, "on_time")
    ]
    return evaluation.passed, evaluation.description


@pytest.mark.parametrize(
    ("now", "bronze", "changes"),
    [
        ("2024-03-02 00:15", "came 5 h 45 min before its deadline", "came 6 h 45 min before its deadline"),
        ("2024-03-02 06:00", "came 0 s before its deadline", "came 1 h before its deadline"),
        ("2024-03-04 08:00", "came 2 d 2 h after its deadline", "came 2 d 1 h after its deadline"),
    ],
)
def test_a_run_says_how_long_before_or_after_its_deadline_the_day_came(due_shop, now, bronze, changes):
    due_shop.now(now)
    result = due_shop.run(BRONZE, CHANGES, day="2024-03-01")
    assert (_said(result, BRONZE), _said(result, CHANGES)) == ((True, bronze), (True, changes))


def test_a_day_run_again_came_when_it_came_first(due_shop):
    for now in ("2024-03-02 00:15", "2024-03-09"):
        due_shop.now(now)
        result = due_shop.run(BRONZE, CHANGES, day="2024-03-01")
    assert _said(result, BRONZE) == (True, "came 5 h 45 min before its deadline")
    assert _said(result, CHANGES) == (True, "came 6 h 45 min before its deadline")


def test_a_day_that_is_not_over_has_not_come(due_shop):
    due_shop.now("2024-03-01 18:00")
    assert _said(due_shop.run(BRONZE, day="2024-03-01"), BRONZE) == (True, "due by 2024-03-02 06:00 UTC")
    due_shop.now("2024-03-02 00:15")
    assert _said(due_shop.run(BRONZE, day="2024-03-01"), BRONZE) == (True, "came 5 h 45 min before its deadline")


def test_a_dropped_file_does_not_make_its_day_come(due_shop):
    due_shop.now("2024-03-01 18:00")
    due_shop.run(BRONZE, day="2024-03-01")
    due_shop.now("2024-03-02 08:00")
    adopted = due_shop.adopt("2024-03-01", "dropped", at="2024-03-01 10:00")
    assert _said(adopted, BRONZE) == (False, "not there; it was due by 2024-03-02 06:00 UTC")
    due_shop.now("2024-03-02 09:00")
    assert _said(due_shop.run(BRONZE, day="2024-03-01"), BRONZE) == (True, "came 3 h after its deadline")
    again = due_shop.adopt("2024-03-01", "more", at="2024-03-01 10:00")
    assert _said(again, BRONZE) == (True, "came 3 h after its deadline")


def test_a_withdrawn_day_is_not_there_until_a_later_run_has_read_it(due_shop):
    due_shop.customers("2024-03-01", good=1)
    due_shop.now("2024-03-02 00:15")
    due_shop.run(BRONZE, day="2024-03-01")
    due_shop.now("2024-03-03 06:00")
    due_shop.withdraw(1)
    said = _said(due_shop.check((BRONZE, "on_time"), day="2024-03-01"), BRONZE)
    assert said == (False, "not there; it was due by 2024-03-02 06:00 UTC")
    due_shop.run(BRONZE, day="2024-03-02")
    said = _said(due_shop.check((BRONZE, "on_time"), day="2024-03-01"), BRONZE)
    assert said == (True, "came 1 d after its deadline")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ("2024-03-02 05:59", (True, "due by 2024-03-02 06:00 UTC")),
        ("2024-03-02 06:00", (False, "not there; it was due by 2024-03-02 06:00 UTC")),
    ],
)
def test_run_alone_for_a_day_that_is_not_there(due_shop, now, said):
    due_shop.now(now)
    assert _said(due_shop.check((BRONZE, "on_time"), day="2024-03-01"), BRONZE) == said


def test_it_blocks_nothing(due_shop):
    [spec] = [
        spec
        for checks in due_shop.definitions.asset_checks
        for spec in checks.check_specs
        if (spec.asset_key.to_user_string(), spec.name) == (CHANGES, "on_time")
    ]
    assert not spec.blocking


def test_what_a_command_landed_is_judged_too(due_shop):
    due_shop.now("2024-03-02 08:30")
    identity = RunIdentity(run_id="cli-1", job="snowpipe run")
    request = ExtractionRequest(due_shop.pipeline.queries.queries[0], "shop", Window(date(2024, 3, 1)), identity)
    report_extraction(due_shop.instance, execute_extraction(request, due_shop.ground), due_shop.ground)
    assert due_shop.latest(BRONZE, "on_time")["2024-03-01"].description == "came 2 h 30 min after its deadline"


def test_a_day_that_a_person_reported_is_there(due_shop):
    event = dg.AssetMaterialization(dg.AssetKey(BRONZE.split("/")), partition="2024-03-01")
    due_shop.instance.report_runless_asset_event(event)
    passed, said = _said(due_shop.check((BRONZE, "on_time"), day="2024-03-01"), BRONZE)
    assert passed
    assert said.startswith("came ")


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(minutes=1, seconds=1), "1 min 1 s"),
        (timedelta(hours=3), "3 h"),
        (timedelta(days=2, minutes=5, seconds=9), "2 d 5 min"),
    ],
)
def test_lengths_of_time_have_at_most_two_units(span, words):
    assert in_words(span) == words


def test_a_date_from_before_the_first_load_day_has_no_deadline(due_shop):
    """It is made when a model needs it, long after; nothing is looked up for it."""
    deadline = Deadline("gold/states", timedelta(hours=8), since=date(2024, 3, 1))
    outcome = on_time_outcome(due_shop.instance, deadline, date(2024, 2, 29), ground=due_shop.ground)
    assert (outcome.passed, outcome.description) == (True, "before 2024-03-01, the first load day: it has no deadline")
    due_shop.now("2024-03-02 09:00")
    assert not on_time_outcome(due_shop.instance, deadline, date(2024, 3, 1), ground=due_shop.ground).passed

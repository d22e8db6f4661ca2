"""What is in quarantine: each bad row once, wherever it is kept, and none that somebody has decided about."""

import pytest

from snowpipe_platform.execution.quarantine import (
    Selection,
    quarantine_counts,
    quarantine_size,
    quarantined_rows,
    standing_of,
)
from snowpipe_platform.spec.origins import parse_origin
from snowpipe_platform_tests.execution.test_changes_plan import with_amounts
from snowpipe_platform_tests.execution.test_execute import bad, good
from snowpipe_platform_tests.ledger import CHANGES, DIM, FCT, Ledger

CHANGED = "silver/item_changes"
DAY, NEXT_DAY = "2024-03-01", "2024-03-02"


@pytest.fixture
def ledger(tmp_path):
    """Row 1 of entry 1 is in quarantine; of entry 2, whose load day is held, rows 0 and 1."""
    ledger = Ledger(tmp_path)
    ledger.land(DAY, good("a"), bad("b"), good("c"))
    ledger.run(CHANGED, DAY)
    ledger.land(NEXT_DAY, bad("d"), bad("e"), good("f"))
    ledger.run(CHANGED, NEXT_DAY)
    return ledger


def waiting(ledger, **chosen):
    rows = quarantined_rows(CHANGES, ledger.ground, Selection(**chosen))
    return [(str(row.origin), row.held_on) for row in rows]


def counts(ledger):
    found = quarantine_counts(CHANGES, ledger.ground)
    return found.quarantined, found.held, found.settled, found.discarded


HELD = "held-2024-03-02"


def test_rows_of_the_table_and_of_held_load_days_are_there_once(ledger):
    assert waiting(ledger) == [("1:1", None), ("2:0", HELD), ("2:1", HELD)]
    ledger.run(CHANGED)
    assert sorted(ledger.ground.lake.held(CHANGED)) == ["held", HELD]
    assert waiting(ledger) == [("1:1", None), ("2:0", "held"), ("2:1", "held")]
    assert counts(ledger) == (3, 2, 0, 0)


def test_a_held_commit_shows_what_it_would_bring_back_and_not_what_a_replay_accepted_since(ledger):
    ledger.use(with_amounts(error_above=0.4), DIM, FCT)
    ledger.discard(DAY, {1: "1"})
    ledger.land(DAY, bad("w"))
    ledger.land(DAY, good("x", amount="-1"), good("y"), good("y"), good("y"))
    ledger.run(CHANGED, DAY)
    assert waiting(ledger) == [("2:0", HELD), ("2:1", HELD), ("4:0", None), ("5:0", None)]
    for number in (3, 4):
        ledger.withdraw(number)
    ledger.land(DAY, *[bad("z")] * 9)
    assert not ledger.run(CHANGED, DAY).published
    held = [(f"8:{row}", "held-2024-03-01") for row in range(9)]
    brought_back = ("1:1", "held-2024-03-01")
    assert waiting(ledger) == [brought_back, ("2:0", HELD), ("2:1", HELD), ("5:0", None), *held]
    ledger.use(with_amounts(least=-10), DIM, FCT)
    assert ledger.replay({5: "0"}).committed
    assert waiting(ledger) == [brought_back, ("2:0", HELD), ("2:1", HELD), *held]


def test_what_was_decided_about_does_not_wait_any_more_and_shows_until_it_is_taken_in(ledger):
    ledger.correct(DAY, {1: "1"}, good("b"))
    ledger.discard(NEXT_DAY, {2: "1"})
    assert (waiting(ledger), counts(ledger)) == ([("2:0", HELD)], (1, 1, 2, 0))
    ledger.run(CHANGED, DAY)
    ledger.run(CHANGED, NEXT_DAY)
    assert (waiting(ledger), counts(ledger)) == ([("2:0", None)], (1, 0, 0, 1))
    ledger.withdraw(2)
    assert (waiting(ledger), counts(ledger)[0]) == ([], 0)


def test_rows_are_chosen_by_everything_that_is_given(ledger):
    ids = {parse_origin(text) for text in ("1:1", "2:1", "9:9")}
    assert waiting(ledger, origins=ids) == [("1:1", None), ("2:1", HELD)]
    assert waiting(ledger, origins=set()) == []
    (first,) = quarantined_rows(CHANGES, ledger.ground, Selection(), limit=1)
    assert (str(first.origin), str(first.load_day), first.failed_rules) == ("1:1", DAY, ("amount.is_int64",))
    assert first.payload == {"id": "b", "name": "n", "amount": "abc", "created_at": None}
    assert quarantine_size(CHANGES, ledger.ground, Selection(day=first.load_day)) == 1
    assert quarantine_size(CHANGES, ledger.ground, Selection(rule_id="id.not_null")) == 0
    assert quarantine_counts(CHANGES, ledger.ground).broken == {"amount.is_int64": 3}


def test_how_rows_stand_that_do_not_wait(ledger):
    ledger.correct(DAY, {1: "1"}, good("b"))
    ledger.run(CHANGED, DAY)
    asked = {parse_origin(text) for text in ("1:0", "1:1", "3:0", "1:7", "9:9")}
    found = {str(origin): standing for origin, standing in standing_of(CHANGES, asked, ledger.ground).items()}
    assert found == {"1:0": "valid", "1:1": "replaced", "3:0": "valid"}
    ledger.withdraw(1)
    found = {str(origin): standing for origin, standing in standing_of(CHANGES, asked, ledger.ground).items()}
    assert (found["1:0"], found["1:1"], found["3:0"]) == ("withdrawn", "replaced", "replaced")


def test_a_table_that_never_ran_has_nothing_in_quarantine(tmp_path):
    ledger = Ledger(tmp_path)
    assert (waiting(ledger), counts(ledger)) == ([], (0, 0, 0, 0))

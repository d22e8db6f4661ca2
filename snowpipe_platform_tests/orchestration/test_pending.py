"""What nobody has taken in yet: rows, and decisions about rows."""

from datetime import date

import pytest

from snowpipe_platform.orchestration.pending import Pending, unconsumed
from snowpipe_platform_tests.execution.test_execute import bad, good
from snowpipe_platform_tests.ledger import Ledger

CHANGED = "silver/item_changes"
DAY, NEXT_DAY = "2024-03-01", "2024-03-02"


@pytest.fixture
def ledger(tmp_path):
    """The first day is taken in, with row 1 in quarantine; the second is held."""
    ledger = Ledger(tmp_path)
    ledger.land(DAY, good("a"), bad("b"), good("c"))
    ledger.land(NEXT_DAY, bad("d"), bad("e"), good("f"))
    ledger.run(CHANGED, DAY)
    ledger.run(CHANGED, NEXT_DAY)
    assert waiting(ledger) == []
    return ledger


def waiting(ledger):
    return [one for one in unconsumed(ledger.pipeline, ledger.ground) if one.name == CHANGED]


def of(day):
    return [Pending(CHANGED, date.fromisoformat(day))]


@pytest.mark.parametrize(
    ("decide", "day"),
    [
        (lambda ledger: ledger.correct(DAY, {1: "1"}, good("b")), DAY),
        (lambda ledger: ledger.discard(DAY, {1: "1"}), DAY),
        (lambda ledger: ledger.withdraw(1), DAY),
        (lambda ledger: ledger.discard(NEXT_DAY, {2: "0-1"}), NEXT_DAY),
        (lambda ledger: ledger.withdraw(2), NEXT_DAY),
    ],
    ids=["edit", "discard", "withdrawal", "discard in a held day", "withdrawal of a held day"],
)
def test_a_decision_waits_for_a_run_of_its_load_day_until_one_takes_it_in(ledger, decide, day):
    decide(ledger)
    assert waiting(ledger) == of(day)
    ledger.run(CHANGED, day)
    assert waiting(ledger) == []


def test_a_watermark_that_a_person_set_asks_for_no_run(ledger):
    ledger._enter("2024-03-05", (), ledger.columns, kind="watermark")
    assert waiting(ledger) == []

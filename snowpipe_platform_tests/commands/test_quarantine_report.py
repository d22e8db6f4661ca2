"""What a person is told at the end, and what to type next."""

from datetime import date

import pytest

from snowpipe_platform.commands.quarantine_report import DISCARDED, SKIPPED, STAYS, VALID, WAITS, Fate, Report
from snowpipe_platform.execution.outcome import Outcome, Status, Step
from snowpipe_platform_tests.contracts.bronze_store import manifest

TABLE = "silver/order_changes"
DAY = date(2024, 3, 1)


def report(*fates, stage="now", entries=(), **outcome):
    outcomes = (Outcome(Step(TABLE, DAY), **outcome),) if outcome else ()
    return Report(TABLE, tuple(Fate(str(n), DAY, becomes) for n, becomes in enumerate(fates)), stage, entries, outcomes)


@pytest.mark.parametrize(
    ("told", "summary"),
    [
        (report(VALID, VALID, STAYS), "now: 2 valid, 1 still in quarantine"),
        (report(DISCARDED, SKIPPED, stage="would be"), "would be: 1 discarded, 1 skipped"),
        (report(WAITS), "now: 1 waiting for their load day to be published"),
        (report(stage="nothing to do"), "nothing to do: no row is in quarantine"),
    ],
)
def test_rows_are_counted_by_what_becomes_of_them(told, summary):
    assert told.summary == summary


@pytest.mark.parametrize(
    ("told", "command"),
    [
        (report(VALID, stage="would be"), "the same command without --dry-run"),
        (report(STAYS, stage="would be"), f"snowpipe quarantine show {TABLE}"),
        (report(stage="nothing to do"), None),
        (report(WAITS, entries=(manifest(2),), status=Status.FAILED), "snowpipe run"),
        (report(WAITS, entries=(manifest(2),), status=Status.HELD), f"snowpipe show {TABLE}"),
        (report(STAYS, status=Status.FAILED), "snowpipe doctor"),
    ],
    ids=["dry run", "dry run of nothing", "nothing", "recorded, not taken in", "recorded, held", "not recorded"],
)
def test_the_next_command_goes_on_from_what_was_done(told, command):
    assert told.next_command == command

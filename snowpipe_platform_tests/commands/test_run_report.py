"""What a run answers with, and the command it ends with."""

from datetime import date

import pytest

from snowpipe_platform.commands.run_report import AGAIN, exit_code, next_step, show_failing, took
from snowpipe_platform.errors import ConfigurationError, LeaseHeldError, SourceError
from snowpipe_platform.execution.outcome import Finding, Outcome, Status, Step
from snowpipe_platform.spec.quality import Verdict

EXTRACTED, TABLE = Step("bronze/orders", date(2024, 3, 1)), Step("silver/fct_orders")
WRONG = Outcome(EXTRACTED, Status.FAILED, error=ConfigurationError("no such column"))
REFUSED = Outcome(EXTRACTED, Status.FAILED, error=SourceError("no such table"))
BLOCKED = Outcome(TABLE, Status.BLOCKED, "blocked by bronze/orders of 2024-03-01")
WAITING = Outcome(TABLE, Status.BLOCKED, "waits for silver/order_changes, silver/dim_customers")
LEASED = Outcome(EXTRACTED, Status.FAILED, error=LeaseHeldError("run nightly writes it"))
HELD_BEFORE = Outcome(TABLE, Status.BLOCKED, blocked_by="rows held back in silver/order_changes")
HELD = Outcome(TABLE, Status.HELD, findings=(Finding("total.in_range", "total: in range", Verdict.FAILED, 2),))


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome(TABLE, Status.OK), Outcome(TABLE, Status.WARNED), Outcome(TABLE, Status.UNCHANGED)], 0),
        ([REFUSED, BLOCKED], 1),
        ([WRONG, BLOCKED], 2),
        ([WRONG, HELD], 1),
        ([WAITING], 1),
        ([], 0),
    ],
)
def test_the_exit_code_tells_a_failure_from_a_wrong_declaration(outcomes, expected):
    assert exit_code(outcomes) == expected


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome(TABLE, Status.OK)], None),
        ([REFUSED, BLOCKED], "snowpipe doctor"),
        ([BLOCKED], "snowpipe status"),
        ([WAITING], "snowpipe run silver/order_changes silver/dim_customers"),
        ([LEASED, BLOCKED], AGAIN),
        ([LEASED, REFUSED], "snowpipe doctor"),
        ([HELD_BEFORE], "snowpipe show silver/order_changes"),
        ([Outcome(TABLE, Status.HELD), BLOCKED], "snowpipe show silver/fct_orders"),
        ([HELD, BLOCKED], 'snowpipe show silver/fct_orders --failing "total: in range"'),
    ],
)
def test_a_run_ends_with_the_command_that_looks_into_the_worst(outcomes, expected):
    assert next_step(outcomes) == expected


def test_a_description_that_a_shell_would_read_otherwise_gives_way_to_the_id():
    finding = Finding("price.str_matches", 'price: matches "^\\$"', Verdict.WARNED, 1)
    assert show_failing("silver/x", finding) == "snowpipe show silver/x --failing price.str_matches"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 m 00 s"), (185, "3 m 05 s")]
)
def test_times_have_the_digits_that_matter(seconds, expected):
    assert took(seconds) == expected

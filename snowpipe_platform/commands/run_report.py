"""The outcomes of a run, as lines for a person and as JSON for a program."""

import re
import shlex
from collections.abc import Sequence
from itertools import groupby

from snowpipe_platform.commands.terminal import NOTHING, Line, count, print_lines, print_next, print_text
from snowpipe_platform.errors import ConfigurationError, LeaseHeldError, SchemaChangedError
from snowpipe_platform.execution.outcome import Finding, Outcome, Status
from snowpipe_platform.execution.plan import WAITS_FOR

TITLES = ("table", "rows", "new", "quarantined", "rules", "took")
AGAIN = "the same command again when the other run is done; until then: snowpipe status"
OLD_CODE = "its code changed: rows are as the old code made them"
_HELD_BACK = re.compile(r"rows held back in (?P<table>\S+)")
_PLAIN = re.compile(r"[\w ,.:;()<>=+/%'-]+")


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """One line per table; over several days new and quarantined rows and times are sums, and the worst day speaks."""
    ordered = sorted(outcomes, key=lambda outcome: _position(outcome, outcomes))
    grouped = [list(group) for _, group in groupby(ordered, key=lambda outcome: outcome.step.name)]
    print_lines(TITLES, [_line(group) for group in grouped])
    if all(outcome.status is Status.UNCHANGED and not outcome.rows_are_of_old_code for outcome in outcomes):
        print_text("nothing new: every table is as it was")


def _position(outcome: Outcome, outcomes: Sequence[Outcome]) -> int:
    return next(i for i, other in enumerate(outcomes) if other.step.name == outcome.step.name)


def _line(days: list[Outcome]) -> Line:
    worst = max(days, key=lambda outcome: outcome.status.severity)
    rows = [outcome.rows for outcome in days if outcome.rows is not None]
    ran = any(outcome.new is not None for outcome in days)
    judged = max(days, key=lambda outcome: (len(outcome.findings), outcome.rules))
    passed = judged.rules - len(judged.findings)
    quarantined = sum(outcome.quarantined for outcome in days)
    return Line(
        (
            worst.step.name,
            count(rows[-1] if rows else None),
            count(sum(outcome.new or 0 for outcome in days) if ran else None),
            count(quarantined or None),
            f"{passed}/{judged.rules}" if judged.rules else NOTHING,
            took(sum(outcome.seconds for outcome in days)) if ran else NOTHING,
        ),
        worst.status,
        _note(worst, days),
        is_minor=worst.status is Status.UNCHANGED and not worst.rows_are_of_old_code,
    )


def _note(worst: Outcome, days: Sequence[Outcome]) -> str:
    note = _told(worst)
    if len(days) == 1 or not note or worst.status is Status.UNCHANGED:
        return note
    like = [outcome for outcome in days if outcome.status is worst.status]
    more = f" (and {len(like) - 1} more of {len(days)} days)" if len(like) > 1 else ""
    return f"{worst.step.day}: {note}{more}"


def _told(outcome: Outcome) -> str:
    if not outcome.rows_are_of_old_code:
        return outcome.note
    if outcome.status is Status.UNCHANGED:
        return OLD_CODE
    return "; ".join(filter(None, [outcome.note, OLD_CODE]))


def took(seconds: float) -> str:
    """`0.8 s`, `12 s`, `3 m 05 s`."""
    if seconds < 9.95:  # noqa: PLR2004 - above it, tenths say nothing
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} m {rest:02d} s" if minutes else f"{rest} s"


def next_step(outcomes: Sequence[Outcome]) -> str | None:
    """The command that looks into the worst outcome, or makes rows of old code anew; None when nothing went wrong."""
    worst = max(outcomes, key=lambda outcome: outcome.status.severity, default=None)
    old = dict.fromkeys(outcome.step.name for outcome in outcomes if outcome.rows_are_of_old_code)
    if old and worst and (not worst.status.stops or worst.rows_are_of_old_code):
        return f"snowpipe run {' '.join(old)} --rebuild"
    if worst is None or not (worst.status.stops or worst.findings):
        return None
    return _look_into(worst, outcomes)


def _look_into(worst: Outcome, outcomes: Sequence[Outcome]) -> str:
    if worst.findings and not worst.step.name.startswith("bronze/"):
        return show_failing(worst.step.name, worst.findings[0])
    if any(result.manifest is not None and result.manifest.rows_dropped for result in worst.extractions):
        return "snowpipe dead-letters list"
    if isinstance(worst.error, SchemaChangedError):
        return f"snowpipe schema {worst.step.name}"
    if worst.status is Status.FAILED:
        return AGAIN if _all_wait_for_another_run(outcomes) else "snowpipe doctor"
    if worst.note.startswith(WAITS_FOR):
        return f"snowpipe run {' '.join(word.strip(',') for word in worst.note.split() if '/' in word)}"
    held = worst.step.name if worst.status is Status.HELD else _held_input(worst)
    return f"snowpipe show {held}" if held else "snowpipe status"


def _all_wait_for_another_run(outcomes: Sequence[Outcome]) -> bool:
    failed = [outcome for outcome in outcomes if outcome.status is Status.FAILED]
    return all(isinstance(outcome.error, LeaseHeldError) for outcome in failed)


def _held_input(outcome: Outcome) -> str | None:
    """The table whose rows an earlier run held back, where that is what blocks."""
    found = _HELD_BACK.search(outcome.blocked_by or "")
    return found["table"] if found else None


def show_failing(table: str, finding: Finding) -> str:
    """The command that shows the rows."""
    words = finding.description
    quoted = f'"{words}"' if _PLAIN.fullmatch(words) else shlex.quote(finding.rule_id)
    return f"snowpipe show {table} --failing {quoted}"


def print_next_step(outcomes: Sequence[Outcome]) -> None:
    command = next_step(outcomes)
    if command is not None:
        print_next(command)


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """0 when everything is up to date, 2 when what failed was declared wrongly, otherwise 1."""
    stopped = [outcome for outcome in outcomes if outcome.status.stops and outcome.status is not Status.BLOCKED]
    if stopped and all(isinstance(outcome.error, ConfigurationError) for outcome in stopped):
        return 2
    return 1 if any(outcome.status.stops for outcome in outcomes) else 0


def outcomes_json(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Stable keys: a program reads them."""
    worst = max((outcome.status for outcome in outcomes), key=lambda status: status.severity, default=Status.UNCHANGED)
    return {"status": worst, "outcomes": [_outcome_json(outcome) for outcome in outcomes], "next": next_step(outcomes)}


def _outcome_json(outcome: Outcome) -> dict[str, object]:
    return {
        "table": outcome.step.name,
        "day": outcome.step.day,
        "status": outcome.status,
        "rows": outcome.rows,
        "new": outcome.new,
        "quarantined": outcome.quarantined,
        "rules_passed": outcome.rules - len(outcome.findings),
        "rules_total": outcome.rules,
        "seconds": round(outcome.seconds, 3),
        "note": _told(outcome),
        "blocked_by": outcome.blocked_by,
        "held_on": outcome.result.held_on if outcome.result is not None else None,
        "findings": [
            {"rule": f.rule_id, "description": f.description, "verdict": f.verdict, "rows": f.rows}
            for f in outcome.findings
        ],
    }

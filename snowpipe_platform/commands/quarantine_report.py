"""What would come, or came, of quarantined rows that somebody acts on: for a person and for a program."""

import traceback
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Literal

from snowpipe_platform.commands.quarantine import rows_in_words
from snowpipe_platform.commands.quarantine_choice import Chosen
from snowpipe_platform.commands.quarantine_options import Options
from snowpipe_platform.commands.run_report import exit_code, next_step, outcomes_json, print_outcomes
from snowpipe_platform.commands.terminal import print_json, print_next, print_rows, print_text
from snowpipe_platform.execution.outcome import Outcome, Status
from snowpipe_platform.spec.manifest import Manifest

VALID, STAYS, DISCARDED, WAITS, SKIPPED = "valid", "stays", "discarded", "waits", "skipped"
WORDS = {
    VALID: "valid",
    STAYS: "still in quarantine",
    DISCARDED: "discarded",
    WAITS: "waiting for their load day to be published",
    SKIPPED: "skipped",
}
WITHOUT_DRY_RUN = "the same command without --dry-run"


@dataclass(frozen=True)
class Fate:
    """A row and what becomes of it: `valid`, `stays`, `discarded`, `waits` (decided about, on a load day that is not
    published), or `skipped`; details say why."""

    id: str
    load_day: date | None
    becomes: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """All rows of one command. stage: a dry run, that nothing was to do, or that it was done. entries: of the log, that
    record what was decided."""

    table: str
    fates: tuple[Fate, ...]
    stage: Literal["would be", "nothing to do", "now"]
    entries: tuple[Manifest, ...] = ()
    outcomes: tuple[Outcome, ...] = ()

    def count(self, becomes: str) -> int:
        return sum(fate.becomes == becomes for fate in self.fates)

    @property
    def summary(self) -> str:
        """`now: 2 valid, 1 still in quarantine`."""
        counts = Counter(fate.becomes for fate in self.fates)
        told = [f"{counts[becomes]:,} {words}" for becomes, words in WORDS.items() if counts[becomes]]
        return f"{self.stage}: {', '.join(told) or 'no row is in quarantine'}"

    @property
    def next_command(self) -> str | None:
        if self.stage == "would be" and self.count(VALID) + self.count(DISCARDED):
            return WITHOUT_DRY_RUN
        if self.stage != "now":
            return f"snowpipe quarantine show {self.table}" if self.count(STAYS) else None
        stopped = [outcome.status for outcome in self.outcomes if outcome.status.stops]
        if stopped:
            # What was recorded is not to be typed again: any run takes it in.
            return "snowpipe run" if self.entries and Status.HELD not in stopped else next_step(self.outcomes)
        return "snowpipe run" if any(outcome.result and outcome.result.committed for outcome in self.outcomes) else None


def skipped(chosen: Chosen) -> list[Fate]:
    return [Fate(str(origin), None, SKIPPED, (told,)) for origin, told in chosen.skipped.items()]


def print_fates(report: Report, options: Options) -> None:
    """One line a row, and below it why. Nothing where a program reads."""
    if options.as_json or not report.fates:
        return
    shown, total = report.fates[: options.limit], len(report.fates)
    more = f"{options.limit:,} of {rows_in_words(total)}; --limit for more" if total > options.limit else ""
    cells = [(fate.id, str(fate.load_day or ""), fate.becomes) for fate in shown]
    print_rows(("id", "load day", "becomes"), cells, more=more, details=["\n".join(fate.details) for fate in shown])
    print_text()


def answer(report: Report, options: Options) -> int:
    """Say what came of it, and the exit code."""
    if options.as_json:
        print_json(_json(report))
    else:
        if report.outcomes:
            print_outcomes(report.outcomes)
            print_text()
        print_text(report.summary)
        if report.next_command is not None:
            print_next(report.next_command)
    if options.with_traceback:
        for outcome in report.outcomes:
            if outcome.error is not None:
                traceback.print_exception(outcome.error)
    return exit_code(report.outcomes)


def _json(report: Report) -> dict[str, object]:
    return {
        "table": report.table,
        "dry_run": report.stage == "would be",
        **{becomes: report.count(becomes) for becomes in WORDS},
        "entries": [entry.number for entry in report.entries],
        "rows": [vars(fate) for fate in report.fates],
        "run": outcomes_json(report.outcomes),
        "next": report.next_command,
    }

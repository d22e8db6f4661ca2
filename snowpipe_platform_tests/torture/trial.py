"""One trial, played: rounds of changes, kills, and a run that goes through, after which everything has to be exact."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from snowpipe_platform.assembly import build_ground
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform_tests.torture.changes import Change, apply
from snowpipe_platform_tests.torture.check import Checker, Problem, told
from snowpipe_platform_tests.torture.child import AtStep, Order
from snowpipe_platform_tests.torture.killer import AtMoment, Attempted, Killer
from snowpipe_platform_tests.torture.shapes import Shape
from snowpipe_platform_tests.torture.source import Source
from snowpipe_platform_tests.torture.work import settings_in


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Changes, and then a run in a child. days_back: 0 is a live run, more a backfill. meanwhile: what changes when the
    run is at a step."""

    before: tuple[Change, ...] = ()
    days_back: int = 0
    kill: AtStep | AtMoment | None = None
    meanwhile: tuple[Change, ...] = ()
    meanwhile_at: AtStep | None = None


@dataclass(frozen=True, kw_only=True)
class Round:
    """Attempts, more changes, and a live run that nobody disturbs."""

    attempts: tuple[Attempt, ...]
    after: tuple[Change, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Trial:
    shape: Shape
    rounds: tuple[Round, ...]


@dataclass
class Tally:
    """What was done and found so far. kills: by step. formats: kills by the format of the files."""

    trials: int = 0
    runs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    rows_checked: int = 0
    problems: list[Problem] = field(default_factory=list)

    def count(self, kind: str) -> int:
        return sum(problem.kind == kind for problem in self.problems)


class TortureError(AssertionError):
    """A run lost, doubled or spoilt something."""


class Played:
    """One trial under way, in its folder."""

    def __init__(self, shape: Shape, folder: Path, killer: Killer, tally: Tally) -> None:
        self.source = Source(folder / "source.duckdb", shape)
        self.ground: Ground = build_ground(settings_in(folder))
        self.checker = Checker(self.source, self.ground, folder / "home" / "bronze")
        self._folder, self._killer, self._tally = folder, killer, tally

    def attempt(self, attempt: Attempt) -> None:
        """Raises TortureError when what holds at any time does not hold."""
        apply(self.source, attempt.before)
        is_changed = False

        def meanwhile() -> None:
            nonlocal is_changed
            is_changed = True
            apply(self.source, attempt.meanwhile)
            self.source.attempted()

        days_back = attempt.days_back if self.source.shape.has_days else 0
        day = self.source.load_day - timedelta(days=days_back)
        done = self._run(day, attempt.kill, meanwhile, attempt.meanwhile_at if attempt.meanwhile else None)
        if done.killed is not None:
            self._tally.kills[done.killed] += 1
            self._tally.formats[self.source.shape.file_format] += 1
        elif days_back and not is_changed:
            self.source.backfilled(day)
        self._judge(self.checker.at_any_time())

    def recover(self) -> None:
        """Run once more, undisturbed. Raises TortureError when anything is not exact then."""
        self._run(self.source.load_day)
        self.source.completed()
        self._judge(self.checker.after_a_run())

    def _run(
        self,
        day: date,
        kill: AtStep | AtMoment | None = None,
        meanwhile: Callable[[], None] = lambda: None,
        meanwhile_at: AtStep | None = None,
    ) -> Attempted:
        """In a child. Raises TortureError when it fails."""
        self._tally.runs += 1
        self.source.attempted()
        stops = frozenset(at for at in (kill, meanwhile_at) if isinstance(at, AtStep))
        order = Order(
            self._folder,
            self.source.shape,
            day,
            f"run-{self._tally.runs}",
            None if isinstance(kill, AtMoment) else stops,
        )
        done = self._killer.attempt(order, kill, meanwhile=meanwhile)
        if done.error is not None:
            self._judge([*self.checker.at_any_time(), Problem("wrong", f"a run failed: {done.error}")])
        return done

    def change(self, changes: tuple[Change, ...]) -> None:
        apply(self.source, changes)

    def _judge(self, problems: list[Problem]) -> None:
        self._tally.rows_checked += self.checker.rows_checked
        self.checker.rows_checked = 0
        self._tally.problems += problems
        if problems:
            raise TortureError(told(problems))


@contextmanager
def played(shape: Shape, killer: Killer, tally: Tally) -> Iterator[Played]:
    """A trial in a folder of its own, which goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="snowpipe-torture-"))
    try:
        yield Played(shape, folder, killer, tally)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def play(trial: Trial, killer: Killer, tally: Tally) -> None:
    """From an empty source to the last round. Raises TortureError."""
    tally.trials += 1
    with played(trial.shape, killer, tally) as play:
        for one in trial.rounds:
            for attempt in one.attempts:
                play.attempt(attempt)
            play.change(one.after)
            play.recover()

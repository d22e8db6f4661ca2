"""Conditions a model's version must meet before it may be approved. Each says what it measured and why it failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from snowpipe_platform.spec.evaluation import CHAMPION, HIGHER_IS_BETTER, MODEL, Evaluation, Group

DIGITS, MOST_DIGITS = 3, 6


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """How one gate stood. measured, threshold: None where there is nothing to compare."""

    gate: str
    passed: bool
    measured: float | None
    threshold: float | None
    why: str


class Gate(Protocol):
    """One condition on an evaluation."""

    @property
    def name(self) -> str:
        """What it asks for, in words; unique among a model's gates."""

    @property
    def metric(self) -> str:
        """The metric it is about."""

    def judge(self, evaluation: Evaluation, *, champion: int | None) -> GateResult:
        """champion: the version that serves, or would, now; None before the first."""


@dataclass(frozen=True)
class AtLeast:
    """The metric reaches a threshold. What was not measured has not."""

    metric: str
    threshold: float

    @property
    def name(self) -> str:
        return f"{self.metric} at least {self.threshold:g}"

    def judge(self, evaluation: Evaluation, *, champion: int | None) -> GateResult:  # noqa: ARG002 - a gate's signature
        measured = evaluation.measured(MODEL, self.metric)
        passed = measured is not None and measured >= self.threshold
        return _result(
            self,
            measured,
            self.threshold,
            passed,
            f"{_number(measured, self.threshold)} of {self.threshold:g} asked for",
        )


@dataclass(frozen=True)
class AtMost:
    """The metric stays within a threshold. What was not measured has not."""

    metric: str
    threshold: float

    @property
    def name(self) -> str:
        return f"{self.metric} at most {self.threshold:g}"

    def judge(self, evaluation: Evaluation, *, champion: int | None) -> GateResult:  # noqa: ARG002 - a gate's signature
        measured = evaluation.measured(MODEL, self.metric)
        passed = measured is not None and measured <= self.threshold
        return _result(
            self, measured, self.threshold, passed, f"{_number(measured, self.threshold)} of {self.threshold:g} allowed"
        )


@dataclass(frozen=True)
class BetterThan:
    """The metric is better than another contender's on the same rows."""

    contender: str
    metric: str

    @property
    def name(self) -> str:
        return f"{self.metric} better than {self.contender}"

    def judge(self, evaluation: Evaluation, *, champion: int | None) -> GateResult:  # noqa: ARG002 - a gate's signature
        ours, theirs = (evaluation.measured(who, self.metric) for who in (MODEL, self.contender))
        lead = _lead(self.metric, ours, theirs)
        why = f"{_number(ours, theirs)}, {self.contender} has {_number(theirs, ours)}"
        return _result(self, ours, theirs, lead is not None and lead > 0, why)


@dataclass(frozen=True)
class NotWorseThan:
    """The metric is as good as another contender's on the same rows, or so near that other customers could turn it: the
    interval of the difference reaches to where it is better. Without an interval it has to be as good.

    For what few customers cannot tell apart. A gate with `BetterThan` belongs beside it: the fewer the customers, the
    less this one stops.
    """

    contender: str
    metric: str

    @property
    def name(self) -> str:
        return f"{self.metric} not worse than {self.contender}"

    def judge(self, evaluation: Evaluation, *, champion: int | None) -> GateResult:  # noqa: ARG002 - a gate's signature
        ours, theirs = (evaluation.measured(who, self.metric) for who in (MODEL, self.contender))
        lead, interval = _lead(self.metric, ours, theirs), evaluation.lead(self.contender, self.metric)
        why = f"{_number(ours, theirs)}, {self.contender} has {_number(theirs, ours)}"
        if lead is None or lead >= 0 or interval is None:
            return _result(self, ours, theirs, lead is not None and lead >= 0, why)
        told = f"{why}; with other customers {_told(interval[0])} to {_told(interval[1])}"
        return _result(self, ours, theirs, interval[1] >= 0, told)


@dataclass(frozen=True)
class NotWorseThanChampion:
    """The metric is at most `by` worse than that of the version that serves, both measured on the same rows.

    The first version passes. One that was compared with another version than the one that serves now does not: nobody
    knows which of the two is better.
    """

    metric: str
    by: float

    @property
    def name(self) -> str:
        return f"{self.metric} within {self.by:g} of the champion"

    def judge(self, evaluation: Evaluation, *, champion: int | None) -> GateResult:
        ours, theirs = (evaluation.measured(who, self.metric) for who in (MODEL, CHAMPION))
        if champion is None:
            return _result(self, ours, None, passed=True, why="there is no champion yet")
        if evaluation.champion != champion:
            against = "no champion" if evaluation.champion is None else f"version {evaluation.champion}"
            why = f"measured against {against}, and version {champion} is the champion now: train again to compare them"
            return _result(self, ours, None, passed=False, why=why)
        if evaluation.champion_problem:
            why = f"the champion, version {champion}, was not measured: {evaluation.champion_problem}"
            return _result(self, ours, None, passed=False, why=why)
        lead = _lead(self.metric, ours, theirs)
        limit = None if theirs is None else theirs + (-self.by if HIGHER_IS_BETTER[self.metric] else self.by)
        why = f"{_number(ours)}, the champion, version {champion}, has {_number(theirs)} on the same rows"
        return _result(self, ours, limit, lead is not None and lead >= -self.by, why)


@dataclass(frozen=True)
class InEveryGroup:
    """The metric reaches a threshold in each group that is large enough to tell: `min_rows` rows, and a tenth as many
    of either class."""

    metric: str
    threshold: float
    dimensions: tuple[str, ...]
    min_rows: int

    @property
    def name(self) -> str:
        return f"{self.metric} at least {self.threshold:g} in every group"

    def judge(self, evaluation: Evaluation, *, champion: int | None) -> GateResult:  # noqa: ARG002 - a gate's signature
        measured = [
            (group, value)
            for group in evaluation.groups
            if group.dimension in self.dimensions
            and self._tells(group)
            and (value := group.metrics.get(self.metric)) is not None
        ]
        absent = [name for name in self.dimensions if name not in {group.dimension for group, _ in measured}]
        if absent:
            why = f"no group by {' or '.join(absent)} has {self.min_rows:,} rows to measure"
            return _result(self, None, self.threshold, passed=False, why=why)
        worst, value = min(measured, key=lambda found: found[1])
        below = [f"{group.dimension} {group.name} {_number(v)}" for group, v in measured if v < self.threshold]
        told = (
            f"below in {', '.join(below)}" if below else f"lowest in {worst.dimension} {worst.name}, {_number(value)}"
        )
        return _result(self, value, self.threshold, not below, f"{told} ({len(measured)} groups)")

    def _tells(self, group: Group) -> bool:
        fewest = self.min_rows / 10
        return group.rows >= self.min_rows and fewest <= group.positives <= group.rows - fewest


def judge(gates: Sequence[Gate], evaluation: Evaluation, *, champion: int | None) -> tuple[GateResult, ...]:
    """Each gate's answer, in their order. champion: the version that serves, or would, now."""
    return tuple(gate.judge(evaluation, champion=champion) for gate in gates)


def _lead(metric: str, ours: float | None, theirs: float | None) -> float | None:
    """By how much ours is better; negative when it is worse. Rounded, so that 0.79 is within 0.01 of 0.80."""
    if ours is None or theirs is None:
        return None
    return round(ours - theirs if HIGHER_IS_BETTER[metric] else theirs - ours, 12)


def _result(gate: Gate, measured: float | None, threshold: float | None, passed: bool, why: str) -> GateResult:
    return GateResult(gate=gate.name, passed=passed, measured=measured, threshold=threshold, why=why)


def _number(value: float | None, other: float | None = None) -> str:
    """With as many more digits as it takes to tell it from the other."""
    if value is None:
        return "not measured"
    enough = (
        digits for digits in range(DIGITS, MOST_DIGITS) if other in {None, value} or round(value, digits) != other
    )
    return f"{value:.{next(enough, MOST_DIGITS)}f}"


def _told(lead: float) -> str:
    return f"{abs(lead):.{DIGITS}f} {'worse' if lead < 0 else 'better'}"

"""What one step of a run did, in the words a person reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from snowpipe_platform.execution.execute import CODE_VERSION_PROPERTY, TableResult, rules_of
from snowpipe_platform.execution.extraction import ExtractionResult
from snowpipe_platform.execution.plan import WAITS_FOR, Replay
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.quality import Quality, Verdict
from snowpipe_platform.spec.rule import Rule
from snowpipe_platform.spec.table import ChangesTable


class Status(StrEnum):
    """How a step ended, from best to worst."""

    UNCHANGED = "unchanged"
    OK = "ok"
    WARNED = "warned"
    BLOCKED = "blocked"
    HELD = "held"
    FAILED = "FAILED"

    @property
    def stops(self) -> bool:
        """Whether what depends on the step must not run."""
        return self in {Status.BLOCKED, Status.HELD, Status.FAILED}

    @property
    def severity(self) -> int:
        return list(Status).index(self)


@dataclass(frozen=True)
class Step:
    """One table to bring up to date once. day: the load day of an extraction or of changes; None takes in all days.
    replay: quarantined rows to judge again instead."""

    name: str
    day: date | None = None
    rebuild: bool = False
    replay: Replay | None = None

    @property
    def title(self) -> str:
        return self.name if self.day is None else f"{self.name} of {self.day}"


@dataclass(frozen=True)
class Finding:
    """A rule that rows break: how many, and whether the table tolerates it."""

    rule_id: str
    description: str
    verdict: Verdict
    rows: int

    @property
    def sentence(self) -> str:
        return f"{self.description}: {self.rows:,} row{'s' if self.rows != 1 else ''}"


@dataclass(frozen=True)
class Outcome:
    """What a step did. rows: in the table afterwards; new: landed, appended, or more than before; None where nothing
    ran. findings: rules rows break, worst first. blocked_by: the step at the root of a block."""

    step: Step
    status: Status
    note: str = ""
    seconds: float = 0.0
    rows: int | None = None
    new: int | None = None
    quarantined: int = 0
    rules: int = 0
    findings: tuple[Finding, ...] = ()
    blocked_by: str | None = None
    error: Exception | None = None
    extractions: tuple[ExtractionResult, ...] = ()
    result: TableResult | None = None

    @property
    def rows_are_of_old_code(self) -> bool:
        """Whether the table, as the step left it, has rows that older code made. A rebuild that was held is not one."""
        if self.result is None or self.result.state is None or self.step.rebuild:
            return False
        return self.result.state.properties.get(CODE_VERSION_PROPERTY) != self.result.plan.table.code_version


def extraction_outcome(step: Step, results: Sequence[ExtractionResult], *, rows: int, seconds: float) -> Outcome:
    """Of all extractions of one day. The day is warned of when rows broke a query rule or its window is incomplete."""
    manifests = [result.manifest for result in results if result.manifest is not None]
    new = sum(manifest.rows_landed for manifest in manifests)
    broken: dict[str, int] = {}
    for manifest in manifests:
        for rule, count in manifest.rule_failures.items():
            broken[rule] = broken.get(rule, 0) + count
    findings = tuple(Finding(rule, rule, Verdict.WARNED, count) for rule, count in broken.items() if count)
    changes = [change for manifest in manifests for change in manifest.schema_changes]
    incomplete = bool(manifests) and not manifests[-1].complete
    notes = [*(["more rows wait at the source"] if incomplete else []), *(f.sentence for f in findings), *changes]
    status = Status.WARNED if findings or incomplete else Status.OK if new else Status.UNCHANGED
    note = "; ".join(notes) or ("" if new else "nothing new at the source")
    rules = len(results[-1].plan.query.rules)
    return Outcome(step, status, note, seconds, rows, new, 0, rules, findings, extractions=tuple(results))


def table_outcome(step: Step, result: TableResult) -> Outcome:
    """Of one table's run. A table whose inputs have no commit yet is blocked by them."""
    waiting = result.plan.reason.startswith(WAITS_FOR) and not result.committed
    findings = _findings(rules_of(result.plan.table), result.quality)
    status, note = _status(result, findings, waiting=waiting)
    return Outcome(
        step,
        status,
        note,
        result.seconds,
        rows=result.rows,
        new=result.new if result.published else 0,
        quarantined=result.quarantined,
        rules=len(rules_of(result.plan.table)) if result.committed else 0,
        findings=findings,
        blocked_by=result.plan.reason.removeprefix(WAITS_FOR) if waiting else None,
        result=result,
    )


def _findings(rules: Sequence[Rule], quality: Quality) -> tuple[Finding, ...]:
    found = []
    for rule in rules:
        verdicts = [counts.verdict(rule) for counts in quality.by_partition.values()]
        worst = max(verdicts, key=list(Verdict).index, default=Verdict.OK)
        if worst is not Verdict.OK:
            found.append(Finding(rule.id, rule.description, worst, quality.total.broken[rule.id]))
    return worst_first(found)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What is not tolerated, then what most rows break."""
    return tuple(sorted(findings, key=lambda finding: (-list(Verdict).index(finding.verdict), -finding.rows)))


def broken(findings: Sequence[Finding]) -> str:
    """The first finding's sentence, and how many more there are; empty where there is none."""
    others = len(findings) - 1
    more = f" and {others} more rule{'s' if others > 1 else ''}" if others > 0 else ""
    return f"{findings[0].sentence}{more}" if findings else ""


def _status(result: TableResult, findings: Sequence[Finding], *, waiting: bool) -> tuple[Status, str]:
    if not result.committed:
        return (Status.BLOCKED if waiting else Status.UNCHANGED), result.plan.reason
    if not result.published:
        return Status.HELD, broken(findings)
    if findings:
        return Status.WARNED, broken(findings)
    changed_no_row = not (result.new or result.replaced) and isinstance(result.plan.table, ChangesTable | FeatureGroup)
    if changed_no_row or result.plan.reason == "inputs changed no row":
        return Status.UNCHANGED, "nothing new in what it reads"
    return Status.OK, ""

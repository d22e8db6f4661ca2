"""A load day through Dagster in this process, and what its events say each table did."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from snowpipe_platform.commands.instance import ensure_instance
from snowpipe_platform.commands.project import Project
from snowpipe_platform.execution.execute import rules_of
from snowpipe_platform.execution.outcome import Finding, Outcome, Status, Step, broken, worst_first
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.orchestration.build import build_definitions
from snowpipe_platform.orchestration.names import OWN_CHECKS, PUBLISHED, WINDOW_COMPLETE, asset_key, rules_by_check
from snowpipe_platform.orchestration.pending import due_dates
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.quality import Verdict

EVERYTHING_JOB, ANALYSIS_JOB = "everything", "analysis"
BLOCKING = (PUBLISHED, WINDOW_COMPLETE)
CHECKS_STEP = "__checks"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""The run's events are kept by the instance; the terminal shows one line per table."""

Metadata = Mapping[str, dg.MetadataValue[Any]]


@contextmanager
def open_runner(project: Project) -> Iterator["DagsterRunner"]:
    """Runs of the pipeline's own definitions, kept by the instance of the home folder."""
    with warnings.catch_warnings(), dg.DagsterInstance.from_config(str(ensure_instance(project.settings))) as instance:
        # Dagster announces each of its preview features once a process; the demo is no place for that.
        warnings.simplefilter("ignore")
        definitions = build_definitions(project.pipeline, GroundResource.of(project.settings))
        yield DagsterRunner(project, definitions, instance)


class DagsterRunner:
    """Runs load days of one pipeline on one instance, and the analysis dates that they make due."""

    def __init__(self, project: Project, definitions: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self._pipeline, self._ground = project.pipeline, project.ground
        self._definitions, self._instance = definitions, instance

    def run(self, day: date) -> list[Outcome]:
        """All tables for one load day, then analysis dates, oldest first; what failed does not raise."""
        dated = {table.name: table for table in self._pipeline.tables if isinstance(table, DatedTable)}
        result = self._execute(EVERYTHING_JOB, day)
        names = [name for name in self._pipeline.names if name not in dated]
        outcomes = [_Table(name, day, result, self._pipeline).outcome() for name in names]
        return [*outcomes, *self._run_due(dated)]

    def _run_due(self, tables: Mapping[str, DatedTable]) -> Iterator[Outcome]:
        """A run for each date that is due now, or will be once the run has made what a table reads of it."""
        now = datetime.now(UTC).replace(tzinfo=None)
        due: dict[str, frozenset[date]] = {}
        for name, table in tables.items():
            due[name] = frozenset(due_dates(self._pipeline, table, self._ground, now=now, coming=due).due)
        for on in sorted({on for dates in due.values() for on in dates}):
            chosen = [name for name, dates in due.items() if on in dates]
            result = self._execute(ANALYSIS_JOB, on, chosen)
            yield from (_Table(name, on, result, self._pipeline).outcome() for name in chosen)

    def _execute(self, job: str, day: date, names: Sequence[str] | None = None) -> dg.ExecuteInProcessResult:
        return self._definitions.resolve_job_def(job).execute_in_process(
            instance=self._instance,
            partition_key=day.isoformat(),
            raise_on_error=False,
            run_config=QUIET,
            asset_selection=None if names is None else [asset_key(name) for name in names],
        )


class _Table:
    """What the events of one run say about one table."""

    def __init__(self, name: str, day: date, result: dg.ExecuteInProcessResult, pipeline: Pipeline) -> None:
        self._name, self._result, self._pipeline = name, result, pipeline
        self._is_bronze = name.startswith(BRONZE)
        is_daily = self._is_bronze or pipeline.table(name).day_column is not None
        self._step = Step(name, day if is_daily else None)
        own = asset_key(name)
        self._checks = [check for check in result.get_asset_check_evaluations() if check.asset_key == own]
        self._events = [event for event in result.get_asset_materialization_events() if event.asset_key == own]

    def outcome(self) -> Outcome:
        """As if the table had been run by `snowpipe run`."""
        if not self._events:
            return self._not_materialized()
        metadata = self._events[0].step_materialization_data.materialization.metadata
        rules = [check for check in self._checks if check.check_name not in OWN_CHECKS]
        findings = worst_first(self._finding(check) for check in rules if not check.passed)
        new = _number(metadata, "rows_landed" if self._is_bronze else "rows_new")
        status, note = self._status(metadata, findings, new)
        return Outcome(
            self._step,
            status,
            note,
            seconds=self._seconds(),
            rows=_number(metadata, "dagster/row_count"),
            new=0 if status is Status.HELD else new,
            quarantined=_number(metadata, "rows_quarantined"),
            rules=len(rules),
            findings=findings,
        )

    def _status(self, metadata: Metadata, findings: tuple[Finding, ...], new: int) -> tuple[Status, str]:
        blocking = [check for check in self._checks if check.check_name in BLOCKING and not check.passed]
        if blocking:
            return Status.HELD, broken(findings) or str(blocking[0].description)
        if findings:
            return Status.WARNED, broken(findings)
        is_log = self._step.day is not None and _text(metadata, "operation") != "replace_date"
        changed = new or _number(metadata, "rows_replaced")
        if not changed and (is_log or _text(metadata, "status") == "nothing"):
            return Status.UNCHANGED, _text(metadata, "reason") or _text(metadata, "summary")
        return Status.OK, ""

    def _not_materialized(self) -> Outcome:
        failures = self._result.get_step_failure_events()
        own = [event for event in failures if event.step_key == self._name.replace("/", "__")]
        if own:
            error = own[0].step_failure_data
            told = error.user_failure_data.description if error.user_failure_data is not None else None
            return Outcome(self._step, Status.FAILED, told or _cause(error.error))
        root = ", ".join(self._roots(failures)) or "a failed check"
        return Outcome(self._step, Status.BLOCKED, f"blocked by {root}", blocked_by=root)

    def _roots(self, failures: Iterable[dg.DagsterEvent]) -> list[str]:
        """Tables this one depends on whose own step, or whose checks, failed."""
        keys = {event.step_key.removesuffix(CHECKS_STEP).replace("__", "/", 1) for event in failures if event.step_key}
        return sorted(name for name in keys if self._name in self._pipeline.downstream(name))

    def _finding(self, check: dg.AssetCheckEvaluation) -> Finding:
        """In the words of the table's own rule."""
        verdict = Verdict.FAILED if check.severity is dg.AssetCheckSeverity.ERROR else Verdict.WARNED
        rules = {} if self._is_bronze else rules_by_check(self._name, rules_of(self._pipeline.table(self._name)))
        rule = rules.get(check.check_name)
        named = (rule.id, rule.description) if rule is not None else (check.check_name, check.check_name)
        return Finding(*named, verdict, _number(check.metadata, "rows_broken"))

    def _seconds(self) -> float:
        """Of the table's own step, without its checks."""
        key = self._events[0].step_key
        ended = [event for event in self._result.get_step_success_events() if event.step_key == key]
        return sum(event.step_success_data.duration_ms for event in ended) / 1000


def _cause(error: Any) -> str:  # noqa: ANN401 - Dagster's serializable error
    """The innermost error's own words."""
    while error is not None and error.cause is not None:
        error = error.cause
    return "" if error is None else str(error.message).strip()


def _number(metadata: Metadata, key: str) -> int:
    found = metadata.get(key)
    return int(found.value) if found is not None and isinstance(found.value, int) else 0


def _text(metadata: Metadata, key: str) -> str:
    found = metadata.get(key)
    return "" if found is None else str(found.value)

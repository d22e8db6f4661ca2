"""Bring tables up to date, one step after another. Knows no terminal and no orchestrator.

`plan_steps` decides the order, `blocker` what a failure stops; both are pure. `run_steps` carries the steps out.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from snowpipe_platform.execution.execute import run_table
from snowpipe_platform.execution.extraction import (
    ExtractionRequest,
    ExtractionResult,
    Notice,
    execute_extraction,
)
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.landing import Progress
from snowpipe_platform.execution.outcome import Outcome, Status, Step, extraction_outcome, table_outcome
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import ChangesTable, DerivedTable

BRONZE = "bronze/"


def plan_steps(pipeline: Pipeline, names: Collection[str], days: Sequence[date]) -> tuple[Step, ...]:
    """Each day in turn: its extractions, then its changes. After the last day every derived table once, inputs first:
    it takes in all days in one commit, and any split gives the same rows."""
    changes = [table.name for table in pipeline.tables if isinstance(table, ChangesTable)]
    daily = [name for name in pipeline.names if name in names and (name.startswith(BRONZE) or name in changes)]
    derived = [name for name in pipeline.names if name in names and name not in daily]
    return (*(Step(name, day) for day in days for name in daily), *(Step(name) for name in derived))


def plan_rebuild(pipeline: Pipeline, names: Collection[str]) -> tuple[Step, ...]:
    """Every named table once, inputs first. Bronze is a log of what was extracted and is never rebuilt."""
    return tuple(Step(name, rebuild=True) for name in pipeline.by_name if name in names)


def blocker(step: Step, pipeline: Pipeline, done: Sequence[Outcome]) -> str | None:
    """The step of this run that stops this one, None when nothing does.

    An extraction waits for the entity's earlier days: a later one would take their rows into its own day. A day's
    changes wait for that day's extraction. A derived table waits for all it reads and all its rules look at.
    """
    stopped = [outcome for outcome in done if outcome.status.stops]
    if step.name.startswith(BRONZE):
        found = [outcome for outcome in stopped if outcome.step.name == step.name]
    else:
        table = pipeline.table(step.name)
        same_day = isinstance(table, ChangesTable)
        found = [o for o in stopped if o.step.name in table.upstream and (not same_day or o.step.day == step.day)]
    return (found[0].blocked_by or found[0].step.title) if found else None


@dataclass(frozen=True, kw_only=True)
class Run:
    """Steps of one pipeline in one process. override: who publishes rows beyond a rule's tolerance, and why."""

    pipeline: Pipeline
    steps: tuple[Step, ...]
    identity: RunIdentity
    override: str | None = None
    on_start: Callable[[Step], None] = lambda _step: None
    progress: Progress = lambda _rows: None
    notice: Notice = lambda _message: None

    @cached_property
    def source_system(self) -> str:
        return self.pipeline.queries.source_system


def run_steps(run: Run, ground: Ground) -> Iterator[Outcome]:
    """Carry the steps out, yielding each outcome when it is known. An error ends its step, and those that need it."""
    done: list[Outcome] = []
    for step in run.steps:
        blocked_by = blocker(step, run.pipeline, done) or _held_input(step, run, ground)
        if blocked_by is not None:
            outcome = Outcome(step, Status.BLOCKED, f"blocked by {blocked_by}", blocked_by=blocked_by)
        else:
            run.on_start(step)
            outcome = _carry_out(step, run, ground)
        done.append(outcome)
        yield outcome


def _held_input(step: Step, run: Run, ground: Ground) -> str | None:
    """A table that comes before it whose newer rows wait for a person; Dagster's automation stops behind it too."""
    table = run.pipeline.by_name.get(step.name)
    if not isinstance(table, DerivedTable):
        return None
    return next((f"rows held back in {name}" for name in table.upstream if ground.lake.held(name)), None)


def _carry_out(step: Step, run: Run, ground: Ground) -> Outcome:
    started = time.monotonic()
    try:
        if step.name.startswith(BRONZE):
            return _extract(step, run, ground, started)
        table = run.pipeline.table(step.name)
        result = run_table(
            TableRequest(run.pipeline, table, run.identity, step.day, step.rebuild, run.override), ground
        )
        return table_outcome(step, result)
    except Exception as error:  # noqa: BLE001 - a table's own code may raise anything, and other branches go on
        return Outcome(step, Status.FAILED, str(error), seconds=time.monotonic() - started, error=error)


def _extract(step: Step, run: Run, ground: Ground, started: float) -> Outcome:
    """Extract the day until its window is complete: `max_batches` bounds a commit, not the run."""
    query = run.pipeline.queries_by_entity[step.name.removeprefix(BRONZE)]
    if step.day is None:
        raise AssertionError(step)
    request = ExtractionRequest(query, run.source_system, Window(step.day), run.identity)
    results: list[ExtractionResult] = []
    while not results or _is_cut_short(results[-1]):
        results.append(execute_extraction(request, ground, progress=run.progress, notice=run.notice))
    rows = sum(manifest.rows_landed for manifest in ground.bronze.log(query.entity))
    return extraction_outcome(step, results, rows=rows, seconds=time.monotonic() - started)


def _is_cut_short(result: ExtractionResult) -> bool:
    manifest = result.manifest
    return manifest is not None and not manifest.complete and manifest.rows_landed > 0

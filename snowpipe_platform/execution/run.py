"""Bring tables up to date, one step after another. Knows no terminal and no orchestrator.

`plan_steps` decides the order, `blocker` what a failure stops; both are pure. `run_steps` carries the steps out.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import chain

from snowpipe_platform.execution.as_of_plan import analysis_dates
from snowpipe_platform.execution.execute import held_days, run_table
from snowpipe_platform.execution.extraction import (
    ExtractionRequest,
    ExtractionResult,
    Notice,
    execute_extraction,
)
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.inputs import read_inputs
from snowpipe_platform.execution.landing import Progress
from snowpipe_platform.execution.outcome import Outcome, Status, Step, extraction_outcome, table_outcome
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.spec.as_of import DateByDate, DatedTable
from snowpipe_platform.spec.bronze_log import landings
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import ChangesTable, DerivedTable, Table

BRONZE = "bronze/"


def plan_steps(pipeline: Pipeline, names: Collection[str], days: Sequence[date], *, ended: date) -> tuple[Step, ...]:
    """Each day in turn: its extractions, then its changes. After the last day every derived table once, inputs first:
    it takes in all days in one commit, and any split gives the same rows. Then as-of tables, a date each, up to the
    last day that has `ended` at the source."""
    wanted = [name for name in pipeline.names if name in names]
    dated = [name for name in wanted if isinstance(pipeline.by_name.get(name), DatedTable)]
    derived = [name for name in wanted if isinstance(pipeline.by_name.get(name), DerivedTable)]
    daily = [name for name in wanted if name not in dated and name not in derived]
    return (
        *(Step(name, day) for day in days for name in daily),
        *(Step(name) for name in derived),
        *(Step(name, day) for name in dated for day in days if day <= ended),
    )


def plan_rebuild(
    pipeline: Pipeline, names: Collection[str], *, dates: Mapping[str, Collection[date]]
) -> tuple[Step, ...]:
    """Every named table once, inputs first; an as-of table for each of its `dates`. Bronze is a log of what was
    extracted and is never rebuilt."""
    return tuple(
        Step(name, day, rebuild=True)
        for name, table in pipeline.by_name.items()
        if name in names
        for day in (sorted(dates[name]) if isinstance(table, DatedTable) else (None,))
    )


def blocker(step: Step, pipeline: Pipeline, done: Sequence[Outcome]) -> str | None:
    """The step of this run that stops this one, None when nothing does.

    An extraction waits for the entity's earlier days: a later one would take their rows into its own day. A day's
    changes wait for that day's extraction. A derived table waits for all it reads and all its rules look at, and an
    analysis date for all of that up to it; features and scores of a date for that date.
    """
    stopped = [outcome for outcome in done if outcome.status.stops]
    if step.name.startswith(BRONZE):
        found = [outcome for outcome in stopped if outcome.step.name == step.name]
    else:
        table = pipeline.table(step.name)
        found = [o for o in stopped if o.step.name in table.waits_for and concerns(o.step.day, step.day, table)]
    return (found[0].blocked_by or found[0].step.title) if found else None


def concerns(stopped: date | None, day: date | None, table: Table) -> bool:
    """Whether what a table reads of one day is needed for another."""
    if stopped is None or day is None or isinstance(table, DerivedTable):
        return True
    return stopped == day if isinstance(table, ChangesTable | DateByDate) else stopped <= day


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
    """Carry the steps out, yielding each outcome when it is known. An error ends its step, and those that need it.

    After them, the analysis dates of the same as-of tables that what came late has made stale.
    """
    done: list[Outcome] = []
    for step in chain(run.steps, _restatements(run, ground)):
        blocked_by = blocker(step, run.pipeline, done) or held_input(step, run.pipeline, ground)
        if blocked_by is not None:
            outcome = Outcome(step, Status.BLOCKED, f"blocked by {blocked_by}", blocked_by=blocked_by)
        else:
            run.on_start(step)
            outcome = _carry_out(step, run, ground)
        done.append(outcome)
        yield outcome


def _restatements(run: Run, ground: Ground) -> Iterator[Step]:
    """Read when it is its turn, after the run's own steps."""
    asked = {(step.name, step.day) for step in run.steps}
    for table in run.pipeline.tables:
        if isinstance(table, DatedTable) and any(step.name == table.name and not step.rebuild for step in run.steps):
            stale = analysis_dates(read_inputs(run.pipeline, table, ground)).restatable(table.restate_days)
            yield from (Step(table.name, on) for on in stale if (table.name, on) not in asked)


def held_input(step: Step, pipeline: Pipeline, ground: Ground) -> str | None:
    """A table that comes before it whose newer rows wait for a person; Dagster's automation stops behind it too."""
    table = pipeline.by_name.get(step.name)
    if isinstance(table, DatedTable):
        held = ((name, day) for name in table.inputs for day in held_days(ground.lake.held(name)))
        return next((f"rows held back in {name}" for name, day in held if concerns(day, step.day, table)), None)
    if not isinstance(table, DerivedTable):
        return None
    return next((f"rows held back in {name}" for name in table.upstream if ground.lake.held(name)), None)


def _carry_out(step: Step, run: Run, ground: Ground) -> Outcome:
    started = time.monotonic()
    try:
        if step.name.startswith(BRONZE):
            return _extract(step, run, ground, started)
        table = run.pipeline.table(step.name)
        request = TableRequest(run.pipeline, table, run.identity, step.day, step.rebuild, run.override, step.replay)
        return table_outcome(step, run_table(request, ground))
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
    rows = sum(manifest.rows_landed for manifest in landings(ground.bronze.log(query.entity)))
    return extraction_outcome(step, results, rows=rows, seconds=time.monotonic() - started)


def _is_cut_short(result: ExtractionResult) -> bool:
    manifest = result.manifest
    return manifest is not None and not manifest.complete and manifest.rows_landed > 0

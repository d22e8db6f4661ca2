"""`snowpipe run`: bring tables up to date."""

import getpass
import sys
import traceback
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from snowpipe_platform.commands.project import Project, find_tables
from snowpipe_platform.commands.reporter import Reporter, open_reporter
from snowpipe_platform.commands.run_report import exit_code, outcomes_json, print_next_step, print_outcomes
from snowpipe_platform.commands.terminal import Activity, activity, count, print_json
from snowpipe_platform.errors import ConfigurationError, SnowpipeError
from snowpipe_platform.execution.as_of_plan import made_dates
from snowpipe_platform.execution.execute import ROWS_PROPERTY
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.outcome import Outcome, Step
from snowpipe_platform.execution.run import BRONZE, Run, plan_rebuild, plan_steps, run_steps
from snowpipe_platform.orchestration.pending import unconsumed_days
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import ChangesTable

JOB = "snowpipe run"


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What was typed. Days are load days or analysis dates, ends included. every: of a range of analysis dates one in
    so many."""

    tables: Sequence[str] = ()
    partition: date | None = None
    start: date | None = None
    end: date | None = None
    every: int = 1
    rebuild: bool = False
    confirmed: bool = False
    verify: bool = False
    override: str | None = None
    as_json: bool = False
    with_traceback: bool = False


def run(project: Project, options: RunOptions) -> int:
    """The exit code. Raises ConfigurationError for tables or days that cannot be run."""
    if options.verify:
        return _verify(project, options)
    names = find_tables(options.tables, project.pipeline)
    if options.rebuild:
        steps = rebuild_steps(project.pipeline, names, options, dates=dates_made(project))
        if not (options.confirmed or _confirmed(project, steps)):
            return 1
    else:
        steps = _steps(project, names, options)
    identity = RunIdentity(run_id=f"cli-{uuid.uuid4()}", job=JOB)
    outcomes = carry_out(project, steps, identity, override=_override(options))
    if options.as_json:
        print_json(outcomes_json(outcomes))
    else:
        print_outcomes(outcomes)
        print_next_step(outcomes)
    if options.with_traceback:
        for outcome in outcomes:
            if outcome.error is not None:
                traceback.print_exception(outcome.error)
    return exit_code(outcomes)


def _verify(project: Project, options: RunOptions) -> int:
    from snowpipe_platform.commands.verify import verify_tables  # noqa: PLC0415 - a run compares nothing

    chosen = {
        "--rebuild": options.rebuild,
        "--publish-anyway": options.override is not None,
        "--partition": options.partition is not None,
        "--from": options.start is not None,
        "--to": options.end is not None,
        "--every": options.every > 1,
    }
    refused = [name for name, is_given in chosen.items() if is_given]
    if refused:
        raise ConfigurationError(f"--verify compares whole tables and writes nothing. Leave {refused[0]} out.")
    return verify_tables(project, options.tables, as_json=options.as_json, with_traceback=options.with_traceback)


def _steps(project: Project, names: Sequence[str], options: RunOptions) -> tuple[Step, ...]:
    """The days asked for. Where none is, first what earlier days left: decisions about their rows, or a stopped run.
    Who publishes in spite of a rule means the one day."""
    clock = project.ground.warehouse.clock()
    days = asked_days(project.pipeline, names, options, clock=clock)
    steps = plan_steps(project.pipeline, names, days, ended=ended_day(clock))
    if options.partition is not None or options.start is not None or options.override is not None:
        return steps
    left: list[Step] = []
    for table in project.pipeline.tables:
        if isinstance(table, ChangesTable) and table.name in names:
            with suppress(SnowpipeError):  # the table's own step says what is wrong with its log
                left += [Step(table.name, day) for day in unconsumed_days(table, project.ground) if day not in days]
    return (*left, *steps)


def _override(options: RunOptions) -> str | None:
    """Who publishes in spite of the rules, and why. For named tables only: nobody overrides a whole pipeline."""
    if options.override is None:
        return None
    if not options.tables or not options.override.strip():
        raise ConfigurationError("--publish-anyway takes the reason, and the names of the tables it is for.")
    return f"{getpass.getuser()}: {options.override.strip()}"


def carry_out(
    project: Project, steps: Sequence[Step], identity: RunIdentity, *, override: str | None = None
) -> list[Outcome]:
    """Every outcome, each reported to Dagster as soon as it is known."""
    with activity() as shown, open_reporter(project) as reporter:
        run = Run(
            pipeline=project.pipeline,
            steps=tuple(steps),
            identity=identity,
            override=override,
            on_start=lambda step: shown.update(step.title),
            progress=lambda rows: shown.update(f"{rows:,} rows read from the source"),
            notice=shown.say,
        )
        reported = (_reported(outcome, reporter, shown) for outcome in run_steps(run, project.ground))
        is_range = len({step.day for step in steps if _is_told(project, step)}) > 1
        outcomes = list(_day_by_day(reported, shown) if is_range else reported)
        problem = reporter.report_staleness(identity)
        if problem is not None:
            shown.say(problem)
        return outcomes


def _is_told(project: Project, step: Step) -> bool:
    """What a range is about: load days to extract, or analysis dates."""
    return step.name.startswith(BRONZE) or isinstance(project.pipeline.by_name.get(step.name), DatedTable)


def _day_by_day(outcomes: Iterable[Outcome], shown: Activity) -> Iterator[Outcome]:
    """Pass outcomes on; whenever another day begins, say how the last one went: a long range is never silent."""
    for day, of_day in groupby(outcomes, key=lambda outcome: outcome.step.day):
        done = []
        for outcome in of_day:
            done.append(outcome)
            yield outcome
        if day is not None:
            worst = max((outcome.status for outcome in done), key=lambda status: status.severity)
            bronze = [outcome for outcome in done if outcome.step.name.startswith(BRONZE)]
            landed = sum(outcome.new or 0 for outcome in bronze)
            what = f"{landed:,} rows landed" if bronze else ", ".join(outcome.step.name for outcome in done)
            shown.say(f"{day}: {what}, {worst.value}")


def _reported(outcome: Outcome, reporter: Reporter, shown: Activity) -> Outcome:
    problem = reporter.report(outcome)
    if problem is not None:
        shown.say(problem)
    return outcome


def ended_day(clock: datetime) -> date:
    """The last day that is over at the source."""
    return (clock - timedelta(days=1)).date()


def asked_days(pipeline: Pipeline, names: Sequence[str], options: RunOptions, *, clock: datetime) -> list[date]:
    """The days asked for; by default the one that has just ended at the source, whose clock is given, or is under way.
    Tables of analysis dates alone may have dates from before the first load day, and leave some out. Raises
    ConfigurationError for days that cannot be run."""
    current = (clock - timedelta(microseconds=1)).date()
    if options.partition is not None and (options.start is not None or options.end is not None):
        raise ConfigurationError("--partition names one day, --from and --to a range. Give one of the two.")
    if options.end is not None and options.start is None:
        raise ConfigurationError("--to needs --from, the first day of the range.")
    first = options.partition or options.start or current
    last = options.partition or options.end or current
    if last < first:
        raise ConfigurationError(f"the range ends on {last}, before it starts on {first}. Exchange --from and --to.")
    if last > clock.date():
        raise ConfigurationError(f"{last} has not begun at the source, whose clock says {clock:%Y-%m-%d %H:%M} UTC.")
    by_day = [name for name in names if not isinstance(pipeline.by_name.get(name), DatedTable)]
    if options.every > 1 and by_day:
        raise ConfigurationError(f"--every leaves days out, and {by_day[0]} needs each. Name tables of analysis dates.")
    _refuse_early(first, pipeline, by_day)
    return [first + timedelta(days=n) for n in range(0, (last - first).days + 1, options.every)]


def _refuse_early(first: date, pipeline: Pipeline, by_day: Sequence[str]) -> None:
    """by_day: tables that have no analysis dates."""
    begins, named = (pipeline.first_day, "day") if by_day else (pipeline.first_date, "analysis date")
    if first >= begins:
        return
    setting = "FIRST_ANALYSIS_DATE" if pipeline.first_date < pipeline.first_day and not by_day else "FIRST_DAY"
    msg = f"{first} is before the pipeline's first {named}, {begins} ({setting} of its package)."
    if by_day and first >= pipeline.first_date:
        dated = " ".join(t.name for t in pipeline.tables if isinstance(t, DatedTable))
        msg += f" Tables of analysis dates may have it: {dated}"
    raise ConfigurationError(msg)


def rebuild_steps(
    pipeline: Pipeline, names: Sequence[str], options: RunOptions, *, dates: Mapping[str, Collection[date]]
) -> tuple[Step, ...]:
    """A step for each table of the lake named; for each of its `dates` of one that has them. Raises ConfigurationError
    where there is none, or with days."""
    if options.partition or options.start or options.end:
        raise ConfigurationError("--rebuild takes in everything a table reads. Leave the days out.")
    bronze = [name for name in names if name.startswith(BRONZE)]
    steps = plan_rebuild(pipeline, names, dates=dates)
    if not steps:
        raise ConfigurationError(
            f"{', '.join(bronze)}: bronze is a log of what was extracted and is never rebuilt. "
            "Name the tables to rebuild from it."
        )
    if bronze and options.tables:
        sys.stderr.write(f"{', '.join(bronze)}: bronze is never rebuilt, left as it is\n")
    return steps


def dates_made(project: Project) -> dict[str, frozenset[date]]:
    """The analysis dates that tables have."""
    tables = [table for table in project.pipeline.tables if isinstance(table, DatedTable)]
    return {table.name: made_dates(project.ground.lake.state(table.name)).all for table in tables}


def _is_asked() -> bool:
    return sys.stdin.isatty()


def _confirmed(project: Project, steps: Sequence[Step]) -> bool:
    """Ask on a terminal; a script that pipes its input has decided already."""
    if not _is_asked():
        return True
    import typer  # noqa: PLC0415 - asked on a terminal only

    for name in dict.fromkeys(step.name for step in steps):
        state = project.ground.lake.state(name)
        rows = 0 if state is None else int(state.properties.get(ROWS_PROPERTY, 0))
        sys.stderr.write(f"{name:<32}{count(rows):>14} rows will be rebuilt\n")
    with suppress(typer.Abort):
        return typer.confirm("Rebuild these tables from everything they read?", err=True)
    return False

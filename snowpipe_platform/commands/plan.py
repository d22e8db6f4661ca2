"""`snowpipe plan`: what a run would do, before it does it."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from snowpipe_platform.commands.plan_report import Planned, plan_json, print_plan
from snowpipe_platform.commands.project import Project, find_tables
from snowpipe_platform.commands.run import RunOptions, asked_days, dates_made, ended_day, rebuild_steps
from snowpipe_platform.commands.terminal import activity, print_json
from snowpipe_platform.errors import SourceError, TransientSourceError
from snowpipe_platform.execution.outcome import Step
from snowpipe_platform.execution.preview_run import preview_run, stale_tables
from snowpipe_platform.execution.preview_source import remembered_clock
from snowpipe_platform.execution.run import plan_steps


def plan(project: Project, options: RunOptions, *, count: bool) -> int:
    """0: what a run would stumble over is part of the plan. Raises ConfigurationError for tables or days that cannot be
    run, SourceError or TransientSourceError where the source is asked and does not answer."""
    names = find_tables(options.tables, project.pipeline)
    days, steps = _steps(project, names, options, count=count)
    with activity() as shown:
        previews = tuple(
            preview_run(
                project.pipeline, steps, project.ground, count=count, on_start=lambda step: shown.update(step.title)
            )
        )
        shown.update("what changed code makes stale")
        stale = () if options.rebuild else tuple(stale_tables(project.pipeline, project.ground))
    planned = Planned(options, tuple(days), previews, stale, is_counted=count)
    if options.as_json:
        print_json(plan_json(planned))
    else:
        print_plan(planned)
    return 0


def _steps(
    project: Project, names: Sequence[str], options: RunOptions, *, count: bool
) -> tuple[list[date], tuple[Step, ...]]:
    """The steps that `snowpipe run` would take, and their days."""
    if options.rebuild:
        return [], rebuild_steps(project.pipeline, names, options, dates=dates_made(project))
    clock = _clock(project, options, count=count)
    days = asked_days(project.pipeline, names, options, clock=clock)
    return days, plan_steps(project.pipeline, names, days, ended=ended_day(clock))


def _clock(project: Project, options: RunOptions, *, count: bool) -> datetime:
    """The source's; without asking it, as it was last seen, or the end of the last day that is planned."""
    if not count:
        last = options.partition or options.end or options.start
        over = [] if last is None else [datetime.combine(last + timedelta(days=1), time())]
        return max([remembered_clock(project.pipeline, project.ground), *over])
    try:
        return project.ground.warehouse.clock()
    except (SourceError, TransientSourceError) as error:
        raise type(error)(f"{error} To plan without it: snowpipe plan --no-count") from error

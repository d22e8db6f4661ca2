"""`snowpipe reconcile`: load days held against their files, the source and silver."""

import traceback
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from snowpipe_platform.commands.deciding import agreed
from snowpipe_platform.commands.project import Project, find_table
from snowpipe_platform.commands.reconcile_report import Day, days_json, next_command, print_days
from snowpipe_platform.commands.reporter import Reporter, open_reporter
from snowpipe_platform.commands.terminal import Activity, activity, count, print_json
from snowpipe_platform.errors import ConfigurationError, SnowpipeError
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.reconciliation import Reconciliation, mend
from snowpipe_platform.execution.reconciliation import reconcile as reconcile_day
from snowpipe_platform.execution.reconciliation_plan import RECENT_DAYS, landed_days
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import ChangesTable

JOB = "snowpipe reconcile"


@dataclass(frozen=True, kw_only=True)
class ReconcileOptions:
    """What was typed."""

    tables: Sequence[str] = ()
    day: date | None = None
    start: date | None = None
    end: date | None = None
    mend: bool = False
    is_dry: bool = False
    confirmed: bool = False
    as_json: bool = False
    with_traceback: bool = False


def reconcile(project: Project, options: ReconcileOptions) -> int:
    """1 with a difference that is left, or a day that could not be compared. Raises ConfigurationError for a table that
    has no source, and for days that are none."""
    if options.is_dry and not options.mend:
        raise ConfigurationError("--dry-run says what --mend would do; without --mend nothing is written anyway.")
    asked = _asked(project, options)
    with activity() as shown, open_reporter(project) as reporter:
        days = [_compared(project, one, shown) for one in asked]
        if options.mend and not options.is_dry and _is_wanted(days, options):
            days = [_mended(project, day, shown, reporter) for day in days]
        for day in days:
            if day.result is not None and (problem := reporter.report_reconciled(day.asked, day.result)):
                shown.say(problem)
    if options.as_json:
        print_json({"dry_run": options.is_dry, "days": days_json(days), "next": next_command(days)})
    else:
        print_days(days, is_dry=options.is_dry)
    if options.with_traceback:
        for error in (day.error for day in days if day.error is not None):
            traceback.print_exception(error)
    return 1 if any(day.status.is_red for day in days) else 0


def _compared(project: Project, asked: Reconciliation, shown: Activity) -> Day:
    try:
        return Day(asked, reconcile_day(asked, project.ground, doing=shown.update))
    except SnowpipeError as error:
        return Day(asked, error=error)


def _mended(project: Project, day: Day, shown: Activity, reporter: Reporter) -> Day:
    """Compared again once it is mended."""
    if day.result is None or not day.result.mendable:
        return day
    shown.update(f"{day.name} {day.asked.load_day}: reading again")
    try:
        results = mend(day.result, day.asked, project.ground)
    except SnowpipeError as error:
        return Day(day.asked, day.result, error=error)
    if problem := reporter.report_mended(day.asked, results):
        shown.say(problem)
    landed = sum(result.manifest.rows_landed for result in results if result.manifest is not None)
    return replace(_compared(project, day.asked, shown), landed=landed)


def _is_wanted(days: Sequence[Day], options: ReconcileOptions) -> bool:
    wanting = [day for day in days if day.result is not None and day.result.mendable]
    if not wanting:
        return False
    told = ", ".join(f"{day.name} {day.asked.load_day}" for day in wanting)
    return agreed(f"Read {count(len(wanting))} windows again ({told})?", confirmed=options.confirmed)


def _asked(project: Project, options: ReconcileOptions) -> list[Reconciliation]:
    """Every landed load day asked for, by table, oldest first."""
    _refuse_days(options)
    identity = RunIdentity(run_id=f"cli-{uuid.uuid4()}", job=JOB)
    pipeline, found = project.pipeline, []
    for entity in _entities(options.tables, pipeline):
        days = landed_days(project.ground.bronze.log(entity))
        chosen = list(_chosen(days, options))
        found += [Reconciliation(pipeline, pipeline.queries_by_entity[entity], day, identity) for day in chosen]
    if not found and options.day is not None:
        raise ConfigurationError(
            f"load day {options.day} has landed nothing. Land it: snowpipe run --partition {options.day}"
        )
    return found


def _chosen(days: Sequence[date], options: ReconcileOptions) -> Iterator[date]:
    if options.day is None and options.start is None:
        yield from days[-RECENT_DAYS:]
        return
    first, last = options.day or options.start, options.day or options.end
    yield from (day for day in days if (first is None or first <= day) and (last is None or day <= last))


def _refuse_days(options: ReconcileOptions) -> None:
    if options.day is not None and (options.start is not None or options.end is not None):
        raise ConfigurationError("--day names one day, --from and --to a range. Give one of the two.")
    if options.end is not None and options.start is None:
        raise ConfigurationError("--to needs --from, the first day of the range.")
    if options.start is not None and options.end is not None and options.end < options.start:
        msg = f"the range ends on {options.end}, before it starts on {options.start}. Exchange --from and --to."
        raise ConfigurationError(msg)


def _entities(names: Sequence[str], pipeline: Pipeline) -> list[str]:
    """Of bronze and of changes tables. Raises ConfigurationError for any other table."""
    wanted = {_entity(name, pipeline) for name in names}
    return [entity for entity in pipeline.queries_by_entity if not names or entity in wanted]


def _entity(name: str, pipeline: Pipeline) -> str:
    if name in pipeline.queries_by_entity:
        return name
    full = find_table(name, pipeline)
    table = pipeline.by_name.get(full)
    if full.startswith(BRONZE):
        return full.removeprefix(BRONZE)
    if isinstance(table, ChangesTable):
        return table.source
    known = ", ".join(f"{BRONZE}{entity}" for entity in pipeline.queries_by_entity)
    raise ConfigurationError(f"{full} has no source of its own to be held against. Name one that has: {known}.")

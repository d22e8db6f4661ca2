"""`snowpipe adopt`: take in the files that wait under `arrivals`."""

import time
import traceback
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from snowpipe_platform.commands.arrivals_report import Adopted, adopted_json, exit_code, print_adopted
from snowpipe_platform.commands.project import Project, find_table
from snowpipe_platform.commands.reporter import Reporter, open_reporter
from snowpipe_platform.commands.terminal import Activity, activity, print_json
from snowpipe_platform.errors import ConfigurationError, SnowpipeError
from snowpipe_platform.execution.adoption import AdoptionRequest, AdoptionResult, preview
from snowpipe_platform.execution.adoption import adopt as adopt_files
from snowpipe_platform.execution.arrivals import SETTLE_SECONDS, Arrivals, current_load_day, look
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.run import BRONZE

JOB = "snowpipe adopt"
FILES_AT_ONCE = 100
"""Between two portions another run may write the entity, and the terminal says how far it is."""


@dataclass(frozen=True, kw_only=True)
class AdoptOptions:
    """What was typed."""

    table: str | None = None
    dry_run: bool = False
    as_json: bool = False
    with_traceback: bool = False


def adopt(project: Project, options: AdoptOptions) -> int:
    """The exit code. Raises ConfigurationError for a table that nothing is dropped for."""
    entities = _entities(project, options.table)
    with activity() as shown, open_reporter(project) as reporter:
        found = _settled(project, entities, shown)
        day = _load_day(project) if any(one.ready for one in found) else None
        work = _Work(project, RunIdentity(run_id=f"cli-{uuid.uuid4()}", job=JOB), shown, reporter)
        done = [_preview(work, one, day) if options.dry_run else _carry_out(work, one, day) for one in found]
    if options.as_json:
        print_json(adopted_json(project, done, dry_run=options.dry_run))
    else:
        print_adopted(project, done, dry_run=options.dry_run)
    if options.with_traceback:
        for error in (error for one in done for error in one.errors):
            traceback.print_exception(error)
    return exit_code(done)


@dataclass(frozen=True)
class _Work:
    """What the files of every entity are adopted with."""

    project: Project
    identity: RunIdentity
    shown: Activity
    reporter: Reporter

    def request(self, arrivals: Arrivals, day: date) -> AdoptionRequest:
        queries, paths = self.project.pipeline.queries, tuple(file.path for file in arrivals.ready)
        query = self.project.pipeline.queries_by_entity[arrivals.entity]
        return AdoptionRequest(query, queries.source_system, day, self.identity, paths)


def _entities(project: Project, table: str | None) -> list[str]:
    if table is None:
        return list(project.pipeline.queries_by_entity)
    name = find_table(table if "/" in table else f"{BRONZE}{table}", project.pipeline)
    if not name.startswith(BRONZE):
        raise ConfigurationError(f"{name} takes no files: they are dropped for bronze. Name a table of bronze.")
    return [name.removeprefix(BRONZE)]


def _load_day(project: Project) -> date:
    day, first = current_load_day(project.ground), project.pipeline.first_day
    if day < first:
        msg = f"the day at the source, {day}, is before the pipeline's first day, {first} (FIRST_DAY of its package)."
        raise ConfigurationError(msg)
    return day


def _settled(project: Project, entities: Sequence[str], shown: Activity) -> list[Arrivals]:
    """How the files stand; a file that was copied here a moment ago is waited for, once."""
    found = [look(entity, project.ground, now=_now()) for entity in entities]
    fresh = [file for one in found for file in one.unsettled]
    if not fresh:
        return found
    last = max(file.modified_at for file in fresh) + timedelta(seconds=SETTLE_SECONDS)
    shown.update(f"{fresh[-1].path} was written a moment ago: waiting until it has settled")
    time.sleep(min(max((last - _now()).total_seconds(), 0.0), SETTLE_SECONDS))
    return [look(entity, project.ground, now=_now()) for entity in entities]


def _preview(work: _Work, arrivals: Arrivals, day: date | None) -> Adopted:
    if day is None or not arrivals.ready:
        return Adopted(arrivals)
    return Adopted(arrivals, preview(work.request(arrivals, day), work.project.ground))


def _carry_out(work: _Work, arrivals: Arrivals, day: date | None) -> Adopted:
    """What became of an entity's files. An error of one entity stops no other, and what was adopted is reported."""
    if day is None or not arrivals.ready:
        return Adopted(arrivals)
    request, error = work.request(arrivals, day), None
    result = AdoptionResult(request, ())
    try:
        for start in range(0, len(request.paths), FILES_AT_ONCE):
            work.shown.update(f"bronze/{arrivals.entity}: {start:,} of {len(request.paths):,} files")
            part = replace(request, paths=request.paths[start : start + FILES_AT_ONCE])
            result = AdoptionResult(request, (*result.files, *adopt_files(part, work.project.ground).files))
    except SnowpipeError as found:
        error = found
    problem = work.reporter.report_adoption(result) if result.manifests else None
    if problem is not None:
        work.shown.say(problem)
    return Adopted(arrivals, result, error)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)

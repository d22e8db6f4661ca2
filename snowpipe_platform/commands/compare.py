"""`snowpipe compare`: close what was deleted at the source, open what is back."""

import traceback
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from snowpipe_platform.commands.deciding import DRY_RUN, insists
from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.queries import find_entity
from snowpipe_platform.commands.reporter import Reporter, open_reporter
from snowpipe_platform.commands.terminal import (
    Activity,
    Line,
    activity,
    count,
    print_json,
    print_lines,
    print_next,
    print_text,
    print_wrapped,
)
from snowpipe_platform.errors import ConfigurationError, SnowpipeError, TooManyDeletesError
from snowpipe_platform.execution import comparison
from snowpipe_platform.execution.comparison import ComparisonRequest, ComparisonResult
from snowpipe_platform.execution.comparison_plan import why_not_comparable
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.spec.extraction import Query

JOB = "snowpipe compare"
TITLES = ("table", "at source", "open", "gone", "back", "tombstones")
OK, UNCHANGED, PLANNED, FAILED = "ok", "unchanged", "planned", "FAILED"


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """What was typed."""

    entities: tuple[str, ...] = ()
    dry_run: bool = False
    confirmed: bool = False
    as_json: bool = False
    with_traceback: bool = False


@dataclass(frozen=True)
class Compared:
    """What became of one query's comparison."""

    query: Query
    result: ComparisonResult | None = None
    error: SnowpipeError | None = None
    is_dry: bool = False

    @property
    def status(self) -> str:
        if self.result is None:
            return FAILED
        if self.is_dry:
            return PLANNED if self.result.counts.gone or self.result.counts.back else UNCHANGED
        return UNCHANGED if self.result.manifest is None else OK


def compare(project: Project, options: CompareOptions) -> int:
    """1 when a comparison was refused or failed; it stops no other. Raises ConfigurationError for an entity that is
    none, or whose keys cannot be compared."""
    queries = _queries(project, options.entities)
    identity = RunIdentity(run_id=f"cli-{uuid.uuid4()}", job=JOB)
    with activity() as shown, open_reporter(project) as reporter:
        done = [_compared(project, query, identity, options, shown, reporter) for query in queries]
    if options.as_json:
        told = [_told(one) for one in done]
        print_json({"dry_run": options.dry_run, "comparisons": told, "next": _next(done, options)})
    else:
        _print(done, options)
    if options.with_traceback:
        for one in done:
            if one.error is not None:
                traceback.print_exception(one.error)
    return 1 if any(one.error is not None for one in done) else 0


def _queries(project: Project, names: Sequence[str]) -> list[Query]:
    by_entity = project.pipeline.queries_by_entity
    chosen = [by_entity[find_entity(name, project.pipeline)] for name in dict.fromkeys(names)]
    for query in chosen:
        if (reason := why_not_comparable(query)) is not None:
            raise ConfigurationError(f"query {query.name!r} {reason}.")
    found = chosen or [query for query in by_entity.values() if why_not_comparable(query) is None]
    if not found:
        raise ConfigurationError(
            "no query is extracted by a watermark and has a primary_key: there is nothing to compare."
        )
    return found


def _compared(  # noqa: PLR0913, PLR0917 - what a comparison is carried out with
    project: Project, query: Query, identity: RunIdentity, options: CompareOptions, shown: Activity, reporter: Reporter
) -> Compared:
    """A person on a terminal is asked when it is too many; the lease is not held meanwhile."""
    shown.update(f"{BRONZE}{query.entity}: reading the keys at the source")
    source = project.pipeline.queries.source_system
    request = ComparisonRequest(query, source, identity, is_confirmed=options.confirmed)
    try:
        if options.dry_run:
            return Compared(query, comparison.preview(request, project.ground), is_dry=True)
        try:
            result = comparison.compare(request, project.ground, notice=shown.say)
        except TooManyDeletesError as error:
            if not insists(f"{error}\nClose them all the same?"):
                raise
            result = comparison.compare(replace(request, is_confirmed=True), project.ground, notice=shown.say)
    except SnowpipeError as error:
        return Compared(query, error=error)
    problem = reporter.report_comparison(result) if result.manifest is not None else None
    if problem is not None:
        shown.say(problem)
    return Compared(query, result)


def _print(done: Sequence[Compared], options: CompareOptions) -> None:
    print_lines(TITLES, [_line(one) for one in done])
    for note in (note for one in done for note in _notes(one)):
        print_wrapped(note)
    if options.dry_run:
        print_text(DRY_RUN)
    command = _next(done, options)
    if command is not None:
        print_next(command)


def _line(one: Compared) -> Line:
    name = f"{BRONZE}{one.query.entity}"
    if one.result is None:
        return Line((name, *[count(None)] * 5), one.status, str(one.error))
    counts = one.result.counts
    tombstones = count(None if one.is_dry else one.result.tombstones)
    cells = (count(counts.at_source), count(counts.open), count(counts.gone), count(counts.back), tombstones)
    return Line((name, *cells), one.status)


def _notes(one: Compared) -> Iterator[str]:
    """The first keys, and what the numbers do not say."""
    if one.result is None:
        return
    for word, keys, total in (
        ("gone", one.result.gone, one.result.counts.gone),
        ("back", one.result.back, one.result.counts.back),
    ):
        if keys:
            named = "; ".join(", ".join(f"{name}={value}" for name, value in key.items()) for key in keys)
            more = f" and {total - len(keys):,} more" if total > len(keys) else ""
            yield f"{one.query.entity} {word}: {named}{more}"
    if one.is_dry and one.result.is_too_many:
        share = f"{one.query.max_deleted_share:.1%}"
        yield f"{one.query.entity}: more than max_deleted_share ({share}) of the open keys are gone; it takes --yes"


def _next(done: Sequence[Compared], options: CompareOptions) -> str | None:
    """What takes it further: the comparison itself after a dry run, else the run that brings it to silver."""
    if options.dry_run:
        names = "".join(f" {one.query.entity}" for one in done) if options.entities else ""
        return f"snowpipe compare{names}" if any(one.status == PLANNED for one in done) else None
    entries = [one.result.manifest for one in done if one.result is not None and one.result.manifest is not None]
    return f"snowpipe run --partition {entries[0].load_day}" if entries else None


def _told(one: Compared) -> dict[str, object]:
    """The stable keys."""
    result = one.result
    entry = None if result is None else result.manifest
    return {
        "table": f"{BRONZE}{one.query.entity}",
        "query": one.query.name,
        "status": one.status,
        "at": None if result is None else result.plan.extracted_at,
        "keys_at_source": None if result is None else result.counts.at_source,
        "keys_open": None if result is None else result.counts.open,
        "keys_gone": None if result is None else result.counts.gone,
        "keys_back": None if result is None else result.counts.back,
        "first_gone": [] if result is None else list(result.gone),
        "first_back": [] if result is None else list(result.back),
        "tombstones": None if result is None else result.tombstones,
        "rows_opened": None if result is None else result.opened,
        "entry": None if entry is None else entry.number,
        "load_day": None if entry is None else entry.load_day,
        "error": None if one.error is None else str(one.error),
    }

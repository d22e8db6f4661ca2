"""The schema history of an entity, from its log and the dead letters."""

from collections.abc import Iterator
from datetime import date, datetime

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.records import ClosedLetter, DeadLetter
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.schema_history import SCHEMA_DIFF, SOURCE_CLOCK, SchemaEvent, diff_of, schema_versions


def schema_history(query: Query, ground: Ground) -> list[SchemaEvent]:
    """Versions of the query's entity and what was refused, as they happened."""
    versions = schema_versions(ground.bronze.log(query.entity))
    return sorted([*versions, *_refused(query, ground)], key=lambda event: (event.at, _turn(event)))


def _turn(event: SchemaEvent) -> int:
    """Of what the source's clock puts at one moment: what a later run made up for comes before, what waits after."""
    return 1 if event.letter is None else 0 if event.closed else 2


def _refused(query: Query, ground: Ground) -> Iterator[SchemaEvent]:
    """A run that failed again replaced its letter; one that came through closed it."""
    for letter in ground.dead_letters.all():
        yield from _event(letter, query, None)
    for each in ground.dead_letters.closed():
        yield from _event(each.letter, query, each)


def _event(letter: DeadLetter, query: Query, ended: ClosedLetter | None) -> Iterator[SchemaEvent]:
    if letter.kind == "extraction" and letter.subject == query.name and SCHEMA_DIFF in letter.request:
        yield SchemaEvent(
            version=None,
            number=None,
            load_day=date.fromisoformat(letter.request["load_day"]),
            at=datetime.fromisoformat(letter.request[SOURCE_CLOCK]),
            columns=(),
            diff=diff_of(letter.request[SCHEMA_DIFF]),
            by=query.name,
            letter=letter.id,
            closed=None if ended is None else f"{ended.closing.outcome} by {ended.closing.by}: {ended.closing.reason}",
        )

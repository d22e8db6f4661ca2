"""`snowpipe state show|rebuild`: watermarks and leases, as the state store and the bronze log have them."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.queries import find_query, short_watermark, span
from snowpipe_platform.commands.standing import FAILED, NEVER_RUN, UNREADABLE
from snowpipe_platform.commands.terminal import (
    Line,
    print_json,
    print_lines,
    print_next,
    print_text,
    print_wrapped,
)
from snowpipe_platform.execution.extraction_interval import next_start
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.execution.watermark_index import mend_index, read_index
from snowpipe_platform.records import HeldLease
from snowpipe_platform.spec.bronze_log import standing
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.reach import reach_of, reads_source
from snowpipe_platform.spec.watermark import encode, latest

DIFFERS = "differs"
TITLES = ("query", "watermark (UTC)", "newest landed", "next run from")


@dataclass(frozen=True)
class WatermarkStanding:
    """One query. watermark: the live one, as the log says; stored: as the state store does. newest_landed: of the rows
    that count. next_start: what the next live run reads first, None for the beginning. skipped: what a person left out.

    Of a snapshot, which has no watermark, and of a log that cannot be read nothing is known but the note.
    """

    query: str
    table: str
    status: str
    watermark: str | None = None
    stored: str | None = None
    newest_landed: str | None = None
    lookback: str | None = None
    next_start: str | None = None
    skipped: tuple[tuple[str | None, str], ...] = ()
    note: str = ""


def show(project: Project, *, as_json: bool) -> int:
    """1 when a log cannot be read; an index that differs is no failure, the next run mends it too."""
    standings = [_standing(query, project.ground) for query in project.pipeline.queries.queries]
    leases = project.ground.state.leases()
    code = 1 if any(standing.status == FAILED for standing in standings) else 0
    if as_json:
        print_json({"queries": [asdict(each) for each in standings], "leases": [asdict(lease) for lease in leases]})
        return code
    print_lines(TITLES, [_line(standing) for standing in standings])
    print_text()
    _print_leases(leases)
    differing = [standing.query for standing in standings if standing.status == DIFFERS]
    if differing:
        print_next("snowpipe state rebuild" + (f" {differing[0]}" if len(differing) == 1 else ""))
    return code


def rebuild(project: Project, name: str | None, *, as_json: bool) -> int:
    """The index in the state store, made anew from the log: of one query, or of all. A store that is damaged, as after
    a full disk, is put aside and begun again."""
    queries = project.pipeline.queries.queries if name is None else [find_query(name, project.pipeline)]
    aside = project.ground.state.set_aside()
    if aside is not None:
        queries = project.pipeline.queries.queries
    found = []
    for query in queries:
        with project.ground.state.lease(f"{BRONZE}{query.entity}", holder=f"cli-{uuid.uuid4()}"):
            found.append(mend_index(query.name, project.ground.bronze.log(query.entity), project.ground))
    if as_json:
        told = [
            {"query": each.query, "was": each.stored, "is": each.logged, "mended": not each.agrees} for each in found
        ]
        print_json({"queries": told, "set_aside": aside})
        return 0
    if aside is not None:
        print_wrapped(f"the state store could not be read and now lies in {aside}; dead letters that waited are lost")
    lines = [
        Line(
            (each.query, short_watermark(each.stored), short_watermark(each.logged)),
            "unchanged" if each.agrees else "mended",
        )
        for each in found
    ]
    print_lines(("query", "was (UTC)", "is, by the log"), lines)
    return 0


def _standing(query: Query, ground: Ground) -> WatermarkStanding:
    """FAILED, with why, where the log cannot be read."""
    table = f"{BRONZE}{query.entity}"
    try:
        log = ground.bronze.log(query.entity)
        if query.mode == "full":
            return WatermarkStanding(query.name, table, "ok", note="mode full: every run reads the whole table")
        return _watermark(query, table, log, ground)
    except UNREADABLE as error:
        return WatermarkStanding(query.name, table, FAILED, note=str(error))


def _watermark(query: Query, table: str, log: Sequence[Manifest], ground: Ground) -> WatermarkStanding:
    index = read_index(query.name, log, ground)
    own = [entry for entry in log if entry.query == query.name]
    reach = reach_of(own)
    kind = reach.kind
    has_run = kind is not None and any(reads_source(entry) for entry in own)
    word = DIFFERS if not index.agrees else "ok" if has_run else NEVER_RUN
    start = encode(next_start(query, kind, own)) if kind is not None else _declared_start(query)
    skipped = tuple((encode(each.lower), encode(each.upper) or "") for each in reach.skipped.intervals)
    files = [file for entry in standing(own) for file in entry.files]
    newest = latest(kind.parse(f.watermark_max) for f in files if f.watermark_max is not None) if kind else None
    found = WatermarkStanding(
        query.name, table, word, index.logged, index.stored, encode(newest), span(query.lookback), start, skipped
    )
    return replace(found, note=_note(found))


def _declared_start(query: Query) -> str | None:
    return None if query.initial_value is None else str(query.initial_value)


def _note(found: WatermarkStanding) -> str:
    stored = short_watermark(found.stored) if found.stored else "none"
    differs = (
        [f"the state store says {stored}: snowpipe state rebuild {found.query}"] if found.status == DIFFERS else []
    )
    skipped = [
        f"no run reads {short_watermark(low) if low else 'the beginning'} to {short_watermark(high)}"
        for low, high in found.skipped
    ]
    return "; ".join([*differs, f"lookback {found.lookback}", *skipped])


def _line(found: WatermarkStanding) -> Line:
    start = short_watermark(found.next_start) if found.next_start or not found.lookback else "the beginning"
    return Line(
        (found.query, short_watermark(found.watermark), short_watermark(found.newest_landed), start),
        found.status,
        found.note,
    )


def _print_leases(leases: Sequence[HeldLease]) -> None:
    if not leases:
        print_text("no lease is held: nothing is being written")
    for lease in leases:
        word = "running" if lease.is_alive else "gone: the next run takes the lease over"
        print_text(f"{lease.resource} is held by run {lease.holder}")
        print_wrapped(f"process {lease.pid} on {lease.host}, {word}")

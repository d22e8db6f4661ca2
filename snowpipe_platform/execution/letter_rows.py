"""Land rows that a query rule kept out, exactly as they were read: each once, however often it is asked for."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.errors import LakeError
from snowpipe_platform.execution.arrow_types import from_json_objects
from snowpipe_platform.execution.bronze_rows import operations, watermark_range
from snowpipe_platform.execution.decisions import Author, decision, record
from snowpipe_platform.execution.declared_types import INSTANT_TYPE
from snowpipe_platform.execution.extraction_plan import holding, source_schema
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.stored_rules import reasons_to_keep_out
from snowpipe_platform.records import BronzeRows, Closing, DeadLetter, Landed
from snowpipe_platform.spec.bronze_log import landings, last_extraction
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import (
    EXTRACTION_TIMESTAMP,
    INSTANT,
    NANOSECONDS,
    OPERATION,
    PLATFORM_COLUMNS,
    ROW_NUMBER,
    SOURCE_SYSTEM,
    BronzeFile,
    Manifest,
    day_folder,
)
from snowpipe_platform.spec.watermark import Interval, WatermarkKind, encode

LATER_STATE = "a later snapshot landed another state of its key"


@dataclass(frozen=True)
class Fate:
    """What becomes of one kept-out row: it is landed, it was known to be in bronze already, or it is kept and why."""

    letter: DeadLetter
    outcome: Literal["landed", "known", "kept"]
    reason: str = ""


@dataclass(frozen=True)
class RowsPlan:
    """fates: of each letter, in order. rows: those to land, as bronze keeps them; `_row_number`: the letter's place."""

    fates: tuple[Fate, ...]
    rows: pa.Table


def plan_rows(
    query: Query, letters: Sequence[DeadLetter], log: Sequence[Manifest], ground: Ground, *, anyway: bool
) -> RowsPlan:
    """Decide. anyway: whatever the rules say. Raises SourceError, TransientSourceError, or LakeError without a log."""
    own = [entry for entry in landings(log) if entry.query == query.name]
    last = last_extraction(own)
    if last is None:
        raise LakeError(f"query {query.name!r} has landed nothing its rows could join. Run 'snowpipe run' first.")
    schema = ibis.schema({column.name: column.type for column in last.columns}).to_pyarrow()
    lost = {place: names for place, letter in enumerate(letters) if (names := _lost_columns(letter, schema))}
    stored = _stored(query, letters, [place for place in range(len(letters)) if place not in lost], last, schema)
    new = _new_rows(query, stored, own, schema, ground)
    kept = {place: f"has columns that bronze does not keep any more: {names}" for place, names in lost.items()}
    if query.mode == "full":
        kept |= dict.fromkeys(_superseded(query, new, own, schema, ground), LATER_STATE)
    if not anyway and new.num_rows:
        reasons = reasons_to_keep_out(query, new, source_schema(query, ground.warehouse), ground.warehouse)
        found = zip(new[ROW_NUMBER].to_pylist(), reasons, strict=True)
        kept = {place: reason for place, reason in found if reason} | kept
    is_new = set(new[ROW_NUMBER].to_pylist())
    fates = (
        Fate(letter, "kept", kept[place]) if place in kept else Fate(letter, "landed" if place in is_new else "known")
        for place, letter in enumerate(letters)
    )
    landing = pc.invert(pc.is_in(new[ROW_NUMBER], value_set=pa.array(list(kept), pa.int64())))
    return RowsPlan(tuple(fates), new.filter(landing))


def land_rows(
    query: Query, letters: Sequence[DeadLetter], ground: Ground, author: Author, *, anyway: bool
) -> tuple[Fate, ...]:
    """Land what can be, each row for the load day that read it, and take it and what was known off the list.

    A crash in between leaves rows landed and letters waiting; the next time they are known. Raises as `plan_rows`.
    """
    plans: list[RowsPlan] = []

    def decide(log: list[Manifest]) -> list[Manifest]:
        plans.append(plan_rows(query, letters, log, ground, anyway=anyway))
        return _entries(query, letters, plans[0].rows, log, ground, author)

    record(query.entity, ground, author, decide)
    now = datetime.now(UTC).replace(tzinfo=None)
    for outcome, reason in (("landed", author.reason), ("known", "its row was in bronze already")):
        done = [fate.letter.id for fate in plans[0].fates if fate.outcome == outcome]
        ground.dead_letters.close(done, Closing("landed", author.by, reason, now))
    return plans[0].fates


def _lost_columns(letter: DeadLetter, schema: pa.Schema) -> str:
    return ", ".join(sorted(set(json.loads(letter.rows[0])) - set(schema.names)))


def _stored(
    query: Query, letters: Sequence[DeadLetter], places: Sequence[int], last: Manifest, schema: pa.Schema
) -> pa.Table:
    """The letters' rows with the platform's columns but the hash, by watermark and key as a source gives them."""
    chosen = [letters[place] for place in places]
    instants = [datetime.fromisoformat(letter.request["instant"]) for letter in chosen]
    rows = from_json_objects([letter.rows[0] for letter in chosen], schema)
    columns = {
        EXTRACTION_TIMESTAMP: pa.array([letter.failed_at for letter in chosen], INSTANT_TYPE),
        SOURCE_SYSTEM: pa.array([last.source_system] * len(chosen), pa.string()),
        ROW_NUMBER: pa.array(places, pa.int64()),
        INSTANT: pa.array(instants, INSTANT_TYPE),
        NANOSECONDS: pa.array([int(letter.request["nanoseconds"]) for letter in chosen], pa.int16()),
        OPERATION: operations(query, rows),
    }
    for name, values in columns.items():
        rows = rows.append_column(name, values)
    order = [*([watermark] if (watermark := _watermark(query)) else []), *map(str.lower, query.primary_key)]
    return rows.sort_by([(name, "ascending") for name in order])


def _watermark(query: Query) -> str | None:
    return None if query.mode == "full" else (query.watermark_column or "").lower()


def _kind(query: Query, schema: pa.Schema) -> WatermarkKind | None:
    watermark = _watermark(query)
    if watermark is None:
        return None
    return WatermarkKind.of(ibis.Schema.from_pyarrow(schema)[watermark], column=watermark)


def _new_rows(query: Query, stored: pa.Table, own: Sequence[Manifest], schema: pa.Schema, ground: Ground) -> pa.Table:
    """Those that are not in bronze, with their content hash."""
    watermark, kind = _watermark(query), _kind(query, schema)
    low, high = watermark_range(stored, watermark, kind)
    if kind is not None and low is not None and high is not None:
        has_nulls = stored[watermark].null_count > 0
        own = [holding(entry, kind, Interval(low, kind.next(high)), with_nulls=has_nulls) for entry in own]
    key = [name.lower() for name in query.primary_key]
    landed = Landed(tuple(own), _locations(own, ground))
    recognizer = ground.recognizer(schema=schema, key=key, watermark=watermark, landed=landed)
    try:
        batches = stored.combine_chunks().to_batches()
        batch = batches[0] if batches else pa.RecordBatch.from_pylist([], stored.schema)
        return recognizer.new_rows(batch).rows
    finally:
        recognizer.close()


def _superseded(query: Query, new: pa.Table, own: Sequence[Manifest], schema: pa.Schema, ground: Ground) -> list[int]:
    """Places of rows whose key has a later state. Snapshots are compared with the last state: the row would undo it."""
    columns = ibis.schema(dict(ibis.Schema.from_pyarrow(schema).items()) | PLATFORM_COLUMNS)
    with ground.engine.session() as session:
        session.bind("landed", BronzeRows(tuple(own), _locations(own, ground), columns))
        session.bind("stored", new)
        landed, stored = ibis.table(columns, name="landed"), ibis.table(columns, name="stored")
        same = [stored[name.lower()].identical_to(landed[name.lower()]) for name in query.primary_key]
        later = landed[EXTRACTION_TIMESTAMP] > stored[EXTRACTION_TIMESTAMP]
        found = session.fetch(stored.semi_join(landed, [*same, later]).select(ROW_NUMBER))
    return found[ROW_NUMBER].to_pylist()  # type: ignore[no-any-return]


def _locations(entries: Sequence[Manifest], ground: Ground) -> dict[str, str]:
    return {file.path: ground.bronze.locate(file) for entry in entries for file in entry.files}


def _entries(  # noqa: PLR0913, PLR0917 - what an entry is made of
    query: Query,
    letters: Sequence[DeadLetter],
    rows: pa.Table,
    log: Sequence[Manifest],
    ground: Ground,
    author: Author,
) -> list[Manifest]:
    """One entry, and its files, for each load day that has rows to land."""
    days = [date.fromisoformat(letters[place].request["load_day"]) for place in rows[ROW_NUMBER].to_pylist()]
    entries: list[Manifest] = []
    for day in sorted(set(days)):
        of_day = rows.filter(pa.array([each == day for each in days], pa.bool_()))
        entries.append(_entry(query, of_day, day, [*log, *entries], ground, author))
    return entries


def _entry(  # noqa: PLR0913, PLR0917 - what an entry is made of
    query: Query, rows: pa.Table, day: date, log: Sequence[Manifest], ground: Ground, author: Author
) -> Manifest:
    now = datetime.now(UTC).replace(tzinfo=None)
    extraction_id = f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    last = last_extraction([entry for entry in log if entry.query == query.name])
    return decision(
        log,
        "extraction",
        author,
        load_day=day,
        extraction_id=extraction_id,
        query=query.name,
        query_fingerprint=query.fingerprint(),
        mode=query.mode,
        file_format=query.output_format,
        columns=() if last is None else last.columns,
        files=_files(query, rows, day_folder(day, query.partition_by, extracted_at=now), extraction_id, ground),
        watermark_column=_watermark(query),
        rows_read=rows.num_rows,
        rows_landed=rows.num_rows,
    )


def _files(query: Query, rows: pa.Table, folder: str, extraction_id: str, ground: Ground) -> tuple[BronzeFile, ...]:
    """What is written and not committed is removed by the next run."""
    numbered = rows.set_column(
        rows.schema.get_field_index(ROW_NUMBER), ROW_NUMBER, pa.array(range(rows.num_rows), pa.int64())
    )
    own = pa.schema([field for field in rows.schema if field.name not in PLATFORM_COLUMNS])
    watermark, kind = _watermark(query), _kind(query, own)
    attempt = ground.bronze.begin(
        query.entity, folder=folder, extraction_id=extraction_id, file_format=query.output_format
    )
    written = []
    for start in range(0, rows.num_rows, query.batch_size):
        part = numbered.slice(start, query.batch_size)
        low, high = watermark_range(part, watermark, kind)
        written.append(attempt.write(part, watermark_min=encode(low), watermark_max=encode(high)))
    return tuple(written)

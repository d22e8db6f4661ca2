"""Carry out one extraction attempt: read, recognise, write files. The manifest is returned, not committed."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.execution.arrow_types import json_objects
from snowpipe_platform.execution.bronze_rows import ReadRows, read_rows, refuse_failures, tombstones, watermark_range
from snowpipe_platform.execution.extraction_plan import ExtractionPlan
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.source_read import SourceRead
from snowpipe_platform.ports import BronzeAttempt, Recognizer
from snowpipe_platform.records import DeadLetter, Landed
from snowpipe_platform.spec.manifest import (
    INSTANT,
    NANOSECONDS,
    PLATFORM_COLUMNS,
    BronzeFile,
    ColumnSpec,
    Coverage,
    Manifest,
)
from snowpipe_platform.spec.watermark import Watermark, encode

Progress = Callable[[int], None]
"""Told the rows read so far."""


@dataclass
class Tally:
    """What an attempt has counted so far. read = landed + known + dropped."""

    read: int = 0
    landed: int = 0
    dropped: int = 0
    deleted: int = 0
    nulls: int = 0
    rule_failures: dict[str, int] = field(default_factory=dict)

    def add(self, read: ReadRows, *, landed: int, dropped: int, nulls: bool) -> None:
        self.read += read.rows.num_rows
        self.landed += landed
        self.dropped += dropped
        self.nulls += landed if nulls else 0
        for name, count in read.failures().items():
            self.rule_failures[name] = self.rule_failures.get(name, 0) + count

    @property
    def known(self) -> int:
        return self.read - self.landed - self.dropped


class _Files:
    """Cuts rows into files of `batch_size`; holds no more than a batch and what is left of the one before."""

    def __init__(self, plan: ExtractionPlan, attempt: BronzeAttempt) -> None:
        self._plan, self._attempt = plan, attempt
        self._waiting: list[pa.Table] = []
        self._rows_waiting = 0
        self.written: list[BronzeFile] = []

    def add(self, rows: pa.Table) -> None:
        if rows.num_rows:
            self._waiting.append(rows)
            self._rows_waiting += rows.num_rows
        if self._rows_waiting >= self._plan.query.batch_size:
            self._write(self._plan.query.batch_size)

    def finish(self) -> None:
        """Write what waits, so that the next rows start a file of their own."""
        if self._rows_waiting:
            self._write(1)

    def _write(self, least: int) -> None:
        """Write files of `batch_size` while at least `least` rows wait."""
        rows, start = pa.concat_tables(self._waiting), 0
        while rows.num_rows - start >= least:
            part = rows.slice(start, self._plan.query.batch_size)
            low, high = watermark_range(part, self._plan.watermark, self._plan.kind)
            self.written.append(self._attempt.write(part, watermark_min=encode(low), watermark_max=encode(high)))
            start += part.num_rows
        self._waiting, self._rows_waiting = [rows.slice(start)], rows.num_rows - start


class _Landing:
    """One attempt under way."""

    def __init__(self, plan: ExtractionPlan, ground: Ground, attempt: BronzeAttempt, recognizer: Recognizer) -> None:
        self._plan, self._ground, self._recognizer = plan, ground, recognizer
        self.files, self.tally = _Files(plan, attempt), Tally()
        self.end: Watermark | None = None
        """Where `max_batches` cut the interval: everything below is landed. None when nothing was cut."""
        self._full_at: Watermark | None = None

    def read(self, read: SourceRead, progress: Progress) -> None:
        """Land one statement's rows; none of a later part of the interval once it is cut."""
        if self.end is not None and not read.nulls:
            return
        for batch in self._ground.warehouse.stream(read.sql, read.parameters):
            rows = read_rows(self._plan, batch, start=self.tally.read, nulls=read.nulls)
            new, dropped = rows.parted(self._recognizer.new_rows(rows.batch).rows)
            end = self._end(new, read)
            if end is not None:
                rows = rows.where(self._below(rows.rows, end))
                new, dropped = (part.filter(self._below(part, end)) for part in (new, dropped))
            self._land(rows, new, dropped, nulls=read.nulls)
            progress(self.tally.read)
            if end is not None:
                self.end = end
                break
        self.files.finish()

    def delete_missing(self) -> None:
        """Land a tombstone for every key that the snapshot no longer has."""
        for keys in self._recognizer.missing_keys():
            self.files.add(tombstones(self._plan, keys, start=self.tally.read + self.tally.deleted))
            self.tally.deleted += keys.num_rows
        self.files.finish()

    def _land(self, read: ReadRows, new: pa.Table, dropped: pa.Table, *, nulls: bool) -> None:
        refuse_failures(self._plan, read)
        self.files.add(new)
        self.tally.add(read, landed=new.num_rows, dropped=dropped.num_rows, nulls=nulls)
        if dropped.num_rows:
            self._ground.dead_letters.put(*_letters(self._plan, read, dropped))

    def _end(self, new: pa.Table, read: SourceRead) -> Watermark | None:
        """Where to cut: above the watermark at which `max_batches` are full. Its tie is landed whole, so that the cut
        is a clean bound. A snapshot and the rows without a watermark are each one tie.
        """
        limit, size = self._plan.query.max_batches, self._plan.query.batch_size
        if limit is None or self._plan.watermark is None or read.nulls:
            return None
        room = limit * size - self.tally.landed
        if self._full_at is None and new.num_rows >= room:
            self._full_at = self._watermark_at(new, room - 1)
        if self._full_at is None:
            return None
        above = new.filter(pc.invert(self._below(new, self._full_at, or_equal=True)))
        return self._watermark_at(above, 0) if above.num_rows else None

    def _below(self, rows: pa.Table, bound: Watermark, *, or_equal: bool = False) -> pa.Array:
        column = rows[self._plan.watermark].combine_chunks()
        value = int(bound) if pa.types.is_integer(column.type) and isinstance(bound, Decimal) else bound
        return (pc.less_equal if or_equal else pc.less)(column, pa.scalar(value, column.type))

    def _watermark_at(self, rows: pa.Table, index: int) -> Watermark:
        if self._plan.kind is None:
            raise AssertionError(self._plan.query.name)
        return self._plan.kind.parse(rows[self._plan.watermark][index].as_py())


def land(plan: ExtractionPlan, ground: Ground, attempt: BronzeAttempt, *, progress: Progress) -> Manifest:
    """Read everything the plan asks for into the attempt's files, and rows that rules keep out into the dead letters.

    Raises SourceError or TransientSourceError.
    """
    locations = {file.path: ground.bronze.locate(file) for m in plan.candidates for file in m.files}
    key = [name.lower() for name in plan.query.primary_key]
    landed = Landed(plan.candidates, locations)
    recognizer = ground.recognizer(schema=plan.schema, key=key, watermark=plan.watermark, landed=landed)
    try:
        landing = _Landing(plan, ground, attempt, recognizer)
        for read in plan.reads:
            landing.read(read, progress)
        if plan.bounds is None:
            landing.delete_missing()
    finally:
        recognizer.close()
    return _manifest(plan, ground, landing)


def _letters(plan: ExtractionPlan, read: ReadRows, dropped: pa.Table) -> Iterator[DeadLetter]:
    """One letter a row, named after its content: a row read again under lookback is there once."""
    texts = json_objects(dropped.drop_columns(list(PLATFORM_COLUMNS)))
    instants, fractions = dropped[INSTANT].to_pylist(), dropped[NANOSECONDS].to_pylist()
    rules = {rule.name: f"breaks {rule.name}: {rule.expression}" for rule in plan.query.rules}
    strict = [rule.name for rule in plan.query.rules if rule.on_violation == "dead_letter"]
    broken = read.broken_by(dropped)
    for text, instant, fraction, names in zip(texts, instants, fractions, broken, strict=True):
        content = f"{text}+{fraction}" if fraction else text
        yield DeadLetter(
            id=uuid.uuid5(uuid.NAMESPACE_OID, f"{plan.query.name}:{content}").hex,
            kind="rows",
            subject=plan.query.name,
            error="; ".join(rules[name] for name in names if name in strict),
            failed_at=plan.extracted_at,
            request={
                "load_day": plan.load_day.isoformat(),
                "instant": instant.isoformat(),
                "nanoseconds": str(fraction),
            },
            rows=(text,),
        )


def _coverage(plan: ExtractionPlan, end: Watermark | None) -> Coverage | None:
    if plan.bounds is None or plan.bounds.interval.is_empty:
        return None
    asked = plan.bounds.interval.upper
    upper = asked if end is None else end
    return Coverage(
        kind=plan.bounds.kind,
        lower=encode(plan.bounds.interval.lower),
        upper=encode(upper) or "",
        asked_upper=None if end is None else encode(asked),
    )


def _manifest(plan: ExtractionPlan, ground: Ground, landing: _Landing) -> Manifest:
    coverage, tally = _coverage(plan, landing.end), landing.tally
    return Manifest(
        entity=plan.query.entity,
        number=plan.number,
        extraction_id=plan.extraction_id,
        query=plan.query.name,
        query_fingerprint=plan.query.fingerprint(),
        mode=plan.query.mode,
        source_system=plan.source_system,
        load_day=plan.load_day,
        extracted_at=plan.extracted_at,
        run_id=plan.identity.run_id,
        file_format=plan.query.output_format,
        columns=tuple(
            ColumnSpec(name=name, type=str(dtype)) for name, dtype in ibis.Schema.from_pyarrow(plan.schema).items()
        ),
        files=tuple(landing.files.written),
        watermark_column=plan.watermark,
        coverage=coverage,
        moves_watermark=plan.bounds is not None and coverage is not None and plan.bounds.moves(coverage.interval.upper),
        complete=landing.end is None,
        rows_read=tally.read,
        rows_landed=tally.landed + tally.deleted,
        rows_known=tally.known,
        rows_dropped=tally.dropped,
        rows_deleted=tally.deleted,
        rows_above_bound=_count(ground, plan.above_bound),
        rows_null_watermark=_count(ground, plan.null_count),
        null_rows_landed=tally.nulls,
        rule_failures=tally.rule_failures,
        schema_changes=plan.schema_changes,
    )


def _count(ground: Ground, read: SourceRead | None) -> int | None:
    return None if read is None else int(str(ground.warehouse.scalar(read.sql, read.parameters)))

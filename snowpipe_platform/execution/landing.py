"""Carry out one extraction attempt: read, recognise, write files. The manifest is returned, not committed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.errors import SourceError
from snowpipe_platform.execution.arrow_types import INSTANT_TYPE, nanoseconds, to_bronze
from snowpipe_platform.execution.extraction_plan import ExtractionPlan, moves_watermark
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.source_read import RULE_PREFIX, SourceRead
from snowpipe_platform.ports import BronzeAttempt, Landed, Recognizer
from snowpipe_platform.spec.manifest import (
    CONTENT_HASH,
    DELETE,
    EXTRACTION_TIMESTAMP,
    INSTANT,
    NANOSECONDS,
    OPERATION,
    PLATFORM_COLUMNS,
    ROW_NUMBER,
    SOURCE_SYSTEM,
    UPSERT,
    BronzeFile,
    ColumnSpec,
    Coverage,
    Manifest,
)
from snowpipe_platform.spec.watermark import Watermark, WatermarkKind, encode

Progress = Callable[[int], None]
"""Told the rows read so far."""


@dataclass
class Tally:
    """What an attempt has counted so far."""

    read: int = 0
    known: int = 0
    dropped: int = 0
    deleted: int = 0
    nulls: int = 0
    rule_failures: dict[str, int] = field(default_factory=dict)
    dropped_rows: list[pa.Table] = field(default_factory=list)


@dataclass(frozen=True)
class Landing:
    """A finished attempt: the manifest to commit, and the rows that query rules kept out."""

    manifest: Manifest
    dropped: tuple[pa.Table, ...]


class _Files:
    """Cuts accepted rows into files of `batch_size`, and says when `max_batches` are full."""

    def __init__(self, plan: ExtractionPlan, attempt: BronzeAttempt) -> None:
        self._plan, self._attempt = plan, attempt
        self._waiting: list[pa.Table] = []
        self._rows_waiting = 0
        self.rows = 0
        self.written: list[BronzeFile] = []

    @property
    def room(self) -> int | None:
        """Rows until the soft limit; None without one."""
        limit = self._plan.query.max_batches
        return None if limit is None else max(limit * self._plan.query.batch_size - self.rows, 0)

    def add(self, rows: pa.Table) -> None:
        if rows.num_rows:
            self._waiting.append(rows)
            self._rows_waiting += rows.num_rows
            self.rows += rows.num_rows
        while self._rows_waiting >= self._plan.query.batch_size:
            self._write(self._plan.query.batch_size)

    def finish(self) -> None:
        if self._rows_waiting:
            self._write(self._rows_waiting)

    def _write(self, count: int) -> None:
        rows = pa.concat_tables(self._waiting)
        low, high = _range(rows.slice(0, count), self._plan)
        self.written.append(
            self._attempt.write(rows.slice(0, count), watermark_min=encode(low), watermark_max=encode(high))
        )
        rest = rows.slice(count)
        self._waiting, self._rows_waiting = ([rest] if rest.num_rows else []), rest.num_rows


def land(plan: ExtractionPlan, ground: Ground, attempt: BronzeAttempt, *, progress: Progress) -> Landing:
    """Read everything the plan asks for into the attempt's files. Raises SourceError or TransientSourceError."""
    files, tally = _Files(plan, attempt), Tally()
    recognizer = _recognizer(plan, ground)
    limit: Watermark | None = None
    try:
        for read in plan.reads:
            limit = _land_read(plan, read, ground, recognizer, files, tally, progress) or limit
        if plan.query.mode == "full" and limit is None:
            for keys in recognizer.missing_keys():
                files.add(_tombstones(plan, keys, start=tally.read + tally.deleted))
                tally.deleted += keys.num_rows
        files.finish()
    finally:
        recognizer.close()
    return Landing(_manifest(plan, ground, files, tally, limit), tuple(tally.dropped_rows))


def _recognizer(plan: ExtractionPlan, ground: Ground) -> Recognizer:
    locations = {file.path: ground.bronze.locate(file) for m in plan.candidates for file in m.files}
    return ground.recognizer(
        schema=plan.schema,
        key=[name.lower() for name in plan.query.primary_key],
        watermark=plan.query.watermark_column.lower() if plan.query.watermark_column else None,
        landed=Landed(plan.candidates, locations),
    )


def _land_read(  # noqa: PLR0913 - the parts of one attempt
    plan: ExtractionPlan,
    read: SourceRead,
    ground: Ground,
    recognizer: Recognizer,
    files: _Files,
    tally: Tally,
    progress: Progress,
) -> Watermark | None:
    """Land one statement's rows. Returns the watermark it stopped after when `max_batches` were full, else None."""
    limit: Watermark | None = None
    for batch in ground.warehouse.stream(read.sql, read.parameters):
        rows = _prepared(plan, batch, start=tally.read, nulls=read.nulls)
        tally.read += rows.num_rows
        progress(tally.read)
        found = recognizer.new_rows(_accepted(plan, batch, rows, tally))
        tally.known += found.known
        new, limit = _within(plan, found.rows, files.room, limit)
        files.add(new)
        tally.nulls += new.num_rows if read.nulls else 0
        if new.num_rows < found.rows.num_rows:
            tally.read -= found.rows.num_rows - new.num_rows
            return limit
    return None


def _within(
    plan: ExtractionPlan, rows: pa.Table, room: int | None, limit: Watermark | None
) -> tuple[pa.Table, Watermark | None]:
    """The rows that still fit. The limit is soft: the tie at the limit is finished, so the bound is a clean one."""
    if room is None or rows.num_rows == 0 or plan.interval is None:
        return rows, limit
    if limit is None:
        if rows.num_rows < room:
            return rows, None
        limit = _watermark_at(plan, rows, max(room - 1, 0))
    return rows.filter(pc.less_equal(_watermarks(plan, rows), pa.scalar(limit, _watermarks(plan, rows).type))), limit


def _prepared(plan: ExtractionPlan, batch: pa.RecordBatch, *, start: int, nulls: bool) -> pa.Table:
    """The batch in bronze types, with the platform's columns but the content hash."""
    rows = to_bronze(batch, plan.schema, time_zones=plan.query.time_zones)
    count = rows.num_rows
    watermark = _source_column(batch, plan.query.watermark_column)
    instants = pa.array([plan.default_instant] * count, INSTANT_TYPE)
    if not nulls and plan.kind in (WatermarkKind.TIMESTAMP, WatermarkKind.DATE):
        instants = rows[(plan.query.watermark_column or "").lower()].cast(INSTANT_TYPE)
    fraction = nanoseconds(watermark) if watermark is not None else pa.array([0] * count, pa.int16())
    numbers = pa.array(range(start, start + count), pa.int64())
    return _with_platform_columns(plan, rows, numbers=numbers, instants=instants, fraction=fraction, operation=UPSERT)


def _tombstones(plan: ExtractionPlan, keys: pa.RecordBatch, *, start: int) -> pa.Table:
    """One delete per key, at the extraction's instant, all other columns null."""
    count = keys.num_rows
    own = [keys.column(f.name) if f.name in keys.schema.names else pa.nulls(count, f.type) for f in plan.schema]
    rows = _with_platform_columns(
        plan,
        pa.table(own, schema=plan.schema),
        numbers=pa.array(range(start, start + count), pa.int64()),
        instants=pa.array([plan.extracted_at] * count, INSTANT_TYPE),
        fraction=pa.array([0] * count, pa.int16()),
        operation=DELETE,
    )
    return rows.append_column(CONTENT_HASH, pa.array([DELETE] * count, pa.string())).select(_column_order(plan))


def _with_platform_columns(  # noqa: PLR0913 - one per column
    plan: ExtractionPlan,
    rows: pa.Table,
    *,
    numbers: pa.Array,
    instants: pa.Array,
    fraction: pa.Array,
    operation: str,
) -> pa.Table:
    count = rows.num_rows
    columns = {
        EXTRACTION_TIMESTAMP: pa.array([plan.extracted_at] * count, INSTANT_TYPE),
        SOURCE_SYSTEM: pa.array([plan.source_system] * count, pa.string()),
        ROW_NUMBER: numbers,
        INSTANT: instants,
        NANOSECONDS: fraction,
        OPERATION: pa.array([operation] * count, pa.string()),
    }
    for name, values in columns.items():
        rows = rows.append_column(name, values)
    return rows


def _column_order(plan: ExtractionPlan) -> list[str]:
    return [*plan.schema.names, *PLATFORM_COLUMNS]


def _accepted(plan: ExtractionPlan, batch: pa.RecordBatch, rows: pa.Table, tally: Tally) -> pa.RecordBatch:
    """Rows that the query's rules let in; every rule's failures are counted. Raises SourceError for rule `fail`."""
    kept = None
    for rule in plan.query.rules:
        holds = _source_column(batch, RULE_PREFIX + rule.name)
        failures = rows.num_rows - (pc.sum(holds.cast(pa.int64())).as_py() or 0)
        tally.rule_failures[rule.name] = tally.rule_failures.get(rule.name, 0) + failures
        if failures and rule.on_violation == "fail":
            msg = (
                f"query {plan.query.name!r}: {failures:,} rows break the rule {rule.name!r} ({rule.expression}), whose "
                "on_violation is 'fail'. Nothing was landed. Mend the source, or let the rule 'land' or 'dead_letter'."
            )
            raise SourceError(msg)
        if rule.on_violation == "dead_letter":
            kept = holds if kept is None else pc.and_(kept, holds)
    if kept is not None and not pc.all(kept).as_py():
        dropped = rows.filter(pc.invert(kept))
        tally.dropped += dropped.num_rows
        tally.dropped_rows.append(dropped.select(plan.schema.names))
        rows = rows.filter(kept)
    return rows.combine_chunks().to_batches()[0] if rows.num_rows else pa.RecordBatch.from_pylist([], rows.schema)


def _source_column(batch: pa.RecordBatch, name: str | None) -> pa.Array | None:
    if name is None:
        return None
    index = next(i for i, found in enumerate(batch.schema.names) if found.lower() == name.lower())
    return batch.column(index)


def _watermarks(plan: ExtractionPlan, rows: pa.Table) -> pa.ChunkedArray:
    return rows[(plan.query.watermark_column or "").lower()]


def _watermark_at(plan: ExtractionPlan, rows: pa.Table, index: int) -> Watermark:
    value = _watermarks(plan, rows)[index].as_py()
    return plan.kind.parse(value) if plan.kind is not None else value


def _range(rows: pa.Table, plan: ExtractionPlan) -> tuple[Watermark | None, Watermark | None]:
    if plan.kind is None:
        return None, None
    found = pc.min_max(_watermarks(plan, rows)).as_py()
    low, high = found["min"], found["max"]
    return (None, None) if low is None else (plan.kind.parse(low), plan.kind.parse(high))


def _manifest(plan: ExtractionPlan, ground: Ground, files: _Files, tally: Tally, limit: Watermark | None) -> Manifest:
    coverage, moves = None, False
    if plan.interval is not None and plan.kind is not None and not plan.interval.is_empty:
        upper = plan.interval.upper if limit is None else plan.kind.next(limit)
        coverage = Coverage(kind=plan.kind, lower=encode(plan.interval.lower), upper=encode(upper) or "")
        moves = moves_watermark(plan, upper)
    counts = {
        "rows_above_bound": _count(ground, plan.above_bound),
        "rows_null_watermark": _count(ground, plan.null_count),
    }
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
        columns=tuple(_column_specs(plan.schema)),
        files=tuple(files.written),
        coverage=coverage,
        moves_watermark=moves,
        complete=limit is None,
        rows_read=tally.read,
        rows_landed=files.rows,
        rows_known=tally.known,
        rows_dropped=tally.dropped,
        rows_deleted=tally.deleted,
        null_rows_landed=tally.nulls,
        rule_failures=tally.rule_failures,
        schema_changes=plan.schema_changes,
        **counts,
    )


def _column_specs(schema: pa.Schema) -> Iterator[ColumnSpec]:
    for name, dtype in ibis.Schema.from_pyarrow(schema).items():
        yield ColumnSpec(name=name, type=str(dtype))


def _count(ground: Ground, read: SourceRead | None) -> int | None:
    if read is None:
        return None
    return int(str(ground.warehouse.scalar(read.sql, read.parameters)))

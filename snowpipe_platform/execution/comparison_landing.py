"""Carry out one comparison: read the keys, then land what follows. The manifest is returned, not committed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.errors import SourceError
from snowpipe_platform.execution.arrow_types import to_bronze
from snowpipe_platform.execution.bronze_rows import ReadRows, operations, read_rows, refuse_failures, tombstones
from snowpipe_platform.execution.comparison_plan import ComparisonPlan
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.log_entry import landed_entry
from snowpipe_platform.execution.row_files import RowFiles, Tally, letters, parsed
from snowpipe_platform.ports import BronzeAttempt, KeyComparer, Recognizer
from snowpipe_platform.records import KeyCounts, Landed, Parameter
from snowpipe_platform.spec.manifest import INSTANT, OPERATION, UPSERT, Manifest
from snowpipe_platform.spec.watermark import WatermarkKind

KEYS_PER_STATEMENT = 1_000
"""Well below what warehouses take as bound values of one statement, also with a key of a few columns."""

Key = tuple[Parameter, ...]


@contextmanager
def comparing(plan: ComparisonPlan, ground: Ground) -> Iterator[KeyComparer]:
    """The comparer over what the plan says is landed."""
    comparer = ground.key_comparer(
        schema=plan.schema,
        key=[name.lower() for name in plan.query.primary_key],
        watermark=plan.watermark or "",
        landed=Landed(plan.candidates, {f.path: ground.bronze.locate(f) for m in plan.candidates for f in m.files}),
        at=plan.extracted_at,
        unread=plan.unread,
        with_nulls=plan.query.on_null_watermark != "exclude",
    )
    try:
        yield comparer
    finally:
        comparer.close()


def compare_keys(plan: ComparisonPlan, ground: Ground, comparer: KeyComparer) -> KeyCounts:
    """Read the source's keys and compare. Raises SourceError, TransientSourceError."""
    read = plan.sql.keys()
    for batch in ground.warehouse.stream(read.sql, read.parameters):
        found = {name.lower() for name in batch.schema.names}
        schema = pa.schema([field for field in plan.schema if field.name in found])
        rows = to_bronze(batch, schema, time_zones=plan.query.time_zones)
        comparer.add(rows.append_column(OPERATION, operations(plan.query, rows)))
    return comparer.compare()


def land_found(plan: ComparisonPlan, ground: Ground, attempt: BronzeAttempt, comparer: KeyComparer) -> Manifest:
    """The manifest of what was found, written to the attempt: rows of the keys that are back, read by key, then a
    tombstone for each that is gone. Raises SourceError, TransientSourceError."""
    key = [name.lower() for name in plan.query.primary_key]
    nothing = Landed((), {})
    recognizer = ground.recognizer(schema=plan.schema, key=key, watermark=plan.watermark, landed=nothing, ordered=False)
    landing = _Landing(plan, ground, attempt, recognizer)
    try:
        for nulls in (False, True):
            for instant, keys in _portions(plan, comparer.back(nulls=nulls)):
                landing.open_again(keys, at=instant, nulls=nulls)
        for gone in comparer.gone():
            landing.bury(gone)
    finally:
        recognizer.close()
    return landing.entry()


class _Landing:
    """One comparison under way. Rows without a watermark, as tombstones are, lie in files of their own: a range of
    watermarks hides them."""

    def __init__(self, plan: ComparisonPlan, ground: Ground, attempt: BronzeAttempt, recognizer: Recognizer) -> None:
        self._plan, self._ground, self._recognizer = plan, ground, recognizer
        self._with, self._without = RowFiles(plan, attempt), RowFiles(plan, attempt)
        self._tally = Tally()
        self._numbered = 0

    def open_again(self, keys: list[Key], *, at: datetime, nulls: bool) -> None:
        """Land the rows of these keys as changes at that instant. A row that changed since the keys were read is left
        to the next extraction."""
        if nulls and self._plan.query.on_null_watermark == "fail":
            msg = (
                f"query {self._plan.query.name!r}: {len(keys):,} or more keys that were deleted are back without a "
                f"{self._plan.watermark}, and on_null_watermark is 'fail'. Nothing was landed. Fill it at the source, "
                "or let the query 'include' or 'exclude' such rows."
            )
            raise SourceError(msg)
        read = self._plan.sql.of_keys(keys, nulls=nulls)
        for batch in self._ground.warehouse.stream(read.sql, read.parameters):
            rows = read_rows(self._plan, batch, start=self._numbered, nulls=nulls, at=at)
            self._numbered += batch.num_rows
            self._land(rows.where(self._wanted(rows.rows, at)), nulls=nulls)

    def bury(self, keys: pa.RecordBatch) -> None:
        """Land a tombstone for each key."""
        self._without.add(tombstones(self._plan, keys, start=self._numbered))
        self._numbered += keys.num_rows
        self._tally.deleted += keys.num_rows

    def entry(self) -> Manifest:
        self._with.finish()
        self._without.finish()
        return landed_entry(self._plan, [*self._with.written, *self._without.written], self._tally, kind="comparison")

    def _land(self, read: ReadRows, *, nulls: bool) -> None:
        refuse_failures(self._plan, read)
        new, dropped = read.parted(self._recognizer.new_rows(read.batch).rows)
        (self._without if nulls else self._with).add(new)
        self._tally.add(read, landed=new.num_rows, dropped=dropped.num_rows, nulls=new.num_rows if nulls else 0)
        if dropped.num_rows:
            self._ground.dead_letters.put(*letters(self._plan, read, dropped))

    def _wanted(self, rows: pa.Table, at: datetime) -> pa.Array:
        is_live = pc.equal(rows[OPERATION], UPSERT).combine_chunks()
        marks = rows[self._plan.watermark].to_pylist()
        return pc.and_(is_live, pa.array([not self._is_read_later(mark, at) for mark in marks], pa.bool_()))

    def _is_read_later(self, value: object, at: datetime) -> bool:
        if value is None:
            return False
        mark = parsed(self._plan, value)
        if any(interval.meets(mark, mark) for interval in self._plan.unread.intervals):
            return False
        return self._plan.kind is WatermarkKind.NUMBER or _instant(mark) > at


def _portions(plan: ComparisonPlan, found: Iterator[pa.RecordBatch]) -> Iterator[tuple[datetime, list[Key]]]:
    """Keys of one instant, as many as one statement asks for, in the values that the source has."""
    names = [name.lower() for name in plan.query.primary_key]
    zones = {name.lower(): ZoneInfo(zone) for name, zone in plan.query.time_zones.items()}
    for batch in found:
        columns = [[_local(value, zones.get(name)) for value in batch.column(name).to_pylist()] for name in names]
        keyed = zip(batch.column(INSTANT).to_pylist(), zip(*columns, strict=True), strict=True)
        for instant, group in groupby(keyed, key=lambda each: each[0]):
            keys = [key for _, key in group]
            for start in range(0, len(keys), KEYS_PER_STATEMENT):
                yield instant, keys[start : start + KEYS_PER_STATEMENT]


def _local(value: Any, zone: ZoneInfo | None) -> Any:  # noqa: ANN401 - a value of any column
    """A column in local time is bronze's in UTC."""
    if zone is None or not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)


def _instant(mark: object) -> datetime:
    if isinstance(mark, datetime):
        return mark
    if isinstance(mark, date):
        return datetime.combine(mark, time())
    raise AssertionError(mark)

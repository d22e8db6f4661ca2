"""The source's rows of a load day's window against those landed, both ways. Nothing is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.execution.arrow_types import to_bronze
from snowpipe_platform.execution.bronze_rows import ReadRows, read_rows
from snowpipe_platform.execution.extraction_plan import (
    ExtractionPlan,
    Window,
    holding,
    plan_extraction,
    source_schema,
    watermark_sql,
)
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.reconciliation_files import Damages, file_difference
from snowpipe_platform.execution.reconciliation_lacking import CountedRows, Lacking
from snowpipe_platform.execution.reconciliation_plan import DayWindow, Difference, Found, Part, told
from snowpipe_platform.execution.reconciliation_rows import named_key, named_rows
from snowpipe_platform.execution.row_files import letters
from snowpipe_platform.execution.source_read import SourceRead, SourceSql
from snowpipe_platform.ports import WindowComparer
from snowpipe_platform.records import Landed, LandedWindow, Parameter
from snowpipe_platform.spec.bronze_log import landings
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.watermark import Interval, Watermark, WatermarkKind

Key = tuple[Parameter, ...]
KEYS_AT_ONCE = 500
"""In one statement: well below what Snowflake and DuckDB bind, and little against the way there."""
_NOTHING: Mapping[WatermarkKind, Watermark] = {
    WatermarkKind.TIMESTAMP: datetime(1970, 1, 1),  # noqa: DTZ001 - naive UTC
    WatermarkKind.DATE: datetime(1970, 1, 1).date(),  # noqa: DTZ001
    WatermarkKind.NUMBER: Decimal(0),
}
"""Both bounds of an interval that holds nothing."""


@dataclass(frozen=True)
class Asking:
    """Who asks. ground: its warehouse is read."""

    ground: Ground
    identity: RunIdentity
    source_system: str

    @cached_property
    def letter_ids(self) -> frozenset[str]:
        """Of every row that a rule ever kept out."""
        waiting, closed = self.ground.dead_letters.all(), self.ground.dead_letters.closed()
        return frozenset(one.id for one in [*waiting, *(ended.letter for ended in closed)] if one.kind == "rows")


def compare_source(window: DayWindow, log: Sequence[Manifest], asking: Asking, damages: Damages) -> Found:
    """Part by part of the window. Rows that lie in damaged files are not compared: what they were is not known.

    Raises SourceError, TransientSourceError, ConfigurationError, LakeError.
    """
    parts = [*window.intervals, *([None] if window.nulls else [])]
    return sum((_Part(window, interval, log, asking).compared(damages) for interval in parts), Found())


@dataclass
class _Part:
    """One interval of a window; None: the rows without a watermark."""

    window: DayWindow
    interval: Interval | None
    log: Sequence[Manifest]
    asking: Asking
    source_rows: int = 0
    lacking: Lacking = field(default_factory=Lacking)

    def compared(self, damages: Damages) -> Found:
        landed = self._landed()
        if damaged := damages.among(landed.rows.manifests):
            of_day = {entry.number for entry in self.window.entries}
            others = [(entry, file) for entry, file in damaged if entry.number not in of_day]
            entity = self.window.query.entity
            return Found(
                differences=tuple(file_difference(entity, e, f, damages.of(f) or "") for e, f in others),
                notes=(f"{told(self.interval)} was not compared with the source: mend the damaged files first",),
            )
        key = [name.lower() for name in self.window.query.primary_key]
        watermark = self.plan.watermark or ""
        factory = self.asking.ground.window_comparer
        comparison = factory(schema=self.plan.schema, key=key, watermark=watermark, landed=landed)
        try:
            for read in self._reads():
                self._read(read, comparison)
            gone = self._gone(comparison)
            return self._found() + gone + Found(source_rows=self.source_rows, gone=comparison.unshown_copies())
        finally:
            comparison.close()

    @cached_property
    def plan(self) -> ExtractionPlan:
        """The extraction that would read the part again."""
        nothing = _NOTHING[self.window.kind or WatermarkKind.TIMESTAMP]
        return plan_extraction(
            self.window.query,
            Window(self.window.load_day, exactly=self.interval or Interval(nothing, nothing)),
            log=self.log,
            warehouse=self.asking.ground.warehouse,
            identity=self.asking.identity,
            source_system=self.asking.source_system,
        )

    @cached_property
    def sql(self) -> SourceSql:
        query, warehouse = self.window.query, self.asking.ground.warehouse
        return watermark_sql(query, source_schema(query, warehouse), self.plan.schema, warehouse.dialect)

    def _reads(self) -> Iterator[SourceRead]:
        if self.interval is not None:
            yield from self.plan.reads
        elif (nulls := self.sql.nulls()) is not None:
            yield nulls

    def _landed(self) -> LandedWindow:
        own = [entry for entry in landings(self.log) if entry.query == self.window.query.name]
        rows = self.plan.candidates
        if self.interval is None and self.plan.bounds is not None:
            bounds = self.plan.bounds
            held = (holding(entry, bounds.kind, bounds.interval, with_nulls=True) for entry in own)
            rows = tuple(entry for entry in held if entry.files)
        history = [self._may_be_later(entry) for entry in own]
        files = [file for entry in own for file in entry.files]
        locations = {file.path: self.asking.ground.bronze.locate(file) for file in files}
        return LandedWindow(self.interval, Landed(rows, locations), Landed(tuple(history), locations))

    def _may_be_later(self, entry: Manifest) -> Manifest:
        """The entry with the files whose rows may have changed after the window began."""
        if self.interval is None or self.interval.lower is None or self.plan.kind is None:
            return entry
        kind, lower = self.plan.kind, self.interval.lower
        files = (f for f in entry.files if f.watermark_max is None or kind.parse(f.watermark_max) >= lower)  # type: ignore[operator]
        return entry.model_copy(update={"files": tuple(files)})

    def _read(self, read: SourceRead, comparison: WindowComparer) -> None:
        for batch in self.asking.ground.warehouse.stream(read.sql, read.parameters):
            rows = read_rows(self.plan, batch, start=self.source_rows, nulls=read.nulls)
            missing, dropped = rows.parted(comparison.new_rows(rows.batch).rows)
            self.source_rows += batch.num_rows
            self.lacking.pending += self._take(missing, comparison)
            if dropped.num_rows:
                self._account_for(rows, dropped)

    def _take(self, missing: pa.Table, comparison: WindowComparer) -> int:
        """Remember what is missing; returns how many rows wait for a later run."""
        waits = [self.window.waiting.holds(mark) for mark in self._marks(missing)]
        late = missing.filter(pa.array([not each for each in waits], pa.bool_()))
        closed = comparison.is_closed(late)
        query, lacking = self.window.query, self.lacking
        for rows, counted in ((late.filter(pc.invert(closed)), lacking.missing), (late.filter(closed), lacking.closed)):
            counted.add(rows.num_rows, named_rows(rows, query), self._marks(rows))
        return sum(waits)

    def _account_for(self, read: ReadRows, dropped: pa.Table) -> None:
        """Rows that a rule keeps out are in the dead letters, or lost."""
        is_kept = [letter.id in self.asking.letter_ids for letter in letters(self.plan, read, dropped)]
        waits = [self.window.waiting.holds(mark) for mark in self._marks(dropped)]
        self.lacking.kept_out += sum(is_kept)
        self.lacking.pending += sum(w and not k for w, k in zip(waits, is_kept, strict=True))
        is_lost = [not kept and not waiting for kept, waiting in zip(is_kept, waits, strict=True)]
        lost = dropped.filter(pa.array(is_lost, pa.bool_()))
        self.lacking.unkept.add(lost.num_rows, named_rows(lost, self.window.query), self._marks(lost))

    def _marks(self, rows: pa.Table) -> list[Watermark | None]:
        kind = self.plan.kind
        values = rows[self.plan.watermark].to_pylist()
        return [None if value is None or kind is None else kind.parse(value) for value in values]

    def _gone(self, comparison: WindowComparer) -> Found:
        """Keys that are landed as of the window, and that the source does not have there any more."""
        key = [name.lower() for name in self.window.query.primary_key]
        pending, elsewhere, deleted = 0, 0, CountedRows()
        for batch in comparison.unshown_keys():
            for start in range(0, batch.num_rows, KEYS_AT_ONCE):
                asked: list[Key] = [tuple(row.values()) for row in batch.slice(start, KEYS_AT_ONCE).to_pylist()]
                there = self._looked_up(asked)
                gone = [each for each in asked if each not in there]
                waits = [any(map(self.window.waiting.holds, marks)) for marks in there.values()]
                pending, elsewhere = pending + sum(waits), elsewhere + len(waits) - sum(waits)
                deleted.add(len(gone), (named_key(dict(zip(key, each, strict=True))) for each in gone))
        differences = self._differences("deleted at the source and not closed", deleted, self._compare())
        return Found(pending=pending, elsewhere=elsewhere, differences=differences)

    def _looked_up(self, keys: Sequence[Key]) -> dict[Key, list[Watermark | None]]:
        """Watermarks of the keys that the source has, wherever they stand."""
        names = [name.lower() for name in self.window.query.primary_key]
        wanted = dict.fromkeys([*names, self.plan.watermark])
        schema = pa.schema([self.plan.schema.field(name) for name in wanted])
        found: dict[Key, list[Watermark | None]] = {}
        for read in self.sql.watermarks_of_keys(keys):
            for batch in self.asking.ground.warehouse.stream(read.sql, read.parameters):
                rows = to_bronze(batch, schema, time_zones=self.window.query.time_zones)
                for row, mark in zip(rows.select(names).to_pylist(), self._marks(rows), strict=True):
                    found.setdefault(tuple(row.values()), []).append(mark)
        return found

    def _found(self) -> Found:
        lacking, entity = self.lacking, self.window.query.entity
        again = f"snowpipe reconcile bronze/{entity} --day {self.window.load_day} --mend"
        if self.window.is_cut:
            again = f"snowpipe run bronze/{entity} --partition {self.window.load_day}"
        closed = self._differences("at the source and closed in bronze", lacking.closed, self._compare())
        unkept = self._differences("kept out by a rule and in no dead letter", lacking.unkept, again)
        missing = self._differences("at the source and not in bronze", lacking.missing, again)
        return Found(
            pending=lacking.pending,
            kept_out=lacking.kept_out,
            differences=(*missing, *closed, *unkept),
            missing=self._spans(lacking.missing, lacking.unkept),
        )

    def _spans(self, *rows: CountedRows) -> tuple[Interval, ...]:
        """The part of the interval that holds them: no more is read again than has to be."""
        marks = [mark for each in rows for mark in (each.lowest, each.highest) if mark is not None]
        if not marks or self.interval is None or self.plan.kind is None:
            return ()
        upper = min(self.plan.kind.next(max(marks)), self.interval.upper)
        return (Interval(min(marks), upper),)

    def _compare(self) -> str:
        return f"snowpipe compare {self.window.query.entity}"

    def _differences(self, what: str, rows: CountedRows, mend: str) -> tuple[Difference, ...]:
        if not rows.rows:
            return ()
        where, keys = told(self.interval), rows.keys
        return (Difference(part=Part.SOURCE, where=where, what=what, rows=rows.rows, keys=keys, mend=mend),)

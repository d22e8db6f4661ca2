"""The rows of bronze: a source's columns in bronze types, and what the platform adds to each row."""

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.errors import SourceError
from snowpipe_platform.execution.arrow_types import RULE_PREFIX, nanoseconds, to_bronze
from snowpipe_platform.execution.declared_types import INSTANT_TYPE
from snowpipe_platform.execution.landing_plan import LandingPlan
from snowpipe_platform.spec.extraction import Query
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
)
from snowpipe_platform.spec.watermark import Watermark, WatermarkKind


@dataclass(frozen=True)
class ReadRows:
    """One batch as it was read. rows: in bronze types, with the platform's columns but the content hash.

    rules: for each of the query's rules, whether a row meets it. kept: whether the rules let the row in.
    """

    rows: pa.Table
    rules: dict[str, pa.Array]
    kept: pa.Array

    def where(self, chosen: pa.Array) -> "ReadRows":
        """The chosen rows only."""
        rules = {name: holds.filter(chosen) for name, holds in self.rules.items()}
        return ReadRows(self.rows.filter(chosen), rules, self.kept.filter(chosen))

    def slice(self, start: int, stop: int | None = None) -> "ReadRows":
        """The rows at `[start, stop)`."""
        length = None if stop is None else stop - start
        rules = {name: holds.slice(start, length) for name, holds in self.rules.items()}
        return ReadRows(self.rows.slice(start, length), rules, self.kept.slice(start, length))

    def then(self, later: "ReadRows") -> "ReadRows":
        """These rows, then the later ones."""
        rules = {name: pa.concat_arrays([holds, later.rules[name]]) for name, holds in self.rules.items()}
        return ReadRows(pa.concat_tables([self.rows, later.rows]), rules, pa.concat_arrays([self.kept, later.kept]))

    @property
    def batch(self) -> pa.RecordBatch:
        """The rows, to tell the new ones from those landed before."""
        batches = self.rows.combine_chunks().to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], self.rows.schema)

    def parted(self, new: pa.Table) -> tuple[pa.Table, pa.Table]:
        """Those of these rows that were not landed before, parted into what the rules let in and what they keep out.

        A row that was landed, whatever the rules were then, is neither.
        """
        if pc.all(self.kept).as_py() or not new.num_rows:
            return new, new.slice(0, 0)
        kept = self.kept.take(self._positions(new))
        return new.filter(kept), new.filter(pc.invert(kept))

    def broken_by(self, rows: pa.Table) -> list[list[str]]:
        """The rules that each of these rows breaks, by name."""
        positions = self._positions(rows)
        holds = {name: meets.take(positions).to_pylist() for name, meets in self.rules.items()}
        return [[name for name, met in holds.items() if not met[row]] for row in range(rows.num_rows)]

    def _positions(self, rows: pa.Table) -> pa.Array:
        return pc.index_in(rows[ROW_NUMBER], value_set=self.rows[ROW_NUMBER]).combine_chunks()

    def failures(self) -> dict[str, int]:
        """How many rows break each rule."""
        return {name: len(holds) - holds.true_count for name, holds in self.rules.items()}


def read_rows(
    plan: LandingPlan, batch: pa.RecordBatch, *, start: int, nulls: bool, at: datetime | None = None
) -> ReadRows:
    """A batch of the source as rows of bronze. start: rows read before. nulls: none of them has a watermark. at: when
    they changed, whatever their watermark is.

    Raises SourceError for a value that its column's type cannot hold.
    """
    count = batch.num_rows
    own = to_bronze(batch, plan.schema, time_zones=plan.query.time_zones)
    instants = _repeated(plan.default_instant if at is None else at, count, INSTANT_TYPE)
    fraction = _repeated(0, count, pa.int16())
    if plan.watermark is not None and not nulls and plan.kind is not WatermarkKind.NUMBER:
        fraction = nanoseconds(_source_column(batch, plan.watermark))
        if at is None:
            instants = pc.coalesce(own[plan.watermark].cast(INSTANT_TYPE), instants)
    operation = operations(plan.query, own)
    rows = _with_platform_columns(plan, own, start=start, instants=instants, fraction=fraction, operation=operation)
    rules = {rule.name: _source_column(batch, RULE_PREFIX + rule.name) for rule in plan.query.rules}
    kept = _repeated(value=True, count=count, dtype=pa.bool_())
    for rule in plan.query.rules:
        if rule.on_violation == "dead_letter":
            kept = pc.and_(kept, rules[rule.name])
    return ReadRows(rows, rules, kept)


def operations(query: Query, rows: pa.Table) -> pa.Array:
    """What each row, in bronze types, does to its key: delete where the query's soft_delete_column marks it."""
    upsert, name = _repeated(UPSERT, rows.num_rows, pa.string()), (query.soft_delete_column or "").lower()
    if name not in rows.column_names:
        return upsert
    marked = pc.fill_null(_marks(rows[name].combine_chunks()), fill_value=False)
    return pc.if_else(marked, pa.scalar(DELETE), upsert)


def _marks(column: pa.Array) -> pa.Array:
    """True, not zero, or not null."""
    if pa.types.is_boolean(column.type):
        return column
    is_temporal = pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)
    return pc.is_valid(column) if is_temporal else pc.not_equal(column, pa.scalar(0, column.type))


def refuse_failures(plan: LandingPlan, read: ReadRows) -> None:
    """Raises SourceError when rows break a rule whose on_violation is `fail`."""
    failures = read.failures()
    for rule in plan.query.rules:
        if rule.on_violation == "fail" and failures[rule.name]:
            msg = (
                f"query {plan.query.name!r}: {failures[rule.name]:,} rows break the rule {rule.name!r} "
                f"({rule.expression}), whose on_violation is 'fail'. Nothing was landed. Mend the source, or let the "
                "rule 'land' or 'dead_letter'."
            )
            raise SourceError(msg)


def tombstones(plan: LandingPlan, keys: pa.RecordBatch, *, start: int) -> pa.Table:
    """One delete per key, all other columns null; at the key's own `_instant` where it comes with one, else at the
    extraction's."""
    count = keys.num_rows
    own = [
        keys.column(f.name).cast(f.type) if f.name in keys.schema.names else pa.nulls(count, f.type)
        for f in plan.schema
    ]
    has_own = INSTANT in keys.schema.names
    rows = _with_platform_columns(
        plan,
        pa.table(own, schema=plan.schema),
        start=start,
        instants=keys.column(INSTANT) if has_own else _repeated(plan.extracted_at, count, INSTANT_TYPE),
        fraction=_repeated(0, count, pa.int16()),
        operation=_repeated(DELETE, count, pa.string()),
    )
    rows = rows.append_column(CONTENT_HASH, _repeated(DELETE, count, pa.string()))
    return rows.select([*plan.schema.names, *PLATFORM_COLUMNS])


def watermark_range(
    rows: pa.Table, watermark: str | None, kind: WatermarkKind | None
) -> tuple[Watermark | None, Watermark | None]:
    """The lowest and the highest there are."""
    if watermark is None or kind is None:
        return None, None
    found = pc.min_max(rows[watermark]).as_py()
    low, high = found["min"], found["max"]
    return (None, None) if low is None else (kind.parse(low), kind.parse(high))


def _with_platform_columns(  # noqa: PLR0913 - one per column
    plan: LandingPlan, rows: pa.Table, *, start: int, instants: pa.Array, fraction: pa.Array, operation: pa.Array
) -> pa.Table:
    count = rows.num_rows
    columns = {
        EXTRACTION_TIMESTAMP: _repeated(plan.extracted_at, count, INSTANT_TYPE),
        SOURCE_SYSTEM: _repeated(plan.source_system, count, pa.string()),
        ROW_NUMBER: pa.array(range(start, start + count), pa.int64()),
        INSTANT: instants,
        NANOSECONDS: fraction,
        OPERATION: operation,
    }
    for name, values in columns.items():
        rows = rows.append_column(name, values)
    return rows


def _repeated(value: object, count: int, dtype: pa.DataType) -> pa.Array:
    return pa.repeat(pa.scalar(value, dtype), count)


def _source_column(batch: pa.RecordBatch, name: str) -> pa.Array:
    return batch.column(next(i for i, found in enumerate(batch.schema.names) if found.lower() == name.lower()))

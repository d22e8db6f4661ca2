"""Decide what one extraction reads. Nothing is written here."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

import ibis
import pyarrow as pa

from snowpipe_platform.errors import ConfigurationError, SourceError, did_you_mean
from snowpipe_platform.execution.arrow_types import bronze_schema
from snowpipe_platform.execution.declared_types import declared_type
from snowpipe_platform.execution.extraction_interval import Bounds, Window, decide_bounds
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.landing_plan import LandingPlan
from snowpipe_platform.execution.source_read import SourceRead, SourceSql
from snowpipe_platform.ports import Warehouse
from snowpipe_platform.spec.bronze_log import landings
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.landed_columns import known_to_extraction
from snowpipe_platform.spec.manifest import BronzeFile, Manifest
from snowpipe_platform.spec.schema_change import Diff, decide_schema
from snowpipe_platform.spec.watermark import Interval, WatermarkKind, below_all, encode
from snowpipe_platform.spec.watermark_sql import placeholder_count

__all__ = [
    "ExtractionPlan",
    "Window",
    "describe_interval",
    "holding",
    "plan_extraction",
    "require_columns",
    "scalar",
    "source_columns",
    "source_schema",
    "watermark_sql",
]


@dataclass(frozen=True, kw_only=True)
class ExtractionPlan(LandingPlan):
    """One attempt at one query and load day, decided: what is read besides. bounds: None for a snapshot."""

    reads: tuple[SourceRead, ...]
    bounds: Bounds | None = None
    above_bound: SourceRead | None = None
    null_count: SourceRead | None = None

    @property
    def is_empty(self) -> bool:
        """There is nothing to ask the source."""
        return not self.reads

    @property
    def is_live(self) -> bool:
        """The run extends contiguous coverage and moves the live watermark."""
        return self.bounds is not None and self.bounds.is_live

    @property
    def interval(self) -> Interval | None:
        return None if self.bounds is None else self.bounds.interval

    @property
    def default_instant(self) -> datetime:
        """When a change without a watermark happened, as far as the source tells: the upper bound."""
        upper = self.interval.upper if self.interval is not None else None
        if isinstance(upper, datetime):
            return upper
        return datetime.combine(upper, time()) if isinstance(upper, date) else self.extracted_at


def plan_extraction(  # noqa: PLR0913 - everything a plan depends on
    query: Query,
    window: Window,
    *,
    log: Sequence[Manifest],
    warehouse: Warehouse,
    identity: RunIdentity,
    source_system: str,
) -> ExtractionPlan:
    """Read the source's clock and columns, and decide. Raises SourceError, TransientSourceError, ConfigurationError."""
    clock = warehouse.clock()
    source, columns, diff = source_columns(query, log, warehouse, at=clock)
    own = [manifest for manifest in log if manifest.query == query.name and manifest.kind != "arrival"]
    # What a person edited is no image of the source: compared with it, the source's own row would land again.
    landed = [manifest for manifest in landings(log) if manifest.query == query.name]
    common = {
        "query": query,
        "source_system": source_system,
        "load_day": window.load_day,
        "identity": identity,
        "extraction_id": f"{clock:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
        "number": (log[-1].number if log else 0) + 1,
        "extracted_at": clock,
        "schema": columns,
        "schema_diff": diff,
    }
    if query.mode == "full":
        snapshot = SourceSql(query, warehouse.dialect, tuple(source.names)).snapshot()
        # What was dropped by hand is not missing from a snapshot.
        extracted = tuple(manifest for manifest in landed if manifest.kind != "arrival")
        return ExtractionPlan(**common, reads=(snapshot,), candidates=extracted)
    sql = watermark_sql(query, source, columns, warehouse.dialect)
    dtype = ibis.Schema.from_pyarrow(columns)[(query.watermark_column or "").lower()]
    bounds = decide_bounds(
        query, window, own, clock=clock, dtype=dtype, highest=lambda: scalar(warehouse, sql.highest())
    )
    if bounds.is_live:
        _refuse_nulls(query, sql, warehouse)
    return ExtractionPlan(**common, **_incremental(bounds, landed, sql))  # type: ignore[arg-type]


def describe_interval(plan: ExtractionPlan) -> str:
    """The interval for a person: `[2024-03-01T00:00:00.000000, 2024-03-02T00:00:00.000000)`."""
    if plan.interval is None:
        return "snapshot"
    return f"[{encode(plan.interval.lower) or 'beginning'}, {encode(plan.interval.upper)})"


def source_schema(query: Query, warehouse: Warehouse) -> pa.Schema:
    """The query's columns as the source has them now."""
    return warehouse.schema(query.sql, (None,) * placeholder_count(query.sql, warehouse.dialect))


def source_columns(
    query: Query, log: Sequence[Manifest], warehouse: Warehouse, *, at: datetime
) -> tuple[pa.Schema, pa.Schema, Diff]:
    """The source's columns, what bronze keeps of them, and what changed since the last extraction."""
    source = source_schema(query, warehouse)
    kept = bronze_schema(source)
    found = dict(ibis.Schema.from_pyarrow(kept).items())
    require_columns(query, kept)
    known = known_to_extraction(log, found)
    decision = decide_schema(known, found, policy=query.on_schema_change, query=query.name, at=at)
    return source, pa.schema([field for field in kept if field.name in decision.columns]), decision.diff


def require_columns(query: Query, kept: pa.Schema) -> None:
    """Every column the query's declaration names is there. Raises ConfigurationError."""
    watermark = [query.watermark_column] if query.watermark_column else []
    mark = [query.soft_delete_column] if query.soft_delete_column else []
    for key, columns in (
        ("watermark_column", watermark),
        ("primary_key", query.primary_key),
        ("soft_delete_column", mark),
        ("time_zones", query.time_zones),
    ):
        for column in columns:
            if column.lower() not in kept.names:
                hint = did_you_mean(column.lower(), kept.names)
                msg = f"query {query.name!r}: {key} {column!r} is not returned by its SQL. {hint}"
                raise ConfigurationError(msg)
    for column in map(str.lower, mark):
        if pa.types.is_string(found := kept.field(column).type) or pa.types.is_binary(found):
            told = "text" if pa.types.is_string(found) else "binary"
            msg = (
                f"query {query.name!r}: soft_delete_column {column!r} is {told}, and what marks a delete is a boolean, "
                "a number, a date or a timestamp. Let the SQL return one, such as (status = 'deleted') AS is_deleted."
            )
            raise ConfigurationError(msg)
    for column in map(str.lower, query.time_zones):
        if not pa.types.is_timestamp(kept.field(column).type):
            found = kept.field(column).type
            msg = f"query {query.name!r}: time_zones names {column!r}, which is no timestamp but {found}."
            raise ConfigurationError(msg)
        if column in map(str.lower, watermark):
            msg = (
                f"query {query.name!r}: the watermark {column!r} is kept in local time, which repeats an "
                "hour a year. Convert it to UTC in the query's SQL."
            )
            raise ConfigurationError(msg)


def watermark_sql(query: Query, source: pa.Schema, columns: pa.Schema, dialect: str) -> SourceSql:
    """Writes the query's statements. Raises SourceError for a watermark that has no order both engines share."""
    column = (query.watermark_column or "").lower()
    kind = WatermarkKind.of(ibis.Schema.from_pyarrow(columns)[column], column=column)
    stored = next(field for field in source if field.name.lower() == column)
    lowest = below_all(ibis.dtype(declared_type(stored) or stored.type))
    return SourceSql(query, dialect, tuple(source.names), kind, lowest)


def scalar(warehouse: Warehouse, read: SourceRead) -> object:
    """The one value that the statement asks for."""
    return warehouse.scalar(read.sql, read.parameters)


def _refuse_nulls(query: Query, sql: SourceSql, warehouse: Warehouse) -> None:
    counting = sql.null_count() if query.on_null_watermark == "fail" else None
    count = int(str(scalar(warehouse, counting))) if counting is not None else 0
    if count:
        msg = (
            f"query {query.name!r}: {count:,} rows have no {query.watermark_column}, and on_null_watermark is 'fail'. "
            "Nothing was landed. Fill it at the source, or let the query 'include' or 'exclude' such rows."
        )
        raise SourceError(msg)


def _incremental(bounds: Bounds, landed: Sequence[Manifest], sql: SourceSql) -> dict[str, object]:
    """Only live runs read and count rows outside any window: those above the bound, those without a watermark."""
    reads = [sql.bounded(part) for part in bounds.parts]
    nulls = sql.nulls() if bounds.is_live and sql.query.on_null_watermark == "include" else None
    if nulls is not None:
        reads.append(nulls)
    candidates = [holding(m, bounds.kind, bounds.interval, with_nulls=nulls is not None) for m in landed]
    return {
        "bounds": bounds,
        "reads": tuple(reads),
        "candidates": tuple(manifest for manifest in candidates if manifest.files),
        "above_bound": sql.count_from(bounds.interval.upper) if bounds.is_live else None,
        "null_count": sql.null_count() if bounds.is_live else None,
    }


def holding(manifest: Manifest, kind: WatermarkKind, interval: Interval, *, with_nulls: bool) -> Manifest:
    """The manifest with those of its files that may hold an image of a row with a watermark of the interval."""

    def may_hold(file: BronzeFile) -> bool:
        if file.watermark_min is None or file.watermark_max is None:
            return with_nulls or manifest.mode == "full" or manifest.rows_deleted > 0
        return interval.meets(kind.parse(file.watermark_min), kind.parse(file.watermark_max))

    return manifest.model_copy(update={"files": tuple(file for file in manifest.files if may_hold(file))})

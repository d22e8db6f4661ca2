"""Decide what one extraction reads. Nothing is written here."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import ibis
import pyarrow as pa

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.arrow_types import bronze_schema
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.source_read import (
    SourceRead,
    bounded_read,
    count_above,
    count_null_watermarks,
    full_read,
    highest_watermark,
    null_read,
)
from snowpipe_platform.ports import Warehouse
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Manifest, live_watermark
from snowpipe_platform.spec.schema_change import decide_schema
from snowpipe_platform.spec.watermark import Interval, Watermark, WatermarkKind, encode, touches
from snowpipe_platform.spec.watermark_sql import placeholder_count


@dataclass(frozen=True)
class ExtractionPlan:
    """One attempt at one query and load day, decided: what is read, what it is compared with, what it will be called.

    extracted_at: the source's clock, UTC. is_live: it extends contiguous coverage and moves the live watermark.
    candidates: manifests that may hold images of the rows about to be read.
    """

    query: Query
    source_system: str
    load_day: date
    identity: RunIdentity
    extraction_id: str
    number: int
    extracted_at: datetime
    schema: pa.Schema
    schema_changes: tuple[str, ...]
    reads: tuple[SourceRead, ...]
    candidates: tuple[Manifest, ...]
    kind: WatermarkKind | None = None
    interval: Interval | None = None
    is_live: bool = False
    live_before: Watermark | None = None
    above_bound: SourceRead | None = None
    null_count: SourceRead | None = None
    is_empty: bool = False

    @property
    def default_instant(self) -> datetime:
        """When a change without a watermark happened, as far as the source tells: the upper bound."""
        upper = self.interval.upper if self.interval is not None else None
        return upper if isinstance(upper, datetime) else self.extracted_at


@dataclass(frozen=True)
class Window:
    """What was asked for: the load day, or a part of it that is over at `end`."""

    load_day: date
    end: datetime | None = None

    @property
    def start(self) -> datetime:
        return datetime(self.load_day.year, self.load_day.month, self.load_day.day)  # noqa: DTZ001 - naive UTC

    @property
    def until(self) -> datetime:
        return self.end if self.end is not None else self.start + timedelta(days=1)


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
    source, columns, changes = _columns(query, log, warehouse)
    common = {
        "query": query,
        "source_system": source_system,
        "load_day": window.load_day,
        "identity": identity,
        "extraction_id": f"{clock:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
        "number": (log[-1].number if log else 0) + 1,
        "extracted_at": clock,
        "schema": columns,
        "schema_changes": changes,
    }
    own = [manifest for manifest in log if manifest.query == query.name]
    if query.mode == "full":
        reads = (full_read(query, columns=source.names),)
        return ExtractionPlan(**common, reads=reads, candidates=tuple(own))  # type: ignore[arg-type]
    bounds = _bounds(query, window, own, clock=clock, columns=columns, source=source, warehouse=warehouse)
    return ExtractionPlan(**common, **_incremental(query, bounds, own, source, warehouse.dialect))  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Bounds:
    kind: WatermarkKind
    interval: Interval
    live: Watermark | None
    is_live: bool


def _columns(query: Query, log: Sequence[Manifest], warehouse: Warehouse) -> tuple[pa.Schema, pa.Schema, tuple[str, ...]]:
    """The source's columns, what bronze keeps of them, and what changed since the last extraction."""
    source = warehouse.schema(query.sql, (None,) * placeholder_count(query.sql, warehouse.dialect))
    found = ibis.Schema.from_pyarrow(bronze_schema(source))
    known = {c.name: ibis.dtype(c.type) for c in log[-1].columns} if log else None
    decision = decide_schema(known, dict(found.items()), policy=query.on_schema_change, query=query.name)
    kept = bronze_schema(source)
    _require(query, kept.names)
    return source, pa.schema([field for field in kept if field.name in decision.columns]), decision.changes


def _require(query: Query, names: Sequence[str]) -> None:
    needed = {"watermark_column": [query.watermark_column] if query.watermark_column else []}
    needed["primary_key"], needed["time_zones"] = list(query.primary_key), list(query.time_zones)
    for key, columns in needed.items():
        for column in columns:
            if column.lower() not in names:
                msg = f"query {query.name!r}: {key} {column!r} is not returned by its SQL. Found: {', '.join(names)}."
                raise ConfigurationError(msg)
    if query.watermark_column in query.time_zones:
        msg = (
            f"query {query.name!r}: the watermark {query.watermark_column!r} is kept in local time, which repeats an "
            "hour a year. Convert it to UTC in the query's SQL."
        )
        raise ConfigurationError(msg)


def _bounds(  # noqa: PLR0913 - everything an interval depends on
    query: Query,
    window: Window,
    own: Sequence[Manifest],
    *,
    clock: datetime,
    columns: pa.Schema,
    source: pa.Schema,
    warehouse: Warehouse,
) -> _Bounds:
    column = (query.watermark_column or "").lower()
    kind = WatermarkKind.of(ibis.Schema.from_pyarrow(columns)[column], column=column)
    _check_lookback(query, kind)
    live = live_watermark(own)
    if kind is WatermarkKind.NUMBER:
        return _numeric_bounds(query, window, own, live, source=source, clock=clock, warehouse=warehouse)
    upper = kind.at(min(window.until, clock - query.safety_lag))
    end = kind.at(window.until)
    if live is not None and not live < end:  # type: ignore[operator]
        return _Bounds(kind, Interval(kind.at(window.start), upper), live, is_live=False)
    return _Bounds(kind, Interval(_lower(query, kind, live), upper), live, is_live=True)


def _numeric_bounds(  # noqa: PLR0913 - everything an interval depends on
    query: Query,
    window: Window,
    own: Sequence[Manifest],
    live: Watermark | None,
    *,
    source: pa.Schema,
    clock: datetime,
    warehouse: Warehouse,
) -> _Bounds:
    kind = WatermarkKind.NUMBER
    if own and window.load_day < own[-1].load_day:
        msg = (
            f"query {query.name!r}: a numeric watermark has no days, so {window.load_day} cannot be backfilled. "
            f"Run the current day ({clock:%Y-%m-%d}) to land what is new."
        )
        raise ConfigurationError(msg)
    read = highest_watermark(query, kind, columns=source.names, dialect=warehouse.dialect)
    highest = warehouse.scalar(read.sql, read.parameters)
    lower = _lower(query, kind, live)
    if highest is None:
        return _Bounds(kind, Interval(Decimal(0), Decimal(0)), live, is_live=True)
    upper = kind.next(Decimal(str(highest)))
    return _Bounds(kind, Interval(lower, upper), live, is_live=True)


def _lower(query: Query, kind: WatermarkKind, live: Watermark | None) -> Watermark | None:
    if live is not None:
        return kind.earlier(live, query.lookback)
    return None if query.initial_value is None else kind.parse(query.initial_value)


def _check_lookback(query: Query, kind: WatermarkKind) -> None:
    is_number = isinstance(query.lookback, Decimal)
    if query.lookback and is_number != (kind is WatermarkKind.NUMBER):
        wanted = "a number" if kind is WatermarkKind.NUMBER else "a duration such as '2h'"
        msg = f"query {query.name!r}: lookback must be {wanted}, because its watermark is a {kind.value}."
        raise ConfigurationError(msg)


def _incremental(
    query: Query, bounds: _Bounds, own: Sequence[Manifest], source: pa.Schema, dialect: str
) -> dict[str, object]:
    columns, interval, kind = source.names, bounds.interval, bounds.kind
    reads = [] if interval.is_empty else [bounded_read(query, interval, kind, columns=columns, dialect=dialect)]
    nulls = null_read(query, columns=columns, dialect=dialect) if query.on_null_watermark == "include" else None
    if nulls is not None and bounds.is_live:
        reads.append(nulls)
    return {
        "kind": kind,
        "interval": interval,
        "is_live": bounds.is_live,
        "live_before": bounds.live,
        "reads": tuple(reads),
        "is_empty": not reads,
        "candidates": tuple(m for m in own if _may_hold(m, interval, with_nulls=nulls is not None)),
        "above_bound": count_above(query, interval.upper, kind, columns=columns, dialect=dialect)
        if bounds.is_live
        else None,
        "null_count": count_null_watermarks(query, columns=columns, dialect=dialect) if bounds.is_live else None,
    }


def _may_hold(manifest: Manifest, interval: Interval, *, with_nulls: bool) -> bool:
    if with_nulls and manifest.null_rows_landed:
        return True
    if manifest.coverage is None:
        return bool(manifest.files)
    parse = manifest.coverage.kind.parse
    return any(
        interval.meets(parse(file.watermark_min), parse(file.watermark_max))
        for file in manifest.files
        if file.watermark_min is not None and file.watermark_max is not None
    )


def moves_watermark(plan: ExtractionPlan, reached: Watermark) -> bool:
    """Whether covering the interval up to `reached` extends contiguous coverage."""
    if not plan.is_live or plan.interval is None:
        return False
    if plan.live_before is None:
        return True
    return touches(plan.live_before, Interval(plan.interval.lower, reached))


def describe_interval(plan: ExtractionPlan) -> str:
    """The interval for a person: `[2024-03-01T00:00:00.000000, 2024-03-02T00:00:00.000000)`."""
    if plan.interval is None:
        return "snapshot"
    return f"[{encode(plan.interval.lower) or 'beginning'}, {encode(plan.interval.upper)})"

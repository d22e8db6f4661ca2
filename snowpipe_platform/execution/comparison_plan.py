"""Decide what one comparison of a query's keys reads, and how it tells what is gone from what is back. Nothing is
written here."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import ibis

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.extraction_interval import next_start
from snowpipe_platform.execution.extraction_plan import source_columns, watermark_sql
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.landing_plan import LandingPlan
from snowpipe_platform.execution.source_read import SourceSql
from snowpipe_platform.ports import Warehouse
from snowpipe_platform.spec.bronze_log import landings
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.ranges import Ranges
from snowpipe_platform.spec.reach import reach_of
from snowpipe_platform.spec.watermark import Interval, WatermarkKind


@dataclass(frozen=True)
class ComparisonRequest:
    """One query whose keys are compared by one run. is_confirmed: a person says that more of the open keys than the
    query's max_deleted_share may be closed."""

    query: Query
    source_system: str
    identity: RunIdentity
    is_confirmed: bool = False


@dataclass(frozen=True, kw_only=True)
class ComparisonPlan(LandingPlan):
    """One comparison, decided. extracted_at: the source's clock before its keys were read; what is found happened then.

    load_day: as of dropped files, the day that is current at the source; at midnight the one that ends.
    candidates: what landed of the query. sql: writes its statements. unread: watermarks that no coming extraction
    reads.
    """

    sql: SourceSql
    unread: Ranges


def why_not_comparable(query: Query) -> str | None:
    """Why a query's keys cannot be compared, as the end of a sentence about it; None where they can."""
    if query.mode == "full":
        return "reads every key in each run and finds deletes itself (mode 'full')"
    return None if query.primary_key else "has no primary_key: its values are what is compared"


def plan_comparison(request: ComparisonRequest, *, log: Sequence[Manifest], warehouse: Warehouse) -> ComparisonPlan:
    """Read the source's clock and columns, and decide. log: read before, so that nothing in it is newer than the clock.

    Raises ConfigurationError for a query without keys to compare, SourceError, TransientSourceError.
    """
    query = request.query
    if (reason := why_not_comparable(query)) is not None:
        raise ConfigurationError(f"query {query.name!r} {reason}.")
    clock = warehouse.clock()
    source, columns, diff = source_columns(query, log, warehouse, at=clock)
    sql = watermark_sql(query, source, columns, warehouse.dialect)
    column = (query.watermark_column or "").lower()
    kind = WatermarkKind.of(ibis.Schema.from_pyarrow(columns)[column], column=column)
    own = [entry for entry in log if entry.query == query.name and entry.kind != "arrival"]
    return ComparisonPlan(
        query=query,
        source_system=request.source_system,
        load_day=(clock - timedelta(microseconds=1)).date(),
        identity=request.identity,
        extraction_id=f"{clock:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
        number=(log[-1].number if log else 0) + 1,
        extracted_at=clock,
        schema=columns,
        schema_diff=diff,
        candidates=tuple(entry for entry in landings(log) if entry.query == query.name and entry.files),
        sql=sql,
        unread=_unread(query, kind, own),
    )


def _unread(query: Query, kind: WatermarkKind, own: Sequence[Manifest]) -> Ranges:
    """What lies below the next live run's start, and what a person left out."""
    skipped, start = reach_of(own).in_kind(kind).skipped, next_start(query, kind, own)
    return skipped if start is None else skipped.add(Interval(None, start))

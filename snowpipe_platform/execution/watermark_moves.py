"""A person sets where live runs of a query go on: forward, to skip rows of the source, or back, to read them again."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation

import ibis

from snowpipe_platform.errors import CommitConflictError, ConfigurationError
from snowpipe_platform.execution.arrow_types import bronze_schema
from snowpipe_platform.execution.decisions import Author, decision, record
from snowpipe_platform.execution.extraction_interval import next_start
from snowpipe_platform.execution.extraction_plan import require_columns, scalar, source_schema, watermark_sql
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.source_read import SourceSql
from snowpipe_platform.spec.durations import duration_from_text
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Coverage, Manifest
from snowpipe_platform.spec.ranges import Ranges
from snowpipe_platform.spec.reach import Reach, reach_of, reads_source
from snowpipe_platform.spec.watermark import Interval, Watermark, WatermarkKind, at_scale, encode, readable

VALUES = {
    WatermarkKind.TIMESTAMP: "an instant in UTC, such as 2024-03-01T12:00:00",
    WatermarkKind.DATE: "a day, such as 2024-03-01",
    WatermarkKind.NUMBER: "a number its column can hold, such as 120",
}
_NOBODY = Author(by="", reason="", identity=RunIdentity(run_id="plan", job="plan"))


@dataclass(frozen=True)
class Move:
    """Where the live watermark is, and where it is to go. start: what the next live run then reads first. rows: of the
    source, that are skipped, or that it reads again; those that landed before are recognised."""

    kind: WatermarkKind
    before: Watermark | None
    to: Watermark
    start: Watermark | None
    rows: int

    @property
    def is_forward(self) -> bool:
        """Whether it skips rows."""
        return self.before is None or self.before < self.to  # type: ignore[operator]


@dataclass(frozen=True)
class _Column:
    """The watermark column of a query that has run. own: the query's entries. scale: digits after a number's point."""

    query: Query
    own: Sequence[Manifest]
    kind: WatermarkKind
    scale: int
    sql: SourceSql

    @property
    def reach(self) -> Reach:
        return reach_of(self.own).in_kind(self.kind)


def plan_set(query: Query, text: str, ground: Ground) -> Move:
    """To a value. Raises ConfigurationError for one of another kind, for one that the source has not reached yet, and
    for a query that has no watermark to set."""
    column = _column(query, ground)
    value = _value(column, text)
    limit, reached = _limit(column, ground)
    if limit is None or value > limit:  # type: ignore[operator]
        msg = (
            f"query {query.name!r}: {readable(value)} is ahead of the source, {reached}. Nothing is there to skip yet."
        )
        raise ConfigurationError(msg)
    return _move(column, value, ground)


def plan_rewind(query: Query, ground: Ground, *, to: str | None, by: str | None) -> Move:
    """Back to a value, or by a span. Raises ConfigurationError also for what is not behind the watermark."""
    column = _column(query, ground)
    live = column.reach.watermark
    if live is None:
        msg = f"query {query.name!r}: the next run reads from the beginning anyway; there is nothing to rewind."
        raise ConfigurationError(msg)
    value = _value(column, to) if to is not None else column.kind.earlier(live, _span(column, by or ""))
    if not value < live:  # type: ignore[operator]
        msg = f"query {query.name!r}: {readable(value)} is not behind the watermark, which is at {readable(live)}."
        raise ConfigurationError(f"{msg} To skip rows: snowpipe state set.")
    return _move(column, value, ground)


def carry_out(query: Query, move: Move, author: Author, ground: Ground) -> Manifest:
    """Write the move into the log. Raises CommitConflictError when the watermark is not where it was planned from."""

    def decide(log: list[Manifest]) -> list[Manifest]:
        own = [entry for entry in log if entry.query == query.name]
        now = reach_of(own).in_kind(move.kind).watermark
        if now != move.before:
            msg = f"query {query.name!r}: a run has moved the watermark to {readable(now)} meanwhile. Decide anew."
            raise CommitConflictError(msg)
        return [_entry(query, own, move.kind, move.to, author).model_copy(update={"number": log[-1].number + 1})]

    return record(query.entity, ground, author, decide)[0]


def _column(query: Query, ground: Ground) -> _Column:
    if query.mode == "full":
        msg = f"query {query.name!r} has no watermark: every run reads the whole table and compares it (mode: full)."
        raise ConfigurationError(msg)
    own = [entry for entry in ground.bronze.log(query.entity) if entry.query == query.name]
    if not any(reads_source(entry) for entry in own):
        msg = f"query {query.name!r} has not run yet. Where its first run starts is initial_value in the queries file."
        raise ConfigurationError(msg)
    source = source_schema(query, ground.warehouse)
    columns = bronze_schema(source)
    require_columns(query, columns)
    name = (query.watermark_column or "").lower()
    dtype = ibis.Schema.from_pyarrow(columns)[name]
    return _Column(
        query,
        own,
        WatermarkKind.of(dtype, column=name),
        dtype.scale or 0 if dtype.is_decimal() else 0,
        watermark_sql(query, source, columns, ground.warehouse.dialect),
    )


def _value(column: _Column, text: str) -> Watermark:
    with suppress(ConfigurationError):
        value = column.kind.parse(text)
        if column.kind is WatermarkKind.NUMBER:
            kept: object = at_scale(Decimal(text), column.scale)
            is_whole = value == kept
        else:
            # A day takes the time of day off.
            is_whole = WatermarkKind.TIMESTAMP.parse(text) == WatermarkKind.TIMESTAMP.parse(value)
        if is_whole:
            return value
    raise _not_of_its_kind(column, text, VALUES[column.kind])


def _span(column: _Column, text: str) -> timedelta | Decimal:
    with suppress(ValueError, InvalidOperation):
        span = Decimal(text) if column.kind is WatermarkKind.NUMBER else duration_from_text(text)
        if span:
            return span
    raise _not_of_its_kind(column, text, "a number" if column.kind is WatermarkKind.NUMBER else "a duration such as 6h")


def _not_of_its_kind(column: _Column, text: str, wanted: str) -> ConfigurationError:
    name = column.query.watermark_column
    found = f"query {column.query.name!r}: its watermark {name} is a {column.kind.value}; {text[:80]!r} is none."
    return ConfigurationError(f"{found} Give {wanted}.")


def _limit(column: _Column, ground: Ground) -> tuple[Watermark | None, str]:
    """As far as the source is, in a value and in words."""
    if column.kind is not WatermarkKind.NUMBER:
        clock = ground.warehouse.clock()
        return column.kind.at(clock), f"whose clock says {readable(clock)} UTC"
    highest = scalar(ground.warehouse, column.sql.highest())
    if highest is None:
        return None, "which has no row"
    return column.kind.next(at_scale(Decimal(str(highest)), column.scale)), f"whose highest is {highest}"


def _move(column: _Column, to: Watermark, ground: Ground) -> Move:
    """As if it were written down already, to see what the next run reads."""
    query, kind, reach = column.query, column.kind, column.reach
    after = [*column.own, _entry(query, column.own, kind, to, _NOBODY)]
    start, live = next_start(query, kind, after), reach.watermark
    if live is None or live < to:  # type: ignore[operator]
        parts = Ranges.of([Interval(live, to)]).without(reach.skipped)
    else:
        parts = Ranges.of([Interval(start, live)]).without(reach_of(after).in_kind(kind).skipped)
    rows = sum(int(str(scalar(ground.warehouse, column.sql.count_in(part)))) for part in parts.intervals)
    return Move(kind, live, to, start, rows)


def _entry(query: Query, own: Sequence[Manifest], kind: WatermarkKind, to: Watermark, author: Author) -> Manifest:
    text = encode(to) or ""
    return decision(
        own,
        "watermark",
        author,
        load_day=next(entry.load_day for entry in reversed(own) if reads_source(entry)),
        query_fingerprint=query.fingerprint(),
        coverage=Coverage(kind=kind, lower=text, upper=text),
        moves_watermark=True,
    )

"""Decide how one dropped file becomes an entry of the log: its columns, and what its rows are compared with."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from snowpipe_platform.errors import ArrivalError, SourceError
from snowpipe_platform.execution.adoption_columns import decide_columns
from snowpipe_platform.execution.arrow_types import to_bronze
from snowpipe_platform.execution.dropped import Dropped
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.landing_plan import LandingPlan
from snowpipe_platform.execution.row_files import parsed
from snowpipe_platform.execution.text_values import MisfitError, is_text, typed
from snowpipe_platform.spec.bronze_log import landings
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Arrived, BronzeFile, Manifest
from snowpipe_platform.spec.watermark import Watermark


@dataclass(frozen=True)
class AdoptionRequest:
    """Files dropped for one entity, to be adopted by one run. load_day: the day that is current at the source.

    paths: inside the entity's arrivals folder.
    """

    query: Query
    source_system: str
    load_day: date
    identity: RunIdentity
    paths: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AdoptionPlan(LandingPlan):
    """One dropped file, decided. A row without a watermark happened when the file was adopted.

    null_watermarks: how many such rows the file has; None where the query has no watermark.
    """

    file: Dropped
    arrived: Arrived
    null_watermarks: int | None = None

    @property
    def zones(self) -> dict[str, str]:
        """Of the columns in local time, by bronze's names."""
        return {name.lower(): zone for name, zone in self.query.time_zones.items()}


def plan_adoption(
    request: AdoptionRequest, file: Dropped, arrived: Arrived, *, log: Sequence[Manifest], clock: datetime
) -> AdoptionPlan:
    """Reads the watermarks of the file's rows, where the query has one. Raises ArrivalError."""
    schema, diff = decide_columns(request.query, file, log)
    plan = AdoptionPlan(
        query=request.query,
        source_system=request.source_system,
        load_day=request.load_day,
        identity=request.identity,
        extraction_id=f"{clock:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
        number=(log[-1].number if log else 0) + 1,
        extracted_at=clock,
        schema=schema,
        schema_diff=diff,
        candidates=(),
        file=file,
        arrived=arrived,
    )
    landed = landings(log)
    if plan.watermark is None:
        return replace(plan, candidates=tuple(entry for entry in landed if entry.files))
    ends = _watermarks(plan)
    _refuse_nulls(plan, ends.nulls)
    held = (_holding(plan, entry, ends) for entry in landed)
    return replace(plan, candidates=tuple(entry for entry in held if entry.files), null_watermarks=ends.nulls)


def typed_batches(plan: AdoptionPlan, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The file's rows in types that bronze takes. Raises ArrivalError naming the row, or line, and the column."""
    schema = plan.schema if columns is None else pa.schema([plan.schema.field(name) for name in columns])
    for batch in plan.file.batches(schema.names):
        try:
            yield typed(batch.rows, schema, zones=plan.zones)
        except MisfitError as error:
            was = "text" if is_text(error.was) else str(error.was)
            wanted = ibis.Schema.from_pyarrow(pa.schema([error.field]))[error.field.name]
            raise ArrivalError(
                f"{plan.file.name}: {plan.file.counted} {batch.numbers[error.row]}, column {error.field.name!r}: "
                f"{was} that is no {wanted}. Mend the value and write the file again."
            ) from error


@dataclass(frozen=True)
class _Ends:
    """The lowest and the highest watermark of a file's rows, None when none has one, and how many have none."""

    low: Watermark | None
    high: Watermark | None
    nulls: int


def _refuse_nulls(plan: AdoptionPlan, nulls: int) -> None:
    if nulls and plan.query.on_null_watermark == "fail":
        raise ArrivalError(
            f"{plan.file.name}: {nulls:,} rows have no {plan.watermark}, and on_null_watermark of query "
            f"{plan.query.name!r} is 'fail'. Fill it in and write the file again."
        )


def _holding(plan: AdoptionPlan, entry: Manifest, ends: _Ends) -> Manifest:
    """The entry with those of its files that may hold an image of a row of the dropped one."""

    def may_hold(file: BronzeFile) -> bool:
        if file.watermark_min is None or file.watermark_max is None:
            return ends.nulls > 0 or entry.mode == "full" or entry.rows_deleted > 0
        if ends.low is None or ends.high is None:
            return False
        low, high = parsed(plan, file.watermark_min), parsed(plan, file.watermark_max)
        return low <= ends.high and high >= ends.low  # type: ignore[operator]

    return entry.model_copy(update={"files": tuple(file for file in entry.files if may_hold(file))})


def _watermarks(plan: AdoptionPlan) -> _Ends:
    name = plan.watermark or ""
    try:
        schema = pa.schema([plan.schema.field(name)])
        lows, highs, nulls = [], [], 0
        for batch in typed_batches(plan, [name]):
            column = to_bronze(batch, schema, time_zones=plan.zones)[name]
            nulls += column.null_count
            ends = pc.min_max(column).as_py()
            if ends["min"] is not None:
                lows.append(parsed(plan, ends["min"]))
                highs.append(parsed(plan, ends["max"]))
    except SourceError as error:
        raise ArrivalError(f"{plan.file.name}: {error}") from error
    return _Ends(min(lows, default=None), max(highs, default=None), nulls)

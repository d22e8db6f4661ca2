"""What a run's extractions would read, without reading it."""

from datetime import datetime, time, timedelta
from functools import cached_property

from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.execution.extraction_plan import ExtractionPlan, Window, plan_extraction
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.log_entry import landed_entry
from snowpipe_platform.execution.outcome import Step
from snowpipe_platform.execution.preview import NOBODY, Certainty, ExtractionPreview
from snowpipe_platform.execution.preview_source import AskedOnce, NotAskedError, Remembered, remembered_clock
from snowpipe_platform.execution.row_files import Tally
from snowpipe_platform.ports import Warehouse
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Coverage, Manifest
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.watermark import encode


class Extractions:
    """The extractions of one preview, in the order of its steps: a later day starts where an earlier one will have
    ended. count: ask the source how many rows it has; otherwise it is not opened, and each day is taken to be over."""

    def __init__(self, pipeline: Pipeline, ground: Ground, *, count: bool) -> None:
        self._pipeline, self._ground, self._count = pipeline, ground, count
        self._source = AskedOnce(ground.warehouse)
        self._expected: dict[str, list[Manifest]] = {}

    def preview(self, step: Step) -> ExtractionPreview:
        """Of a step with a day."""
        query = self._pipeline.queries_by_entity[step.name.partition("/")[2]]
        try:
            plan = self._plan(query, step)
            rows = sum(self._rows(plan)) if self._count else None
        except NotAskedError:
            return ExtractionPreview(step, "unknown", certainty=Certainty.UNKNOWN)
        except SnowpipeError as error:
            return ExtractionPreview(step, "unknown", certainty=Certainty.UNKNOWN, problem=str(error))
        is_later = plan.is_live and any(entry.moves_watermark for entry in self._expected.get(query.entity, ()))
        self._expect(plan)
        certainty = Certainty.AT_LEAST if is_later else Certainty.EXACT
        return ExtractionPreview(
            step,
            "snapshot" if plan.bounds is None else "live" if plan.is_live else "backfill",
            lower=None if plan.interval is None else encode(plan.interval.lower),
            upper=None if plan.interval is None else encode(plan.interval.upper),
            rows=rows,
            certainty=Certainty.UNKNOWN if rows is None else certainty,
            compared_with=tuple(manifest.number for manifest in plan.candidates if manifest.files),
            schema_changes=plan.schema_changes,
        )

    def _plan(self, query: Query, step: Step) -> ExtractionPlan:
        if step.day is None:
            raise AssertionError(step)
        log = self._ground.bronze.log(query.entity)
        return plan_extraction(
            query,
            Window(step.day),
            log=[*log, *self._expected.get(query.entity, ())],
            warehouse=self._source if self._count else self._remembered(log, step),
            identity=NOBODY,
            source_system=self._pipeline.queries.source_system,
        )

    def _remembered(self, log: list[Manifest], step: Step) -> Warehouse:
        day = step.day
        over = [] if day is None else [datetime.combine(day + timedelta(days=1), time())]
        return Remembered(dialect=self._ground.warehouse.dialect, clock=max([self._last_seen, *over]), log=log)

    @cached_property
    def _last_seen(self) -> datetime:
        return remembered_clock(self._pipeline, self._ground)

    def _rows(self, plan: ExtractionPlan) -> list[int]:
        counting = [read.counting for read in plan.reads]
        return [int(str(self._source.scalar(read.sql, read.parameters))) for read in counting]

    def _expect(self, plan: ExtractionPlan) -> None:
        """Take coverage to reach as far as the plan asks. The files are not known, so that a later day's bounds may
        begin earlier than foreseen, with a tie of rows that this day lands."""
        if plan.bounds is None or plan.bounds.interval.is_empty:
            return
        coverage = Coverage(
            kind=plan.bounds.kind,
            lower=encode(plan.bounds.interval.lower),
            upper=encode(plan.bounds.interval.upper) or "",
        )
        self._expected.setdefault(plan.query.entity, []).append(_expected_manifest(plan, coverage))


def _expected_manifest(plan: ExtractionPlan, coverage: Coverage) -> Manifest:
    moves = plan.bounds is not None and plan.bounds.moves(coverage.interval.upper)
    return landed_entry(plan, (), Tally(), coverage=coverage, moves_watermark=moves)

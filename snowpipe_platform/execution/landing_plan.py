"""What an extraction and an adopted file have in common before a row of theirs is read."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import ibis
import pyarrow as pa

from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Manifest, day_folder
from snowpipe_platform.spec.schema_change import Diff
from snowpipe_platform.spec.watermark import WatermarkKind


@dataclass(frozen=True, kw_only=True)
class LandingPlan:
    """One entry of an entity's log, decided: its columns, what its rows are compared with, what it will be called.

    extracted_at: the source's clock, UTC. candidates: manifests, with the files that may hold images of the rows about
    to be read.
    """

    query: Query
    source_system: str
    load_day: date
    identity: RunIdentity
    extraction_id: str
    number: int
    extracted_at: datetime
    schema: pa.Schema
    schema_diff: Diff
    candidates: tuple[Manifest, ...]

    @property
    def schema_changes(self) -> tuple[str, ...]:
        """What differs from the columns known before, one sentence each."""
        return tuple(map(str, self.schema_diff))

    @property
    def watermark(self) -> str | None:
        """Bronze's name of the watermark column; None for a snapshot, whose rows are compared by key alone."""
        return None if self.query.mode == "full" else (self.query.watermark_column or "").lower()

    @cached_property
    def kind(self) -> WatermarkKind | None:
        if self.watermark is None:
            return None
        return WatermarkKind.of(ibis.Schema.from_pyarrow(self.schema)[self.watermark], column=self.watermark)

    @property
    def folder(self) -> str:
        """Where in the entity's folder the attempt writes."""
        return day_folder(self.load_day, self.query.partition_by, extracted_at=self.extracted_at)

    @property
    def default_instant(self) -> datetime:
        """When a change without a watermark happened, as far as anybody can tell."""
        return self.extracted_at

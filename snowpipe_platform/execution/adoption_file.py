"""Adopt one dropped file: plan, land, commit; or try it, and write nothing."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from snowpipe_platform.errors import CommitConflictError
from snowpipe_platform.execution.adoption_landing import land_file
from snowpipe_platform.execution.adoption_plan import AdoptionPlan, AdoptionRequest, plan_adoption
from snowpipe_platform.execution.arrivals import arrival_name
from snowpipe_platform.execution.dropped_files import open_dropped
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.landing import Progress
from snowpipe_platform.execution.log_entry import land_and_commit
from snowpipe_platform.ports import BronzeAttempt
from snowpipe_platform.records import Arrival, DeadLetter, Lease
from snowpipe_platform.spec.manifest import Arrived, BronzeFile, Manifest


class ChangingError(Exception):
    """The file is another one than when its reading began: what was read may be half of two writings."""


@dataclass(frozen=True)
class FileAdoption:
    """One file of a request, as it was when the run looked at it."""

    request: AdoptionRequest
    arrival: Arrival
    ground: Ground
    clock: datetime
    progress: Progress

    @property
    def name(self) -> str:
        """As errors call the file."""
        return arrival_name(self.request.query.entity, self.arrival.path)

    def commit(self, log: Sequence[Manifest], lease: Lease) -> Manifest | None:
        """Land the file and commit its entry. A writer that loses its number compares again, with what won it.

        Raises ArrivalError, ChangingError.
        """

        def attempt() -> Manifest | None:
            numbers.append(len(numbers))
            plan = self._plan(log if len(numbers) == 1 else self.ground.bronze.log(self.request.query.entity))
            land = partial(self._land, plan, keeps_letters=True)
            return land_and_commit(plan, self.ground, lease, land)

        numbers: list[int] = []
        retrying = Retrying(
            retry=retry_if_exception_type(CommitConflictError),
            stop=stop_after_attempt(self.request.query.max_retries + 1),
            reraise=True,
        )
        return retrying(attempt)

    def preview(self, log: Sequence[Manifest]) -> Manifest:
        """The entry that `commit` would make; nothing is written or kept. Raises ArrivalError, ChangingError."""
        return self._land(self._plan(log), _Nowhere(), keeps_letters=False)

    def has_changed(self) -> bool:
        now = self.ground.bronze.arrival(self.request.query.entity, self.arrival.path)
        return now is None or now.version != self.arrival.version

    @property
    def letter_id(self) -> str:
        """Of the path: a second failure replaces the first."""
        return uuid.uuid5(uuid.NAMESPACE_OID, self.name).hex

    def letter(self, error: Exception) -> DeadLetter:
        """What is needed to try again."""
        query = self.request.query
        return DeadLetter(
            id=self.letter_id,
            kind="arrival",
            subject=query.name,
            error=str(error),
            failed_at=datetime.now(UTC).replace(tzinfo=None),
            request={"entity": query.entity, "path": self.arrival.path, "version": self.arrival.version},
        )

    def _plan(self, log: Sequence[Manifest]) -> AdoptionPlan:
        entity, path = self.request.query.entity, self.arrival.path
        file = open_dropped(self.name, lambda: self.ground.bronze.open_arrival(entity, path))
        arrived = Arrived(path=path, version=self.arrival.version)
        return plan_adoption(self.request, file, arrived, log=log, clock=self.clock)

    def _land(self, plan: AdoptionPlan, attempt: BronzeAttempt, *, keeps_letters: bool) -> Manifest:
        keep = self.ground.dead_letters.put if keeps_letters else _forget
        manifest = land_file(plan, self.ground, attempt, keep=keep, progress=self.progress)
        if self.has_changed():
            raise ChangingError(self.name)
        return manifest


class _Nowhere:
    """An attempt that counts rows and writes none."""

    def write(self, rows: pa.Table, *, watermark_min: str | None, watermark_max: str | None) -> BronzeFile:
        """Of a file that is not there."""
        return BronzeFile(
            path="", rows=rows.num_rows, size_bytes=0, watermark_min=watermark_min, watermark_max=watermark_max
        )

    def discard(self) -> None:
        """There is nothing."""


def _forget(*_letters: DeadLetter) -> None:
    """Rows that rules keep out stay where they are."""

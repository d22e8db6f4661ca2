"""Run one extraction: files, then manifest, then watermark. A crash between any two is mended by the next run."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter
from tenacity.wait import wait_base

from snowpipe_platform.errors import (
    CommitConflictError,
    ExtractionFailedError,
    SchemaChangedError,
    SourceError,
    TransientSourceError,
)
from snowpipe_platform.execution.extraction_plan import ExtractionPlan, Window, plan_extraction
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.landing import Progress, land
from snowpipe_platform.execution.log_entry import land_and_commit
from snowpipe_platform.execution.watermark_index import mend_index
from snowpipe_platform.ports import BronzeAttempt
from snowpipe_platform.records import Closing, DeadLetter, Lease
from snowpipe_platform.spec.bronze_log import incomplete_days
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.schema_history import SCHEMA_DIFF, SOURCE_CLOCK, diff_text

LONGEST_WAIT_SECONDS = 60.0

Notice = Callable[[str], None]
"""Told, in a sentence, what is being waited for."""


@dataclass(frozen=True)
class ExtractionRequest:
    """One query and window, asked for by one run; `execute_extraction` plans and lands it."""

    query: Query
    source_system: str
    window: Window
    identity: RunIdentity

    @property
    def is_of_a_day(self) -> bool:
        """Whether its failure is the load day's, and waits among the dead letters until a run of the day succeeds."""
        return self.window.exactly is None


@dataclass(frozen=True)
class ExtractionResult:
    """What a run did. manifest: the committed log entry, None when there was nothing to commit."""

    plan: ExtractionPlan
    manifest: Manifest | None
    attempts: int

    @property
    def summary(self) -> str:
        """One sentence for a person."""
        if self.manifest is None or not self.manifest.rows_landed:
            return "nothing new at the source"
        rest = "" if self.manifest.complete else "; more rows wait (max_batches reached)"
        return f"{self.manifest.rows_landed:,} new rows landed{rest}"


def execute_extraction(
    request: ExtractionRequest,
    ground: Ground,
    *,
    wait: wait_base | None = None,
    progress: Progress = lambda _rows: None,
    notice: Notice = lambda _message: None,
) -> ExtractionResult:
    """Extract, retrying a lost connection with growing, jittered waits; every attempt starts over under a new id.

    Raises SourceError at once for what the source refuses, ExtractionFailedError (with a dead letter) when the attempts
    are used up, LeaseHeldError when another run extracts the entity. Success takes the day's dead letter off the list.
    """
    query = request.query
    with ground.state.lease(f"bronze/{query.entity}", holder=request.identity.run_id) as lease:
        ground.bronze.remove_abandoned(query.entity)
        attempts = 0

        def attempt() -> ExtractionResult:
            nonlocal attempts
            attempts += 1
            return _attempt(request, ground, lease, attempts, progress)

        try:
            result = retrying(query, wait, notice)(attempt)
        except (TransientSourceError, CommitConflictError) as error:
            if not request.is_of_a_day:
                raise
            raise _give_up(request, ground, error) from error
        except SourceError as error:
            if request.is_of_a_day:
                _dead_letter(request, ground, error)
            named = f"query {query.name!r}"
            if named in str(error):
                raise
            raise type(error)(f"{named}: {error}") from error
        if request.is_of_a_day:
            _close_letter(request, ground)
        return result


def retrying(query: Query, wait: wait_base | None, notice: Notice) -> Retrying:
    """Calls what reads the source again after a lost connection or commit, as often as the query says."""
    return Retrying(
        retry=retry_if_exception_type((TransientSourceError, CommitConflictError)),
        stop=stop_after_attempt(query.max_retries + 1),
        wait=wait or wait_exponential_jitter(initial=1, max=LONGEST_WAIT_SECONDS),
        before_sleep=lambda state: notice(_waiting(query, state)),
        reraise=True,
    )


def _attempt(
    request: ExtractionRequest, ground: Ground, lease: Lease, number: int, progress: Progress
) -> ExtractionResult:
    query = request.query
    log = ground.bronze.log(query.entity)
    mend_index(query.name, log, ground)
    plan = plan_extraction(
        query,
        request.window,
        log=log,
        warehouse=ground.warehouse,
        identity=request.identity,
        source_system=request.source_system,
    )

    def landed(place: BronzeAttempt) -> Manifest | None:
        manifest = land(plan, ground, place, progress=progress)
        return manifest if _says_something(manifest, log) else None

    manifest = None if plan.is_empty else land_and_commit(plan, ground, lease, landed)
    if manifest is not None:
        mend_index(query.name, [*log, manifest], ground)
    return ExtractionResult(plan, manifest, number)


def _says_something(manifest: Manifest, log: Sequence[Manifest]) -> bool:
    """The columns at first or when others come, rows, more coverage, a day cut short, or the end of one that was."""
    if not log or manifest.rows_landed or manifest.moves_watermark or not manifest.complete:
        return True
    has_columns = any(change.outcome == "taken" for change in manifest.schema_diff)
    return has_columns or manifest.load_day in incomplete_days(log)


def _waiting(query: Query, state: RetryCallState) -> str:
    seconds = state.next_action.sleep if state.next_action else 0.0
    error = state.outcome.exception() if state.outcome else None
    return f"query {query.name!r}: attempt {state.attempt_number} failed ({error}); next in {seconds:.1f} s"


def _give_up(request: ExtractionRequest, ground: Ground, error: Exception) -> ExtractionFailedError:
    letter_id = _dead_letter(request, ground, error)
    msg = (
        f"query {request.query.name!r}: all {request.query.max_retries + 1} attempts failed, the last with: {error}. "
        f"Nothing was landed. Run the same day again when the source answers (dead letter {letter_id})."
    )
    return ExtractionFailedError(msg, dead_letter_id=letter_id)


def _dead_letter(request: ExtractionRequest, ground: Ground, error: Exception) -> str:
    """Keep what is needed to run the extraction again; a second failure of the same day replaces the first."""
    query, day = request.query, request.window.load_day.isoformat()
    letter = DeadLetter(
        id=_letter_id(request),
        kind="extraction",
        subject=query.name,
        error=str(error),
        failed_at=datetime.now(UTC).replace(tzinfo=None),
        request={"query": query.name, "load_day": day, "query_fingerprint": query.fingerprint(), **_refused(error)},
    )
    ground.dead_letters.put(letter)
    return letter.id


def _refused(error: Exception) -> dict[str, str]:
    """What the schema history shows of an extraction that the source's columns stopped."""
    if not isinstance(error, SchemaChangedError) or error.at is None:
        return {}
    return {SCHEMA_DIFF: diff_text(error.diff), SOURCE_CLOCK: error.at.isoformat()}


def _close_letter(request: ExtractionRequest, ground: Ground) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    closing = Closing("done", request.identity.run_id, "a later run extracted the load day", now)
    ground.dead_letters.close([_letter_id(request)], closing)


def _letter_id(request: ExtractionRequest) -> str:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{request.query.name}:{request.window.load_day.isoformat()}").hex

"""Adopt dropped files: their rows land in the entity's log, once. A crash at any point is mended by the next run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from snowpipe_platform.errors import ArrivalError, CommitConflictError, LakeError, LeaseHeldError, TransientSourceError
from snowpipe_platform.execution.adoption_file import ChangingError, FileAdoption
from snowpipe_platform.execution.adoption_plan import AdoptionRequest
from snowpipe_platform.execution.arrivals import adopted_versions
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.landing import Progress
from snowpipe_platform.records import Closing
from snowpipe_platform.spec.manifest import Manifest

__all__ = ["AdoptedFile", "AdoptionRequest", "AdoptionResult", "Fate", "adopt", "preview"]

NOT_THE_FILES_FAULT = (LeaseHeldError, CommitConflictError, TransientSourceError, LakeError, OSError)
"""Ends the run and makes no dead letter: the next run may find the machine in a better state."""


class Fate(StrEnum):
    """What became of a file. before: an earlier run adopted it. changing: written to while it was read, left for the
    next look. gone: no longer there. failed: in the dead letters."""

    ADOPTED = "adopted"
    BEFORE = "before"
    CHANGING = "changing"
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True)
class AdoptedFile:
    """One file of a request. manifest: its entry of the log, where there is one. error: why there is none."""

    path: str
    fate: Fate
    manifest: Manifest | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class AdoptionResult:
    """What a run did, file by file, in the order it was asked for."""

    request: AdoptionRequest
    files: tuple[AdoptedFile, ...]

    @property
    def manifests(self) -> list[Manifest]:
        return [file.manifest for file in self.files if file.manifest is not None]

    @property
    def failed(self) -> list[AdoptedFile]:
        return [file for file in self.files if file.fate is Fate.FAILED]

    @property
    def summary(self) -> str:
        """One sentence for a person."""
        new = sum(manifest.rows_landed for manifest in self.manifests)
        known = sum(manifest.rows_known for manifest in self.manifests)
        count = len(self.manifests)
        told = f"{count:,} file{'' if count == 1 else 's'} adopted: {new:,} rows new, {known:,} landed before"
        return f"{told}; {len(self.failed):,} in the dead letters" if self.failed else told


def adopt(request: AdoptionRequest, ground: Ground, *, progress: Progress = lambda _rows: None) -> AdoptionResult:
    """Adopt each file that the log does not have as it is now, one commit a file. One that cannot be adopted goes to
    the dead letters and stops no other.

    Raises LeaseHeldError when another run writes the entity, SourceError or TransientSourceError without its clock.
    """
    entity = request.query.entity
    clock = ground.warehouse.clock()
    with ground.state.lease(f"bronze/{entity}", holder=request.identity.run_id) as lease:
        ground.bronze.remove_abandoned(entity)
        log = ground.bronze.log(entity)
        files: list[AdoptedFile] = []
        for path in request.paths:
            adoption = _begun(path, request, ground, clock, progress)
            file = _tried(path, adoption, log, lambda one: one.commit(log, lease))  # noqa: B023 - called at once
            if adoption is not None and file.error is not None:
                ground.dead_letters.put(adoption.letter(file.error))
            elif adoption is not None and file.fate in {Fate.ADOPTED, Fate.BEFORE}:
                _close_letter(adoption, request, ground)
            log = log if file.manifest is None else [*log, file.manifest]
            files.append(file)
    return AdoptionResult(request, tuple(files))


def _close_letter(adoption: FileAdoption, request: AdoptionRequest, ground: Ground) -> None:
    """An earlier failure of the path waits no more."""
    now = datetime.now(UTC).replace(tzinfo=None)
    closing = Closing("done", request.identity.run_id, "a later run adopted the file", now)
    ground.dead_letters.close([adoption.letter_id], closing)


def preview(request: AdoptionRequest, ground: Ground) -> AdoptionResult:
    """What `adopt` would do to each file, were it the only one: it is read and compared, and nothing is written."""
    clock, log = ground.warehouse.clock(), ground.bronze.log(request.query.entity)

    def one(path: str) -> AdoptedFile:
        adoption = _begun(path, request, ground, clock, lambda _rows: None)
        return _tried(path, adoption, log, lambda file: file.preview(log))

    return AdoptionResult(request, tuple(map(one, request.paths)))


def _begun(
    path: str, request: AdoptionRequest, ground: Ground, clock: datetime, progress: Progress
) -> FileAdoption | None:
    arrival = ground.bronze.arrival(request.query.entity, path)
    return None if arrival is None else FileAdoption(request, arrival, ground, clock, progress)


def _tried(
    path: str, adoption: FileAdoption | None, log: Sequence[Manifest], work: Callable[[FileAdoption], Manifest | None]
) -> AdoptedFile:
    """Whatever a strange file makes a library raise is told of that file, and the others go on."""
    if adoption is None:
        return AdoptedFile(path, Fate.GONE)
    if adopted_versions(log).get(path) == adoption.arrival.version:
        return AdoptedFile(path, Fate.BEFORE)
    try:
        return AdoptedFile(path, Fate.ADOPTED, manifest=work(adoption))
    except NOT_THE_FILES_FAULT:
        raise
    except ChangingError:
        return AdoptedFile(path, Fate.CHANGING)
    except Exception as error:  # noqa: BLE001 - see above
        if adoption.has_changed():
            return AdoptedFile(path, Fate.CHANGING)
        return AdoptedFile(path, Fate.FAILED, error=_named(error, adoption.name))


def _named(error: Exception, name: str) -> Exception:
    """The error, with the file's name before what does not say it."""
    if name in str(error):
        return error
    told = " ".join(str(error).split()).rstrip(".")
    named = ArrivalError(f"{name} cannot be adopted: {told}. Mend the file and write it again.")
    named.__cause__ = error
    return named

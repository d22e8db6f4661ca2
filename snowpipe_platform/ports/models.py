"""Where features, training sets and versions of models are kept, and what runs their scripts."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from snowpipe_platform.records import (
    Deployment,
    EntityKey,
    FeatureRow,
    TrainingSetRecord,
)
from snowpipe_platform.spec.consumption import UpstreamCommit
from snowpipe_platform.spec.model import ScoringJob, TrainingJob
from snowpipe_platform.spec.model_version import Candidate, Decision, ModelVersion, Served


class FeatureStore(Protocol):
    """The latest features of each entity, by feature group, for who must answer at once. It never goes backwards: of
    two rows of an entity the one with the later event_time stays, and of the same event_time the one with the later
    created_time, in whatever order and however often they are put. All of it can be made anew from the history."""

    def put(self, group: str, rows: Sequence[FeatureRow]) -> None:
        """Keep those that are later than what is there; all of them or, after an error, none."""

    def get(self, group: str, keys: Collection[EntityKey]) -> dict[EntityKey, FeatureRow]:
        """The latest row of each key that has one."""

    def count(self, group: str) -> int:
        """How many entities have a row."""

    def reached(self, group: str) -> UpstreamCommit | None:
        """The commit of the history up to which all rows were put; None at first."""

    def set_reached(self, group: str, commit: UpstreamCommit) -> None:
        """Say so, after they were."""


class TrainingSetStore(Protocol):
    """Immutable files, each named by its content, with a record of what it was made of."""

    def put(self, record: TrainingSetRecord, file: bytes) -> TrainingSetRecord:
        """Keep the file, then the record. Where the content is there already nothing changes; returns the record that
        is kept."""

    def all(self, name: str) -> list[TrainingSetRecord]:
        """Of one training set, oldest first."""

    def locate(self, record: TrainingSetRecord) -> str:
        """The address its file is read from."""


class Trainer(Protocol):
    """Where training scripts run, each with folders of its own, under the SageMaker container contract."""

    def train(self, job: TrainingJob, *, log: Callable[[str], None]) -> Path:
        """Run the script to its end; the folder with its artefact. log: is given each line the script writes, at once.
        Raises TrainingFailedError with the last lines, and leaves no artefact; an interrupt ends the script too."""


class Scorer(Protocol):
    """Where a version of a model answers many rows at once."""

    def score(self, job: ScoringJob) -> None:
        """Write the job's answers, whole or not at all. Raises ServingError where the version cannot be loaded and
        asked, or the rows do not fit its signature, naming the columns."""


class ModelRegistry(Protocol):
    """The versions of models: what each was made from, what was decided about it, and when it served."""

    def models(self) -> list[str]:
        """Models with a version, by name."""

    def register(self, candidate: Candidate, *, artefact: Path) -> ModelVersion:
        """Keep a copy of the folder under the model's next number, 1 first. One that has the same files, training set,
        code and parameters as an earlier version is that version."""

    def versions(self, model: str) -> list[ModelVersion]:
        """By number, with every decision on them, oldest first."""

    def artefact(self, version: ModelVersion) -> Path:
        """The folder with its files. Raises ModelError when they are not those that were registered."""

    def decide(self, version: ModelVersion, decision: Decision) -> ModelVersion:
        """Add a decision; the version with it. version: as the one who decides has seen it. Raises CommitConflictError
        when somebody decided meanwhile; nothing changes then."""

    def record_served(self, model: str, served: Served) -> None:
        """Write down that a version began to serve."""

    def served(self, model: str) -> list[Served]:
        """Every version that began to serve, oldest first."""


class Endpoint(Protocol):
    """What serves a model's predictions. It serves one version; another takes its place between two requests."""

    def deploy(self, model: str, version: int) -> Deployment:
        """Serve the version from now on; the one that is served already stays as it is. Raises ServingError when it
        cannot be loaded and asked; what was served before then still is."""

    def turn(self) -> AbstractContextManager[None]:
        """While it lasts nobody else deploys or rolls back."""

    def current(self) -> Deployment | None:
        """What should be served, also when no server runs."""

    def rollback(self) -> Deployment:
        """Serve the version that was served before the current one; again, the one before that. Raises ServingError
        when there is none, or it cannot be loaded."""

    def history(self) -> list[Deployment]:
        """Every deployment and rollback, oldest first, also those that the server refused."""

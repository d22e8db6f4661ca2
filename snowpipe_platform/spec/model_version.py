"""A version of a model: what it was made from, what was decided about it, and when it served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from snowpipe_platform.spec.evaluation import Evaluation
from snowpipe_platform.spec.gates import GateResult

Stage = Literal["registered", "approved", "rejected"]
ON_APPROVAL = "Dagster"
"""Who deploys what was approved, where no person does; an account's name has no capital."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A trained model before it has a number.

    training_set: hash of the file it was fitted on. lineage: what that file was made from, as its record says.
    """

    model: str
    evaluation: Evaluation
    parameters: Mapping[str, int | float | str]
    code_version: str
    training_set: str
    lineage: Mapping[str, object]
    run_id: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A version became approved or rejected. gates: as they stood. override: why it was approved although some gate
    had failed; empty where none had."""

    stage: Literal["approved", "rejected"]
    by: str
    at: datetime
    reason: str
    gates: tuple[GateResult, ...]
    override: str = ""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A version began to serve, and who wanted it. action: as the endpoint calls it."""

    version: int
    action: Literal["deploy", "rollback"]
    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """What was registered never changes; decisions are added. artefact: where its files are. artefact_hash: of them."""

    number: int
    candidate: Candidate
    registered_at: datetime
    artefact: str
    artefact_hash: str
    decisions: tuple[Decision, ...] = field(default=())

    @property
    def stage(self) -> Stage:
        return self.decisions[-1].stage if self.decisions else "registered"


def approved_last(versions: Sequence[ModelVersion]) -> ModelVersion | None:
    """Of those that are approved now the one that was approved last."""
    approved = [version for version in versions if version.stage == "approved"]
    return max(approved, key=lambda version: (version.decisions[-1].at, version.number), default=None)


def is_acted_upon(approved: ModelVersion, served: Sequence[Served]) -> bool:
    """Whether a version has served since it was approved, or a person has let another one serve since: either way the
    approval is not what is to be carried out next."""
    since = approved.decisions[-1].at
    return any(each.at >= since and (each.version == approved.number or each.by != ON_APPROVAL) for each in served)


def champion(versions: Sequence[ModelVersion], served: Sequence[Served]) -> int | None:
    """The version to beat: the one that serves; where none has served yet, the one approved last; None before that."""
    if served:
        return served[-1].version
    approved = approved_last(versions)
    return None if approved is None else approved.number

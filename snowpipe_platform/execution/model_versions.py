"""What is decided about a version of a model, and what follows for what serves."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from snowpipe_platform.errors import ConfigurationError, GatesFailedError, ModelError, did_you_mean, openable
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.ports import Endpoint, ModelRegistry
from snowpipe_platform.records import Deployment
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.gates import GateResult, judge
from snowpipe_platform.spec.model import Model
from snowpipe_platform.spec.model_version import Decision, ModelVersion, Served, champion
from snowpipe_platform.spec.signature import SIGNATURE_FILE, signature_of
from snowpipe_platform.spec.skew import skew

UNKNOWN = "unknown"
"""Who let a version serve, where that was not written down."""


def find_version(model: str, number: int, registry: ModelRegistry) -> ModelVersion:
    """Raises ConfigurationError with those there are."""
    versions = {version.number: version for version in registry.versions(model)}
    if number in versions:
        return versions[number]
    if not versions:
        raise ConfigurationError(f"model {model!r} has no version yet. {did_you_mean(model, registry.models())}")
    raise ConfigurationError(f"model {model!r} has no version {number}. Versions: 1 to {max(versions)}.")


def artefact_of(registry: ModelRegistry) -> Callable[[str, int], Path]:
    """Where the files of an approved version are; raises ModelError for one that is not, or when they are not those
    that were registered."""

    def found(model: str, number: int) -> Path:
        version = find_version(model, number, registry)
        require_approved(version)
        return registry.artefact(version)

    return found


def champion_of(model: str, registry: ModelRegistry) -> int | None:
    """The version to beat now."""
    return champion(registry.versions(model), registry.served(model))


def version_in_use(model: str, registry: ModelRegistry) -> ModelVersion | None:
    """The version that answers now: the one to beat; None before the first."""
    number = champion_of(model, registry)
    return None if number is None else find_version(model, number, registry)


def gates_now(model: Model, version: ModelVersion, registry: ModelRegistry) -> tuple[GateResult, ...]:
    """How the gates stand: against the version that serves now. Of that one itself, as when it was trained."""
    evaluation, to_beat = version.candidate.evaluation, champion_of(model.name, registry)
    return judge(model.gates, evaluation, champion=evaluation.champion if to_beat == version.number else to_beat)


def approve(
    model: Model, version: ModelVersion, registry: ModelRegistry, author: Author, *, override: str = ""
) -> ModelVersion:
    """The version, approved. override: why, though a gate failed; it is not kept where none did. Raises
    GatesFailedError where one failed and nobody says why that is fine, ModelError for what is approved already."""
    require_undecided(version)
    registry.artefact(version)
    gates = gates_now(model, version, registry)
    failed = [f"{gate.gate}: {gate.why}" for gate in gates if not gate.passed]
    if failed and not override:
        told = "\n".join(failed)
        raise GatesFailedError(f"{_named(version)} is not approved, it failed {gate_count(len(failed))}.\n{told}")
    decision = Decision(
        stage="approved",
        by=author.by,
        at=_now(),
        reason=author.reason,
        gates=gates,
        override=override if failed else "",
    )
    return registry.decide(version, decision)


def require_undecided(version: ModelVersion) -> None:
    """Raises ModelError for a version that is approved already."""
    if version.stage == "approved":
        mend = f"Let it serve: snowpipe models deploy {version.candidate.model} {version.number}"
        raise ModelError(f"{_named(version)} is approved already, by {version.decisions[-1].by}. {mend}")


def reject(
    model: Model, version: ModelVersion, registry: ModelRegistry, author: Author, *, endpoint: Endpoint
) -> ModelVersion:
    """The version, rejected, whatever was decided before. Raises ModelError for the one that serves."""
    if version.stage == "rejected":
        raise ModelError(f"{_named(version)} is rejected already, by {version.decisions[-1].by}.")
    with endpoint.turn():
        current = endpoint.current()
        if current is not None and (current.model, current.version) == (model.name, version.number):
            mend = f"Deploy another, or roll back: snowpipe models rollback {model.name}"
            raise ModelError(f"{_named(version)} serves. {mend}")
        gates = gates_now(model, version, registry)
        decision = Decision(stage="rejected", by=author.by, at=_now(), reason=author.reason, gates=gates)
        return registry.decide(version, decision)


def require_approved(version: ModelVersion) -> None:
    """Raises ModelError for a version that may not serve."""
    if version.stage != "approved":
        mend = f"snowpipe models approve {version.candidate.model} {version.number}"
        raise ModelError(f"{_named(version)} is {version.stage}, and only what is approved serves. See: {mend}")


def require_deployable(version: ModelVersion, registry: ModelRegistry, group: FeatureGroup) -> None:
    """Raises ModelError for a version that may not serve: it is not approved, its files are not those that were
    registered, or it was trained with other features than the group would give it."""
    require_approved(version)
    path = registry.artefact(version) / SIGNATURE_FILE
    if not path.is_file():
        raise ModelError(f"{_named(version)} has no {SIGNATURE_FILE}. The training script writes it; train again.")
    signature = signature_of(path.read_text(encoding="utf-8"), where=openable(path))
    found = skew(signature, version.candidate.lineage, group)
    if found:
        mend = f"Train on the features there are: snowpipe models train {version.candidate.model}"
        raise ModelError(f"{_named(version)} is not deployed, its features differ: {'; '.join(found)}. {mend}")


def deploy(
    version: ModelVersion, registry: ModelRegistry, endpoint: Endpoint, author: Author, *, group: FeatureGroup
) -> Deployment:
    """Serve it, and write down who wanted that. Again is fine: it makes up for a process that died in between.

    group: what it will be asked with. Raises ModelError for what may not serve by now.
    """
    model = version.candidate.model
    require_deployable(find_version(model, version.number, registry), registry, group)
    deployment = endpoint.deploy(model, version.number)
    _record(deployment, "deploy", registry, author)
    return deployment


def rollback_target(model: str, registry: ModelRegistry, endpoint: Endpoint, *, group: FeatureGroup) -> ModelVersion:
    """The version that a rollback brings back. Raises ModelError where there is none that may serve."""
    current = endpoint.current()
    if current is None or current.model != model:
        serving = "nothing" if current is None else f"model {current.model!r}"
        raise ModelError(f"model {model!r} does not serve, {serving} does. See: snowpipe models list")
    before = next((one for one in endpoint.history() if one.number == current.before), None)
    if before is None or before.model != model:
        msg = f"{model} version {current.version} was the first to serve: there is none to go back to."
        raise ModelError(f"{msg} Deploy another: snowpipe models list")
    version = find_version(model, before.version, registry)
    if version.stage != "approved":
        last = version.decisions[-1]
        msg = f"{_named(version)}, which served before, was rejected by {last.by}: {last.reason}."
        raise ModelError(f"{msg} Deploy another: snowpipe models list")
    require_deployable(version, registry, group)
    return version


def rollback(
    model: str, registry: ModelRegistry, endpoint: Endpoint, author: Author, *, group: FeatureGroup
) -> Deployment:
    """Serve what served before, and write down who wanted that. Raises ModelError where there is nothing to go back
    to."""
    rollback_target(model, registry, endpoint, group=group)
    deployment = endpoint.rollback()
    _record(deployment, "rollback", registry, author)
    return deployment


def reconcile(model: str, registry: ModelRegistry, endpoint: Endpoint) -> None:
    """Write down what serves where whoever let it serve died before doing so: the endpoint is right."""
    current, served = endpoint.current(), registry.served(model)
    if current is None or current.model != model or (served and served[-1].version == current.version):
        return
    found = "it was found to serve: whoever wanted that died before writing it down"
    what = Served(version=current.version, action=current.action, by=UNKNOWN, at=current.deployed_at, reason=found)
    registry.record_served(model, what)


def _record(
    deployment: Deployment, action: Literal["deploy", "rollback"], registry: ModelRegistry, author: Author
) -> None:
    served = registry.served(deployment.model)
    if not served or served[-1].version != deployment.version:
        by, why = author.by, author.reason
        what = Served(version=deployment.version, action=action, by=by, at=_now(), reason=why)
        registry.record_served(deployment.model, what)


def _named(version: ModelVersion) -> str:
    return f"{version.candidate.model} version {version.number}"


def gate_count(number: int) -> str:
    """`1 gate`, `2 gates`."""
    return f"{number} gate{'s' if number != 1 else ''}"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)

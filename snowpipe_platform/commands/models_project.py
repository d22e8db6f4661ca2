"""What the commands about models work on: the models as declared, and their registry."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from snowpipe_platform.assembly import build_endpoint, build_model_ground
from snowpipe_platform.backends.local_endpoint import LocalEndpoint
from snowpipe_platform.commands.terminal import NOTHING, Line, print_lines
from snowpipe_platform.errors import ConfigurationError, did_you_mean
from snowpipe_platform.execution.ground import ModelGround
from snowpipe_platform.execution.model_versions import artefact_of, find_version, gates_now, reconcile
from snowpipe_platform.ports import ModelRegistry
from snowpipe_platform.settings import Settings, allow_local_packages, read_settings
from snowpipe_platform.spec.evaluation import MODEL
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.gates import GateResult
from snowpipe_platform.spec.model import Model
from snowpipe_platform.spec.model_package import load_models
from snowpipe_platform.spec.model_version import ModelVersion
from snowpipe_platform.spec.pipeline import load_pipeline

SERVES = "serves"
DIGITS = 3


@dataclass(frozen=True)
class ModelProject:
    """The models of one pipeline on one machine."""

    settings: Settings
    models: Mapping[str, Model]
    ground: ModelGround

    @property
    def registry(self) -> ModelRegistry:
        return self.ground.registry

    @property
    def endpoint(self) -> LocalEndpoint:
        """What serves them; it is given a version's files when they are those that were registered."""
        return build_endpoint(self.settings, artefact_of=artefact_of(self.registry))

    def feature_group(self, model: Model) -> FeatureGroup:
        """The group it takes its features from. Imports the pipeline's tables."""
        return load_pipeline(self.settings.pipeline).feature_group(model.name)

    def find(self, name: str) -> Model:
        """Raises ConfigurationError with the nearest."""
        if name in self.models:
            return self.models[name]
        raise ConfigurationError(f"there is no model {name!r}. {did_you_mean(name, list(self.models))}")

    def version(self, model: Model, number: int | None) -> ModelVersion:
        """The newest where no number is given. Raises ConfigurationError with those there are."""
        numbers = [version.number for version in self.registry.versions(model.name)]
        return find_version(model.name, number if number is not None else max(numbers, default=1), self.registry)

    def serving(self, model: str) -> int | None:
        """The version that serves, as the endpoint says; None where it serves nothing, or another model."""
        current = self.endpoint.current()
        return current.version if current is not None and current.model == model else None


def open_models() -> ModelProject:
    """From the environment and the project's file. No table is imported. Raises ConfigurationError."""
    settings = read_settings()
    allow_local_packages()
    project = ModelProject(settings, load_models(settings.pipeline), build_model_ground(settings))
    for name in project.models:
        reconcile(name, project.registry, project.endpoint)
    return project


def gates_of(project: ModelProject, model: Model, version: ModelVersion) -> tuple[GateResult, ...]:
    """As they stood when the version was decided about; before that, as they stand now."""
    return version.decisions[-1].gates if version.decisions else gates_now(model, version, project.registry)


def stage_of(project: ModelProject, version: ModelVersion) -> str:
    """Its stage, or that it serves."""
    return SERVES if project.serving(version.candidate.model) == version.number else version.stage


def told(project: ModelProject, model: Model, version: ModelVersion) -> dict[str, Any]:
    """The stable keys of a version."""
    candidate = version.candidate
    return {
        "model": candidate.model,
        "version": version.number,
        "stage": version.stage,
        "serves": project.serving(candidate.model) == version.number,
        "registered_at": version.registered_at,
        "metrics": candidate.evaluation.metrics.get(MODEL, {}),
        "gates": [asdict(gate) for gate in gates_of(project, model, version)],
        "decisions": [asdict(decision) for decision in version.decisions],
        "training_set": candidate.training_set,
        "code_version": candidate.code_version,
        "parameters": dict(candidate.parameters),
        "run_id": candidate.run_id,
    }


def print_gates(gates: tuple[GateResult, ...]) -> None:
    """A line for each gate: what it measured, its threshold, whether it passed, and why not."""
    lines = [
        Line(
            (gate.gate, figure(gate.measured), figure(gate.threshold)),
            "ok" if gate.passed else "FAILED",
            gate.why,
            is_minor=gate.passed,
        )
        for gate in gates
    ]
    print_lines(("gate", "measured", "threshold"), lines)


def figure(value: float | None) -> str:
    """A metric in a cell."""
    return NOTHING if value is None else f"{value:.{DIGITS}f}"

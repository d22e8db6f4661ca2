"""`snowpipe models train`: a new version of a model, from the tables as they are."""

import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snowpipe_platform.commands.deciding import DRY_RUN
from snowpipe_platform.commands.models import CARD, print_about, print_metrics
from snowpipe_platform.commands.models_dagster import tell_dagster
from snowpipe_platform.commands.models_project import ModelProject, print_gates, told
from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.terminal import (
    activity,
    counted_rows,
    print_json,
    print_next,
    print_text,
    print_wrapped,
)
from snowpipe_platform.errors import openable
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.labels import Labels, count_labels
from snowpipe_platform.execution.model_versions import champion_of, gates_now
from snowpipe_platform.execution.training import train as trained
from snowpipe_platform.execution.training_set import MadeSet, make_training_set
from snowpipe_platform.spec.gates import GateResult
from snowpipe_platform.spec.model import Model
from snowpipe_platform.spec.model_version import ModelVersion

if TYPE_CHECKING:
    from dagster import DagsterInstance

JOB = "snowpipe models train"


@dataclass(frozen=True)
class Typed:
    """What was typed."""

    model: str
    is_dry: bool = False
    as_json: bool = False


@dataclass(frozen=True)
class Training:
    """One training as it came out. made: the training set; file: where it is."""

    model: Model
    made: MadeSet
    file: str
    version: ModelVersion
    gates: tuple[GateResult, ...]
    identity: RunIdentity

    @property
    def is_new(self) -> bool:
        """Whether there was no version with the same set, code, parameters and files."""
        return self.version.candidate.run_id == self.identity.run_id

    @property
    def failed(self) -> bool:
        return not all(gate.passed for gate in self.gates)


def train(project: Project, models: ModelProject, typed: Typed) -> int:
    """0, or 1 when the version fails a gate. Raises LakeError where there is no label, and
    TrainingFailedError."""
    model = models.find(typed.model)
    if typed.is_dry:
        return _dry(project, models, model, as_json=typed.as_json)
    done = run_training(project, models, model)
    if typed.as_json:
        print_json(_json(models, done))
    else:
        _print(models, done)
    return 1 if done.failed else 0


def run_training(project: Project, models: ModelProject, model: Model) -> Training:
    """Make the set, train, register, and tell Dagster. The script's lines are said on stderr as they come."""
    training = project.pipeline.training_set(model.name)
    identity = RunIdentity(run_id=f"cli-{uuid.uuid4()}", job=JOB)
    with activity() as shown:
        shown.update(f"making the training set of {model.name}")
        made = make_training_set(training, project.pipeline, project.ground, identity)
        file = project.ground.training_sets.locate(made.record)
        shown.update(f"training {model.name}")
        version = trained(model, Path(file), models.ground, run_id=identity.run_id, log=shown.say)
    done = Training(model, made, file, version, gates_now(model, version, models.registry), identity)
    tell_dagster(
        models.settings, lambda instance: _report(instance, models, done), done=f"{_named(done)} is registered"
    )
    return done


def _report(instance: "DagsterInstance", models: ModelProject, done: Training) -> None:
    from snowpipe_platform.orchestration.model_reporting import (  # noqa: PLC0415 - there is an instance
        report_training_set,
        report_version,
    )

    artefact = models.registry.artefact(done.version).resolve()
    report_training_set(instance, done.made, path=done.file)
    report_version(instance, done.version, done.gates, done.identity, artefact=artefact, training_set=done.file)


def _dry(project: Project, models: ModelProject, model: Model, *, as_json: bool) -> int:
    training = project.pipeline.training_set(model.name)
    with activity() as shown:
        labels = count_labels(training, project.pipeline, project.ground, progress=shown.update)
    champion = champion_of(model.name, models.registry)
    if as_json:
        print_json(_dry_json(model, labels, champion))
        return 0
    first, last = (f"{at:%Y-%m-%d %H:%M}" for at in (labels.instants[0], labels.instants[-1]))
    share = f", {labels.positive / labels.rows:.1%} {model.label}" if labels.rows else ""
    against = "nothing, it is the first" if champion is None else f"version {champion}, the champion"
    print_text(f"{model.name} would be trained on {counted_rows(labels.rows)}{share}")
    print_text(f"labels: {len(labels.instants):,}, from {first} to {last} UTC")
    print_text(f"compared with: {against}")
    print_text(DRY_RUN)
    print_next(f"snowpipe models train {model.name}")
    return 0


def _dry_json(model: Model, labels: Labels, champion: int | None) -> dict[str, Any]:
    return {
        "model": model.name,
        "labels": len(labels.instants),
        "first_label_at": labels.instants[0],
        "last_label_at": labels.instants[-1],
        "rows": labels.rows,
        "positive": labels.positive,
        "champion": champion,
        "written": False,
    }


def _json(models: ModelProject, done: Training) -> dict[str, Any]:
    evaluation, record = done.version.candidate.evaluation, done.made.record
    return {
        **told(models, done.model, done.version),
        "gates": [asdict(gate) for gate in done.gates],
        "is_new": done.is_new,
        "contenders": {name: dict(metrics) for name, metrics in evaluation.metrics.items()},
        "champion": evaluation.champion,
        "training_rows": record.rows,
        "first_label_at": record.first_label_at,
        "last_label_at": record.last_label_at,
        "next": _next(done),
        "written": True,
    }


def _print(models: ModelProject, done: Training) -> None:
    print_about(models, done.version, card=openable(models.registry.artefact(done.version) / CARD))
    if not done.is_new:
        print_wrapped("no new version: the same training set, code and parameters gave the same files")
    print_text()
    print_metrics(done.version)
    print_text()
    print_gates(done.gates)
    print_next(_next(done))


def _next(done: Training) -> str:
    """Of a version that nobody has decided about, unless a gate stops it: the approval."""
    if done.failed or done.version.stage != "registered":
        return f"snowpipe models show {done.model.name} {done.version.number}"
    return f'snowpipe models approve {done.model.name} {done.version.number} --reason "..."'


def _named(done: Training) -> str:
    return f"{done.model.name} version {done.version.number}"

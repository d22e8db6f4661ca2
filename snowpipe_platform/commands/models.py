"""`snowpipe models list|show`: which versions there are, and what is known of one."""

from dataclasses import asdict

from snowpipe_platform.commands.models_project import (
    ModelProject,
    figure,
    gates_of,
    print_gates,
    stage_of,
    told,
)
from snowpipe_platform.commands.terminal import (
    Line,
    print_heading,
    print_json,
    print_lines,
    print_next,
    print_text,
    print_wrapped,
)
from snowpipe_platform.errors import openable
from snowpipe_platform.spec.evaluation import CHAMPION, HIGHER_IS_BETTER, MODEL, Group
from snowpipe_platform.spec.model import Model
from snowpipe_platform.spec.model_version import ModelVersion

CARD = "card.html"


def list_versions(project: ModelProject, name: str | None, *, as_json: bool) -> int:
    """Of one model or all, oldest first."""
    models = list(project.models.values()) if name is None else [project.find(name)]
    versions = [(model, version) for model in models for version in project.registry.versions(model.name)]
    if as_json:
        print_json(
            {"models": [model.name for model in models], "versions": [told(project, *each) for each in versions]}
        )
        return 0
    if not versions:
        print_text(f"no version yet of {' or '.join(model.name for model in models) or 'any model: none is declared'}")
        return 0
    print_lines(("version", "ROC AUC", "Brier", "gates", "registered (UTC)"), [_line(project, *v) for v in versions])
    waiting = [version for _, version in versions if version.stage == "registered"]
    if waiting:
        print_next(f"snowpipe models show {waiting[-1].candidate.model} {waiting[-1].number}")
    return 0


def show(project: ModelProject, name: str, number: int | None, *, as_json: bool) -> int:
    """One version, by default the newest."""
    model = project.find(name)
    version = project.version(model, number)
    artefact = project.registry.artefact(version)
    evaluation = version.candidate.evaluation
    if as_json:
        more = {
            "artefact": str(artefact),
            "lineage": dict(version.candidate.lineage),
            "contenders": {name: dict(metrics) for name, metrics in evaluation.metrics.items()},
            "champion": evaluation.champion,
            "groups": [asdict(group) for group in evaluation.groups],
            "served": [asdict(each) for each in project.registry.served(name) if each.version == version.number],
        }
        print_json({**told(project, model, version), **more})
        return 0
    print_about(project, version, card=openable(artefact / CARD))
    print_text()
    print_metrics(version)
    print_text()
    print_gates(gates_of(project, model, version))
    _print_decisions(project, version)
    _print_next(project, model, version)
    return 0


def _line(project: ModelProject, model: Model, version: ModelVersion) -> Line:
    metrics = version.candidate.evaluation.metrics[MODEL]
    gates = gates_of(project, model, version)
    failed = [gate.gate for gate in gates if not gate.passed]
    passed = f"{len(gates) - len(failed)}/{len(gates)}"
    cells = (f"{model.name} {version.number}", figure(metrics.get("roc_auc")), figure(metrics.get("brier")), passed)
    note = f"failed: {', '.join(failed)}" if failed else ""
    return Line((*cells, f"{version.registered_at:%Y-%m-%d %H:%M}"), stage_of(project, version), note)


def print_about(project: ModelProject, version: ModelVersion, *, card: str) -> None:
    """What a version was made from, and where its card is."""
    candidate = version.candidate
    print_heading(f"{candidate.model} version {version.number}: {stage_of(project, version)}")
    print_text(f"registered {version.registered_at:%Y-%m-%d %H:%M} UTC by run {candidate.run_id}")
    print_text(f"training set {candidate.training_set}")
    print_text(", ".join([f"code {candidate.code_version}", *(f"{n} {v}" for n, v in candidate.parameters.items())]))
    print_text(f"card {card}")


def print_metrics(version: ModelVersion) -> None:
    """Each contender on the same rows, then the groups it is worst for."""
    evaluation = version.candidate.evaluation
    lines = []
    for name, metrics in evaluation.metrics.items():
        told_as = {MODEL: "this version", CHAMPION: f"champion, version {evaluation.champion}"}.get(name, name)
        lines.append(Line((told_as, *(figure(metrics.get(metric)) for metric in HIGHER_IS_BETTER)), ""))
    print_lines(("on the same rows", "ROC AUC", "average precision", "Brier", "calibration"), lines)
    worst = sorted((group for group in evaluation.groups if _auc(group) is not None), key=lambda g: _auc(g) or 0.0)
    for group in worst[:1]:
        print_wrapped(f"lowest ROC AUC: {figure(_auc(group))}, {group.dimension} {group.name} ({group.rows:,} rows)")


def _print_decisions(project: ModelProject, version: ModelVersion) -> None:
    for decision in version.decisions:
        print_text(f"{decision.stage} {decision.at:%Y-%m-%d %H:%M} by {decision.by}: {decision.reason}")
        if decision.override:
            print_wrapped(f"although gates failed: {decision.override}")
    for each in project.registry.served(version.candidate.model):
        if each.version == version.number:
            word = "deployed" if each.action == "deploy" else "rolled back to"
            print_text(f"{word} {each.at:%Y-%m-%d %H:%M} by {each.by}: {each.reason}")


def _print_next(project: ModelProject, model: Model, version: ModelVersion) -> None:
    serving = project.serving(model.name)
    if version.stage == "registered":
        passed = all(gate.passed for gate in gates_of(project, model, version))
        print_next(f'snowpipe models {"approve" if passed else "reject"} {model.name} {version.number} --reason "..."')
    elif serving not in {None, version.number}:
        print_next(f"snowpipe models compare {model.name} {serving} {version.number}")
    else:
        print_next(f"snowpipe models list {model.name}")


def _auc(group: Group) -> float | None:
    return group.metrics.get("roc_auc")

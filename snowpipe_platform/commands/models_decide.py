"""`snowpipe models approve|reject`: a person decides about a version, and it is kept why."""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snowpipe_platform.commands.deciding import DECLINED, agreed, author_of
from snowpipe_platform.commands.models_dagster import tell_dagster
from snowpipe_platform.commands.models_project import ModelProject, print_gates, told
from snowpipe_platform.commands.terminal import print_heading, print_json, print_next, print_text
from snowpipe_platform.errors import GatesFailedError
from snowpipe_platform.execution.model_versions import approve as approved
from snowpipe_platform.execution.model_versions import gate_count, gates_now, require_undecided
from snowpipe_platform.execution.model_versions import reject as rejected
from snowpipe_platform.spec.model import Model
from snowpipe_platform.spec.model_version import ModelVersion

if TYPE_CHECKING:
    from dagster import DagsterInstance


@dataclass(frozen=True)
class Typed:
    """What was typed for a decision. override: why a version is approved though a gate failed; empty if it is not."""

    model: str
    number: int
    reason: str
    override: str = ""
    confirmed: bool = False
    as_json: bool = False


def approve(project: ModelProject, typed: Typed) -> int:
    """0, or 1 when it was declined or gates stop it."""
    author = author_of(typed.reason, command="models")
    model = project.find(typed.model)
    version = project.version(model, typed.number)
    require_undecided(version)
    gates = gates_now(model, version, project.registry)
    failed = [gate for gate in gates if not gate.passed]
    if not typed.as_json:
        print_heading(f"{model.name} version {version.number}")
        print_gates(gates)
    if failed and not typed.override.strip():
        return _stopped(project, model, version, typed)
    question = f"Approve {model.name} version {version.number}" + (
        f" though {gate_count(len(failed))} failed?" if failed else "?"
    )
    if not agreed(question, confirmed=typed.confirmed):
        return _declined(typed)
    done = approved(model, version, project.registry, author, override=typed.override.strip())
    return _answered(project, model, done, typed)


def reject(project: ModelProject, typed: Typed) -> int:
    """0, or 1 when it was declined."""
    author = author_of(typed.reason, command="models")
    model = project.find(typed.model)
    version = project.version(model, typed.number)
    if not agreed(f"Reject {model.name} version {version.number}?", confirmed=typed.confirmed):
        return _declined(typed)
    done = rejected(model, version, project.registry, author, endpoint=project.endpoint)
    return _answered(project, model, done, typed)


def _stopped(project: ModelProject, model: Model, version: ModelVersion, typed: Typed) -> int:
    """The next command gives the version up; what overrides a gate is said, and not put under the fingers."""
    command = f"snowpipe models reject {model.name} {version.number} --reason {shlex.quote('it fails its gates')}"
    if typed.as_json:
        print_json({"error": GatesFailedError.__name__, **told(project, model, version), "next": command})
        return 1
    print_text("not approved: a gate failed. To approve it all the same, say why with --override")
    print_next(command)
    return 1


def _declined(typed: Typed) -> int:
    if typed.as_json:
        print_json({"model": typed.model, "version": typed.number, "written": False})
    else:
        print_text(DECLINED)
    return 1


def _answered(project: ModelProject, model: Model, version: ModelVersion, typed: Typed) -> int:
    decision = version.decisions[-1]
    tell_decision(project, model, version)
    if typed.as_json:
        print_json(told(project, model, version))
        return 0
    print_text(f"{decision.stage}: {model.name} version {version.number}, by {decision.by}: {decision.reason}")
    if decision.override:
        print_text(f"override kept: {decision.override}")
    if version.stage == "approved":
        print_next(f'snowpipe models deploy {model.name} {version.number} --reason "..."')
    else:
        print_next(f"snowpipe models list {model.name}")
    return 0


def tell_decision(project: ModelProject, model: Model, version: ModelVersion) -> None:
    """Tell Dagster what was decided about a version."""
    named = f"{model.name} version {version.number} is {version.stage}"
    tell_dagster(project.settings, lambda instance: _report(instance, project, model), done=named)


def _report(instance: "DagsterInstance", project: ModelProject, model: Model) -> None:
    from snowpipe_platform.orchestration.model_reporting import report_approval  # noqa: PLC0415 - there is an instance

    report_approval(instance, model.name, project.registry)

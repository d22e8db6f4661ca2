"""`snowpipe models deploy|rollback`: which version serves."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snowpipe_platform.commands.deciding import DECLINED, agreed, author_of
from snowpipe_platform.commands.models_dagster import tell_dagster
from snowpipe_platform.commands.models_project import ModelProject
from snowpipe_platform.commands.terminal import print_json, print_next, print_text
from snowpipe_platform.execution.model_versions import deploy as deployed
from snowpipe_platform.execution.model_versions import require_deployable, rollback_target
from snowpipe_platform.execution.model_versions import rollback as rolled_back
from snowpipe_platform.ports import Endpoint
from snowpipe_platform.records import Deployment
from snowpipe_platform.serving.deployed import read_standing
from snowpipe_platform.spec.model import Model
from snowpipe_platform.spec.model_version import ModelVersion

if TYPE_CHECKING:
    from dagster import DagsterInstance


@dataclass(frozen=True)
class Typed:
    """What was typed. number: of the version to deploy; None for a rollback."""

    model: str
    reason: str
    number: int | None = None
    confirmed: bool = False
    as_json: bool = False


def deploy(project: ModelProject, endpoint: Endpoint, typed: Typed) -> int:
    """0, or 1 when it was declined. Raises ModelError for what may not serve."""
    author = author_of(typed.reason, command="models")
    model = project.find(typed.model)
    version = project.version(model, typed.number)
    group = project.feature_group(model)
    require_deployable(version, project.registry, group)
    was = endpoint.current()
    if not _agreed(f"Deploy {model.name} version {version.number}", was, typed):
        return 1
    now = deployed(version, project.registry, endpoint, author, group=group)
    tell_deployment(project, model, version, now, was)
    return _answered(typed, was, now)


def rollback(project: ModelProject, endpoint: Endpoint, typed: Typed) -> int:
    """0, or 1 when it was declined. Raises ModelError where there is nothing to go back to."""
    author = author_of(typed.reason, command="models")
    model = project.find(typed.model)
    group = project.feature_group(model)
    version = rollback_target(model.name, project.registry, endpoint, group=group)
    was = endpoint.current()
    if not _agreed(f"Go back to {model.name} version {version.number}", was, typed):
        return 1
    now = rolled_back(model.name, project.registry, endpoint, author, group=group)
    tell_deployment(project, model, version, now, was)
    return _answered(typed, was, now)


def tell_deployment(
    project: ModelProject, model: Model, version: ModelVersion, now: Deployment, was: Deployment | None
) -> None:
    """Tell Dagster that a version serves. Of what serves already there is no news."""
    if was is not None and was.number == now.number:
        return

    def tell(instance: "DagsterInstance") -> None:
        from snowpipe_platform.orchestration.model_reporting import report_deployment  # noqa: PLC0415 - there is one

        server = read_standing(project.settings.endpoint_folder)
        url = None if server is None else server.url
        report_deployment(instance, model, version, now, was, url=url)

    tell_dagster(project.settings, tell, done=f"{now.model} version {now.version} serves")


def _agreed(what: str, was: Deployment | None, typed: Typed) -> bool:
    if agreed(f"{what} in place of {_named(was)}?", confirmed=typed.confirmed):
        return True
    if typed.as_json:
        print_json({"model": typed.model, "version": None, "was": _version(was), "written": False})
    else:
        print_text(DECLINED)
    return False


def _answered(typed: Typed, was: Deployment | None, now: Deployment) -> int:
    if typed.as_json:
        print_json({"model": now.model, "version": now.version, "was": _version(was), "written": True})
        return 0
    is_same = was is not None and (was.model, was.version) == (now.model, now.version)
    print_text(
        f"{now.model} version {now.version} serves" + (" already" if is_same else f", in place of {_named(was)}")
    )
    if now.before is not None:
        print_next(f'snowpipe models rollback {now.model} --reason "..."')
    return 0


def _named(deployment: Deployment | None) -> str:
    return "nothing" if deployment is None else f"{deployment.model} version {deployment.version}"


def _version(deployment: Deployment | None) -> int | None:
    return None if deployment is None else deployment.version

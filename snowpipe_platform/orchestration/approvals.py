"""Observes what people approve, and requests that it serves."""

from collections.abc import Sequence
from datetime import datetime

import dagster as dg

from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.execution.model_versions import reconcile
from snowpipe_platform.orchestration.model_metadata import approval_metadata
from snowpipe_platform.orchestration.names import DATA_VERSION_TAG, approved_name, asset_key, endpoint_name
from snowpipe_platform.orchestration.pace import Pace
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.ports import Endpoint, ModelRegistry
from snowpipe_platform.spec.model import Model
from snowpipe_platform.spec.model_version import ModelVersion, approved_last, is_acted_upon

APPROVALS_SECONDS = 30
NONE_APPROVED = "none"


def approvals_sensor(models: Sequence[Model], pace: Pace) -> dg.SensorDefinition:
    """Observes `models/<name>_approved` when the version approved last is another one, and requests one run of
    `models/<name>_endpoint` for each approval. The instance has what was observed, the registry what was acted upon:
    there is no cursor that could be lost."""

    @dg.sensor(
        name="approvals",
        target=dg.AssetSelection.assets(*(asset_key(endpoint_name(model.name)) for model in models)),
        minimum_interval_seconds=pace.seconds(APPROVALS_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="observes which version of a model was approved last, and deploys it once",
    )
    def approvals(context: dg.SensorEvaluationContext, ground: GroundResource) -> dg.SensorResult:
        registry, endpoint = ground.ground().models.registry, ground.endpoint()
        observed: list[dg.AssetObservation] = []
        wanted: list[dg.RunRequest | str] = []
        for model in models:
            try:
                observed += new_observations(context.instance, model.name, registry)
                reconcile(model.name, registry, endpoint)
                wanted.append(_deployment(model.name, registry, endpoint))
            except SnowpipeError as error:
                wanted.append(f"{model.name}: cannot look at what was approved: {error}")
        requests = [one for one in wanted if isinstance(one, dg.RunRequest)]
        reason = None if requests else "; ".join(one for one in wanted if isinstance(one, str))
        return dg.SensorResult(run_requests=requests, asset_events=observed, skip_reason=reason)

    return approvals


def new_observations(instance: dg.DagsterInstance, model: str, registry: ModelRegistry) -> list[dg.AssetObservation]:
    """One of what is approved now, where the instance has not observed that last. Before the first approval there is
    nothing to observe; afterwards there is, also when no version is approved any more."""
    key, approved = asset_key(approved_name(model)), approved_last(registry.versions(model))
    data_version, before = approval_data_version(approved), _observed_last(instance, key)
    if data_version == before or (approved is None and before is None):
        return []
    metadata = {"summary": "no version is approved any more"} if approved is None else approval_metadata(approved)
    return [dg.AssetObservation(key, metadata=metadata, tags={DATA_VERSION_TAG: data_version})]


def _deployment(model: str, registry: ModelRegistry, endpoint: Endpoint) -> dg.RunRequest | str:
    """The run that deploys what was approved last, or why none is asked for. One endpoint serves one model: to put
    another model in its place is not what an approval says."""
    approved = approved_last(registry.versions(model))
    if approved is None:
        return f"{model}: no version is approved"
    named = f"{model} version {approved.number}, approved {_at(approved):%Y-%m-%d %H:%M}"
    if is_acted_upon(approved, registry.served(model)):
        return f"{named}: it has served since, or a person has let another one serve"
    current = endpoint.current()
    if current is not None and current.model != model:
        return f"{named}: model {current.model!r} serves; see snowpipe models deploy {model} {approved.number}"
    return dg.RunRequest(
        run_key=f"{model}:{approved.number}:{_at(approved).isoformat()}",
        asset_selection=[asset_key(endpoint_name(model))],
    )


def approval_data_version(approved: ModelVersion | None) -> str:
    """Two approvals of one version are two."""
    return NONE_APPROVED if approved is None else f"version {approved.number}, approved {_at(approved).isoformat()}Z"


def _at(approved: ModelVersion) -> datetime:
    return approved.decisions[-1].at


def _observed_last(instance: dg.DagsterInstance, key: dg.AssetKey) -> str | None:
    records = instance.fetch_observations(key, limit=1).records
    event = records[0].asset_observation if records else None
    return None if event is None else event.tags.get(DATA_VERSION_TAG)

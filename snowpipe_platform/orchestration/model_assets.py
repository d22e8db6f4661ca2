"""The assets of a model: the version made last, the one approved last, and what serves."""

from pathlib import Path

import dagster as dg

from snowpipe_platform.errors import ModelError
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.model_versions import deploy, gates_now
from snowpipe_platform.execution.training import newest_training_set, train
from snowpipe_platform.orchestration.failures import final_failures
from snowpipe_platform.orchestration.identity import run_identity
from snowpipe_platform.orchestration.model_metadata import (
    deployment_metadata,
    gate_outcomes,
    version_metadata,
    version_summary,
)
from snowpipe_platform.orchestration.names import (
    MODELS,
    approved_name,
    asset_key,
    dagster_owners,
    endpoint_name,
    gate_check_name,
    model_name,
    training_set_name,
)
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.model import Model
from snowpipe_platform.spec.model_version import ON_APPROVAL, ModelVersion, approved_last, is_acted_upon

SENSOR_TAG = "dagster/sensor_name"
"""On runs that a sensor asked for: between asking and running a person may have decided."""


def model_asset(model: Model) -> dg.AssetsDefinition:
    """A version trained on the newest training set, when a person or a job asks. Its data version is the hash of its
    files: the same set, code and parameters give the same version again. Each gate is a check."""
    name = model_name(model.name)

    @dg.asset(
        key=asset_key(name),
        deps=[asset_key(training_set_name(model.name))],
        group_name=MODELS,
        kinds={MODELS, "version"},
        owners=dagster_owners(model.owners),
        description=model.description,
        code_version=model.code_version,
        metadata={"training": model.training},
        pool=name,
        check_specs=[
            dg.AssetCheckSpec(gate_check_name(gate.name), asset=asset_key(name), description=f"gate: {gate.name}")
            for gate in model.gates
        ],
    )
    def train_model(context: dg.AssetExecutionContext, ground: GroundResource) -> dg.MaterializeResult:  # type: ignore[type-arg] # beside checks Dagster 1.13 takes the bare class only
        models, sets, run_id = ground.ground().models, ground.ground().training_sets, context.run.run_id
        with final_failures():
            file = sets.locate(newest_training_set(model.name, sets))
            version = train(model, Path(file), models, run_id=run_id, log=context.log.info)
            gates = gates_now(model, version, models.registry)
            artefact = models.registry.artefact(version).resolve()
        context.log.info(version_summary(version, gates, is_new=version.candidate.run_id == run_id))
        return dg.MaterializeResult(
            metadata=version_metadata(version, gates, artefact, run_id=run_id, training_set=file),
            data_version=dg.DataVersion(version.artefact_hash),
            check_results=gate_outcomes(model.name, gates),
        )

    return train_model


def approved_spec(model: Model) -> dg.AssetSpec:
    """The version approved last. Nothing computes it: a person approves, and the sensor `approvals` observes."""
    return dg.AssetSpec(
        asset_key(approved_name(model.name)),
        deps=[asset_key(model_name(model.name))],
        group_name=MODELS,
        kinds={MODELS, "approval"},
        owners=dagster_owners(model.owners),
        description=f"The version of {model.name} that was approved last, by a person: `snowpipe models approve`.",
    )


def endpoint_asset(model: Model, group: FeatureGroup) -> dg.AssetsDefinition:
    """What serves. Materialized, it is the version approved last: the sensor `approvals` asks for it once an approval,
    so that what a person put there since stays. group: whose features it is asked with."""
    name = endpoint_name(model.name)

    @dg.asset(
        key=asset_key(name),
        deps=[asset_key(approved_name(model.name))],
        group_name=MODELS,
        kinds={MODELS, "endpoint"},
        owners=dagster_owners(model.owners),
        description=f"The version of {model.name} that answers requests: `snowpipe serve`.",
        code_version=model.code_version,
        pool=name,
    )
    def deploy_approved(context: dg.AssetExecutionContext, ground: GroundResource) -> dg.MaterializeResult[None]:
        registry, endpoint = ground.ground().models.registry, ground.endpoint()
        with final_failures():
            version = _approved(model, registry.versions(model.name))
            if SENSOR_TAG in context.run.tags and is_acted_upon(version, registry.served(model.name)):
                told = f"version {version.number} has served since, or a person has let another one serve meanwhile"
                raise ModelError(f"{model.name} {told}: nothing is deployed.")
            decision = version.decisions[-1]
            reason = f"approved by {decision.by}: {decision.reason}"
            author = Author(by=ON_APPROVAL, reason=reason, identity=run_identity(context.run))
            was = endpoint.current()
            now = deploy(version, registry, endpoint, author, group=group)
        server = endpoint.server()
        metadata = deployment_metadata(now, was, url=None if server is None else server.url)
        context.log.info(str(metadata["summary"].value))
        return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(version.artefact_hash))

    return deploy_approved


def _approved(model: Model, versions: list[ModelVersion]) -> ModelVersion:
    found = approved_last(versions)
    if found is None:
        raise ModelError(
            f"no version of {model.name} is approved. See which there are: snowpipe models list {model.name}"
        )
    return found

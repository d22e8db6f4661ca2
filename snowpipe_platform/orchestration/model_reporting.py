"""Tell a Dagster instance what the command line did about models: the same events a run or the sensor leaves."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.training_set import MadeSet
from snowpipe_platform.orchestration.approvals import approval_data_version, new_observations
from snowpipe_platform.orchestration.metadata import Metadata
from snowpipe_platform.orchestration.model_metadata import deployment_metadata, gate_outcomes, version_metadata
from snowpipe_platform.orchestration.names import (
    DATA_VERSION_TAG,
    approved_name,
    asset_key,
    endpoint_name,
    model_name,
    training_set_name,
)
from snowpipe_platform.orchestration.reporting import CODE_VERSION_TAG, report_checks
from snowpipe_platform.orchestration.training_assets import training_metadata
from snowpipe_platform.ports import ModelRegistry
from snowpipe_platform.records import Deployment
from snowpipe_platform.spec.gates import GateResult
from snowpipe_platform.spec.model import Model
from snowpipe_platform.spec.model_version import ModelVersion

INPUT_DATA_VERSION_TAG = "dagster/input_data_version"
"""And the input's name, as Dagster's own runs tag what they made it of."""


def report_training_set(instance: dg.DagsterInstance, made: MadeSet, *, path: str) -> None:
    """A training set was made. path: where its file is."""
    record = made.record
    name, metadata = training_set_name(record.name), training_metadata(made, path=path)
    _materialized(instance, name, metadata, code_version=record.code_version, data_version=record.hash)


def report_version(  # noqa: PLR0913 - all that the events say
    instance: dg.DagsterInstance,
    version: ModelVersion,
    gates: Sequence[GateResult],
    identity: RunIdentity,
    *,
    artefact: Path,
    training_set: str,
) -> None:
    """A model was trained: its materialization, then its gates. training_set: where its file is."""
    candidate = version.candidate
    name = model_name(candidate.model)
    metadata = version_metadata(version, gates, artefact, run_id=identity.run_id, training_set=training_set)
    _materialized(
        instance,
        name,
        metadata,
        code_version=candidate.code_version,
        data_version=version.artefact_hash,
        inputs={training_set_name(candidate.model): candidate.training_set},
    )
    report_checks(instance, name, None, gate_outcomes(candidate.model, gates), identity)


def report_approval(instance: dg.DagsterInstance, model: str, registry: ModelRegistry) -> None:
    """A person decided: what is approved now, where that is another version."""
    for observation in new_observations(instance, model, registry):
        instance.report_runless_asset_event(observation)


def report_deployment(  # noqa: PLR0913 - all that the event says
    instance: dg.DagsterInstance,
    model: Model,
    version: ModelVersion,
    now: Deployment,
    was: Deployment | None,
    *,
    url: str | None,
) -> None:
    """A version serves, in place of the one before. It is made of its own approval: where another version was approved
    last, as after a rollback, Dagster shows it as stale. url: of the server that runs, None when none does."""
    _materialized(
        instance,
        endpoint_name(model.name),
        deployment_metadata(now, was, url=url),
        code_version=model.code_version,
        data_version=version.artefact_hash,
        inputs={approved_name(model.name): approval_data_version(version)},
    )


def _materialized(  # noqa: PLR0913 - all that an event says
    instance: dg.DagsterInstance,
    name: str,
    metadata: Metadata,
    *,
    code_version: str,
    data_version: str,
    inputs: dict[str, str] | None = None,
) -> None:
    made_of = {f"{INPUT_DATA_VERSION_TAG}/{one}": version for one, version in (inputs or {}).items()}
    tags = {CODE_VERSION_TAG: code_version, DATA_VERSION_TAG: data_version, **made_of}
    instance.report_runless_asset_event(dg.AssetMaterialization(asset_key(name), metadata=metadata, tags=tags))

"""One training: a script run on a training set, its model judged against the champion and registered."""

import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from snowpipe_platform.errors import ModelError, openable
from snowpipe_platform.execution.ground import ModelGround
from snowpipe_platform.execution.model_versions import champion_of, find_version
from snowpipe_platform.ports import ModelRegistry, TrainingSetStore
from snowpipe_platform.records import TrainingSetRecord
from snowpipe_platform.spec.evaluation import evaluation_from
from snowpipe_platform.spec.model import Model, TrainingJob
from snowpipe_platform.spec.model_version import Candidate, ModelVersion

EVALUATION_FILE = "evaluation.json"


def newest_training_set(model: str, sets: TrainingSetStore) -> TrainingSetRecord:
    """Raises ModelError where there is none yet."""
    found = sets.all(model)
    if not found:
        msg = f"model {model!r} has no training set yet. Materialize models/{model}_training_set, or make it and train"
        raise ModelError(f"{msg} with: snowpipe models train {model}")
    return found[-1]


def train(
    model: Model,
    training_set: Path,
    ground: ModelGround,
    *,
    run_id: str,
    log: Callable[[str], None],
) -> ModelVersion:
    """The version that came of it; the earlier one, when everything is as it was then.

    training_set: the Parquet file; its record is beside it. Raises TrainingFailedError, or ModelError where the file is
    not what its record says.
    """
    record = _record(training_set)
    to_beat = champion_of(model.name, ground.registry)
    given = {"horizon_days": model.horizon.days, **model.hyperparameters}
    code_version = model.code_version
    job = TrainingJob(
        id=f"{model.name}-{uuid.uuid4().hex[:12]}",
        model=model.name,
        script=model.training,
        channels=_channels(model.name, training_set, to_beat, ground.registry),
        hyperparameters={**given, "champion_version": to_beat or 0},
    )
    artefact = ground.trainer.train(job, log=log)
    evaluation = evaluation_from(
        (artefact / EVALUATION_FILE).read_text(encoding="utf-8"), source=openable(artefact / EVALUATION_FILE)
    )
    _require_same(training_set, record["hash"], evaluation.document.get("training_set", {}).get("hash"))
    candidate = Candidate(
        model=model.name,
        evaluation=evaluation,
        parameters=given,
        code_version=code_version,
        training_set=record["hash"],
        lineage=record,
        run_id=run_id,
    )
    return ground.registry.register(candidate, artefact=artefact)


def _channels(
    model: str, training_set: Path, to_beat: int | None, registry: ModelRegistry
) -> Mapping[str, tuple[Path, ...]]:
    channels: dict[str, tuple[Path, ...]] = {"train": (training_set, training_set.with_suffix(".json"))}
    if to_beat is not None:
        folder = registry.artefact(find_version(model, to_beat, registry))
        channels["champion"] = tuple(sorted(folder.iterdir()))
    return channels


def _record(training_set: Path) -> Mapping[str, Any]:
    path = training_set.with_suffix(".json")
    try:
        record: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{openable(path)} is no record of a training set ({error}). Make the set again.") from error
    _require_same(training_set, training_set.stem, record.get("hash"))
    return record


def _require_same(training_set: Path, expected: str, found: object) -> None:
    if found != expected:
        msg = f"{openable(training_set)} is not the training set {expected} but {found}."
        raise ModelError(f"{msg} A set is never changed: make it again.")

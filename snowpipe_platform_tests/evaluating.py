"""Evaluations and versions to judge, as a training job leaves them, and an endpoint to deploy them to."""

import json
from contextlib import nullcontext
from datetime import datetime

from snowpipe_platform.errors import ModelError
from snowpipe_platform.records import Deployment
from snowpipe_platform.spec.evaluation import Evaluation, evaluation_from
from snowpipe_platform.spec.model_version import Candidate, Decision, ModelVersion, Served

AT = datetime(2024, 3, 2, 9)
GOOD = {"roc_auc": 0.8, "average_precision": 0.7, "brier": 0.15, "calibration_error": 0.02}
WORSE = {"roc_auc": 0.62, "average_precision": 0.5, "brier": 0.22, "calibration_error": 0.05}


def group(name, roc_auc=0.75, *, dimension="region", rows=1_000, positives=400):
    metrics = {**GOOD, "roc_auc": roc_auc}
    return {"dimension": dimension, "name": name, "rows": rows, "positives": positives, "metrics": metrics}


REGIONS = (group("North"), group("South"))


def evaluation(*, champion=None, groups=REGIONS, model=GOOD, baseline=WORSE, **more) -> Evaluation:
    """champion: (version, its metrics), or (version, why it was not measured)."""
    metrics = {"model": model, "baseline": baseline}
    told = None
    if champion is not None:
        version, found = champion
        told = {"version": version, "problem": found if isinstance(found, str) else ""}
        metrics |= {} if isinstance(found, str) else {"champion": found}
    document = {"model": "churn", "metrics": metrics, "groups": list(groups), "champion": told, **more}
    return evaluation_from(json.dumps(document), source="evaluation.json")


def candidate(**changed) -> Candidate:
    known = {
        "model": "churn",
        "evaluation": evaluation(),
        "parameters": {"seed": 7},
        "code_version": "c0de",
        "training_set": "5e7",
        "lineage": {
            "feature_group": "features/customer_activity",
            "feature_group_version": 1,
            "inputs": {"features/customer_activity": {"snapshot_id": 7}},
        },
        "run_id": "run-1",
    }
    return Candidate(**(known | changed))


def version(number, *stages, day=1) -> ModelVersion:
    """A version with a decision for each stage, on days from `day` on."""
    decisions = tuple(
        Decision(stage=stage, by="ann", at=AT.replace(day=day + n), reason="looked at it", gates=())
        for n, stage in enumerate(stages)
    )
    return ModelVersion(
        number=number, candidate=candidate(), registered_at=AT, artefact="", artefact_hash="", decisions=decisions
    )


def served(number, action="deploy") -> Served:
    return Served(version=number, action=action, by="ann", at=AT, reason="better")


class MemoryEndpoint:
    """An `Endpoint` that serves what it is told to; `refuses` is a version that it cannot load."""

    def __init__(self):
        self.deployments, self.refuses = [], None

    def deploy(self, model, version):
        if version == self.refuses:
            raise ModelError(f"{model} version {version} cannot be loaded")
        current = self.current()
        if current is not None and (current.model, current.version) == (model, version):
            return current
        return self._put("deploy", model, version, None if current is None else current.number)

    def rollback(self):
        back = self.deployments[self.current().before - 1]
        return self._put("rollback", back.model, back.version, back.before)

    def turn(self):
        return nullcontext()

    def current(self):
        return self.deployments[-1] if self.deployments else None

    def history(self):
        return list(self.deployments)

    def _put(self, action, model, version, before):
        made = Deployment(
            number=len(self.deployments) + 1,
            action=action,
            model=model,
            version=version,
            artefact="",
            deployed_at=AT,
            before=before,
        )
        self.deployments.append(made)
        return made

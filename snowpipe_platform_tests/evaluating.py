"""Evaluations and versions to judge, as a training job leaves them."""

import json
from datetime import datetime

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
        "lineage": {"inputs": {"features/customer_activity": {"snapshot_id": 7}}},
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

"""What `evaluation.json` says."""

from typing import Any

import numpy as np

from snowpipe_platform.pipeline.models.churn.container import Hyperparameters
from snowpipe_platform.pipeline.models.churn.intervals import intervals_of
from snowpipe_platform.pipeline.models.churn.measures import calibration_bins, groups_of, metrics_of
from snowpipe_platform.pipeline.models.churn.training_rows import LABEL, NAME, Flags, Floats, TrainingRows
from snowpipe_platform.spec.evaluation import MODEL


def evaluation_of(
    data: TrainingRows, rows: dict[str, Flags], by_contender: dict[str, Floats], given: Hyperparameters, *, problem: str
) -> dict[str, Any]:
    """Of the rows of the holdout. rows: which are in which period. by_contender: their probabilities."""
    judging = rows["holdout"]
    churned = data.churned[judging]
    groups = {name: np.asarray(values)[judging].tolist() for name, values in data.groups.items()}
    counted = {name: _counted(data, of_part) for name, of_part in rows.items()}
    left_out = len(data.churned) - sum(each["rows"] for each in counted.values())
    champion = {"version": given.champion_version, "problem": problem}
    return {
        "model": NAME,
        "label": LABEL,
        "horizon_days": given.horizon_days,
        "training_set": {
            "hash": data.hash,
            "rows": len(data.churned),
            "feature_group": data.record.get("feature_group"),
        },
        "split": {**counted, "left_out": left_out},
        "metrics": {name: metrics_of(churned, values) for name, values in by_contender.items()},
        "champion": champion if given.champion_version else None,
        "intervals": intervals_of(churned, by_contender, data.keys[judging], seed=given.seed),
        "groups": groups_of(churned, by_contender[MODEL], groups),
        "calibration": calibration_bins(churned, by_contender[MODEL]),
    }


def _counted(data: TrainingRows, rows: Flags) -> dict[str, Any]:
    first, last = data.label_at[rows].min(), data.label_at[rows].max()
    return {
        "first": first.item().isoformat(),
        "last": last.item().isoformat(),
        "rows": int(rows.sum()),
        "positives": int(data.churned[rows].sum()),
    }

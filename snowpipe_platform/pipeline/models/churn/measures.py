"""How good probabilities are, measured on rows a model has not seen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss, precision_recall_curve, roc_auc_score, roc_curve

from snowpipe_platform.pipeline.models.churn.training_rows import IN_ORDER, Flags, Floats

DIGITS = 6
BINS = 10
CURVE_POINTS = 100
"""Of a curve that is drawn; all of them would be thousands."""


def metrics_of(churned: Flags, probability: Floats) -> dict[str, float | None]:
    """roc_auc and average_precision are None where all rows are of one class; everything is where there is no row.
    calibration_error: the mean distance of predicted and observed share over the bins, weighted by their rows."""
    if len(churned) == 0:
        return dict.fromkeys(("roc_auc", "average_precision", "brier", "calibration_error"))
    ranks = len(np.unique(churned)) > 1
    bins = calibration_bins(churned, probability)
    error = sum(each["rows"] * abs(each["predicted"] - each["observed"]) for each in bins) / len(churned)
    return {
        "roc_auc": _rounded(roc_auc_score(churned, probability)) if ranks else None,
        "average_precision": _rounded(average_precision_score(churned, probability)) if ranks else None,
        "brier": _rounded(brier_score_loss(churned, probability)),
        "calibration_error": _rounded(error),
    }


def calibration_bins(churned: Flags, probability: Floats) -> list[dict[str, Any]]:
    """Ten bins with about as many rows each, by probability: the mean predicted, and the share observed."""
    order = np.argsort(probability, kind="stable")
    return [
        {
            "rows": len(rows),
            "from": _rounded(probability[rows[0]]),
            "to": _rounded(probability[rows[-1]]),
            "predicted": _rounded(probability[rows].mean()),
            "observed": _rounded(churned[rows].mean()),
        }
        for rows in np.array_split(order, BINS)
        if len(rows)
    ]


def groups_of(churned: Flags, probability: Floats, groups: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """The metrics of every group, by dimension and then by name or by length."""
    found = []
    for dimension, names in groups.items():
        of_row = np.asarray(names)
        for name in sorted(set(names), key=_place):
            rows = of_row == name
            counts = {"rows": int(rows.sum()), "positives": int(churned[rows].sum())}
            metrics = metrics_of(churned[rows], probability[rows])
            found.append({"dimension": dimension, "name": name, **counts, "metrics": metrics})
    return found


def _place(name: str) -> tuple[int, str]:
    return (IN_ORDER.index(name) if name in IN_ORDER else -1, name)


def roc_points(churned: Flags, probability: Floats) -> list[tuple[float, float]]:
    """(share of those who stay that are flagged, share of those who churn that are), from (0, 0) to (1, 1)."""
    wrong, right, _ = roc_curve(churned, probability)
    return _thinned(wrong, right)


def precision_points(churned: Flags, probability: Floats) -> list[tuple[float, float]]:
    """(share of those who churn that are flagged, share of the flagged that churn), by the first."""
    precision, recall, _ = precision_recall_curve(churned, probability)
    return _thinned(recall[::-1], precision[::-1])


def _thinned(across: Floats, up: Floats) -> list[tuple[float, float]]:
    kept = np.unique(np.linspace(0, len(across) - 1, CURVE_POINTS).round().astype(int))
    return [(_rounded(across[i]), _rounded(up[i])) for i in kept]


def _rounded(value: Any) -> float:  # noqa: ANN401 - a numpy number
    return round(float(value), DIGITS)

"""How good probabilities are, measured on rows a model has not seen."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss, precision_recall_curve, roc_auc_score, roc_curve

from snowpipe_platform.pipeline.models.churn.training_rows import IN_ORDER, Flags, Floats

DIGITS = 6
BINS = 10
DEALS = 5
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
        "roc_auc": rounded(roc_auc_score(churned, probability)) if ranks else None,
        "average_precision": rounded(average_precision_score(churned, probability)) if ranks else None,
        "brier": rounded(brier_score_loss(churned, probability)),
        "calibration_error": rounded(error),
    }


def calibration_bins(churned: Flags, probability: Floats) -> list[dict[str, Any]]:
    """Ten bins with about as many rows each, by probability: the mean predicted, and the share observed."""
    order = np.argsort(probability, kind="stable")
    return [
        {
            "rows": len(rows),
            "from": rounded(probability[rows[0]]),
            "to": rounded(probability[rows[-1]]),
            "predicted": rounded(probability[rows].mean()),
            "observed": rounded(churned[rows].mean()),
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


def importance_of(
    churned: Flags, values: Floats, names: Sequence[str], ask: Callable[[Floats], Floats], *, seed: int
) -> list[dict[str, Any]]:
    """By feature, most first: what ROC AUC loses when the rows' values of it are dealt out anew, so that it tells
    nothing; the mean of some deals. Features that tell the same share it. None where all are of one class."""
    chance = np.random.default_rng(seed)
    if len(np.unique(churned)) < 2:  # noqa: PLR2004 - who churns and who stays
        return [{"feature": name, "lost": None} for name in names]
    before = roc_auc_score(churned, ask(values))
    found = []
    for number, name in enumerate(names):
        after = []
        for _ in range(DEALS):
            dealt = values.copy()
            dealt[:, number] = chance.permutation(dealt[:, number])
            after.append(roc_auc_score(churned, ask(dealt)))
        found.append({"feature": name, "lost": rounded(before - np.mean(after))})
    return sorted(found, key=lambda each: -each["lost"])


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
    return [(rounded(across[i]), rounded(up[i])) for i in kept]


def rounded(value: Any) -> float:  # noqa: ANN401 - a numpy number
    """As it is written down: with digits that are the same on any machine."""
    return round(float(value), DIGITS)

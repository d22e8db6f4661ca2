"""How far a measure could be off by the luck of which customers were judged: intervals by the bootstrap.

Customers are drawn and not rows: the labels of one customer in many weeks are nearly the same, and rows drawn one by
one would give an interval half as wide as it is. https://en.wikipedia.org/wiki/Bootstrapping_(statistics)
"""

from collections.abc import Mapping

import numpy as np

from snowpipe_platform.pipeline.models.churn.measures import rounded
from snowpipe_platform.pipeline.models.churn.training_rows import Flags, Floats, Keys
from snowpipe_platform.spec.evaluation import HIGHER_IS_BETTER, MODEL

DRAWS = 400
BOUNDS = (5, 95)
"""Percentiles: nine in ten draws lie between them."""
MEASURED = ("roc_auc", "average_precision", "brier")
"""Not the calibration error: drawing customers makes it larger, as it has no sign."""

Interval = list[float]


def intervals_of(
    churned: Flags, by_contender: Mapping[str, Floats], keys: Keys, *, seed: int
) -> dict[str, dict[str, dict[str, Interval]]]:
    """metrics: of each contender. leads: of the model over each other contender on the same draws; positive where the
    model is better, whichever way the metric goes. Empty where all are of one class."""
    if len(np.unique(churned)) < 2:  # noqa: PLR2004 - who churns and who stays
        return {"metrics": {}, "leads": {}}
    _, customer = np.unique(keys, return_inverse=True)
    chance = np.random.default_rng(seed)
    count = int(customer.max()) + 1
    weights = [chance.multinomial(count, np.full(count, 1 / count))[customer] for _ in range(DRAWS)]
    # A draw without one of the classes says nothing of the order.
    weights = [each for each in weights if each[churned].any() and each[~churned].any()]
    drawn = {name: _drawn(churned, probability, weights) for name, probability in by_contender.items()}
    return {
        "metrics": {name: {metric: _interval(of[metric]) for metric in MEASURED} for name, of in drawn.items()},
        "leads": {
            name: {metric: _interval(_lead(metric, drawn[MODEL][metric], of[metric])) for metric in MEASURED}
            for name, of in drawn.items()
            if name != MODEL
        },
    }


def _lead(metric: str, ours: Floats, theirs: Floats) -> Floats:
    return ours - theirs if HIGHER_IS_BETTER[metric] else theirs - ours


def _interval(values: Floats) -> Interval:
    return [rounded(bound) for bound in np.percentile(values, BOUNDS)]


def _drawn(churned: Flags, probability: Floats, weights: list[Keys]) -> dict[str, Floats]:
    """Each measure in each draw. Sorted once: a draw changes how often a row counts and not where it stands."""
    order = np.argsort(-probability, kind="stable")
    sorted_probability, positive = probability[order], churned[order]
    ends = np.flatnonzero(np.append(np.diff(sorted_probability) != 0, True))
    distance = (sorted_probability - positive) ** 2
    found = [_measured(each[order], positive, distance, ends) for each in weights]
    return {metric: np.array([one[number] for one in found]) for number, metric in enumerate(MEASURED)}


def _measured(weight: Keys, positive: Flags, distance: Floats, ends: Keys) -> tuple[float, float, float]:
    """In the order of MEASURED. ends: of the runs of rows with one probability, most likely first."""
    caught = np.cumsum(weight * positive)[ends]
    flagged = np.cumsum(weight)[ends]
    missed = flagged - caught
    new_caught, new_missed = np.diff(caught, prepend=0), np.diff(missed, prepend=0)
    # Of a pair with one probability half is in order.
    in_order = (new_missed * (caught - new_caught / 2)).sum() / (caught[-1] * missed[-1])
    precision = np.divide(caught, flagged, out=np.zeros(len(ends)), where=flagged > 0)
    return in_order, (new_caught * precision).sum() / caught[-1], (weight * distance).sum() / weight.sum()

"""How much each feature of a row adds to its prediction: Shapley values against the features' defaults.

The game of one row: a set of features has the row's values, the others their defaults; what the set is worth is the
model's answer, in log-odds. A feature's contribution is its Shapley value in that game (L. Shapley, "A value for
n-person games", 1953; as an explanation of predictions with one reference: Sundararajan and Najmi, "The many Shapley
values for model explanation", 2020). What is explained is the probability that is answered, calibration included.

Contributions always add up to the prediction minus the prediction of the defaults. Here any model is asked, as often as
it takes: exactly where at most EXACT_FEATURES differ from their defaults; beyond, the mean, over DRAWN orders of the
features in all their rotations, forwards and backwards, of what a feature adds when its turn comes: an unbiased
estimate, the same for the same row, in which every feature has every turn equally often, and exact for what a model
mixes of two features at a time. Of boosted trees trees.py has the exact values without asking.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Matrix: TypeAlias = npt.NDArray[Any]
"""Rows of features in the signature's order: float64, or objects where one is a text. Nothing is NaN, or None."""
Numbers: TypeAlias = npt.NDArray[np.float64]
Predict: TypeAlias = Callable[[Matrix], Numbers]

EXACT_FEATURES = 8
"""2^8 questions to the model; the orders of nine features take little more."""
DRAWN = 2
EXACT, SAMPLED = "shapley", "shapley, estimated"


@dataclass(frozen=True)
class Contributions:
    """by_feature: in the signature's order; exactly 0 for one at its default. method: EXACT or SAMPLED."""

    by_feature: Numbers
    method: str


def contributions(row: Matrix, defaults: Matrix, predict: Predict) -> Contributions:
    """Of each feature of the row. They add up to predict(row) - predict(defaults)."""
    differing = np.flatnonzero(_differs(row, defaults))
    values = np.zeros(len(row))
    method = EXACT if len(differing) <= EXACT_FEATURES else SAMPLED
    if len(differing):
        worth = _exact if method == EXACT else _sampled
        values[differing] = worth(row, defaults, differing, predict)
    return Contributions(values, method)


def _exact(row: Matrix, defaults: Matrix, differing: npt.NDArray[np.intp], predict: Predict) -> Numbers:
    """By Shapley's formula: over the sets without the feature, what it adds, weighed by s! (n - s - 1)! / n!."""
    n = len(differing)
    sets = np.arange(2**n)
    has = (sets[:, None] >> np.arange(n)) & 1 == 1
    worth = predict(_mixed(has, row, defaults, differing))
    weights = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in range(n)])
    sizes = has.sum(axis=1)
    values = np.empty(n)
    for feature in range(n):
        without = sets[~has[:, feature]]
        added = worth[without | (1 << feature)] - worth[without]
        values[feature] = np.sum(weights[sizes[without]] * added)
    return values


def _sampled(row: Matrix, defaults: Matrix, differing: npt.NDArray[np.intp], predict: Predict) -> Numbers:
    n = len(differing)
    drawn = np.random.default_rng(n)
    rotations = (np.arange(n)[:, None] + np.arange(n)) % n
    forwards = np.concatenate([drawn.permutation(n)[rotations] for _ in range(DRAWN)])
    orders = np.concatenate([forwards, forwards[:, ::-1]])
    turns = np.argsort(orders, axis=1)
    has = turns[:, None, :] < np.arange(n + 1)[None, :, None]
    worth = predict(_mixed(has.reshape(-1, n), row, defaults, differing)).reshape(-1, n + 1)
    added = np.diff(worth, axis=1)
    return np.asarray(np.take_along_axis(added, turns, axis=1).mean(axis=0), dtype=np.float64)


def _mixed(has: npt.NDArray[np.bool_], row: Matrix, defaults: Matrix, differing: npt.NDArray[np.intp]) -> Matrix:
    """One row for each set: the row's values where it has the feature, else the defaults."""
    rows = np.tile(row, (len(has), 1))
    rows[:, differing] = np.where(has, row[differing], defaults[differing])
    return rows


def _differs(row: Matrix, defaults: Matrix) -> npt.NDArray[np.bool_]:
    both_nothing = np.array([_is_nothing(a) and _is_nothing(b) for a, b in zip(row, defaults, strict=True)])
    differing: npt.NDArray[np.bool_] = np.asarray(row != defaults) & ~both_nothing
    return differing


def _is_nothing(value: object) -> bool:
    return value is None or value != value  # noqa: PLR0124 - NaN is the one value that differs from itself

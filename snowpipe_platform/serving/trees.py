"""Shapley values of boosted trees without asking them: exact for any number of features, in one pass over the leaves.

A tree is the sum of its leaves, each worth its value where all conditions on its path hold. Of the game of shapley.py a
leaf needs a set A of features to have the row's values, where only those meet its conditions, and a set B to have their
defaults. Of a game that is worth v as soon as all of A and as long as none of B is in, the Shapley value of one of A is
v (a - 1)! b! / (a + b)!: of all orders of A and B together, those with it last of A and all of B behind; of one of B,
by the same count, - v a! (b - 1)! / (a + b)!. Features that meet the conditions either way, or are not on the path, get
nothing, and a leaf that one feature meets neither way is never reached.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator

from snowpipe_platform.serving.shapley import Numbers

Indices = npt.NDArray[np.intp]
Truths = npt.NDArray[np.bool_]
TWO = (False, True)
"""The classes of a label; of more there is a tree for each."""


@dataclass(frozen=True, kw_only=True)
class Trees:
    """All leaves of all trees. A condition is one node on a leaf's path; conditions of one leaf on one feature are a
    group; both lie one after the other by leaf. leaf_value: as it counts in the log-odds."""

    node_feature: Indices
    node_threshold: Numbers
    node_missing_left: Truths
    condition_node: Indices
    condition_left: Truths
    group_start: Indices
    group_feature: Indices
    group_leaf: Indices
    leaf_start: Indices
    leaf_value: Numbers

    def met(self, row: Numbers) -> Truths:
        """Which groups the row meets."""
        found = row[self.node_feature]
        goes_left = np.where(np.isnan(found), self.node_missing_left, found <= self.node_threshold)
        holds = goes_left[self.condition_node] == self.condition_left
        return np.asarray(np.logical_and.reduceat(holds, self.group_start), dtype=np.bool_)

    def contributions(self, row: Numbers, defaults_met: Truths) -> Numbers:
        """Of each feature to the log-odds. defaults_met: the groups that the defaults meet."""
        met = self.met(row)
        only_row, only_defaults = met & ~defaults_met, defaults_met & ~met
        needed, barred = (np.add.reduceat(each.astype(np.intp), self.leaf_start) for each in (only_row, only_defaults))
        values = np.where(np.logical_or.reduceat(~met & ~defaults_met, self.leaf_start), 0.0, self.leaf_value)
        shares = _shares(len(row))
        gained, lost = values * shares[needed, barred], values * shares[barred, needed]
        return self._by_feature(only_row, gained, len(row)) - self._by_feature(only_defaults, lost, len(row))

    def _by_feature(self, groups: Truths, of_leaf: Numbers, features: int) -> Numbers:
        weights = of_leaf[self.group_leaf[groups]]
        return np.bincount(self.group_feature[groups], weights=weights, minlength=features).astype(np.float64)


def trees_of(estimator: Any, *, scale: float = 1.0) -> Trees | None:  # noqa: ANN401 - whatever an artefact holds
    """Of scikit-learn's histogram gradient boosting, alone or under one calibrating sigmoid; None of anything else.
    scale: what its log-odds are multiplied by where it is a part of a model.

    The nodes are scikit-learn's own business: who uses them checks that contributions add up, and asks the model
    where they do not.
    """
    boosted, slope = _boosted(estimator)
    if not isinstance(boosted, HistGradientBoostingClassifier):
        return None
    try:
        trees = [tree.nodes for iteration in boosted._predictors for tree in iteration]  # noqa: SLF001 - see above
        is_plain = len(boosted.classes_) == len(TWO) and not any(nodes["is_categorical"].any() for nodes in trees)
        return _flattened(trees, slope * scale) if is_plain else None
    except (AttributeError, LookupError, ValueError):
        return None  # another scikit-learn keeps them in another way


def _boosted(estimator: Any) -> tuple[Any, float]:  # noqa: ANN401 - as above
    """The trees, and what their sum is multiplied by in the log-odds."""
    if not isinstance(estimator, CalibratedClassifierCV):
        return estimator, 1.0
    calibrated = estimator.calibrated_classifiers_
    slope = getattr(calibrated[0].calibrators[0], "a_", None) if len(calibrated) == 1 else None
    if slope is None:
        return None, 0.0
    inner = calibrated[0].estimator
    return inner.estimator if isinstance(inner, FrozenEstimator) else inner, -float(slope)


def _flattened(trees: Sequence[Any], scale: float) -> Trees | None:
    conditions: list[tuple[int, bool]] = []
    group_start: list[int] = []
    group_feature: list[int] = []
    group_leaf: list[int] = []
    leaf_start: list[int] = []
    values: list[float] = []
    first = 0
    for nodes in trees:
        for leaf, path in _paths(nodes):
            if not path:
                continue
            leaf_start.append(len(group_start))
            by_feature: dict[int, list[tuple[int, bool]]] = {}
            for node, left in path:
                by_feature.setdefault(int(nodes["feature_idx"][node]), []).append((first + node, left))
            for feature, of_feature in by_feature.items():
                group_start.append(len(conditions))
                group_feature.append(feature)
                group_leaf.append(len(values))
                conditions += of_feature
            values.append(float(nodes["value"][leaf]) * scale)
        first += len(nodes)
    if not values:
        return None
    return Trees(
        node_feature=np.concatenate([nodes["feature_idx"] for nodes in trees]).astype(np.intp),
        node_threshold=np.concatenate([nodes["num_threshold"] for nodes in trees]).astype(np.float64),
        node_missing_left=np.concatenate([nodes["missing_go_to_left"] for nodes in trees]).astype(np.bool_),
        condition_node=np.array([node for node, _ in conditions], dtype=np.intp),
        condition_left=np.array([left for _, left in conditions], dtype=np.bool_),
        group_start=np.array(group_start, dtype=np.intp),
        group_feature=np.array(group_feature, dtype=np.intp),
        group_leaf=np.array(group_leaf, dtype=np.intp),
        leaf_start=np.array(leaf_start, dtype=np.intp),
        leaf_value=np.array(values, dtype=np.float64),
    )


def _paths(nodes: Any) -> Iterator[tuple[int, list[tuple[int, bool]]]]:  # noqa: ANN401 - scikit-learn's array
    """Each leaf, and the nodes on the way to it with whether the way goes left."""
    waiting: list[tuple[int, list[tuple[int, bool]]]] = [(0, [])]
    while waiting:
        node, path = waiting.pop()
        if nodes["is_leaf"][node]:
            yield node, path
        else:
            waiting.append((int(nodes["right"][node]), [*path, (node, False)]))
            waiting.append((int(nodes["left"][node]), [*path, (node, True)]))


@lru_cache
def _shares(features: int) -> Numbers:
    """(m - 1)! n! / (m + n)! of every m and n that add up to no more than the features; 0 where m is 0."""
    shares = np.zeros((features + 1, features + 1))
    for m in range(1, features + 1):
        for n in range(features + 1 - m):
            shares[m, n] = factorial(m - 1) * factorial(n) / factorial(m + n)
    return shares

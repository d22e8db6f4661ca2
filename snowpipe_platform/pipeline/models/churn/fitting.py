"""The model and what it is compared with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from snowpipe_platform.errors import TrainingFailedError
from snowpipe_platform.pipeline.models.churn.container import Hyperparameters
from snowpipe_platform.pipeline.models.churn.split import FOLDS, fold_of
from snowpipe_platform.pipeline.models.churn.training_rows import Flags, Floats, Keys

DIRECTIONS = {"recency_": 1, "orders_": -1, "spend_": -1}
"""Which way churn goes with a feature, by how its name starts: known, so that noise teaches no model the contrary."""
NO_PENALTY = 1e6
"""Inverse of the penalty on the sigmoid's two numbers."""


def fit_model(
    values: Floats, churned: Flags, keys: Keys, names: Sequence[str], given: Hyperparameters
) -> StackingClassifier:
    """Boosted trees and a logistic regression, the mean of their log-odds, and a sigmoid over it. names: of the
    columns.

    Trees learn bends and what holds for some only; beyond the values they have seen they are flat, where the regression
    goes on. Its weights are even because fitted ones are not: from shop to shop they went from all of one to all of the
    other, and gained nothing. How many trees there are, and the sigmoid, are decided by customers that were kept out,
    each fifth by what the others teach.

    No class is weighted: a rare class costs the logarithmic loss no accuracy, and weights cost probabilities theirs.
    One thread, as sums of several come in any order. Raises TrainingFailedError where a fifth's labels are all the
    same.
    """
    folds = fold_of(keys)
    if any(len(np.unique(churned[folds == fold])) < 2 for fold in range(FOLDS)):  # noqa: PLR2004 - churn and stay
        msg = f"all labels of the customers in one of {FOLDS} parts are the same. Add labels of more customers."
        raise TrainingFailedError(msg)
    with threadpool_limits(1):
        iterations = _best_iterations(values, churned, folds, _trees(names, given))
        parts = [
            ("trees", _trees(names, given).set_params(max_iter=iterations)),
            ("regression", _regression()),
        ]
        mean = FunctionTransformer(np.mean, kw_args={"axis": 1, "keepdims": True})
        model = StackingClassifier(
            parts,
            final_estimator=make_pipeline(mean, LogisticRegression(C=NO_PENALTY)),
            cv=PredefinedSplit(folds),
            stack_method="decision_function",
        ).fit(values, churned)
    # What decided is not a part of the model, and as long as the training set.
    return model.set_params(cv="prefit")


def _trees(names: Sequence[str], given: Hyperparameters) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        learning_rate=given.learning_rate,
        max_iter=given.iterations,
        max_leaf_nodes=given.leaves,
        min_samples_leaf=given.rows_in_leaf,
        l2_regularization=given.l2,
        monotonic_cst=[_direction(name) for name in names],
        early_stopping=False,
        random_state=given.seed,
    )


def _best_iterations(values: Floats, churned: Flags, folds: Keys, trees: HistGradientBoostingClassifier) -> int:
    """With which the customers that were kept out are likeliest, all of them together."""
    losses = np.zeros(trees.max_iter)
    for fold in range(FOLDS):
        out = folds == fold
        trees.fit(values[~out], churned[~out])
        staged = (odds.ravel() for odds in trees.staged_decision_function(values[out]))
        losses += [(np.logaddexp(0, odds) - churned[out] * odds).sum() for odds in staged]
    return int(losses.argmin()) + 1


def _direction(feature: str) -> int:
    return next((direction for start, direction in DIRECTIONS.items() if feature.startswith(start)), 0)


def _regression() -> Any:  # noqa: ANN401 - scikit-learn is untyped
    """Where a value is missing it is told so, and takes the median."""
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    return make_pipeline(fill, StandardScaler(), LogisticRegression(max_iter=1_000))


def fit_regression(values: Floats, churned: Flags) -> Any:  # noqa: ANN401 - scikit-learn is untyped
    """A logistic regression: of recency alone the baseline, of all features what the model must be worth more than."""
    with threadpool_limits(1):
        return _regression().fit(values, churned)


def probabilities(model: Any, values: Floats) -> Floats:  # noqa: ANN401 - scikit-learn is untyped
    """That each row's customer churns."""
    with threadpool_limits(1):
        return np.asarray(model.predict_proba(values)[:, 1], dtype=np.float64)

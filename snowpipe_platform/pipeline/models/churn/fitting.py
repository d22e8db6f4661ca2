"""The model and what it is compared with."""

from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from snowpipe_platform.errors import TrainingFailedError
from snowpipe_platform.pipeline.models.churn.container import Hyperparameters
from snowpipe_platform.pipeline.models.churn.training_set import Flags, Floats


def fit_model(
    train: tuple[Floats, Flags], validation: tuple[Floats, Flags], given: Hyperparameters
) -> CalibratedClassifierCV:
    """Boosted trees on the training period, both classes weighing the same, then a sigmoid on the validation period
    that turns their scores into probabilities: it never changes the order, and corrects what the weights did.

    One thread, as sums of several come in any order. Nothing stops early: that would judge by rows taken at random,
    of the same weeks. Raises TrainingFailedError where a period has a single class.
    """
    for name, (_, churned) in (("training", train), ("validation", validation)):
        if len(np.unique(churned)) < 2:  # noqa: PLR2004 - who churns and who stays
            raise TrainingFailedError(f"all labels of the {name} period are the same. Add labels of more customers.")
    trees = HistGradientBoostingClassifier(
        learning_rate=given.learning_rate,
        max_iter=given.iterations,
        max_leaf_nodes=given.leaves,
        min_samples_leaf=given.rows_in_leaf,
        l2_regularization=given.l2,
        class_weight="balanced",
        early_stopping=False,
        random_state=given.seed,
    )
    with threadpool_limits(1):
        trees.fit(*train)
        calibrated = CalibratedClassifierCV(FrozenEstimator(trees), method="sigmoid")
        return calibrated.fit(*validation)


def fit_regression(values: Floats, churned: Flags) -> Any:  # noqa: ANN401 - scikit-learn is untyped
    """A logistic regression: of recency alone the baseline, of all features what trees must be worth more than.
    Where a value is missing it is told so, and takes the median."""
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    with threadpool_limits(1):
        return make_pipeline(fill, StandardScaler(), LogisticRegression(max_iter=1_000)).fit(values, churned)


def probabilities(model: Any, values: Floats) -> Floats:  # noqa: ANN401 - scikit-learn is untyped
    """That each row's customer churns."""
    with threadpool_limits(1):
        return np.asarray(model.predict_proba(values)[:, 1], dtype=np.float64)

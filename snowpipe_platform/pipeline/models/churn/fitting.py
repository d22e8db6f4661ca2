"""The model and what it is compared with."""

from collections.abc import Mapping, Sequence
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
from snowpipe_platform.pipeline.models.churn.training_rows import Flags, Floats

DIRECTIONS: Mapping[str, int] = {"recency_": 1, "orders_": -1, "spend_": -1}
"""Which way churn goes with a feature, by how its name starts: known, so that noise teaches no model the contrary."""
PATIENCE = 15
"""Trees without a gain before no more are added."""


def fit_model(
    train: tuple[Floats, Flags], validation: tuple[Floats, Flags], names: Sequence[str], given: Hyperparameters
) -> CalibratedClassifierCV:
    """Boosted trees, as many as make the validation customers' outcomes likelier, and a sigmoid over their scores,
    fitted on the same customers, which keeps the order. names: of the features.

    No class is weighted: a rare class costs the logarithmic loss no accuracy, and weights cost probabilities theirs.
    One thread, as sums of several come in any order. Raises TrainingFailedError where a part's labels are all the same.
    """
    for name, (_, churned) in (("training", train), ("validation", validation)):
        if len(np.unique(churned)) < 2:  # noqa: PLR2004 - who churns and who stays
            raise TrainingFailedError(f"all labels of the {name} customers are the same. Add labels of more customers.")
    trees = HistGradientBoostingClassifier(
        learning_rate=given.learning_rate,
        max_iter=given.iterations,
        max_leaf_nodes=given.leaves,
        min_samples_leaf=given.rows_in_leaf,
        l2_regularization=given.l2,
        monotonic_cst=[_direction(name) for name in names],
        early_stopping=True,
        n_iter_no_change=PATIENCE,
        random_state=given.seed,
    )
    with threadpool_limits(1):
        trees.fit(*train, X_val=validation[0], y_val=validation[1])
        calibrated = CalibratedClassifierCV(FrozenEstimator(trees), method="sigmoid")
        return calibrated.fit(*validation)


def _direction(feature: str) -> int:
    return next((direction for start, direction in DIRECTIONS.items() if feature.startswith(start)), 0)


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

"""A model in memory, ready to answer: loaded from its artefact's folder, asked once, and found to be what it says."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.exceptions import InconsistentVersionWarning

from snowpipe_platform.errors import ServingError
from snowpipe_platform.serving.known import Known, known_of
from snowpipe_platform.serving.shapley import EXACT, EXACT_FEATURES, Contributions, Matrix, Numbers, contributions
from snowpipe_platform.serving.together import Together
from snowpipe_platform.spec.signature import SIGNATURE_FILE, Kind, Signature, Value, signature_of

MODEL_FILE = "model.joblib"
NEAREST = 1e-12
"""The least probability that has log-odds of its own, 27.6 below even, and its complement the most."""
TOLERANCE = 1e-6
"""What contributions taken from trees may be off by, in log-odds: as sums of doubles. Beyond, the model is asked."""
WARM_ROWS = 2**EXACT_FEATURES
"""Rows of the first question: as many as contributions ask at once, so that the first customer does not wait."""


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """One version of a model. Any thread may ask it. base: its answer to the features' defaults, in log-odds. known:
    what it is made of, where that is known. together: how requests ask it, several at a time."""

    version: int | None
    signature: Signature
    estimator: Any
    base: float = 0.0
    known: Known | None = None
    together: Together = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "together", Together(self.probabilities))

    def matrix(self, rows: Sequence[Sequence[Value]]) -> Matrix:
        """Rows of values in the signature's order, as the model is asked."""
        if self.signature.is_numeric:
            return np.array(rows, dtype=np.float64)  # None becomes NaN
        return np.array([list(row) for row in rows], dtype=object)

    def probabilities(self, rows: Matrix) -> Numbers:
        """Of the label being true, for each row."""
        return _probabilities(self.estimator, self.signature, rows)

    def contributions(self, row: Matrix, log_odds: float) -> Contributions:
        """Of each feature of one row to the log-odds of its probability; they add up to those minus the base."""
        if self.known is not None:
            by_feature = self.known.contributions(row)
            if abs(by_feature.sum() - (log_odds - self.base)) <= TOLERANCE:
                return Contributions(by_feature, EXACT)
        (defaults,) = self.matrix([self.signature.defaults])
        return contributions(row, defaults, lambda rows: log_odds_of(self.probabilities(rows)))


def log_odds_of(probabilities: Numbers) -> Numbers:
    """ln(p / (1 - p)); of what is all but certain that of the nearest probability that is not."""
    bounded = np.clip(probabilities, NEAREST, 1 - NEAREST)
    return np.asarray(np.log(bounded) - np.log1p(-bounded), dtype=np.float64)


def load_model(folder: Path, *, version: int | None) -> LoadedModel:
    """Read, ask and check one. Raises ServingError; nothing else comes out of a damaged or foreign artefact.

    The file is a pickle, which runs code when it is read: folders come from the registry, never from a request.
    """
    what = f"version {version} in {folder}" if version is not None else str(folder)
    try:
        signature = signature_of(
            (folder / SIGNATURE_FILE).read_text(encoding="utf-8"), where=str(folder / SIGNATURE_FILE)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            estimator = joblib.load(folder / MODEL_FILE)
        model = _asked_once(LoadedModel(version=version, signature=signature, estimator=estimator))
    except ServingError:
        raise
    except InconsistentVersionWarning as error:
        msg = (
            f"{what}: made with scikit-learn {error.original_sklearn_version}, here is {error.current_sklearn_version}"
        )
        raise ServingError(f"{msg}. Install that one, or train the model again.") from error
    except FileNotFoundError as error:
        raise ServingError(f"{what}: {error.filename} is missing. Restore it from a backup, or train again.") from error
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or "no message"
        raise ServingError(f"{what} cannot be served ({type(error).__name__}: {reason}). Train it again.") from error
    return model


def _asked_once(model: LoadedModel) -> LoadedModel:
    """With its answer to the defaults, and what it is made of; it gives as many answers as it is asked for."""
    signature = model.signature
    given = getattr(model.estimator, "feature_names_in_", None)
    if given is not None and tuple(given) != signature.names:
        raise ServingError(f"the model takes {', '.join(given)}; its signature says {', '.join(signature.names)}.")
    defaults = model.matrix([signature.defaults] * WARM_ROWS)
    answers = model.probabilities(defaults)
    if answers.shape != (WARM_ROWS,) or not np.all((answers >= 0) & (answers <= 1)):
        raise ServingError(f"the model {signature.model!r} does not answer with one probability for each row.")
    known = known_of(model.estimator, defaults[0]) if signature.is_numeric else None
    return replace(model, base=float(log_odds_of(answers[:1])[0]), known=known)


def _probabilities(estimator: Any, signature: Signature, rows: Matrix) -> Numbers:  # noqa: ANN401 - as above
    named = hasattr(estimator, "feature_names_in_") or not signature.is_numeric
    answers = estimator.predict_proba(_frame(rows, signature) if named else rows)
    churned = list(estimator.classes_).index(True)  # 1 equals True
    return np.asarray(answers[:, churned], dtype=np.float64)


def _frame(rows: Matrix, signature: Signature) -> pd.DataFrame:
    """Numbers are float64 columns, texts are columns of objects."""
    if signature.is_numeric:
        return pd.DataFrame(rows, columns=list(signature.names), copy=False)
    columns: Mapping[str, Matrix] = {
        feature.name: rows[:, n] if feature.kind is Kind.TEXT else rows[:, n].astype(np.float64)
        for n, feature in enumerate(signature.features)
    }
    return pd.DataFrame({name: pd.Series(column, dtype=column.dtype) for name, column in columns.items()})

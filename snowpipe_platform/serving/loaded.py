"""A model in memory, ready to answer: loaded from its artefact's folder, asked once, and found to be what it says."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.exceptions import InconsistentVersionWarning

from snowpipe_platform.errors import ServingError
from snowpipe_platform.serving.shapley import EXACT_FEATURES, Contributions, Matrix, Numbers, contributions
from snowpipe_platform.spec.signature import SIGNATURE_FILE, Kind, Signature, Value, signature_of

MODEL_FILE = "model.joblib"
WARM_ROWS = 2**EXACT_FEATURES
"""Rows of the first question: as many as contributions ask at once, so that the first customer does not wait."""


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """One version of a model. Any thread may ask it. base: its answer to the features' defaults."""

    version: int | None
    signature: Signature
    estimator: Any
    base: float

    def matrix(self, rows: Sequence[Sequence[Value]]) -> Matrix:
        """Rows of values in the signature's order, as the model is asked."""
        if self.signature.is_numeric:
            return np.array(rows, dtype=np.float64)  # None becomes NaN
        return np.array([list(row) for row in rows], dtype=object)

    def probabilities(self, rows: Matrix) -> Numbers:
        """Of the label being true, for each row."""
        return _probabilities(self.estimator, self.signature, rows)

    def contributions(self, row: Matrix) -> Contributions:
        """Of each feature of one row to its probability; they add up to the probability minus the base."""
        (defaults,) = self.matrix([self.signature.defaults])
        return contributions(row, defaults, self.probabilities)


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
        base = _asked_once(estimator, signature)
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
    return LoadedModel(version=version, signature=signature, estimator=estimator, base=base)


def _asked_once(estimator: Any, signature: Signature) -> float:  # noqa: ANN401 - whatever the artefact holds
    """Its answer to the defaults, and that it gives as many answers as it is asked for."""
    model = LoadedModel(version=None, signature=signature, estimator=estimator, base=0.0)
    given = getattr(estimator, "feature_names_in_", None)
    if given is not None and tuple(given) != signature.names:
        raise ServingError(f"the model takes {', '.join(given)}; its signature says {', '.join(signature.names)}.")
    answers = model.probabilities(model.matrix([signature.defaults] * WARM_ROWS))
    if answers.shape != (WARM_ROWS,) or not np.all((answers >= 0) & (answers <= 1)):
        raise ServingError(f"the model {signature.model!r} does not answer with one probability for each row.")
    return float(answers[0])


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

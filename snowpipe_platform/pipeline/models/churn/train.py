"""Trains the churn model: a script under the SageMaker container contract, run as a process of its own.

It reads one training set, and the champion's artefact where there is one, and writes an artefact: model.joblib,
signature.json, evaluation.json, card.md, card.html and the plots. The same input and libraries give the same bytes.
"""

import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.pipeline.models.churn.card import CONTENDERS, card
from snowpipe_platform.pipeline.models.churn.container import (
    Container,
    Hyperparameters,
    read_container,
    read_hyperparameters,
)
from snowpipe_platform.pipeline.models.churn.document import as_html, as_markdown
from snowpipe_platform.pipeline.models.churn.evaluating import evaluation_of
from snowpipe_platform.pipeline.models.churn.fitting import fit_model, fit_regression, probabilities
from snowpipe_platform.pipeline.models.churn.measures import (
    calibration_bins,
    importance_of,
    precision_points,
    roc_points,
)
from snowpipe_platform.pipeline.models.churn.plots import Line, plot
from snowpipe_platform.pipeline.models.churn.split import split_by_time
from snowpipe_platform.pipeline.models.churn.training_rows import (
    LABEL,
    NAME,
    RECENCY,
    Flags,
    Floats,
    TrainingRows,
    read_training_rows,
)
from snowpipe_platform.spec.evaluation import BASELINE, CHAMPION, LOGISTIC, MODEL

LIBRARIES = ("scikit-learn", "numpy", "joblib")


def main() -> int:
    """0, or 1 with the reason on stderr and in the file the contract has for it."""
    container = read_container(os.environ)
    try:
        train(container, read_hyperparameters(os.environ))
    except SnowpipeError as error:
        container.failure.parent.mkdir(parents=True, exist_ok=True)
        container.failure.write_text(f"{error}\n", encoding="utf-8")
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def train(container: Container, given: Hyperparameters) -> None:
    """Fit, judge and write. Raises TrainingFailedError for a training set no model can be made of."""
    data = read_training_rows(container.train)
    split = split_by_time(data.instants, horizon=timedelta(days=given.horizon_days))
    learning, judging = data.within(split.learning), data.within(split.holdout)
    names = data.steady(learning)
    values, churned = data.columns(names), data.churned
    _say(f"fitting {', '.join(names)}")
    _say(f"fitting on {learning.sum():,} rows, judging on {judging.sum():,}")
    fitted = values[learning], churned[learning]
    model = fit_model(*fitted, data.keys[learning], names, given)
    recency = data.columns([RECENCY])
    by_contender = {
        MODEL: probabilities(model, values[judging]),
        LOGISTIC: probabilities(fit_regression(*fitted), values[judging]),
        BASELINE: probabilities(fit_regression(recency[learning], churned[learning]), recency[judging]),
    }
    problem = ""
    if container.champion is not None:
        champion, problem = _champion(container.champion, data, judging)
        by_contender |= {} if champion is None else {CHAMPION: champion}
    evaluation = evaluation_of(data, {"learning": learning, "holdout": judging}, by_contender, given, problem=problem)
    evaluation["importance"] = importance_of(
        churned[judging], values[judging], names, lambda rows: probabilities(model, rows), seed=given.seed
    )
    evaluation["not_fitted"] = [name for name in data.names if name not in names]
    evaluation["trees"] = model.named_estimators_["trees"].n_iter_
    for name, metrics in evaluation["metrics"].items():
        _say(f"{name:<10} " + "  ".join(f"{metric} {value}" for metric, value in metrics.items()))
    signature = _signature(data, names, learning)
    _write(container.model, model, signature, evaluation, _plots(churned[judging], by_contender))


def _champion(folder: Path, data: TrainingRows, judging: Flags) -> tuple[Floats | None, str]:
    """Its probabilities on the holdout; else None, and why it cannot be measured there."""
    try:
        signature = json.loads((folder / "signature.json").read_text(encoding="utf-8"))
        names = [feature["name"] for feature in signature["features"]]
        absent = [name for name in names if name not in data.names]
        if absent:
            return None, f"it needs {', '.join(absent)}, which the training set has not"
        return probabilities(joblib.load(folder / "model.joblib"), data.columns(names)[judging]), ""
    except Exception as error:  # noqa: BLE001 - an old pickle fails in any way, and the new model is judged all the same
        return None, f"{type(error).__name__}: {error}"


def _signature(data: TrainingRows, names: Sequence[str], fitting: Flags) -> dict[str, Any]:
    """names: of the features the model was fitted on. min and max: of those rows; None where all are missing.
    missing: whether some are."""
    features = []
    for name in names:
        feature = data.features[data.names.index(name)]
        values = data.columns([name])[fitting]
        is_missing = np.isnan(values)
        seen = values[~is_missing]
        least, most = (float(seen.min()), float(seen.max())) if len(seen) else (None, None)
        told = {"name": feature.name, "type": feature.type, "default": feature.default, "min": least, "max": most}
        features.append(told | {"missing": bool(is_missing.any())})
    library = {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
    return {"model": NAME, "features": features, "label": LABEL, "library": library}


def _plots(churned: Flags, by_contender: dict[str, Floats]) -> dict[str, str]:
    named = {CONTENDERS[name]: values for name, values in by_contender.items()}
    roc = [Line(name, roc_points(churned, values)) for name, values in named.items()]
    precision = [Line(name, precision_points(churned, values)) for name, values in named.items()]
    bins = calibration_bins(churned, by_contender[MODEL])
    calibration = [Line(CONTENDERS[MODEL], [(b["predicted"], b["observed"]) for b in bins], marks=True)]
    return {
        "roc.svg": plot(
            "ROC", across="of those who stay, flagged", up="of those who churn, flagged", lines=roc, diagonal="chance"
        ),
        "precision_recall.svg": plot(
            "Precision and recall", across="of those who churn, flagged", up="of the flagged, churn", lines=precision
        ),
        "calibration.svg": plot(
            "Calibration", across="predicted", up="churned", lines=calibration, diagonal="as predicted"
        ),
    }


def _write(
    folder: Path, model: object, signature: dict[str, Any], evaluation: dict[str, Any], plots: dict[str, str]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, folder / "model.joblib", compress=3)
    blocks = card(evaluation, signature)
    texts = {
        "signature.json": json.dumps(signature, indent=2) + "\n",
        "evaluation.json": json.dumps(evaluation, indent=2) + "\n",
        "card.md": as_markdown(blocks),
        "card.html": as_html(blocks, plots),
        **plots,
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    _say(f"wrote {len(texts) + 1} files to {folder}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

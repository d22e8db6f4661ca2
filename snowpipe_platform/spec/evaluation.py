"""What a training script found out about a model, on rows it had not seen: `evaluation.json` of its artefact."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from snowpipe_platform.errors import ModelError

MODEL, BASELINE, LOGISTIC, CHAMPION = "model", "baseline", "logistic", "champion"
"""Who is measured on the same holdout: the version, recency alone, a plain regression, and the one that served."""

HIGHER_IS_BETTER = {"roc_auc": True, "average_precision": True, "brier": False, "calibration_error": False}
"""The metrics, and which way is up."""

Metrics = Mapping[str, float | None]
"""By name; None for one that cannot be measured, as of rows with a single class."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows of the holdout that have something in common, such as dimension 'region' and name 'West'.

    positives: rows whose label is true.
    """

    dimension: str
    name: str
    rows: int
    positives: int
    metrics: Metrics


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """metrics: by contender, then by name. champion: the version that served when this one was trained, None before
    the first; champion_problem: why it could not be measured. document: the file, whole."""

    metrics: Mapping[str, Metrics]
    groups: tuple[Group, ...] = ()
    champion: int | None = None
    champion_problem: str = ""
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def measured(self, contender: str, metric: str) -> float | None:
        """None for what was not measured, and for what is no number."""
        value = self.metrics.get(contender, {}).get(metric)
        return value if value is not None and math.isfinite(value) else None

    def lead(self, contender: str, metric: str) -> tuple[float, float] | None:
        """Between which bounds nine in ten leads of the version over a contender lie when the judged customers are
        drawn anew; above 0 it is better, whichever way the metric goes. None where that was not worked out."""
        intervals = self.document.get("intervals") or {}
        found = (intervals.get("leads") or {}).get(contender, {}).get(metric)
        return None if found is None else (float(found[0]), float(found[1]))


def evaluation_from(text: str, *, source: str) -> Evaluation:
    """Of the file's text. source: how an error names the file. Raises ModelError."""
    try:
        document = json.loads(text)
        champion = document.get("champion") or {}
        return Evaluation(
            metrics=dict(document["metrics"]),
            groups=tuple(Group(**group) for group in document["groups"]),
            champion=champion.get("version"),
            champion_problem=champion.get("problem", ""),
            document=document,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        told = f"{type(error).__name__}: {error}"
        raise ModelError(f"{source} is no evaluation ({told}). The training script writes it; train again.") from error

"""A model whose log-odds are a sum of trees and of a regression, so that contributions need no question.

Shapley values of a sum are the sums of the Shapley values, and of a regression's feature that is what it adds with the
row's value less what it adds with the default.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from snowpipe_platform.serving.shapley import Numbers
from snowpipe_platform.serving.trees import Trees, Truths, trees_of


@dataclass(frozen=True, kw_only=True)
class Line:
    """A regression: what a feature's value counts in the log-odds, what stands in for one that is missing, and what it
    counts that it is."""

    weight: Numbers
    stand_in: Numbers
    missing: Numbers

    def terms(self, row: Numbers) -> Numbers:
        """Of each feature."""
        is_missing = np.isnan(row)
        return self.weight * np.where(is_missing, self.stand_in, row) + self.missing * is_missing


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a model is made of, and what of it the defaults meet. line: None where there are trees alone."""

    trees: Trees
    defaults_met: Truths
    line: Line | None
    defaults: Numbers

    def contributions(self, row: Numbers) -> Numbers:
        """Of each feature to the log-odds."""
        of_trees = self.trees.contributions(row, self.defaults_met)
        return of_trees if self.line is None else of_trees + self.line.terms(row) - self.line.terms(self.defaults)


def known_of(estimator: Any, defaults: Numbers) -> Known | None:  # noqa: ANN401 - whatever an artefact holds
    """Of trees, as `trees_of` has it, alone or stacked with a logistic regression; None of anything else.

    Who uses it checks that contributions add up: that what stacks them weighs them is taken for granted here.
    """
    line, scale, boosted = None, 1.0, estimator
    if isinstance(estimator, StackingClassifier):
        try:
            boosted, regression = estimator.estimators_
            scale, of_line = _weights(estimator.final_estimator_)
            line = _line(regression, of_line)
        except (AttributeError, LookupError, TypeError, ValueError):
            return None  # stacked of other parts, or kept in another way by another scikit-learn
    trees = trees_of(boosted, scale=scale)
    if trees is None:
        return None
    return Known(trees=trees, defaults_met=trees.met(defaults), line=line, defaults=defaults)


def _weights(final: Any) -> tuple[float, float]:  # noqa: ANN401 - scikit-learn is untyped
    """Of the trees' log-odds and of the regression's, in the model's."""
    trees, line, neither = final.decision_function(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))
    return float(trees - neither), float(line - neither)


def _line(regression: Pipeline, scale: float) -> Line:
    fill, standard, logistic = (step for _, step in regression.steps)
    if not (
        isinstance(fill, SimpleImputer)
        and isinstance(standard, StandardScaler)
        and isinstance(logistic, LogisticRegression)
    ):
        raise TypeError
    weights = scale * logistic.coef_[0] / standard.scale_
    features = len(fill.statistics_)
    missing = np.zeros(features)
    if fill.indicator_ is not None:
        missing[fill.indicator_.features_] = weights[features:]
    return Line(weight=weights[:features], stand_in=fill.statistics_, missing=missing)

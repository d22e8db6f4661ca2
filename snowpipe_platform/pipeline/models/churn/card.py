"""The model card of a version: what it is for, what it was made from, how good it is and for whom, and its limits.

Structure after Mitchell et al., Model Cards for Model Reporting, https://arxiv.org/abs/1810.03993.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from snowpipe_platform.pipeline.models.churn.document import Block, Heading, Image, Paragraph, Table
from snowpipe_platform.spec.evaluation import BASELINE, CHAMPION, HIGHER_IS_BETTER, LOGISTIC, MODEL

CONTENDERS = {MODEL: "this model", CHAMPION: "champion", LOGISTIC: "logistic regression", BASELINE: "recency alone"}
METRICS = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "brier": "Brier",
    "calibration_error": "calibration error",
}
USE = (
    "For: choosing which customers to write to, and how many. Not for: prices, credit or anything else that a customer "
    "can be refused. The probability is of a group of customers with such a history; of one of them it is no certainty."
)
METHOD = (
    "The mean of two log-odds: of gradient boosted trees (scikit-learn HistGradientBoostingClassifier) that may only "
    "rise with recency, and fall with orders and spend, and of a logistic regression of the same features. Trees find "
    "what holds for some customers only; a customer who has been away for longer than any seen in training is told by "
    "the regression. A sigmoid turns the mean into a probability, which keeps the order. Neither class is weighted, "
    "however rare it is, so that the probabilities stay those of the shop."
)
CHOICE = (
    "How many trees there are, here {trees}, and the sigmoid were decided in this training by customers that were kept "
    "out, a fifth at a time, of the labels that were learned from. The size of the trees and the mean of the two were "
    "chosen before, on generated shops. The labels it is judged on decided nothing in this training."
)
HISTORY = (
    "Left out: {features}. Such a window began before the history did at the first label, and counts more from label "
    "to label. Recency is short at the first labels too, for the same reason: a customer who was away for longer is in "
    "none of them."
)
LIMITS = (
    "Groups of a few hundred rows are few customers, who count once a week each: their figures may be off by 0.1. "
    "Customers of a kind that the groups above have few rows of may be judged worse than the figures say. A change of "
    "prices, of the range or of how the shop writes to customers makes the past a worse guide: train again, and look "
    "at the calibration first."
)
RANKING = (
    "ROC AUC: the share of pairs of one who churned and one who stayed that are put in the right order; 0.5 is chance. "
    "Average precision: of the flagged, the share that churn, over all numbers that could be flagged; chance is the "
    "churn rate. Brier: the mean squared distance of probability and outcome, lower is better. Calibration error: what "
    "the ten bins of the last table below are off by."
)
LEADS = (
    "Better than: this model's figure less the other's, turned so that more is better. In brackets, where nine in ten "
    "figures lie when the judged customers are drawn anew; one that has 0 in it may be luck."
)
IMPORTANCE = (
    "What ROC AUC loses on the holdout when a feature's values are dealt out among the rows, so that it tells nothing. "
    "Features that tell the same share what they are worth: both look worth little."
)
LONE = "Recency alone is a logistic regression of one feature, and the least that a model must be worth more than."
NO_NUMBER = "-"


def card(evaluation: Mapping[str, Any], signature: Mapping[str, Any]) -> list[Block]:
    """Of evaluation.json and signature.json, as they are written."""
    return [
        *_about(evaluation),
        *_results(evaluation),
        *_groups(evaluation),
        *_importance(evaluation),
        *_inputs(signature),
    ]


def _about(evaluation: Mapping[str, Any]) -> Iterator[Block]:
    split, days = evaluation["split"], evaluation["horizon_days"]
    yield Heading(f"Model card: {evaluation['model']}")
    yield Paragraph(f"The probability that a customer places no order in the next {days} days. {USE}")
    yield Heading("Data")
    told = evaluation["training_set"]
    made = f", from {told['feature_group']}" if told.get("feature_group") else ""
    yield Paragraph(f"Training set {told['hash']}{made}: {told['rows']:,} rows, one for each customer and label.")
    names = {"learning": "learned from", "holdout": "judged on"}
    rows = [
        (name, split[key]["first"][:10], split[key]["last"][:10], f"{split[key]['rows']:,}", _share(split[key]))
        for key, name in names.items()
    ]
    yield Table(("labels", "first", "last", "rows", "churned"), rows)
    yield Paragraph(
        f"Before the labels it is judged on lie {days} days, so that every outcome it learned from was known by then; "
        f"the {split['left_out']:,} labels in between are not used. Where customers churn more among the labels judged "
        "than among those learned from, probabilities are too low by a part of the difference, and the other way round."
    )
    yield Heading("How it is made")
    yield Paragraph(METHOD)
    yield Paragraph(CHOICE.format(trees=evaluation["trees"]))
    if evaluation["not_fitted"]:
        yield Paragraph(HISTORY.format(features=", ".join(evaluation["not_fitted"])))


def _results(evaluation: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading("How good it is")
    metrics = evaluation["metrics"]
    rows = [(name, *_figures(metrics[key])) for key, name in CONTENDERS.items() if key in metrics]
    yield Table(("on the holdout", *METRICS.values()), rows)
    yield Paragraph(f"{RANKING} {LONE}")
    leads = evaluation["intervals"]["leads"]
    if leads:
        drawn = [name for name in METRICS if name in leads[BASELINE]]
        found = [(name, *(_lead(metrics, leads, key, each) for each in drawn))
                 for key, name in CONTENDERS.items() if key in leads]  # fmt: skip
        yield Table(("better than", *(METRICS[name] for name in drawn)), found)
        yield Paragraph(LEADS)
        yield Paragraph(" ".join(_verdict(CONTENDERS[key], lead) for key, lead in leads.items()))
    champion = evaluation["champion"]
    if champion is None:
        yield Paragraph("There was no champion to compare with when it was trained.")
    else:
        problem = f" It could not be measured: {champion['problem']}." if champion["problem"] else ""
        yield Paragraph(f"The champion was version {champion['version']}.{problem}")
    yield Image("roc.svg", "ROC curve")
    yield Image("precision_recall.svg", "Precision and recall")
    yield Image("calibration.svg", "Calibration")
    bins = [(f"{b['from']:.3f} to {b['to']:.3f}", f"{b['rows']:,}", f"{b['predicted']:.3f}", f"{b['observed']:.3f}")
            for b in evaluation["calibration"]]  # fmt: skip
    yield Table(("probability", "rows", "predicted", "churned"), bins)


def _verdict(other: str, leads: Mapping[str, Sequence[float]]) -> str:
    """What the intervals leave no doubt of."""
    better = [METRICS[metric] for metric, (low, _) in leads.items() if low > 0]
    worse = [METRICS[metric] for metric, (_, high) in leads.items() if high < 0]
    open_ = [METRICS[metric] for metric in leads if METRICS[metric] not in {*better, *worse}]
    found = (("better in", better), ("worse in", worse), ("not told apart in", open_))
    told = "; ".join(f"{words} {', '.join(names)}" for words, names in found if names)
    return f"Than {other}: {told}."


def _lead(metrics: Mapping[str, Mapping[str, float]], leads: Mapping[str, Any], other: str, metric: str) -> str:
    lead = metrics[MODEL][metric] - metrics[other][metric]
    low, high = leads[other][metric]
    return f"{lead if HIGHER_IS_BETTER[metric] else -lead:+.3f} ({low:+.3f} to {high:+.3f})"


def _groups(evaluation: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading("For whom")
    for dimension in dict.fromkeys(group["dimension"] for group in evaluation["groups"]):
        found = [group for group in evaluation["groups"] if group["dimension"] == dimension]
        rows = [(g["name"], f"{g['rows']:,}", _share(g), *_figures(g["metrics"])) for g in found]
        yield Table((dimension, "rows", "churned", *METRICS.values()), rows)
    yield Paragraph(LIMITS)


def _importance(evaluation: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading("What matters")
    rows = [(each["feature"], _figure(each["lost"])) for each in evaluation["importance"]]
    yield Table(("feature", "ROC AUC lost"), rows)
    yield Paragraph(IMPORTANCE)


def _inputs(signature: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading("What it is given")
    rows = [(f["name"], f["type"], _value(f["min"]), _value(f["max"])) for f in signature["features"]]
    yield Table(("feature", "type", "least seen", "most seen"), rows)
    library = ", ".join(f"{name} {version}" for name, version in signature["library"].items())
    yield Paragraph(f"Made with {library}.")


def _figures(metrics: Mapping[str, float | None]) -> Sequence[str]:
    return [_figure(metrics.get(name)) for name in METRICS]


def _figure(value: float | None) -> str:
    return NO_NUMBER if value is None else f"{value:.3f}"


def _share(counted: Mapping[str, int]) -> str:
    return f"{counted['positives'] / counted['rows']:.1%}" if counted["rows"] else NO_NUMBER


def _value(value: float | None) -> str:
    return NO_NUMBER if value is None else f"{value:,.6g}"

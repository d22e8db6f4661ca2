"""The file a training script leaves."""

import math

import pytest

from snowpipe_platform.errors import ModelError
from snowpipe_platform.spec.evaluation import evaluation_from
from snowpipe_platform_tests.evaluating import GOOD, evaluation, group


def test_it_is_read_with_its_groups_and_the_champion_it_was_compared_with():
    found = evaluation(champion=(3, GOOD), groups=(group("North", 0.7),))
    assert (found.champion, found.champion_problem, found.metrics["champion"]) == (3, "", GOOD)
    assert [(one.dimension, one.name, one.rows, one.metrics["roc_auc"]) for one in found.groups] == [
        ("region", "North", 1_000, 0.7)
    ]


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_is_no_number_was_not_measured(value):
    assert evaluation(model={"roc_auc": value}).measured("model", "roc_auc") is None


def test_who_was_not_there_was_not_measured():
    assert evaluation().measured("champion", "roc_auc") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"metrics": {}, "groups": [{"name": "x"}]}'])
def test_what_is_no_evaluation_names_the_file(text):
    with pytest.raises(ModelError, match=r"^m/evaluation\.json is no evaluation \(.*train again\.$"):
        evaluation_from(text, source="m/evaluation.json")

"""What a score table may be declared as."""

from dataclasses import replace

import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.spec.pipeline import build_pipeline
from snowpipe_platform_tests.grouped import STATES, STATES_TABLE, group
from snowpipe_platform_tests.ledger import CHANGES, QUERIES
from snowpipe_platform_tests.scored import JUDGED_TABLE, ItemScores, scores


class WithMore(ItemScores):
    colour: str


class WithoutVersion(pa.DataFrameModel):
    id: str
    gone: dt.float64
    analysis_date: dt.date


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"source": STATES}, "gold/item_scores scores 'gold/item_states'. Name a feature group"),
        ({"contract": WithMore}, "Its contract has analysis_date, gone, id, model_version."),
        ({"contract": WithoutVersion}, "'model_version'"),
        ({"score": "going"}, "'going'"),
        ({"name": "silver/item_scores"}, "table name 'silver/item_scores' is not 'gold/<name>'"),
    ],
)
def test_what_cannot_be_scores_is_refused_when_the_pipeline_loads(declared, message):
    with pytest.raises(PipelineError) as error:
        build_pipeline("shop", QUERIES, [CHANGES, STATES_TABLE, group(), scores(**declared)])
    assert str(error.value).startswith("shop/item_scores.py")
    assert message in str(error.value)


def test_what_is_read_as_scores_is_a_score_table():
    other = replace(JUDGED_TABLE, scores=(STATES,))
    with pytest.raises(PipelineError, match="reads 'gold/item_states' as scores, which is no score table"):
        build_pipeline("shop", QUERIES, [CHANGES, STATES_TABLE, group(), other])


def test_other_code_or_another_model_is_another_version_of_the_table():
    assert scores(model="value").code_version != scores().code_version
    assert scores(applies=lambda items: items.amount > 0).code_version != scores().code_version
    assert scores(description="other words").code_version == scores().code_version

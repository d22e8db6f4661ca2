"""What a feature group declares, and what cannot be one."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from snowpipe_platform.errors import PipelineError
from snowpipe_platform.pipeline.features.customer_activity import TABLE as CUSTOMER_ACTIVITY
from snowpipe_platform.pipeline.gold.customer_activity import CustomerActivity
from snowpipe_platform.spec.contract import contract_schema
from snowpipe_platform.spec.feature import Feature
from snowpipe_platform.spec.pipeline import build_pipeline
from snowpipe_platform_tests.grouped import STATES_TABLE, group
from snowpipe_platform_tests.ledger import CHANGES, DIM, QUERIES


def feature(**declared):
    return Feature(**{"name": "spend", "type": "decimal(18, 2)", "description": "USD", **declared})


def test_its_columns_are_the_entity_its_times_its_features_and_the_partition():
    found = {name: str(dtype) for name, dtype in group(features=(feature(),)).schema.items()}
    assert found == {
        "id": "string",
        "event_time": "timestamp(6)",
        "created_time": "timestamp(6)",
        "spend": "decimal(18, 2)",
        "analysis_date": "date",
    }


def test_the_shops_features_are_what_gold_computes_of_all_its_history():
    computed = contract_schema(CustomerActivity)
    left_out = {"customer_key", "analysis_date", "categories_365d"}
    wanted = {name: str(dtype) for name, dtype in computed.items() if name not in left_out}
    assert CUSTOMER_ACTIVITY.feature_types == wanted


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 2},
        {"entity_type": "int64"},
        {"features": (feature(),)},
        {"features": (feature(default=Decimal(1)),)},
        {"features": (feature(window=timedelta(days=1)),)},
    ],
    ids=str,
)
def test_every_part_of_it_is_part_of_its_code_version(changed):
    base = group(features=(feature(window=timedelta(days=2)),))
    assert group(**{"features": base.features, **changed}).code_version != base.code_version


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"name": "gold/items"}, "table name 'gold/items' is not 'features/<name>'"),
        ({"version": 0}, "features/items has version 0. It is a number from 1 on."),
        ({"version": True}, "has version True"),
        ({"features": ()}, r"features of features/items is empty"),
        ({"features": (feature(), feature())}, "feature 'spend' is there twice"),
        ({"features": (feature(name="id"),)}, "feature 'id' is there twice, or called as the entity"),
        ({"features": (feature(name="created_time"),)}, "feature 'created_time' is there twice"),
        ({"features": (feature(type="money"),)}, "feature 'spend' has type 'money', which is none"),
        ({"features": (feature(type="array<int64>"),)}, r"has type 'array<int64>'. A feature is one of integer, float"),
        ({"features": (feature(default=1.5),)}, r"has default 1.5, which is no decimal\(18, 2\)"),
        ({"features": (feature(type="int64", default=True),)}, "has default True, which is no int64"),
        ({"features": (feature(type="date", default=datetime(2024, 1, 1)),)}, "which is no date"),
        ({"features": (feature(window=timedelta(0)),)}, "has window .* Write one such as"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_with_file_and_thing(declared, message):
    with pytest.raises(PipelineError, match=message) as error:
        group(**declared)
    assert str(error.value).startswith("shop/items.py: ")


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"source": "gold/item_stats"}, "reads 'gold/item_stats', which is not declared. Did you mean 'gold/item_stat"),
        ({"source": "silver/dim_items"}, "takes features from 'silver/dim_items'. Name an as-of table"),
        ({"features": (feature(name="nam"),)}, "'nam' is no column of gold/item_states. Did you mean 'name'?"),
        ({"features": (feature(name="name", type="int64"),)}, "'name' is int64, and string in gold/item_states"),
        ({"entity_type": "int64"}, "'id' is int64, and string in gold/item_states"),
    ],
)
def test_a_source_that_does_not_fit_is_refused_when_the_pipeline_loads(declared, message):
    tables = [CHANGES, DIM, STATES_TABLE, group(**declared)]
    with pytest.raises(PipelineError, match=message):
        build_pipeline("shop", QUERIES, tables)

"""What a signature file says, and what is wrong with one."""

import json

import pytest

from snowpipe_platform.errors import ServingError
from snowpipe_platform.spec.signature import Kind, signature_of

ORDERS = {"name": "orders_30d", "type": "int64", "default": 0, "min": 0, "max": 12}
SPEND = {"name": "spend_30d", "type": "decimal(18, 2)", "default": "0.00", "min": "0.00", "max": "99.50"}
REGION = {"name": "region", "type": "string", "default": None, "min": None, "max": None}


def read(*features, **keys):
    text = json.dumps({"model": "churn", "label": "churned", "features": features, "library": {}} | keys)
    return signature_of(text, where="m/signature.json")


def test_features_come_in_the_models_order_with_their_kinds_defaults_and_ranges():
    signature = read(SPEND, ORDERS, REGION)
    assert [(one.name, one.kind, one.default, one.minimum, one.maximum) for one in signature.features] == [
        ("spend_30d", Kind.DECIMAL, 0.0, 0.0, 99.5),
        ("orders_30d", Kind.INTEGER, 0.0, 0.0, 12.0),
        ("region", Kind.TEXT, None, None, None),
    ]
    assert (signature.is_numeric, read(SPEND).is_numeric) == (False, True)


def test_whether_training_saw_a_row_without_a_value_is_known_where_it_is_written():
    signature = read(ORDERS | {"missing": False}, SPEND | {"missing": True}, REGION)
    assert [one.missing for one in signature.features] == [False, True, None]


@pytest.mark.parametrize("written", ["false", 0])
def test_whether_values_were_missing_is_a_truth(written):
    with pytest.raises(ServingError, match=r"m/signature\.json is no signature .*'missing' is neither true nor false"):
        read(ORDERS | {"missing": written})


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("int64", Kind.INTEGER),
        ("!int64", Kind.INTEGER),
        ("uint8", Kind.INTEGER),
        ("float64", Kind.NUMBER),
        ("double", Kind.NUMBER),
        ("decimal(18, 2)", Kind.DECIMAL),
        ("boolean", Kind.TRUTH),
        ("bool", Kind.TRUTH),
        ("string", Kind.TEXT),
        ("text", Kind.TEXT),
    ],
)
def test_types_are_those_of_tables_and_of_frames(written, kind):
    assert read(REGION | {"type": written}).features[0].kind is kind


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("{", "m/signature.json is no signature (Expecting", id="no JSON"),
        pytest.param("[]", "m/signature.json is no signature (list", id="no object"),
        pytest.param('{"model": "churn"}', "m/signature.json has no 'features'.", id="no features"),
        pytest.param(
            json.dumps({"model": "m", "label": "l", "features": []}), "m/signature.json: no feature.", id="empty"
        ),
        pytest.param(
            json.dumps({"model": "m", "label": "l", "features": [ORDERS | {"type": "interval"}]}),
            "m/signature.json: feature 1, 'orders_30d', is of type 'interval'",
            id="a type of no request",
        ),
        pytest.param(
            json.dumps({"model": "m", "label": "l", "features": [ORDERS, ORDERS]}),
            "m/signature.json: features stand twice: orders_30d.",
            id="twice",
        ),
        pytest.param(
            json.dumps({"model": "m", "label": "l", "features": [{"name": "x", "type": "int64"}]}),
            "m/signature.json has no 'default'.",
            id="no default",
        ),
    ],
)
def test_what_is_no_signature_names_the_file_and_the_place(text, told):
    with pytest.raises(ServingError) as error:
        signature_of(text, where="m/signature.json")
    assert str(error.value).startswith(told)

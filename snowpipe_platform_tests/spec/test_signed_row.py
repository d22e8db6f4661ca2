"""A row against a signature: every kind of value, every problem, every warning."""

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowpipe_platform.spec.signature import signature_of
from snowpipe_platform.spec.signed_row import Problem, SignedRow, from_text, signed_row

FEATURES = [
    {"name": "orders", "type": "int64", "default": 0, "min": 0, "max": 10},
    {"name": "spend", "type": "decimal(18, 2)", "default": 0, "min": 0, "max": 100},
    {"name": "recency", "type": "float64", "default": None, "min": 0.5, "max": 365},
    {"name": "is_new", "type": "bool", "default": False, "min": None, "max": None},
    {"name": "region", "type": "string", "default": "north", "min": None, "max": None},
]
SIGNATURE = signature_of(json.dumps({"model": "churn", "label": "churned", "features": FEATURES}), where="x")
ROW = {"orders": 3, "spend": 12.5, "recency": 7, "is_new": True, "region": "south"}


def told(**changed):
    row = {name: value for name, value in (ROW | changed).items() if value is not ...}
    return signed_row(row, SIGNATURE, number=4)


def test_a_row_that_fits_gives_the_values_in_the_models_order():
    assert told() == SignedRow((3.0, 12.5, 7.0, 1.0, "south"), {})


@pytest.mark.parametrize(
    ("changed", "place", "value"),
    [
        ({"orders": 3.0}, 0, 3.0),
        ({"spend": "12.50"}, 1, 12.5),
        ({"spend": Decimal("12.50")}, 1, 12.5),
        ({"spend": 12}, 1, 12.0),
        ({"is_new": False}, 3, 0.0),
    ],
    ids=str,
)
def test_the_same_value_may_be_written_in_several_ways(changed, place, value):
    assert told(**changed).values[place] == value
    assert told(**changed).warnings == {}


def test_a_null_is_the_default_and_says_so_and_nothing_where_there_is_none():
    assert told(orders=None, region=None, recency=None) == SignedRow(
        (0.0, 12.5, None, 1.0, "north"),
        {"orders": "null; the default 0 was used", "region": "null; the default 'north' was used"},
    )


@pytest.mark.parametrize(
    ("written", "warnings"),
    [
        ({"missing": False}, {"recency": "null, and training saw no row without it"}),
        ({"missing": True}, {}),
        ({}, {}),
    ],
    ids=["never", "seen", "an old signature"],
)
def test_a_null_that_training_never_saw_is_a_warning(written, warnings):
    features = [{"name": "recency", "type": "float64", "default": None, "min": 0, "max": 365} | written]
    signature = signature_of(json.dumps({"model": "m", "label": "l", "features": features}), where="x")
    assert signed_row({"recency": None}, signature, number=1) == SignedRow((None,), warnings)


def test_a_value_out_of_the_range_of_training_is_a_warning():
    assert told(orders=11, recency=0.25) == SignedRow(
        (11.0, 12.5, 0.25, 1.0, "south"),
        {"orders": "above 10, the most seen in training", "recency": "below 0.5, the least seen in training"},
    )
    assert told(orders=10, recency=0.5).warnings == {}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"orders": ...}, Problem(4, "orders", "is missing", "Give a whole number; null stands for 0.")),
        ({"recency": ...}, Problem(4, "recency", "is missing", "Give a number, or null where there is none.")),
        ({"order": 1}, Problem(4, "order", "is no feature of churn", "Did you mean 'orders'?")),
        ({"orders": "3"}, Problem(4, "orders", "is a text", "Write a whole number.")),
        ({"orders": 3.5}, Problem(4, "orders", "is no whole number", "Write a whole number.")),
        ({"orders": True}, Problem(4, "orders", "is true or false", "Write a whole number.")),
        ({"orders": 2**63}, Problem(4, "orders", "is too large a number", "Write a whole number.")),
        ({"spend": 10**400}, Problem(4, "spend", "is too large a number", "Write a number, or a text of one.")),
        ({"spend": "twelve"}, Problem(4, "spend", "is a text", "Write a number, or a text of one.")),
        ({"spend": "nan"}, Problem(4, "spend", "is a text", "Write a number, or a text of one.")),
        ({"recency": math.inf}, Problem(4, "recency", "is too large a number", "Write a number, or null.")),
        ({"recency": "7"}, Problem(4, "recency", "is a text", "Write a number, or null.")),
        ({"recency": [7]}, Problem(4, "recency", "is a list or an object", "Write a number, or null.")),
        ({"is_new": 1}, Problem(4, "is_new", "is a number", "Write true or false.")),
        ({"region": 5}, Problem(4, "region", "is a number", "Write a text.")),
        ({"region": "x" * 201}, Problem(4, "region", "is longer than 200 characters", "Write a text.")),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_problem_names_row_field_what_is_wrong_and_how_to_mend(changed, problem):
    assert told(**changed) == [problem]


def test_all_problems_of_a_row_are_told_at_once_and_none_holds_the_value():
    problems = told(orders="secret", region=..., age=9)
    assert [one.field for one in problems] == ["age", "orders", "region"]
    assert str(problems[1]) == "row 4, orders: is a text. Write a whole number."
    assert "secret" not in "".join(map(str, problems))


def test_a_csv_row_is_the_row_its_texts_say():
    texts = {"orders": " 3 ", "spend": "12.50", "recency": "", "is_new": "TRUE", "region": " south", "age": "9"}
    assert from_text(texts, SIGNATURE) == {
        "orders": 3.0,
        "spend": 12.5,
        "recency": None,
        "is_new": True,
        "region": " south",
        "age": "9",
    }


@pytest.mark.parametrize("text", ["three", "3.5", "0x3", "1_000", "nan", "inf", "1e400", "٣"])
def test_a_csv_text_that_is_no_whole_number_stays_a_text_and_is_a_problem(text):
    row = from_text({"orders": text}, SIGNATURE)
    (problem,) = signed_row(ROW | row, SIGNATURE, number=1)
    assert (problem.field, problem.problem) == ("orders", "is a text")


TEXTS = st.sampled_from(["", "12", "1.5", "x", "nan", "1e999"])
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.just([1]))


@given(st.fixed_dictionaries(dict.fromkeys(ROW, VALUES), optional={"other": VALUES}))
def test_any_row_gives_values_a_model_can_take_or_problems(row):
    found = signed_row(row, SIGNATURE, number=1)
    if isinstance(found, list):
        assert found
        return
    assert set(row) == set(ROW)
    numbers = [value for value in found.values[:4] if value is not None]
    assert all(isinstance(value, float) and math.isfinite(value) for value in numbers)
    assert isinstance(found.values[4], str)

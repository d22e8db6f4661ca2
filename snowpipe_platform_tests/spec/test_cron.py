"""Cron expressions of the queries file: what is meant by one, and what is refused."""

import re

import pytest
from dagster._utils.schedules import is_valid_cron_string
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.spec.cron import cron_text

FIVE = "must have five fields: minute, hour, day of the month, month, day of the week"


@pytest.mark.parametrize(
    "text",
    [
        "15 0 * * *",
        "*/20 * * * *",
        "0 6,18 * * 1-5",
        "0 0 1 jan,JUL *",
        "30 2 * * mon-fri",
        "0 0 29 2 *",
        "5/15 * * * *",
        "0 0 * * 7",
    ],
)
def test_an_expression_of_five_fields_is_taken(text: str):
    assert cron_text(text) == text
    assert is_valid_cron_string(text)


def test_space_between_fields_does_not_count():
    assert cron_text("  15 0\t* *  * ") == "15 0 * * *"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("15 0 * *", f"{FIVE}; found '15 0 * *'. Daily at 00:15 is '15 0 * * *'"),
        ("@daily", f"{FIVE}; found '@daily'. Daily at 00:15 is '15 0 * * *'"),
        ("75 0 * * *", "has '75' as its minute, which is 0 to 59"),
        ("0 24 * * *", "has '24' as its hour, which is 0 to 23"),
        ("0 0 0 * *", "has '0' as its day of the month, which is 1 to 31"),
        ("0 0 * janu *", "has 'janu' as its month, which is 1 to 12 or jan to dec"),
        ("0 0 * * 8", "has '8' as its day of the week, which is 0 to 7 or sun to sat"),
        ("0 9-5 * * *", "has '9-5' as its hour, in which there is nothing"),
        ("*/0 0 * * *", "has '*/0' as its minute, in which there is nothing"),
        ("0 6, * * *", "has '' as its hour, which is neither *, a number, a range nor a list"),
        ("0 -1 * * *", "has '-1' as its hour, which is neither *, a number, a range nor a list"),
        ("0 0 ٣ * *", "has '٣' as its day of the month, which is neither *, a number, a range nor a list"),
        ("0 0 30 2 *", "has '30' as its day of the month, which no month in '2' has"),
        ("0 0 31 4,6 *", "has '31' as its day of the month, which no month in '4,6' has"),
    ],
)
def test_another_text_is_refused_with_the_field(text: str, message: str):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        cron_text(text)


def _field(least: int, most: int):
    value = st.integers(least - 1, most + 1)
    part = st.one_of(
        st.just("*"),
        value.map(str),
        st.tuples(value, value).map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.integers(0, most).map(lambda step: f"*/{step}"),
        st.tuples(value, value, st.integers(1, 9)).map(lambda ends: f"{ends[0]}-{ends[1]}/{ends[2]}"),
    )
    return st.lists(part, min_size=1, max_size=3).map(",".join)


@settings(max_examples=300)
@given(st.tuples(_field(0, 59), _field(0, 23), _field(1, 31), _field(1, 12), _field(0, 7)).map(" ".join))
def test_what_is_taken_the_scheduler_takes_too(text: str):
    try:
        cron_text(text)
    except ValueError:
        return
    assert is_valid_cron_string(text)

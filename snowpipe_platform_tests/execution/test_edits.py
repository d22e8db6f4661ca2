"""Text that a person typed becomes a value of bronze, and changes only what it changes."""

from datetime import date, datetime
from decimal import Decimal

import ibis
import pytest

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.edits import changed_texts, check_columns, edited_values, with_values
from snowpipe_platform.spec.origins import Origin

ROW = Origin(1, 0)


@pytest.mark.parametrize(
    ("typed", "payload", "changed"),
    [
        ({"a": "1"}, {"a": "1", "b": "2"}, {}),
        ({"a": "2"}, {"a": "1"}, {"a": "2"}),
        ({"a": None}, {"a": ""}, {}),
        ({"a": ""}, {"a": None}, {}),
        ({"a": None}, {"a": "1"}, {"a": None}),
        ({"new": "1"}, {}, {"new": "1"}),
    ],
)
def test_a_column_is_edited_when_its_text_is_another(typed, payload, changed):
    assert changed_texts(typed, payload) == changed


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [
        ("string", " 007 ", " 007 "),
        ("string", "", ""),
        ("int64", " 7 ", 7),
        ("int64", "", None),
        ("decimal(18, 2)", "5.5", Decimal("5.50")),
        ("decimal(38, 0)", "1" + "0" * 37, Decimal(10**37)),
        ("float64", "0.1", 0.1),
        ("boolean", "true", True),
        ("date", "9999-12-31", date(9999, 12, 31)),
        ("timestamp(6)", "2024-03-01 10:00:00.000001", datetime(2024, 3, 1, 10, 0, 0, 1)),
        ("timestamp(6)", "2024-03-01", datetime(2024, 3, 1)),
    ],
)
def test_text_becomes_a_value_of_the_columns_type(dtype, text, value):
    columns = ibis.schema({"a": dtype})
    assert edited_values({ROW: {"a": text}}, {ROW: {"a": "another"}}, columns) == {ROW: {"a": value}}


def test_another_text_of_the_same_value_changes_nothing():
    columns = ibis.schema({"price": "decimal(18, 2)", "n": "int64"})
    texts, original = {"price": "5.5", "n": "08"}, {"price": Decimal("5.50"), "n": 8}
    assert edited_values({ROW: texts}, {ROW: original}, columns) == {}


def test_what_is_no_value_names_each_row_and_records_nothing():
    columns = ibis.schema({"n": "int64", "price": "decimal(18, 2)", "raw": "binary"})
    edits = {ROW: {"n": "two", "price": "1.005", "raw": "x"}, Origin(1, 4): {"n": "1.5"}}
    originals = {origin: {"n": None, "price": None, "raw": None} for origin in edits}
    with pytest.raises(ConfigurationError) as told:
        edited_values(edits, originals, columns)
    assert str(told.value) == (
        "row 1:0: 'two' is no int64 for 'n'; row 1:0: '1.005' is no decimal(18, 2) for 'price'; "
        "row 1:0: 'x' is no binary for 'raw'; row 1:4: '1.5' is no int64 for 'n'. Nothing was recorded."
    )


def test_a_long_list_of_problems_is_cut():
    edits = {Origin(1, n): {"n": "x"} for n in range(7)}
    with pytest.raises(ConfigurationError, match=r"row 1:4.* and 2 more\. Nothing was recorded"):
        edited_values(edits, {origin: {"n": None} for origin in edits}, ibis.schema({"n": "int64"}))


def test_an_unknown_column_is_answered_with_the_nearest():
    with pytest.raises(ConfigurationError, match=r"bad\.csv: 'amuont' is no column .* Did you mean 'amount'\?"):
        check_columns(["id", "amuont"], ibis.schema({"id": "string", "amount": "string"}), where="bad.csv")


@pytest.mark.parametrize(
    ("values", "instant", "nanoseconds"),
    [
        ({"updated_at": datetime(2024, 3, 2, 8)}, datetime(2024, 3, 2, 8), 0),
        ({"updated_at": date(2024, 3, 2)}, datetime(2024, 3, 2), 0),
        ({"updated_at": None}, datetime(2024, 3, 1), 7),
        ({"amount": "2"}, datetime(2024, 3, 1), 7),
    ],
)
def test_when_a_change_happened_follows_its_watermark(values, instant, nanoseconds):
    row = {"amount": "x", "updated_at": datetime(2024, 3, 1), "_instant": datetime(2024, 3, 1), "_nanoseconds": 7}
    edited = with_values(row, values, watermark="updated_at")
    assert (edited["_instant"], edited["_nanoseconds"]) == (instant, nanoseconds)
    assert {name: edited[name] for name in values} == values


def test_a_number_as_watermark_says_nothing_about_time():
    row = {"version": 1, "_instant": datetime(2024, 3, 1), "_nanoseconds": 0}
    assert with_values(row, {"version": 2}, watermark="version") == row | {"version": 2}

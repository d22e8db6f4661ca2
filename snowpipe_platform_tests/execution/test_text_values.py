"""Text of a dropped file in bronze's types: exactly, or not at all."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from snowpipe_platform.execution.text_values import MisfitError, from_text, typed

US, EXACT = pa.timestamp("us"), pa.decimal128(38, 8)


def at(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [
        (pa.int64(), "12", 12),
        (pa.int64(), " +12\t", 12),
        (pa.int64(), "-007", -7),
        (pa.uint8(), "255", 255),
        (pa.decimal128(38, 0), str(10**37 + 1), Decimal(10**37 + 1)),
        (EXACT, "123456789012345678901234567890.12345678", Decimal("123456789012345678901234567890.12345678")),
        (EXACT, "-.5", Decimal("-0.50000000")),
        (EXACT, "1e3", Decimal("1000.00000000")),
        (pa.decimal128(10, 2), "1.500", Decimal("1.50")),
        (pa.float64(), "1e-3", 0.001),
        (pa.float64(), "-Infinity", float("-inf")),
        (pa.bool_(), "True", True),
        (pa.bool_(), "0", False),
        (pa.date32(), "9999-12-31", date(9999, 12, 31)),
        (pa.binary(), "00ff", b"\x00\xff"),
        (US, "2024-03-01", at(2024, 3, 1)),
        (US, "2024-03-01 10:00", at(2024, 3, 1, 10)),
        (US, "2024-03-01T10:00:00.5Z", at(2024, 3, 1, 10, 0, 0, 500_000)),
        (US, "2024-03-01t10:00:00z", at(2024, 3, 1, 10)),
        (US, "2024-03-01 10:00:00 UTC", at(2024, 3, 1, 10)),
        (US, "2024-03-01 10:00:00.000 -0800", at(2024, 3, 1, 18)),
        (US, "2024-03-01T10:00:00+05:30", at(2024, 3, 1, 4, 30)),
        (US, "2024-03-01 10:00+01", at(2024, 3, 1, 9)),
        (US, "0001-01-01 00:00:00", at(1, 1, 1)),
        (US, "9999-12-31T23:59:59.999999", at(9999, 12, 31, 23, 59, 59, 999_999)),
    ],
)
def test_a_text_is_the_value_it_says(dtype, text, value):
    assert from_text(pa.array([text, None]), dtype).to_pylist() == [value, None]


@pytest.mark.parametrize("dtype", [pa.int64(), EXACT, pa.float64(), pa.bool_(), pa.date32(), US, pa.binary()])
@pytest.mark.parametrize("text", ["", "  "])
def test_blank_text_is_null_where_it_is_no_text(dtype, text):
    assert from_text(pa.array([text]), dtype).to_pylist() == [None]


@pytest.mark.parametrize(
    ("dtype", "text"),
    [
        (pa.int64(), "2.5"),
        (pa.int64(), "2.0"),
        (pa.int64(), "0x1F"),
        (pa.int64(), "1,200"),
        (pa.int64(), "²"),
        (pa.int8(), "128"),
        (pa.int64(), str(2**63)),
        (pa.decimal128(10, 2), "1.234"),
        (pa.decimal128(10, 2), "123456789.00"),
        (EXACT, "NaN"),
        (EXACT, "1_000"),
        (pa.float64(), "1,5"),
        (pa.bool_(), "yes"),
        (pa.date32(), "2024-02-30"),
        (pa.date32(), "2024-03-01 00:00:00"),
        (US, "01.03.2024"),
        (US, "2024-03-01T24:00:00"),
        (US, "2024-03-01 10:00:00 Europe/London"),
        (pa.binary(), "0g"),
    ],
)
def test_another_text_is_an_error_and_never_a_null(dtype, text):
    with pytest.raises((pa.ArrowInvalid, ValueError)):
        from_text(pa.array(["", text]), dtype)


def test_instants_of_one_column_may_differ_in_form_and_keep_nine_digits():
    texts = pa.array(["2024-03-01T10:00:00.123456789", "2024-03-01T10:00:00+01:00", None, "2024-03-01"])
    found = from_text(texts, US)
    assert found.type == pa.timestamp("ns", "UTC")
    assert [None if v is None else v.value for v in found.to_pylist()] == [
        1_709_287_200_123_456_789,
        1_709_283_600_000_000_000,
        None,
        1_709_251_200_000_000_000,
    ]


def test_local_time_is_of_the_declared_zone_unless_the_text_says_its_offset():
    texts = pa.array(["2024-07-01 12:00", "2024-07-01 12:00:00Z", "2024-10-27 01:30", "2024-03-31 01:30"])
    found = from_text(texts, US, zone="Europe/London").to_pylist()
    # The clock shows 01:30 twice on 27 October, and never on 31 March.
    assert found == [at(2024, 7, 1, 11), at(2024, 7, 1, 12), at(2024, 10, 27, 0, 30), at(2024, 3, 31, 1)]


SCHEMA = pa.schema([("id", pa.int32()), ("at", US), ("amount", pa.decimal128(10, 2))])


def test_a_column_that_has_a_type_is_held_to_bronzes():
    batch = pa.record_batch({"at": pa.array([1], pa.timestamp("ns")), "id": pa.array([7], pa.int64()), "amount": [1.5]})
    assert typed(batch, SCHEMA, zones={}).column("id").to_pylist() == [7]


@pytest.mark.parametrize("row", [0, 1, 2, 499, 998, 999])
@pytest.mark.parametrize(
    ("values", "bad"),
    [(pa.array(["1"] * 1000), "x"), (pa.array([1] * 1000, pa.int64()), 2**31), (pa.array([1.0] * 1000), 1.5)],
    ids=["text", "too wide", "a fraction"],
)
def test_the_first_value_that_does_not_fit_is_found(values, bad, row):
    spoilt = values.to_pylist()
    spoilt[row] = bad
    spoilt[-1] = bad
    with pytest.raises(MisfitError) as raised:
        typed(pa.record_batch({"id": pa.array(spoilt, values.type)}), pa.schema([SCHEMA.field("id")]), zones={})
    assert (raised.value.field.name, raised.value.row, raised.value.was) == ("id", row, values.type)


def test_text_for_a_column_of_text_stays_as_it_is():
    schema = pa.schema([("note", pa.string())])
    texts = pa.array([" ß ", "", None], pa.large_string())
    assert typed(pa.record_batch({"note": texts}), schema, zones={}).column("note").to_pylist() == [" ß ", "", None]


def test_repeated_texts_may_come_packed():
    batch = pa.record_batch({"id": pa.array(["1", "2", "1"]).dictionary_encode()})
    assert typed(batch, pa.schema([SCHEMA.field("id")]), zones={}).column("id").to_pylist() == [1, 2, 1]


def test_floats_of_a_file_are_decimals_where_they_are_no_others():
    field = pa.schema([("amount", pa.decimal128(10, 2))])
    fits = pa.record_batch({"amount": pa.array([12.55, 0.1, None, -0.0])})
    assert typed(fits, field, zones={}).column("amount").to_pylist() == [Decimal("12.55"), Decimal("0.10"), None, 0]
    with pytest.raises(MisfitError) as raised:
        typed(pa.record_batch({"amount": pa.array([12.55, 12.555])}), field, zones={})
    assert raised.value.row == 1

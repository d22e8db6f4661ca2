import json
from datetime import UTC, date, datetime
from decimal import Decimal

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given, settings

from snowpipe_platform.errors import SourceError
from snowpipe_platform.execution.arrow_types import (
    bronze_schema,
    bronze_type,
    from_json_objects,
    json_objects,
    nanoseconds,
    to_bronze,
)
from snowpipe_platform_tests.kit import moment


def landed(column, *, source=None, zone=None):
    """One column as bronze keeps it."""
    array = pa.array(column, source) if source is not None else column
    schema = bronze_schema(pa.schema([("Col", array.type)]))
    return to_bronze(pa.record_batch({"Col": array}), schema, time_zones={"COL": zone} if zone else {})[
        "col"
    ].to_pylist()


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        (pa.int8(), pa.int8()),
        (pa.uint64(), pa.decimal128(20, 0)),
        (pa.float16(), pa.float32()),
        (pa.decimal128(38, 8), pa.decimal128(38, 8)),
        (pa.decimal256(40, 2), pa.string()),
        (pa.timestamp("ns"), pa.timestamp("us")),
        (pa.timestamp("s", tz="Asia/Tokyo"), pa.timestamp("us")),
        (pa.date64(), pa.date32()),
        (pa.time64("us"), pa.string()),
        (pa.large_binary(), pa.binary()),
        (pa.binary(4), pa.binary()),
        (pa.large_string(), pa.string()),
        (pa.string_view(), pa.string()),
        (pa.list_(pa.int32()), pa.string()),
        (pa.struct([("a", pa.int32())]), pa.string()),
        (pa.dictionary(pa.int8(), pa.string()), pa.string()),
        (pa.json_(), pa.string()),
        (pa.uuid(), pa.binary()),
        (pa.null(), pa.string()),
    ],
    ids=str,
)
def test_the_type_bronze_keeps_and_values_reach_it(source, kept):
    assert bronze_type(source) == kept
    assert landed(pa.nulls(2, source)) == [None, None]


@pytest.mark.case("A6")
def test_numbers_arrive_exactly():
    assert landed([10**37 + 1], source=pa.decimal128(38, 0)) == [Decimal(10**37 + 1)]
    assert landed([2**64 - 1], source=pa.uint64()) == [Decimal(2**64 - 1)]
    assert landed([Decimal("0.00000001")], source=pa.decimal128(38, 8)) == [Decimal("0.00000001")]
    assert landed([Decimal(10**39)], source=pa.decimal256(40, 0)) == [str(10**39)]


@pytest.mark.case("A6")
def test_a_batch_of_small_values_takes_the_type_of_the_extraction():
    schema = bronze_schema(pa.schema([("n", pa.decimal128(38, 0))]))
    rows = to_bronze(pa.record_batch({"N": pa.array([1], pa.int8())}), schema, time_zones={})
    assert rows.schema.field("n").type == pa.decimal128(38, 0)


@pytest.mark.case("A7")
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "+05:30", "America/Los_Angeles"])
def test_instants_with_any_offset_are_utc(zone):
    column = pa.array([moment("2024-03-01"), moment("1899-12-31 23:59:59.999999")]).cast(pa.timestamp("us", tz=zone))
    assert landed(column) == [moment("2024-03-01"), moment("1899-12-31 23:59:59.999999")]


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2024-01-15 12:00", "2024-01-15 12:00"),
        ("2024-07-15 12:00", "2024-07-15 11:00"),
        pytest.param("2024-03-31 01:30", "2024-03-31 01:00", id="skipped in spring: the later clock"),
        pytest.param("2024-10-27 01:30", "2024-10-27 00:30", id="twice in autumn: the earlier"),
    ],
)
def test_local_time_becomes_utc(local, utc):
    assert landed([moment(local)], source=pa.timestamp("us"), zone="Europe/London") == [moment(utc)]


def test_a_zone_leaves_an_instant_with_an_offset_alone():
    column = pa.array([datetime(2024, 7, 1, tzinfo=UTC)], pa.timestamp("us", tz="UTC"))
    assert landed(column, zone="Europe/London") == [moment("2024-07-01")]


@pytest.mark.case("A4")
@given(st.lists(st.one_of(st.none(), st.integers(-(2**62), 2**62)), max_size=5))
def test_microseconds_and_nanoseconds_add_up(stamps):
    column = pa.array(stamps, pa.int64()).cast(pa.timestamp("ns"))
    micros = pa.array(landed(column), pa.timestamp("us")).cast(pa.int64()).to_pylist()
    digits = nanoseconds(column).to_pylist()
    assert all(0 <= digit <= 999 for digit in digits)
    assert [None if m is None else m * 1000 + d for m, d in zip(micros, digits, strict=True)] == stamps


def test_coarser_instants_have_no_nanoseconds():
    assert nanoseconds(pa.array([moment("2024-03-01"), None], pa.timestamp("us"))).to_pylist() == [0, 0]


def test_nested_values_become_json():
    shape = pa.array([{"a": [1, None], "at": moment("2024-03-01"), "d": Decimal("1.50")}, None])
    first, second = landed(shape)
    assert json.loads(first) == {"a": [1, None], "at": "2024-03-01 00:00:00", "d": "1.50"}
    assert second is None


@pytest.mark.parametrize(
    ("names", "message"), [(["a", "A"], "'a' more than once"), (["_instant"], "'_instant', a name the platform gives")]
)
def test_names_that_cannot_be_kept_are_refused(names, message):
    with pytest.raises(SourceError, match=message):
        bronze_schema(pa.schema([(name, pa.int32()) for name in names]))


@pytest.mark.case("A15")
def test_a_value_that_does_not_fit_is_refused_without_showing_it():
    schema = bronze_schema(pa.schema([("n", pa.int8())]))
    with pytest.raises(SourceError, match="column 'n' holds a int64 that is no int8") as raised:
        to_bronze(pa.record_batch({"n": pa.array([123456])}), schema, time_zones={})
    assert "123456" not in str(raised.value)


def test_a_row_as_json_for_a_person():
    rows = pa.table(
        {"b": [True, None], "raw": [b"\xff", None], "day": [date(9999, 12, 31), None], "x": [float("nan"), 1.5]}
    )
    assert json_objects(rows) == ['{"b": true, "day": "9999-12-31", "raw": "ff", "x": "nan"}', '{"x": "1.5"}']


COLUMNS = {
    "flag": (pa.bool_(), st.booleans()),
    "small": (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "big": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "share": (pa.float64(), st.floats()),
    "single": (pa.float32(), st.floats(width=32)),
    "price": (pa.decimal128(38, 8), st.decimals(-(10**20), 10**20, places=8)),
    "day": (pa.date32(), st.dates()),
    "instant": (pa.timestamp("us"), st.datetimes()),
    "raw": (pa.binary(), st.binary(max_size=4)),
    "text": (pa.string(), st.text(max_size=6)),
}
VALUES = st.fixed_dictionaries({name: st.none() | values for name, (_, values) in COLUMNS.items()})


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, max_size=4))
def test_a_row_comes_back_from_json_as_it_was(values):
    schema = pa.schema([(name, dtype) for name, (dtype, _) in COLUMNS.items()])
    rows = pa.Table.from_pylist(values, schema)
    back = from_json_objects(json_objects(rows), schema)
    assert repr(back.to_pylist()) == repr(rows.to_pylist())


def test_a_stored_row_that_does_not_fit_is_refused():
    with pytest.raises(SourceError, match="a stored row does not fit the columns bronze has now"):
        from_json_objects(['{"n": "many"}'], pa.schema([("n", pa.int64())]))

from datetime import date, datetime, timedelta
from decimal import Decimal

import hypothesis.strategies as st
import ibis
import pytest
from hypothesis import given

from snowpipe_platform.errors import ConfigurationError, SourceError
from snowpipe_platform.spec.watermark import (
    Interval,
    WatermarkKind,
    at_scale,
    below_all,
    encode,
    latest,
    touches,
)
from snowpipe_platform_tests.kit import moment

NUMBER, DATE, TIMESTAMP = WatermarkKind.NUMBER, WatermarkKind.DATE, WatermarkKind.TIMESTAMP
numbers = st.integers(-(10**38) + 2, 10**38 - 2).flatmap(
    lambda digits: st.integers(0, 37).map(
        lambda scale: Decimal((int(digits < 0), Decimal(abs(digits)).as_tuple().digits, -scale))
    )
)
values = {
    NUMBER: numbers,
    DATE: st.dates(date(1, 1, 2), date(9999, 12, 30)),
    TIMESTAMP: st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
}


@pytest.mark.parametrize("kind", WatermarkKind)
@given(data=st.data())
def test_a_value_survives_being_stored(kind, data):
    value = data.draw(values[kind])
    assert kind.parse(encode(value)) == value


@pytest.mark.case("A6")
@pytest.mark.parametrize("kind", WatermarkKind)
@given(data=st.data())
def test_step_and_next_are_the_nearest_neighbours_and_undo_each_other(kind, data):
    value = data.draw(values[kind])
    assert kind.step(value) < value < kind.next(value)
    assert kind.next(kind.step(value)) == value == kind.step(kind.next(value))


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        ("timestamp(6)", TIMESTAMP),
        ("timestamp('UTC', 9)", TIMESTAMP),
        ("date", DATE),
        ("int16", NUMBER),
        ("uint64", NUMBER),
        ("decimal(38, 8)", NUMBER),
    ],
)
def test_the_kind_of_a_type(dtype, kind):
    assert WatermarkKind.of(ibis.dtype(dtype), column="x") is kind


@pytest.mark.parametrize("dtype", ["float64", "string", "boolean", "time", "json"])
def test_a_type_without_an_exact_order_is_refused(dtype):
    with pytest.raises(SourceError, match=f"watermark column 'x' has type {dtype}; .* Cast it in the query's SQL"):
        WatermarkKind.of(ibis.dtype(dtype), column="x")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (TIMESTAMP, "2024-03-01", moment("2024-03-01")),
        (TIMESTAMP, "2024-03-01T10:00:00+02:00", moment("2024-03-01 08:00")),
        (TIMESTAMP, date(2024, 3, 1), moment("2024-03-01")),
        (DATE, "2024-03-01T23:59:59", date(2024, 3, 1)),
        (NUMBER, 10**37 + 1, Decimal(10**37 + 1)),
        (NUMBER, "1.50", Decimal("1.50")),
    ],
)
def test_a_declared_value_is_read_as_the_kind(kind, text, value):
    assert kind.parse(text) == value


@pytest.mark.parametrize(
    ("kind", "text"), [(TIMESTAMP, "soon"), (DATE, "12"), (NUMBER, "2024-03-01"), (NUMBER, "NaN"), (NUMBER, "Infinity")]
)
def test_a_value_of_another_kind_is_refused(kind, text):
    with pytest.raises(ConfigurationError, match=f"'{text}' is not a {kind.value}"):
        kind.parse(text)


@pytest.mark.parametrize(
    ("kind", "value", "lookback", "moved"),
    [
        (TIMESTAMP, moment("2024-03-01"), timedelta(minutes=15), moment("2024-02-29 23:45")),
        (TIMESTAMP, moment("2024-03-01"), timedelta(days=9_999_999), datetime.min),  # noqa: DTZ901
        (DATE, date(2024, 3, 1), timedelta(minutes=15), date(2024, 2, 29)),
        (DATE, date(2024, 3, 1), timedelta(days=2), date(2024, 2, 28)),
        (DATE, date(2024, 3, 1), timedelta(0), date(2024, 3, 1)),
        (DATE, date(2024, 3, 1), timedelta(days=9_999_999), date.min),
        (NUMBER, Decimal(10**37 + 1), Decimal(1), Decimal(10**37)),
    ],
)
def test_earlier_moves_back_by_the_lookback(kind, value, lookback, moved):
    assert kind.earlier(value, lookback) == moved
    assert type(kind.earlier(value, lookback)) is type(moved)


def test_a_date_is_covered_once_it_is_over():
    assert DATE.at(moment("2024-03-01 23:59")) == date(2024, 3, 1)


@pytest.mark.parametrize(
    ("number", "scale", "found"),
    [("1.5", 8, "1.50000000"), ("1.59", 1, "1.5"), ("-1.51", 1, "-1.6"), (str(10**37 + 1), 0, str(10**37 + 1))],
)
def test_a_number_takes_the_scale_of_its_column_rounded_down(number, scale, found):
    assert str(at_scale(Decimal(number), scale)) == found


@pytest.mark.parametrize(
    ("dtype", "lowest"),
    [
        ("decimal(5, 2)", Decimal("-999.99")),
        ("decimal(38, 0)", Decimal(-(10**38) + 1)),
        ("int64", Decimal(-(2**63) - 1)),
        ("date", date(1, 1, 1)),
        ("timestamp(6)", moment("0001-01-01")),
        ("timestamp(9)", moment("1677-09-22")),
    ],
)
def test_what_is_below_all_fits_the_column(dtype, lowest):
    assert below_all(ibis.dtype(dtype)) == lowest


ONE, TWO, THREE, FOUR = (Decimal(n) for n in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("interval", "low", "high", "meets"),
    [
        (Interval(TWO, FOUR), ONE, ONE, False),
        (Interval(TWO, FOUR), ONE, TWO, True),
        (Interval(TWO, FOUR), FOUR, FOUR, False),
        (Interval(None, FOUR), ONE, ONE, True),
        (Interval(TWO, FOUR), None, None, False),
    ],
)
def test_a_closed_range_meets_a_half_open_interval(interval, low, high, meets):
    assert interval.meets(low, high) is meets


@pytest.mark.parametrize(
    ("live", "interval", "extends"),
    [
        (None, Interval(None, TWO), True),
        (None, Interval(ONE, TWO), False),
        (TWO, Interval(TWO, THREE), True),
        (TWO, Interval(ONE, TWO), False),
        (TWO, Interval(THREE, FOUR), False),
        (TWO, Interval(None, THREE), True),
    ],
)
def test_coverage_is_extended_by_what_touches_its_end(live, interval, extends):
    assert touches(live, interval) is extends


def test_an_interval_without_room_is_empty():
    assert Interval(TWO, TWO).is_empty
    assert Interval(THREE, TWO).is_empty
    assert not Interval(None, TWO).is_empty


def test_the_latest_of_none_is_none():
    assert latest([None, ONE, THREE]) == THREE
    assert latest([None]) is None

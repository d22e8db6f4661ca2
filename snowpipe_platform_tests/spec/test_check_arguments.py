"""What a check is compared with is a value of the column's own type, exactly, or is refused by name."""

from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.spec.check_arguments import UnfitArgumentError, typed

CENTS = dt.Decimal(9, 2)
INSTANT = dt.Timestamp(scale=6)


@pytest.mark.parametrize(
    ("value", "dtype", "mend"),
    [
        (0.1, CENTS, "0.1 is no decimal(9, 2). Write Decimal('0.10')"),
        (Decimal("0.005"), CENTS, "no more digits than the type has"),
        (Decimal(10_000_000), CENTS, "no more digits"),
        (Decimal("NaN"), CENTS, "is no decimal(9, 2)"),
        (True, CENTS, "True is no decimal(9, 2)"),
        (Decimal("0.1"), dt.float64, "is no float64. Write a number that the type holds exactly"),
        (2**53 + 1, dt.float64, "holds exactly"),
        (10**400, dt.float64, "holds exactly"),
        (0.1, dt.float32, "0.1 is no float32"),
        (float("nan"), dt.float64, "nan is no float64"),
        (0.5, dt.int64, "0.5 is no int64. Write a whole number"),
        (True, dt.int64, "True is no int64"),
        (2**63, dt.int64, "is no int64"),
        (1, dt.boolean, "1 is no boolean. Write True or False"),
        (1, dt.string, "1 is no string. Write a text"),
        ("a\x00", dt.string, "without a NUL character"),
        (datetime(2024, 3, 1), dt.date, "Write date(2024, 3, 1)"),
        ("2024-03-01", dt.date, "is no date"),
        (date(2024, 3, 1), INSTANT, "is no timestamp(6). Write datetime(2024, 3, 1), in UTC without a zone"),
        (datetime(2024, 3, 1, tzinfo=UTC), INSTANT, "without a zone"),
        ({"a": 1}, dt.Array(dt.int64), "no builtin check compares array<int64>"),
    ],
    ids=str,
)
def test_another_types_value_is_refused_with_what_to_write(value, dtype, mend):
    with pytest.raises(UnfitArgumentError) as error:
        typed([value] if isinstance(value, dict) else value, dtype)
    assert mend in str(error.value)


@pytest.mark.parametrize("value", [Decimal("0.00"), Decimal("-0.10"), 7, -9_999_999, Decimal("1E+3"), Decimal("0E-9")])
def test_a_decimal_may_be_written_with_fewer_digits_than_its_type_has(value):
    assert typed(value, CENTS).type() == CENTS


def test_a_whole_number_may_lie_beyond_a_small_type():
    assert typed(1_000, dt.int8).type() == dt.int64
    assert typed(2**64 - 1, dt.uint64).type() == dt.uint64


def test_several_values_have_one_order_and_no_null():
    found = typed({"b", None, "a"}, dt.string)
    assert [value.op().value for value in found] == ["a", "b"]
    assert typed([], dt.string) == []
    assert len(typed([1.0, float("nan")], dt.float64)) == 1


@settings(max_examples=60, deadline=None)
@given(number=st.floats(allow_nan=False))
def test_a_float_is_equal_to_itself_in_the_engine(number):
    rows = pa.table({"v": [number]})
    statement = ibis.to_sql(ibis.table({"v": "float64"}, name="t").v == typed(number, dt.float64), dialect="duckdb")
    with duckdb.connect() as connection:
        connection.register("t", rows)
        assert connection.execute(statement).fetchone() == (True,)

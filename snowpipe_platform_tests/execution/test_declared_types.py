import pyarrow as pa
import pytest

from snowpipe_platform.execution.declared_types import declared_type
from snowpipe_platform_tests.snowflake import column


@pytest.mark.case("A6")
@pytest.mark.parametrize(
    ("precision", "scale", "dtype"),
    [
        (1, 0, pa.int64()),
        (18, 0, pa.int64()),
        (19, 0, pa.decimal128(19, 0)),
        (38, 0, pa.decimal128(38, 0)),
        (2, 2, pa.decimal128(2, 2)),
        (38, 37, pa.decimal128(38, 37)),
    ],
)
@pytest.mark.parametrize("found", [pa.int8(), pa.int64(), pa.decimal128(38, 0)], ids=str)
def test_a_number_has_the_type_it_is_declared_with_whatever_a_batch_holds(found, precision, scale, dtype):
    assert declared_type(column("n", "FIXED", found, precision=precision, scale=scale)) == dtype


def test_an_instant_of_nine_digits_may_lie_outside_the_range_of_nanoseconds():
    assert declared_type(column("at", "TIMESTAMP_LTZ", pa.timestamp("ns"), scale=9)) == pa.timestamp("us")


@pytest.mark.parametrize("field", [pa.field("n", pa.int8()), column("t", "TEXT", pa.string())], ids=["bare", "text"])
def test_a_field_that_says_nothing_of_its_type_leaves_it_open(field):
    assert declared_type(field) is None

"""Nested values as JSON: the same for the same value, whatever batch and session they come in."""

import json
from decimal import Decimal

import pyarrow as pa
import pytest

from snowpipe_platform.execution.nested_json import json_texts

WIDE = pa.list_(pa.decimal128(38, 0))


def texts(values, dtype):
    return json_texts(pa.array(values, dtype)).to_pylist()


def test_a_whole_number_is_a_number_however_wide_its_batch_is():
    assert texts([[1]], pa.list_(pa.int8())) == texts([[Decimal(1)]], WIDE) == ["[1]"]
    assert texts([[10**37 + 1]], WIDE) == [f"[{10**37 + 1}]"]


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Kolkata"])
@pytest.mark.parametrize("unit", ["us", "ns"])
@pytest.mark.parametrize(
    ("around", "value", "text"),
    [
        (pa.list_, [0], ["1970-01-01 00:00:00"]),
        (lambda inner: pa.list_(inner, 1), [0], ["1970-01-01 00:00:00"]),
        (lambda inner: pa.struct([("a", inner)]), {"a": 0}, {"a": "1970-01-01 00:00:00"}),
        (lambda inner: pa.map_(pa.string(), inner), [("a", 0)], {"a": "1970-01-01 00:00:00"}),
    ],
    ids=["list", "fixed-size list", "struct", "map"],
)
def test_an_instant_is_utc_in_any_session(around, value, text, unit, zone):
    (found,) = texts([value], around(pa.timestamp(unit, zone)))
    assert json.loads(found) == text


def test_what_json_has_no_form_of_is_text():
    shape = pa.struct([("price", pa.decimal128(9, 2)), ("raw", pa.binary()), ("xs", pa.list_(pa.float64()))])
    (found,) = texts([{"price": Decimal("5.00"), "raw": b"\xff", "xs": [float("nan"), float("-inf"), -0.0]}], shape)
    assert found == '{"price": "5.00", "raw": "ff", "xs": ["nan", "-inf", -0.0]}'


def test_a_key_that_a_map_has_twice_is_refused():
    with pytest.raises(KeyError):
        texts([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int8()))

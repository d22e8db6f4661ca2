"""The bounds of a window, where the column itself could not hold them; the rest is the contract."""

from decimal import Decimal

import pyarrow as pa
import pytest

from snowpipe_platform.backends.duckdb_window_comparer import DuckDBWindowComparer
from snowpipe_platform.records import Landed, LandedWindow
from snowpipe_platform.spec.manifest import PLATFORM_COLUMNS
from snowpipe_platform.spec.watermark import Interval
from snowpipe_platform_tests.contracts.recognizer import SCHEMA, Log, batch_of
from snowpipe_platform_tests.contracts.window_comparer import WindowComparerContract, hashed


@pytest.fixture(scope="module")
def make_comparer():
    return DuckDBWindowComparer


class TestDuckDBComparison(WindowComparerContract):
    pass


def numbered(dtype, value):
    """A row whose watermark `at` is a number."""
    rows = hashed([(1, 1, "a", 0)])
    return rows.set_column(rows.schema.get_field_index("at"), "at", pa.array([value], dtype))


@pytest.mark.parametrize(
    ("dtype", "value", "upper"),
    [
        pytest.param(pa.int64(), 2**63 - 1, Decimal(2**63), id="the highest of 64 bits"),
        pytest.param(pa.decimal128(38, 0), Decimal(10**37 + 1), Decimal(10**37 + 2), id="38 digits"),
        pytest.param(pa.decimal128(38, 8), Decimal("-0.00000001"), Decimal("0E-8"), id="the last of 8 decimals"),
    ],
)
def test_a_window_of_numbers_ends_above_the_highest(tmp_path, dtype, value, upper):
    schema = SCHEMA.set(SCHEMA.get_field_index("at"), pa.field("at", dtype))
    log = Log(tmp_path)
    types = {"int64": "int64", "decimal128(38, 0)": "decimal(38, 0)", "decimal128(38, 8)": "decimal(38, 8)"}
    log.land(numbered(dtype, value))
    (manifest,) = log.manifests
    columns = tuple(
        column.model_copy(update={"type": types[str(dtype)]}) if column.name == "at" else column
        for column in manifest.columns
    )
    landed = Landed((manifest.model_copy(update={"columns": columns}),), log.landed.locations)
    found = {}
    for lower, end in ((None, upper), (value, upper), (upper, upper + 1)):
        part = LandedWindow(Interval(None if lower is None else Decimal(lower), end), landed, landed)
        comparison = DuckDBWindowComparer(schema=schema, key=["id"], watermark="at", landed=part)
        found[lower] = [row for keys in comparison.unshown_keys() for row in keys.to_pylist()]
        comparison.close()
    assert found == {None: [{"id": 1}], value: [{"id": 1}], upper: []}


def test_the_rows_it_gives_have_all_columns(tmp_path):
    log = Log(tmp_path)
    part = LandedWindow(None, log.landed, log.landed)
    comparison = DuckDBWindowComparer(schema=SCHEMA, key=["id"], watermark="at", landed=part)
    assert comparison.new_rows(batch_of([(1, 1, "a", 0)])).rows.schema.names == [*SCHEMA.names, *PLATFORM_COLUMNS]
    comparison.close()

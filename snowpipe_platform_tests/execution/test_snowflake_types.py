"""Every Snowflake type with its extremes, from the connector's batches through bronze to a silver table."""

import pandera.ibis as pandera
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis import dtype

from snowpipe_platform.errors import SourceError
from snowpipe_platform.execution.execute import run_table
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.spec.pipeline import build_pipeline
from snowpipe_platform.spec.queries_file import QueriesFile
from snowpipe_platform.spec.table import ChangesTable
from snowpipe_platform_tests.kit import World, data_files, moment, query
from snowpipe_platform_tests.snowflake import Snowflake, column
from snowpipe_platform_tests.snowflake_types import FIRST_MICRO, KINDS, LAST_MICRO, ZONE

MARK = column("updated_at", "TIMESTAMP_NTZ", pa.timestamp("us"), scale=6)
ID = column("id", "FIXED", pa.int64(), precision=9, scale=0)
FIRST_ROWS = max(len(kind.first) for kind in KINDS)
SECOND_ROWS = max(len(kind.second) for kind in KINDS)


def batch(values, *, start, rows):
    """Columns of one batch, filled up with nulls, in the widths they have; ids and instants go on from `start`."""
    ids = pa.array(range(start, start + rows), pa.int16())
    marks = pa.array([moment(f"2024-03-01 10:{start + row:02}") for row in range(rows)], pa.timestamp("us"))
    full = {name: pa.concat_arrays([array, pa.nulls(rows - len(array), array.type)]) for name, array in values.items()}
    return pa.record_batch({"ID": ids, **{name.upper(): array for name, array in full.items()}, "updated_at": marks})


def snowflake(now, **wider):
    """wider: columns of the first batch in other types."""
    first = batch({kind.name: kind.first for kind in KINDS} | wider, start=0, rows=FIRST_ROWS)
    second = batch({kind.name: kind.second for kind in KINDS}, start=FIRST_ROWS, rows=SECOND_ROWS)
    upper = [field.with_name(field.name.upper()) for field in (ID, *(kind.field for kind in KINDS))]
    return Snowflake([*upper, MARK], [first, second], now=moment(now))


def texts(column):
    """Every value as text that loses nothing: -0.0, NaN and instants beyond Python's included; binary as bytes."""
    return column.to_pylist() if pa.types.is_binary(column.type) else column.cast(pa.string()).to_pylist()


def expected(kind):
    """All rows of both batches, in order."""
    first, second = kind.kept[: len(kind.first)], kind.kept[len(kind.first) :]
    return [*first, *[None] * (FIRST_ROWS - len(first)), *second, *[None] * (SECOND_ROWS - len(second))]


def changes_table():
    """A changes table that takes every column as it is."""
    types = {"id": dtype("int64"), **{kind.name: dtype(kind.bronze) for kind in KINDS}}
    body = {"__annotations__": types, **{kind.name: pandera.Field(nullable=True) for kind in KINDS}}
    contract = type("Everything", (pandera.DataFrameModel,), body)
    return ChangesTable(
        name="silver/everything",
        description="",
        contract=contract,
        source="orders",
        key=("id",),
        clean=lambda _rows: {},
    )


@pytest.fixture(scope="module", params=["parquet", "json"])
def landed(request, tmp_path_factory):
    """Extracted in files of one batch each, and taken into silver."""
    declared = query(primary_key="id", lookback="9d", batch_size=FIRST_ROWS, output_format=request.param)
    world = World(tmp_path_factory.mktemp(request.param), declared)
    world.swap(warehouse=snowflake("2024-03-02"))
    world.run("2024-03-01")
    table = changes_table()
    pipeline = build_pipeline("types", QueriesFile(source_system="shop", queries=(declared,)), [table])
    run_table(TableRequest(pipeline, table, RunIdentity(run_id="run", job="test")), world.ground)
    state = world.ground.lake.state(table.name)
    files = [file.path for file in world.ground.lake.files(table.name, snapshot_id=state.snapshot_id)]
    silver = pa.concat_tables([pq.ParquetFile(path).read() for path in files]).sort_by("id")
    return world, silver


@pytest.mark.case("A6")
@pytest.mark.case("A7")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.declared)
def test_a_type_survives_with_its_extremes_and_nulls(landed, kind):
    world, silver = landed
    (manifest,) = world.manifests()
    types = {column["name"]: column["type"] for column in manifest["columns"]}
    assert types[kind.name] == kind.bronze
    assert texts(silver[kind.name].combine_chunks()) == expected(kind)


@pytest.mark.case("A6")
@pytest.mark.case("A17")
def test_batches_of_different_widths_have_one_parquet_type(landed):
    world, _ = landed
    files = [world.bronze_folder / file for file in data_files(world.bronze_folder)]
    assert len(files) == 3
    if files[0].suffix == ".parquet":
        assert len({str(pq.read_schema(file)) for file in files}) == 1


def test_what_was_landed_is_known_when_it_is_read_again_in_other_widths(landed):
    world, _ = landed
    first = {kind.name: kind.first for kind in KINDS}
    wider = {
        "number_38_0": first["number_38_0"].cast(pa.decimal128(38, 0)),
        "number_18_0": first["number_18_0"].cast(pa.int64()),
        "number_10_2": first["number_10_2"].cast(pa.decimal128(10, 2)),
        "array_of_number": pa.array([[1, None], [], None], pa.list_(pa.decimal128(38, 0))),
    }
    world.swap(warehouse=snowflake("2024-03-03", **wider))
    manifest = world.run("2024-03-02").manifest
    assert (manifest.rows_landed, manifest.rows_known) == (0, FIRST_ROWS + SECOND_ROWS)


@pytest.mark.case("A6")
def test_a_decimal_that_arrives_as_a_float_is_refused(tmp_path):
    field = column("AMOUNT", "FIXED", pa.int64(), precision=38, scale=2)
    rows = pa.record_batch({"AMOUNT": pa.array([0.1]), "updated_at": pa.array([moment("2024-03-01")])})
    world = World(tmp_path, query()).swap(warehouse=Snowflake([field, MARK], [rows], now=moment("2024-03-02")))
    with pytest.raises(SourceError, match=r"column 'amount' holds a double that is no decimal128\(38, 2\)"):
        world.run("2024-03-01")
    assert world.manifests() == []


@pytest.mark.case("A4")
def test_a_watermark_before_the_first_nanosecond_is_read_and_nine_digits_are_kept(tmp_path):
    mark = column("updated_at", "TIMESTAMP_NTZ", pa.timestamp("ns"), scale=9)
    old = pa.record_batch({"updated_at": pa.array([moment("0001-01-01 00:00:01")], pa.timestamp("us"))})
    new = pa.record_batch({"updated_at": pa.array([1_709_287_200_123_456_789], pa.int64()).cast(pa.timestamp("ns"))})
    world = World(tmp_path, query()).swap(warehouse=Snowflake([mark], [old, new], now=moment("2024-03-02")))
    world.run("2024-03-01")
    kept = [(row["updated_at"], row["_nanoseconds"]) for row in world.rows(platform=True)]
    assert kept == [(moment("0001-01-01 00:00:01"), 0), (moment("2024-03-01 10:00:00.123456"), 789)]


@pytest.mark.case("A7")
@pytest.mark.parametrize(
    ("logical", "values"),
    [
        pytest.param("TIMESTAMP_TZ", [LAST_MICRO + 1], id="the last second of 9999 behind UTC"),
        pytest.param("TIMESTAMP_TZ", [0, FIRST_MICRO - 1], id="the first second of year 1 ahead of UTC"),
    ],
)
def test_an_instant_that_is_of_no_year_in_utc_stops_the_run(tmp_path, logical, values):
    instants = pa.array(values, pa.int64()).cast(pa.timestamp("us", ZONE))
    marks = pa.array([moment("2024-03-01")] * len(values), pa.timestamp("us"))
    rows = pa.record_batch({"VALID_TO": instants, "updated_at": marks})
    fields = [column("VALID_TO", logical, pa.timestamp("ns"), scale=9), MARK]
    world = World(tmp_path, query()).swap(warehouse=Snowflake(fields, [rows], now=moment("2024-03-02")))
    with pytest.raises(SourceError, match=r"column 'valid_to' holds a value outside the years 1 to 9999 in UTC.*least"):
        world.run("2024-03-01")
    assert (world.manifests(), world.files()) == ([], [])

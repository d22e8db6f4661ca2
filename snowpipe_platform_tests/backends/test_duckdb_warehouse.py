from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest

from snowpipe_platform.backends.duckdb_warehouse import DuckDBWarehouse
from snowpipe_platform.errors import SourceError, TransientSourceError
from snowpipe_platform_tests.kit import Source, moment


@pytest.fixture
def source(tmp_path):
    return Source(tmp_path / "source.duckdb")


@pytest.fixture
def warehouse(source):
    return DuckDBWarehouse(source.path)


def test_the_clock_is_the_sources_own_where_it_has_one(source, warehouse):
    source.set_clock("2024-03-01 10:00")
    assert warehouse.clock() == moment("2024-03-01 10:00")
    source.run(
        "DROP TABLE source_clock",
        "CREATE TABLE source_clock AS SELECT TIMESTAMPTZ '2024-03-01 10:00:00+02:00' AS now_at",
    )
    assert warehouse.clock() == moment("2024-03-01 08:00")


def test_without_one_it_is_the_machines_in_naive_utc(source, warehouse):
    source.run("DROP TABLE source_clock")
    assert warehouse.clock().tzinfo is None
    assert abs((warehouse.clock() - datetime.now(UTC).replace(tzinfo=None)).total_seconds()) < 60


def test_the_schema_of_a_query_is_known_without_running_it(warehouse):
    sql = "SELECT error('it ran') AS a, 1::DECIMAL(9,2) AS b FROM range(3) WHERE range > ?"
    assert warehouse.schema(sql, [None]).field("b").type == pa.decimal128(9, 2)


def test_values_are_bound_and_never_formatted_in(warehouse):
    assert warehouse.scalar("SELECT ?", ["'; DROP TABLE x; --"]) == "'; DROP TABLE x; --"
    assert warehouse.scalar("SELECT ?", [Decimal(10**37 + 1)]) == Decimal(10**37 + 1)
    assert warehouse.scalar("SELECT 1 WHERE false") is None


def test_rows_are_streamed_in_order_and_the_file_is_free_when_the_reader_stops(source, warehouse):
    source.run("CREATE TABLE t AS SELECT range AS i FROM range(250000)")
    batches = warehouse.stream("SELECT i FROM t ORDER BY i")
    assert next(batches)["i"][0].as_py() == 0
    batches.close()
    source.run("INSERT INTO t VALUES (-1)")
    assert sum(batch.num_rows for batch in warehouse.stream("SELECT i FROM t")) == 250001


@pytest.mark.case("A13")
@pytest.mark.parametrize(
    ("sql", "message"),
    [("SELEC 1", "Parser Error"), ("SELECT * FROM gone", "gone does not exist"), ("SELECT CAST('abc' AS INT)", "abc")],
)
def test_what_the_source_refuses_is_one_line_without_the_sql(warehouse, sql, message):
    with pytest.raises(SourceError, match=message) as raised:
        list(warehouse.stream(sql))
    assert "\n" not in str(raised.value)
    assert "LINE 1" not in str(raised.value)


@pytest.mark.case("A13")
def test_a_value_that_is_refused_in_the_middle_of_a_stream_is_no_lost_connection(source, warehouse):
    source.run("CREATE TABLE t AS SELECT CASE WHEN range < 300000 THEN '1' ELSE 'abc' END AS x FROM range(300001)")
    with pytest.raises(SourceError, match="Could not convert"):
        list(warehouse.stream("SELECT CAST(x AS INT) FROM t"))


@pytest.mark.case("A13")
def test_a_file_that_another_connection_writes_is_worth_another_attempt(source, warehouse):
    with duckdb.connect(str(source.path)), pytest.raises(TransientSourceError, match="cannot be opened now"):
        warehouse.clock()


def test_a_file_that_is_not_there_says_how_to_get_one(tmp_path):
    with pytest.raises(SourceError, match=r"does not exist\. Build the shop's with 'snowpipe demo'"):
        DuckDBWarehouse(tmp_path / "gone.duckdb").clock()
    assert not (tmp_path / "gone.duckdb").exists()


@pytest.mark.case("A3")
def test_naive_times_bound_against_zoned_columns_are_utc(source, warehouse, monkeypatch):
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    source.run("CREATE TABLE t AS SELECT TIMESTAMPTZ '2024-03-01 10:00:00+00' AS t_at")
    assert (
        warehouse.scalar(
            "SELECT count(*) FROM t WHERE t_at >= ? AND t_at < ?",
            [moment("2024-03-01 10:00"), moment("2024-03-01 10:01")],
        )
        == 1
    )

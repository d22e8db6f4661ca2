"""Live runs and backfills of incremental queries; failures, nulls, snapshots and types have files of their own."""

import threading
from datetime import date

import pyarrow.parquet as pq
import pytest

from snowpipe_platform.errors import ConfigurationError, LeaseHeldError
from snowpipe_platform.spec.bronze_log import incomplete_days
from snowpipe_platform_tests.kit import SmallBatches, moment, query

ORDERS = "CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP)"


@pytest.fixture(params=["with key", "without key"])
def world(request, make_world):
    world = make_world(primary_key="id" if request.param == "with key" else None)
    world.source.run(ORDERS)
    return world


def insert(world, start, count, at):
    world.source.insert("orders", [(start + i, moment(at)) for i in range(count)])


@pytest.mark.case("A1")
def test_late_ties_at_the_newest_watermark_land_once(world):
    insert(world, 0, 5, "2024-03-01 10:00")
    world.run("2024-03-01", at="2024-03-01 11:00")
    insert(world, 5, 6, "2024-03-01 10:00")
    second = world.run("2024-03-01", at="2024-03-01 12:00")
    assert second.manifest.rows_landed == 6
    assert world.column("id") == list(range(11))


@pytest.mark.case("A44")
def test_ties_three_times_over_land_once_each(world):
    for start, count, hour in ((0, 5, 11), (5, 6, 12), (11, 7, 13)):
        insert(world, start, count, "2024-03-01 10:00")
        world.run("2024-03-01", at=f"2024-03-01 {hour}:00")
    assert world.column("id") == list(range(18))


@pytest.mark.case("A1")
def test_late_ties_of_a_number_land_once(make_world):
    world = make_world(watermark_column="version", sql="SELECT * FROM orders WHERE version > ?", primary_key="id")
    world.source.run(
        "CREATE TABLE orders (id INTEGER, version BIGINT)", "INSERT INTO orders SELECT i, 7 FROM range(5) r(i)"
    )
    world.run("2024-03-01")
    world.source.run("INSERT INTO orders SELECT i, 7 FROM range(5, 11) r(i)")
    assert world.run("2024-03-01").manifest.rows_landed == 6
    assert world.column("id") == list(range(11))


@pytest.mark.case("A2")
@pytest.mark.parametrize("key", ["id", None])
def test_a_tie_larger_than_the_limit_is_landed_whole_and_once(make_world, file_format, key):
    world = make_world(primary_key=key, batch_size=1000, max_batches=2, output_format=file_format)
    world.source.run(ORDERS, "INSERT INTO orders SELECT i, '2024-03-01 10:00' FROM range(5000) r(i)")
    world.source.run("INSERT INTO orders SELECT i, '2024-03-01 11:00' FROM range(5000, 5500) r(i)")
    world.swap(warehouse=SmallBatches(world.ground.warehouse, 700))
    first, second = world.run_until_complete("2024-03-01")
    assert (first.manifest.rows_landed, first.manifest.complete) == (5000, False)
    assert (second.manifest.rows_landed, second.manifest.complete) == (500, True)
    assert world.column("id") == list(range(5500))
    assert [file["rows"] for manifest in world.manifests() for file in manifest["files"]] == [1000] * 5 + [500]


@pytest.mark.case("A10")
def test_a_run_with_nothing_new_writes_no_file_and_says_so(world):
    insert(world, 0, 3, "2024-03-01 10:00")
    world.run("2024-03-01", at="2024-03-01 12:00")
    before = world.files()
    result = world.run("2024-03-01", at="2024-03-01 13:00")
    assert result.summary == "nothing new at the source"
    assert (world.files(), world.column("id")) == (before, [0, 1, 2])


@pytest.mark.case("A10")
def test_an_empty_source_is_no_error(world):
    assert world.run("2024-03-01").summary == "nothing new at the source"
    assert world.rows() == []


@pytest.mark.case("A12")
def test_a_backfill_leaves_the_live_watermark_where_it_was(world):
    insert(world, 0, 3, "2024-03-14 10:00")
    world.run("2024-03-14")
    before = world.ground.state.watermark("orders")
    insert(world, 3, 2, "2024-01-15 10:00")
    backfill = world.run("2024-01-15", at="2024-03-15")
    assert backfill.manifest.rows_landed == 2
    assert not backfill.manifest.moves_watermark
    assert world.ground.state.watermark("orders") == before == "2024-03-15T00:00:00.000000"
    insert(world, 5, 1, "2024-03-15 09:00")
    world.run("2024-03-15", at="2024-03-15 10:00")
    assert world.column("id") == list(range(6))


@pytest.mark.case("A16")
def test_a_landed_partition_run_again_adds_no_row_no_file_and_no_manifest(world):
    insert(world, 0, 3, "2024-03-01 10:00")
    world.run("2024-03-01")
    insert(world, 3, 2, "2024-03-02 10:00")
    world.run("2024-03-02")
    before = (world.manifests(), world.files(), world.rows())
    for day in ("2024-03-01", "2024-03-02", "2024-03-01"):
        assert world.run(day, at="2024-03-03").manifest is None
    assert (world.manifests(), world.files(), world.rows()) == before


@pytest.mark.case("A16")
def test_a_reader_in_a_loop_sees_whole_commits_and_no_hole(make_world):
    world = make_world(primary_key="id", batch_size=10, lookback="1d")
    world.source.run(ORDERS)
    done, seen, problems = threading.Event(), [], []

    def read():
        while not done.wait(0.01):
            try:
                log = world.ground.bronze.log("orders")
                assert [manifest.number for manifest in log] == list(range(1, len(log) + 1))
                seen.append(sum(manifest.rows_landed for manifest in log))
                assert len(world.rows()) >= seen[-1]
            except Exception as error:  # noqa: BLE001 - reported by the test
                problems.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for day in range(1, 5):
        insert(world, day * 100, 25, f"2024-03-{day:02} 10:00")
        world.run(f"2024-03-{day:02}")
    done.set()
    reader.join()
    assert problems == []
    assert seen == sorted(seen)
    assert set(seen) <= {25 * n for n in range(5)}


@pytest.mark.case("A45")
def test_runs_across_midnight_a_skipped_day_and_a_cut_run_miss_nothing(make_world):
    world = make_world(primary_key="id", batch_size=5, max_batches=2)
    world.source.run(ORDERS)
    world.source.run(
        "INSERT INTO orders SELECT i, TIMESTAMP '2024-03-01 22:00' + INTERVAL (i * 7) MINUTE FROM range(60) r(i)"
    )
    for day, times in {"2024-03-01": ["22:20", "22:40", "23:00"], "2024-03-02": ["00:00", "00:20"]}.items():
        for time in times:
            world.run(day, at=f"{day} {time}")
    world.run_until_complete("2024-03-04", at="2024-03-04 12:00")
    assert world.column("id") == list(range(60))


@pytest.mark.case("A46")
def test_the_first_run_finds_rows_years_older_than_its_day(world):
    insert(world, 0, 1, "1969-07-20 20:17")
    insert(world, 1, 2, "2024-03-01 10:00")
    assert world.run("2024-03-01").manifest.rows_landed == 3


def test_an_initial_value_bounds_the_first_run(make_world):
    world = make_world(initial_value="2024-01-01")
    world.source.run(ORDERS)
    insert(world, 0, 1, "2023-12-31 23:59:59")
    insert(world, 1, 1, "2024-01-01")
    world.run("2024-03-01")
    assert world.column("id") == [1]


def test_rows_above_the_bound_are_counted_and_land_later(make_world):
    world = make_world(safety_lag="10m")
    world.source.run(ORDERS)
    for number, time in enumerate(("10:00", "10:49:59", "10:50", "10:55")):
        insert(world, number, 1, f"2024-03-01 {time}")
    first = world.run("2024-03-01", at="2024-03-01 11:00")
    assert (first.manifest.rows_landed, first.manifest.rows_above_bound) == (2, 2)
    world.run("2024-03-01", at="2024-03-01 12:00")
    assert world.column("id") == [0, 1, 2, 3]


KINDS = {
    "timestamp": ("TIMESTAMP", "2024-03-0{}"),
    "date": ("DATE", "2024-03-0{}"),
    "timestamp with zone": ("TIMESTAMPTZ", "2024-03-0{} 00:00:00+00"),
    "nanoseconds": ("TIMESTAMP_NS", "2024-03-0{}"),
}
ADJACENT = [(kind, operator, "id", "parquet") for kind in KINDS for operator in (">", ">=")]


@pytest.mark.case("A47")
@pytest.mark.parametrize(("kind", "operator", "key", "written"), [*ADJACENT, ("timestamp", ">", None, "json")])
def test_rows_exactly_on_start_and_end_land_once_across_adjacent_windows(make_world, kind, operator, key, written):
    dtype, text = KINDS[kind]
    sql = f"SELECT * FROM orders WHERE updated_at {operator} ?"
    world = make_world(sql=sql, primary_key=key, output_format=written)
    values = ", ".join(f"({day}, '{text.format(day)}')" for day in range(1, 5))
    world.source.run(f"CREATE TABLE orders (id INTEGER, updated_at {dtype})", f"INSERT INTO orders VALUES {values}")
    days = [world.run(f"2024-03-0{day}", at=f"2024-03-0{day + 1}") for day in (1, 2, 3)]
    assert [result.manifest.rows_landed for result in days] == [1, 1, 1]
    world.source.run(f"INSERT INTO orders VALUES (9, '{text.format(2)}'), (8, '{text.format(3)}')")
    assert world.run("2024-03-02", at="2024-03-06").manifest.rows_landed == 1
    assert world.run("2024-03-02", at="2024-03-06").manifest is None
    assert world.column("id") == [1, 2, 3, 9]


@pytest.mark.case("A47")
@pytest.mark.parametrize("operator", [">", ">="])
@pytest.mark.parametrize("dtype", ["INTEGER", "UBIGINT", "DECIMAL(38,0)", "DECIMAL(38,8)", "DECIMAL(10,2)"])
def test_numbers_at_the_end_of_one_run_land_once_in_the_next(make_world, dtype, operator):
    world = make_world(sql=f"SELECT * FROM orders WHERE version {operator} ?", watermark_column="version")
    world.source.run(f"CREATE TABLE orders (id INTEGER, version {dtype})", "INSERT INTO orders VALUES (0, 0)")
    for day in (1, 2, 3):
        world.source.run(f"INSERT INTO orders VALUES ({day}, {day})")
        world.run(f"2024-03-0{day}")
    assert world.column("id") == [0, 1, 2, 3]


def test_a_number_of_38_digits_is_a_watermark(make_world):
    world = make_world(sql="SELECT * FROM orders WHERE version > ?", watermark_column="version", primary_key="version")
    world.source.run("CREATE TABLE orders (version DECIMAL(38,0))")
    for last in (1, 2, 3):
        world.source.run(f"INSERT INTO orders VALUES ({10**37 + last})")
        assert world.run("2024-03-01").manifest.rows_landed == 1
    assert world.column("version") == [10**37 + 1, 10**37 + 2, 10**37 + 3]


def test_a_numeric_watermark_with_an_empty_source_and_then_rows(make_world):
    world = make_world(sql="SELECT * FROM orders WHERE version > ?", watermark_column="version")
    world.source.run("CREATE TABLE orders (version BIGINT)")
    assert world.run("2024-03-01").manifest is None
    world.source.run("INSERT INTO orders VALUES (-5), (0), (5)")
    assert world.run("2024-03-01").manifest.rows_landed == 3


def test_a_numeric_watermark_refuses_a_backfill_with_the_reason(make_world):
    world = make_world(sql="SELECT * FROM orders WHERE version > ?", watermark_column="version")
    world.source.run("CREATE TABLE orders (version BIGINT)", "INSERT INTO orders VALUES (1)")
    world.run("2024-03-02")
    with pytest.raises(ConfigurationError, match="query 'orders': a numeric watermark has no days, so 2024-03-01"):
        world.run("2024-03-01", at="2024-03-03")


@pytest.mark.parametrize(("lookback", "dtype"), [("1d", "BIGINT"), (5, "TIMESTAMP")])
def test_a_lookback_of_the_wrong_kind_is_refused(make_world, lookback, dtype):
    world = make_world(lookback=lookback)
    world.source.run(f"CREATE TABLE orders (updated_at {dtype})")
    with pytest.raises(ConfigurationError, match="query 'orders': lookback must be"):
        world.run("2024-03-01")


@pytest.mark.case("A48")
def test_without_a_key_a_second_identical_row_that_arrives_late_lands_too(make_world, file_format):
    world = make_world(lookback="1d", output_format=file_format)
    world.source.run(ORDERS)
    insert(world, 1, 1, "2024-03-01 10:00")
    world.run("2024-03-01")
    insert(world, 1, 1, "2024-03-01 10:00")
    world.run("2024-03-02")
    world.run("2024-03-03")
    assert world.column("id") == [1, 1]


def test_with_a_key_an_identical_row_lands_once(make_world):
    world = make_world(lookback="1d", primary_key="id")
    world.source.run(ORDERS)
    insert(world, 1, 1, "2024-03-01 10:00")
    insert(world, 1, 1, "2024-03-01 10:00")
    world.run("2024-03-01")
    world.run("2024-03-02")
    assert world.column("id") == [1]


@pytest.mark.case("A49")
@pytest.mark.parametrize("key", ["id", None])
@pytest.mark.parametrize("order", ["backfill first", "live first"])
def test_a_live_run_and_a_backfill_meet_on_one_late_row(make_world, key, order):
    world = make_world(primary_key=key, lookback="2d")
    world.source.run(ORDERS)
    for day in (1, 2):
        insert(world, day, 1, f"2024-03-0{day} 10:00")
        world.run(f"2024-03-0{day}")
    insert(world, 9, 1, "2024-03-01 12:00")
    days = ["2024-03-01", "2024-03-03"]
    for day in days if order == "backfill first" else reversed(days):
        world.run(day, at="2024-03-04")
    assert world.column("id") == [1, 2, 9]


@pytest.mark.case("A62")
def test_a_cut_day_is_incomplete_until_it_is_run_to_its_end(make_world):
    world = make_world(batch_size=2, max_batches=1, primary_key="id")
    world.source.run(ORDERS)
    for number in range(5):
        insert(world, number, 1, f"2024-03-01 1{number}:00")
    bronze = world.ground.bronze
    world.run("2024-03-01")
    assert incomplete_days(bronze.log("orders")) == [date(2024, 3, 1)]
    assert [r.manifest.rows_landed for r in world.run_until_complete("2024-03-01")] == [2, 1]
    assert incomplete_days(bronze.log("orders")) == []
    assert world.column("id") == [0, 1, 2, 3, 4]


@pytest.mark.case("A62")
def test_a_cut_day_is_complete_once_later_days_have_read_its_rest(make_world):
    world = make_world(batch_size=2, max_batches=1)
    world.source.run(ORDERS)
    for number in range(4):
        insert(world, number, 1, f"2024-03-01 1{number}:00")
    world.run("2024-03-01")
    world.run("2024-03-02")
    assert incomplete_days(world.ground.bronze.log("orders")) == []
    assert world.column("id") == [0, 1, 2, 3]


@pytest.mark.case("A62")
def test_a_cut_backfill_whose_rest_turns_out_known_ends_with_an_empty_manifest(make_world):
    world = make_world(batch_size=2, max_batches=1)
    world.source.run(ORDERS)
    insert(world, 0, 1, "2024-03-09 10:00")
    world.run("2024-03-09")
    for number in range(1, 4):
        insert(world, number, 1, f"2024-03-01 1{number}:00")
    world.run("2024-03-01", at="2024-03-10")
    assert incomplete_days(world.ground.bronze.log("orders")) == [date(2024, 3, 1)]
    world.source.run("DELETE FROM orders WHERE id = 3")
    world.run("2024-03-01", at="2024-03-10")
    assert incomplete_days(world.ground.bronze.log("orders")) == []
    assert world.run("2024-03-01", at="2024-03-10").manifest is None


def test_a_cut_run_makes_progress_whatever_the_lookback_holds(make_world):
    world = make_world(batch_size=2, max_batches=1, lookback="30d", primary_key="id")
    world.source.run(ORDERS)
    world.source.run("INSERT INTO orders SELECT i, TIMESTAMP '2024-03-01' + INTERVAL (i) HOUR FROM range(20) r(i)")
    results = world.run_until_complete("2024-03-01")
    assert [result.manifest.rows_landed for result in results] == [2] * 10
    for manifest in world.manifests():
        assert manifest["rows_read"] == manifest["rows_landed"] + manifest["rows_known"] + manifest["rows_dropped"]


def test_two_extractions_of_one_entity_at_once_are_refused(world):
    with world.ground.state.lease("bronze/orders", holder="other"), pytest.raises(LeaseHeldError, match="run other"):
        world.run("2024-03-01")
    assert world.run("2024-03-01").attempts == 1


@pytest.mark.parametrize(
    ("partition_by", "folder"),
    [
        ("date", "orders/year=2024/month=03/day=01"),
        ("hour", "orders/year=2024/month=03/day=01/hour=11"),
        ("month", "orders/year=2024/month=03"),
        ("none", "orders"),
    ],
)
def test_partition_by_decides_the_folder(make_world, partition_by, folder):
    world = make_world(partition_by=partition_by)
    world.source.run(ORDERS)
    insert(world, 0, 1, "2024-03-01 10:00")
    world.run("2024-03-01", at="2024-03-01 11:30")
    (file,) = world.files()
    assert file.rpartition("/extraction=")[0] == folder
    world.run("2024-03-01", at="2024-03-01 12:30")
    assert world.column("id") == [0]


def test_column_names_are_lower_case_in_bronze_and_free_in_the_declaration(make_world):
    world = make_world(watermark_column="UPDATED_AT", primary_key=["ID"])
    world.source.run('CREATE TABLE orders ("Id" INTEGER, "Updated_At" TIMESTAMP, "Two Words" TEXT)')
    world.source.run("INSERT INTO orders VALUES (1, '2024-03-01 10:00', 'x')")
    world.run("2024-03-01")
    world.run("2024-03-02")
    assert world.rows() == [{"id": 1, "updated_at": moment("2024-03-01 10:00"), "two words": "x"}]


def test_a_column_the_declaration_names_and_the_source_lacks_is_named(make_world):
    world = make_world(primary_key="order_id")
    world.source.run("CREATE TABLE orders (orderid INTEGER, updated_at TIMESTAMP)")
    with pytest.raises(ConfigurationError, match=r"query 'orders': primary_key 'order_id' .* Did you mean 'orderid'\?"):
        world.run("2024-03-01")


def test_another_watermark_column_is_refused_because_coverage_cannot_be_compared(make_world):
    world = make_world()
    world.source.run("CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP, created_at TIMESTAMP)")
    world.source.run("INSERT INTO orders VALUES (1, '2024-03-01 10:00', '2024-03-01 10:00')")
    world.run("2024-03-01")
    other = query(watermark_column="created_at", sql="SELECT * FROM orders WHERE created_at > ?")
    with pytest.raises(ConfigurationError, match="now the timestamp 'created_at', was 'updated_at'"):
        world.run("2024-03-02", query=other)


def test_the_platform_columns_say_where_a_row_comes_from(make_world, file_format):
    world = make_world(output_format=file_format)
    world.source.run("CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP_NS)")
    world.source.run(
        "INSERT INTO orders VALUES (1, '2024-03-01 10:00:00.123456789'), (2, '1969-12-31 23:59:59.999999999')"
    )
    world.run("2024-03-01", at="2024-03-01 11:00")
    older, newer = world.rows(platform=True)
    assert [row["id"] for row in (older, newer)] == [2, 1]
    assert newer["_instant"] == newer["updated_at"] == moment("2024-03-01 10:00:00.123456")
    assert (newer["_nanoseconds"], older["_nanoseconds"]) == (789, 999)
    assert older["_instant"] == moment("1969-12-31 23:59:59.999999")
    assert (older["_row_number"], newer["_row_number"]) == (0, 1)
    assert (newer["_operation"], newer["source_system"]) == ("upsert", "shop")
    assert newer["extraction_timestamp"] == moment("2024-03-01 11:00")


@pytest.mark.case("A4")
def test_nine_fractional_digits_neither_repeat_nor_skip_the_newest_row(make_world):
    world = make_world(primary_key="id", lookback="1h")
    world.source.run("CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP_NS)")
    for number, digits in enumerate(("123456001", "123456999", "123457000")):
        world.source.run(f"INSERT INTO orders VALUES ({number}, '2024-03-01 10:00:00.{digits}')")
        world.run("2024-03-01", at=f"2024-03-01 1{number + 1}:00")
    world.source.run("UPDATE orders SET updated_at = '2024-03-01 10:00:00.123457001' WHERE id = 2")
    world.run("2024-03-01", at="2024-03-01 14:00")
    assert [(row["id"], row["_nanoseconds"]) for row in world.rows(platform=True)] == [(0, 1), (1, 999), (2, 0), (2, 1)]


def test_no_more_than_a_batch_of_rows_waits_to_be_written(make_world):
    world = make_world(primary_key="id", batch_size=1000)
    world.source.run(ORDERS, "INSERT INTO orders SELECT i, '2024-03-01 10:00' FROM range(5000) r(i)")
    world.swap(warehouse=SmallBatches(world.ground.warehouse, 700))
    waiting = []

    def progress(read):
        waiting.append(read - sum(pq.read_metadata(world.bronze_folder / file).num_rows for file in world.files()))

    world.run("2024-03-01", progress=progress)
    assert len(waiting) == 8
    assert all(0 <= rows < 1000 for rows in waiting)

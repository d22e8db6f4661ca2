"""Watermarks at the ends of their types, clocks that are not what they should be, and windows that meet."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from snowpipe_platform.errors import SourceError
from snowpipe_platform_tests.kit import moment

LARGEST = 10**38 - 1


def orders(make_world, dtype, *values, **declared):
    world = make_world(primary_key="id", **declared)
    world.source.run(f"CREATE TABLE orders (id INTEGER, updated_at {dtype})")
    add(world, *values)
    return world


def add(world, *values, first=1):
    rows = ", ".join(f"({number}, {value!r})" for number, value in enumerate(values, start=first))
    world.source.run(f"INSERT INTO orders VALUES {rows}")


@pytest.mark.case("A47")
@pytest.mark.parametrize(
    ("dtype", "values", "landed"),
    [
        ("TIMESTAMP", ["0001-01-01", "2024-03-01", "9999-12-31 23:59:59.999999", "infinity"], [1, 2]),
        ("DATE", ["0001-01-01", "2024-03-01", "9999-12-31"], [1, 2]),
        ("DECIMAL(38,0)", [-LARGEST, 0, LARGEST], [1, 2, 3]),
        ("DECIMAL(38,8)", [f"-{10**30 - 1}.99999999", "0.00000001", f"{10**30 - 1}.99999999"], [1, 2, 3]),
        ("BIGINT", [-(2**63), 0, 2**63 - 1], [1, 2, 3]),
    ],
    ids=["timestamp", "date", "whole numbers", "decimals", "64 bits"],
)
def test_the_lowest_and_the_highest_watermark_of_a_type(make_world, dtype, values, landed):
    world = orders(make_world, dtype, *values)
    first = world.run("2024-03-01").manifest
    assert (world.column("id"), first.rows_above_bound or 0) == (landed, len(values) - len(landed))
    again = world.run("2024-03-02").manifest
    assert (world.column("id"), again.rows_landed if again else 0) == (landed, 0)


@pytest.mark.parametrize("value", ["-infinity", "0044-03-15 (BC)"])
def test_a_watermark_that_no_calendar_has_is_refused_by_name(make_world, value):
    world = orders(make_world, "TIMESTAMP", value, "2024-03-01")
    with pytest.raises(SourceError, match="query 'orders': column 'updated_at' holds a value outside the years"):
        world.run("2024-03-01")
    assert (world.manifests(), world.files()) == ([], [])


@pytest.mark.parametrize("dtype", ["TIMESTAMP", "TIMESTAMP_NS", "DATE"])
def test_a_lookback_over_the_beginning_reads_from_there(make_world, dtype):
    world = orders(make_world, dtype, "2024-03-01", lookback="900000d")
    world.run("2024-03-01")
    add(world, "1700-01-01", "2024-03-02", first=2)
    world.run("2024-03-02")
    assert world.column("id") == [1, 2, 3]


@pytest.mark.case("A7")
def test_a_night_that_has_an_hour_twice_is_read_in_the_order_of_its_instants(make_world):
    summer, winter, later = "2024-10-27 01:30:00+01", "2024-10-27 01:30:00+00", "2024-10-27 04:00:00+02"
    world = orders(make_world, "TIMESTAMPTZ", winter, summer, later)
    landed = []
    for time in ("01:00", "01:30:00.000001", "02:30"):
        world.run("2024-10-27", at=f"2024-10-27 {time}")
        landed.append(world.column("id"))
    assert landed == [[2], [1, 2], [1, 2, 3]]


def test_rows_ahead_of_the_sources_clock_are_counted_and_read_once_it_has_passed_them(make_world):
    world = orders(make_world, "TIMESTAMP", "2024-03-01 10:00", "2024-03-01 12:00", "2024-03-04 09:00")
    counted = []
    for day, at in (
        ("2024-03-01", "2024-03-01 12:00"),
        ("2024-03-01", "2024-03-01 12:01"),
        ("2024-03-04", "2024-03-05"),
    ):
        entry = world.run(day, at=at).manifest
        counted.append((entry.rows_landed, entry.rows_above_bound))
    assert counted == [(1, 2), (1, 1), (1, 0)]


def test_a_clock_that_was_ahead_takes_the_watermark_no_further_than_the_day_and_reads_on_behind_it(make_world):
    world = orders(make_world, "TIMESTAMP", "2024-03-01 09:59")
    world.run("2024-03-01", at="2031-01-01")
    assert world.ground.state.watermark("orders") == "2024-03-02T00:00:00.000000"
    add(world, "2024-03-01 10:05", first=2)
    behind = world.run("2024-03-01", at="2024-03-01 10:10")
    assert (world.column("id"), behind.plan.is_live) == ([1, 2], False)
    assert world.ground.state.watermark("orders") == "2024-03-02T00:00:00.000000"


def test_a_clock_that_goes_back_moves_no_watermark_back(make_world):
    world = orders(make_world, "TIMESTAMP", "2024-03-01 11:30")
    world.run("2024-03-01", at="2024-03-01 12:00")
    add(world, "2024-03-01 11:40", "2024-03-01 13:00", first=2)
    assert world.run("2024-03-01", at="2024-03-01 11:50").manifest.rows_landed == 1
    assert world.ground.state.watermark("orders") == "2024-03-01T12:00:00.000000"
    world.run("2024-03-01", at="2024-03-01 14:00")
    assert world.column("id") == [1, 2, 3]


@pytest.mark.case("A12")
def test_a_backfill_up_to_the_live_edge_leaves_it_and_the_next_run_repeats_nothing(make_world):
    world = orders(make_world, "TIMESTAMP", "2024-03-01 10:00", "2024-03-02 10:00")
    world.run("2024-03-02", at="2024-03-02 12:00")
    add(world, "2024-03-01 11:00", "2024-03-01 23:59:59.999999", "2024-03-02 00:00", "2024-03-02 13:00", first=3)
    backfill = world.run("2024-03-01", at="2024-03-02 14:00").manifest
    assert (backfill.rows_landed, backfill.moves_watermark) == (2, False)
    assert world.ground.state.watermark("orders") == "2024-03-02T12:00:00.000000"
    live = world.run("2024-03-02", at="2024-03-02 14:00").manifest
    assert (live.rows_landed, world.column("id")) == (1, [1, 2, 3, 4, 6])
    after = world.run("2024-03-02", at="2024-03-03").manifest
    assert after.rows_landed == 0
    assert world.run("2024-03-02", at="2024-03-04").manifest.rows_landed == 1
    assert world.column("id") == [1, 2, 3, 4, 5, 6]


def test_an_empty_number_source_that_fills_empties_and_fills_again(make_world):
    world = orders(make_world, "DECIMAL(38,2)", -5, sql="SELECT * FROM orders WHERE updated_at > ?")
    world.source.run("DELETE FROM orders")
    assert world.run("2024-03-01").manifest is None
    add(world, "-7.25", "-7.24")
    assert world.run("2024-03-02").manifest.coverage.upper == "-7.23"
    world.source.run("DELETE FROM orders")
    assert world.run("2024-03-03").manifest is None
    add(world, "-7.24", "-7.23", first=3)
    world.run("2024-03-04")
    assert sorted((row["id"], row["updated_at"]) for row in world.rows()) == [
        (1, Decimal("-7.25")),
        (2, Decimal("-7.24")),
        (3, Decimal("-7.24")),
        (4, Decimal("-7.23")),
    ]


def test_a_date_is_read_once_its_day_is_over_by_the_sources_clock(make_world):
    world = orders(make_world, "DATE", "2024-02-29", "2024-03-01", safety_lag="1h")
    landed = []
    for at in ("2024-03-01 12:00", "2024-03-02 00:59", "2024-03-02 01:00"):
        world.run("2024-03-01", at=at)
        landed.append([row["updated_at"] for row in world.rows()])
    assert landed == [[date(2024, 2, 29)]] * 2 + [[date(2024, 2, 29), date(2024, 3, 1)]]
    assert world.rows(platform=True)[0]["_instant"] == datetime(2024, 2, 29) == moment("2024-02-29")

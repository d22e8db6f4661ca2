"""Keys of every kind are the same key at the source and in bronze, and watermarks of every kind tell what waits."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from snowpipe_platform_tests.comparing import compared, open_keys

NOON, LATER = "2024-03-02 12:00", "2024-03-02 13:00"
KEYS = {
    "BIGINT": ["1", "9007199254740993", "-1"],
    "DECIMAL(38, 0)": ["1", "12345678901234567890123456789012345678"],
    "DECIMAL(9, 3)": ["1.5", "2.125"],
    "VARCHAR": ["'it''s'", "'ü'", "'u'", "'\"'", "' a'", "'a'", "''", "'1:a;'"],
    "DATE": ["'0001-01-01'", "'2024-03-01'", "'9999-12-31'"],
    "TIMESTAMPTZ": ["'2024-03-01 00:00:00+01'", "'2024-03-01 00:00:00.000001+01'"],
    "UUID": ["'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"],
    "BOOLEAN": ["true", "false"],
    "BLOB": ["'\\x00\\xFF'", "'ab'"],
}
"""Values by type. The rows differ in one column at a time."""
PAIRS = ["('a', 1)", "('a', NULL)", "(NULL, 1)", "(NULL, NULL)", "('ü', 1)", "('o''', 1)", "('a;1:1', 1)", "('\"', 2)"]


def test_a_key_of_any_type_is_closed_once_and_opened_once(make_world, file_format):
    names = [f"k{position}" for position in range(len(KEYS))]
    world = make_world(primary_key=names, output_format=file_format)
    first = [values[0] for values in KEYS.values()]
    rows = [[*first[:at], value, *first[at + 1 :]] for at, values in enumerate(KEYS.values()) for value in values[1:]]
    columns = ", ".join(f"{name} {dtype}" for name, dtype in zip(names, KEYS, strict=True))
    world.source.run(f"CREATE TABLE orders ({columns}, updated_at TIMESTAMP)")
    for row in [first, *rows]:
        world.source.run(f"INSERT INTO orders VALUES ({', '.join(row)}, '2024-03-01 10:00')")
    world.run("2024-03-01")
    whole = open_keys(world, *names)
    assert len(whole) == len(rows) + 1
    assert compared(world, NOON).manifest is None
    world.source.run("CREATE TABLE kept AS SELECT * FROM orders", "DELETE FROM orders")
    assert compared(world, NOON).tombstones == len(whole)
    assert compared(world, NOON).manifest is None
    world.source.run("INSERT INTO orders SELECT * FROM kept")
    assert compared(world, LATER).opened == len(whole)
    assert compared(world, LATER).manifest is None
    assert open_keys(world, *names) == whole


def test_a_key_of_two_columns_with_nulls_and_quotes(make_world, file_format):
    world = make_world(primary_key=["Region", "no"], output_format=file_format)
    world.source.run(
        'CREATE TABLE orders ("REGION" VARCHAR, no INTEGER, updated_at TIMESTAMP)',
        f"INSERT INTO orders SELECT *, TIMESTAMP '2024-03-01' FROM (VALUES {', '.join(PAIRS)})",
        "CREATE TABLE kept AS SELECT * FROM orders",
    )
    world.run("2024-03-01")
    whole = open_keys(world, "region", "no")
    world.source.run("DELETE FROM orders WHERE region IS NULL OR no IS NULL")
    assert compared(world, NOON).gone == (
        {"region": "a", "no": None},
        {"region": None, "no": 1},
        {"region": None, "no": None},
    )
    assert open_keys(world, "region", "no") == [key for key in whole if None not in key]
    world.source.run("DELETE FROM orders", "INSERT INTO orders SELECT * FROM kept")
    assert compared(world, LATER).counts.back == 3
    assert open_keys(world, "region", "no") == whole


def test_a_key_in_local_time_is_found_again(make_world):
    world = make_world(primary_key=["sensor", "at"], time_zones={"at": "Europe/Berlin"})
    world.source.run(
        'CREATE TABLE orders (sensor INTEGER, "at" TIMESTAMP, updated_at TIMESTAMP)',
        "INSERT INTO orders VALUES (1, '2024-07-01 02:30', '2024-03-01'), (1, '2024-01-01 00:30', '2024-03-01')",
        "CREATE TABLE kept AS SELECT * FROM orders",
    )
    world.run("2024-03-01")
    whole = [(1, datetime(2023, 12, 31, 23, 30)), (1, datetime(2024, 7, 1, 0, 30))]
    assert open_keys(world, "sensor", "at") == whole
    world.source.run("DELETE FROM orders")
    compared(world, NOON)
    assert open_keys(world, "sensor", "at") == []
    world.source.run("INSERT INTO orders SELECT * FROM kept")
    compared(world, LATER)
    assert open_keys(world, "sensor", "at") == whole


@pytest.mark.parametrize(
    ("column", "old", "newest", "new", "opened"),
    [
        ("TIMESTAMP_NS", "2024-03-01 10:00:00.000000001", "2024-03-01 11:00", "2024-03-02 15:00:00.000000001", 1),
        ("DATE", "2024-03-01", "2024-03-01", "2024-03-02", 2),
        ("BIGINT", "17", "18", "19", 1),
        ("DECIMAL(12, 2)", "17.25", "17.50", "17.51", 1),
    ],
)
def test_what_the_next_extraction_reads_is_left_to_it(make_world, column, old, newest, new, opened):  # noqa: PLR0917
    """But of a date: its row stands at the midnight before the delete, so the comparison opens it."""
    world = make_world(primary_key="id")
    world.source.run(
        f"CREATE TABLE orders (id INTEGER, updated_at {column})",
        f"INSERT INTO orders VALUES (0, '{newest}'), (1, '{old}'), (2, '{old}')",
        "CREATE TABLE kept AS SELECT * FROM orders",
    )
    world.run("2024-03-01")
    world.source.run("DELETE FROM orders WHERE id > 0")
    compared(world, NOON)
    world.source.run("INSERT INTO orders SELECT * FROM kept WHERE id = 1", f"INSERT INTO orders VALUES (2, '{new}')")
    assert compared(world, "2024-03-02 16:00").opened == opened
    assert world.run("2024-03-02", at="2024-03-03 00:00").manifest.rows_landed == 2 - opened
    assert open_keys(world) == [0, 1, 2]
    assert compared(world, "2024-03-03 01:00").manifest is None


def test_a_query_without_a_bound_in_its_sql_is_compared_too(make_world):
    world = make_world(sql="SELECT *, 1 AS one FROM orders", primary_key="id")
    world.source.run("CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP)")
    world.source.run("INSERT INTO orders VALUES (1, '2024-03-01'), (2, '2024-03-01')")
    world.run("2024-03-01")
    world.source.run("DELETE FROM orders WHERE id = 2", "UPDATE orders SET updated_at = NULL")
    assert compared(world, NOON).gone == ({"id": 2},)
    world.source.run("INSERT INTO orders VALUES (2, '2024-03-01')")
    assert compared(world, LATER).opened == 1
    assert open_keys(world) == [1, 2]


def test_values_are_what_the_source_has(make_world):
    """The row that is back is read whole, with every column as an extraction lands it."""
    world = make_world(primary_key="id")
    world.source.run("CREATE TABLE orders (id INTEGER, price DECIMAL(9, 2), born DATE, updated_at TIMESTAMP_NS)")
    world.source.run("INSERT INTO orders VALUES (1, 2.50, '2000-02-29', '2024-03-01 10:00:00.000000789')")
    world.run("2024-03-01")
    (first,) = world.rows(platform=True)
    world.source.run("CREATE TABLE kept AS SELECT * FROM orders", "DELETE FROM orders")
    compared(world, NOON)
    world.source.run("INSERT INTO orders SELECT * FROM kept")
    compared(world, LATER)
    back = world.rows(platform=True)[-1]
    assert (back["price"], back["born"]) == (Decimal("2.50"), date(2000, 2, 29))
    same = ("id", "price", "born", "updated_at", "_content_hash", "_nanoseconds", "_operation")
    assert {name: back[name] for name in same} == {name: first[name] for name in same}
    assert (first["_nanoseconds"], back["_instant"]) == (789, datetime(2024, 3, 2, 13))

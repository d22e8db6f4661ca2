"""A row that the source marks as deleted is a delete of its key, with its other columns as they are."""

from datetime import datetime

import pytest

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.records import KeyCounts
from snowpipe_platform_tests.comparing import compared, last_landed, open_keys

NOON, LATER = datetime(2024, 3, 2, 12), datetime(2024, 3, 2, 13)
MARKS = {
    "boolean": ("BOOLEAN", "true", ["false", "NULL"]),
    "integer": ("INTEGER", "1", ["0", "NULL"]),
    "decimal": ("DECIMAL(5, 2)", "0.01", ["0.00", "NULL"]),
    "float": ("DOUBLE", "-1.0", ["0.0", "NULL"]),
    "date": ("DATE", "DATE '2024-03-01'", ["NULL"]),
    "timestamp": ("TIMESTAMP", "TIMESTAMP '2024-03-01'", ["NULL"]),
    "instant": ("TIMESTAMPTZ", "TIMESTAMPTZ '2024-03-01 00:00:00+01'", ["NULL"]),
}


@pytest.fixture
def world(make_world, file_format):
    """Three orders; the source marks deletes in `gone`."""
    world = make_world(primary_key="id", soft_delete_column="gone", lookback="5d", output_format=file_format)
    world.source.run(
        "CREATE TABLE orders (id INTEGER, note TEXT, gone BOOLEAN, updated_at TIMESTAMP)",
        "INSERT INTO orders SELECT i, 'n', false, '2024-03-01 10:00' FROM range(3) r(i)",
    )
    world.run("2024-03-01")
    return world


@pytest.mark.parametrize("name", MARKS)
def test_a_row_with_a_mark_of_any_type_is_a_delete(make_world, name):
    dtype, mark, none = MARKS[name]
    world = make_world(primary_key="id", soft_delete_column="Gone")
    rows = ", ".join(f"({key}, {value}, '2024-03-01 10:00')" for key, value in enumerate([*none, mark]))
    world.source.run(f"CREATE TABLE orders (id INTEGER, gone {dtype}, updated_at TIMESTAMP)")
    world.source.run(f"INSERT INTO orders VALUES {rows}")
    world.run("2024-03-01")
    assert open_keys(world) == list(range(len(none)))
    assert max((row["id"], row["_operation"]) for row in world.rows(platform=True)) == (len(none), "delete")


@pytest.mark.parametrize(("dtype", "told"), [("VARCHAR", "text"), ("BLOB", "binary")])
def test_text_marks_nothing(make_world, dtype, told):
    world = make_world(primary_key="id", soft_delete_column="status")
    world.source.run(f"CREATE TABLE orders (id INTEGER, status {dtype}, updated_at TIMESTAMP)")
    with pytest.raises(ConfigurationError) as refused:
        world.run("2024-03-01")
    assert str(refused.value) == (
        f"query 'orders': soft_delete_column 'status' is {told}, and what marks a delete is a boolean, a number, a "
        "date or a timestamp. Let the SQL return one, such as (status = 'deleted') AS is_deleted."
    )


def test_a_column_that_is_not_there_is_named(make_world):
    world = make_world(primary_key="id", soft_delete_column="gnoe")
    world.source.run("CREATE TABLE orders (id INTEGER, gone BOOLEAN, updated_at TIMESTAMP)")
    with pytest.raises(
        ConfigurationError, match=r"soft_delete_column 'gnoe' is not returned by its SQL. Did you mean 'gone'"
    ):
        world.run("2024-03-01")


def test_a_marked_row_keeps_its_columns_and_lands_once_under_lookback(world):
    world.source.run("UPDATE orders SET gone = true, note = 'bye', updated_at = '2024-03-02 10:00' WHERE id = 1")
    world.run("2024-03-02", at=NOON)
    (deleted,) = [row for row in world.rows(platform=True) if row["_operation"] == "delete"]
    assert (deleted["id"], deleted["note"], deleted["gone"]) == (1, "bye", True)
    for at in (LATER, "2024-03-02 14:00"):
        assert world.run("2024-03-02", at=at).manifest.rows_landed == 0
    assert len(world.rows()) == 4
    assert open_keys(world) == [0, 2]


def test_a_mark_that_is_taken_back_opens_the_key_again(world):
    world.source.run("UPDATE orders SET gone = true WHERE id = 1")
    world.run("2024-03-02", at=NOON)
    assert open_keys(world) == [0, 2]
    world.source.run("UPDATE orders SET gone = false WHERE id = 1")
    world.run("2024-03-02", at=LATER)
    assert open_keys(world) == [0, 1, 2]
    assert len(world.rows()) == 5


def test_a_mark_that_no_extraction_reads_is_found_by_a_comparison_once(make_world):
    world = make_world(primary_key="id", soft_delete_column="gone")
    world.source.run(
        "CREATE TABLE orders (id INTEGER, gone BOOLEAN, updated_at TIMESTAMP)",
        "INSERT INTO orders SELECT i, false, '2024-03-01 10:00' FROM range(3) r(i)",
    )
    world.run("2024-03-01")
    world.source.run("UPDATE orders SET gone = true WHERE id = 1")
    assert compared(world, NOON).counts == KeyCounts(at_source=2, open=3, gone=1, back=0)
    assert last_landed(world) == [(1, "delete", NOON)]
    assert compared(world, LATER).manifest is None
    world.source.run("UPDATE orders SET gone = false WHERE id = 1")
    assert compared(world, LATER).opened == 1
    assert open_keys(world) == [0, 1, 2]


def test_a_mark_that_the_next_extraction_reads_as_a_later_change_is_left_to_it(world):
    world.source.run("UPDATE orders SET gone = true, updated_at = '2024-03-02 10:00' WHERE id = 1")
    assert compared(world, NOON).manifest is None
    world.run("2024-03-02", at=LATER)
    assert open_keys(world) == [0, 2]
    world.source.run("DELETE FROM orders WHERE id = 1")
    assert compared(world, "2024-03-02 14:00").manifest is None

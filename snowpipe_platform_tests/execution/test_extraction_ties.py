"""Rows that share a watermark: whatever their number, and however often they are read, they land once and leave nothing
behind that grows."""

import pytest

from snowpipe_platform_tests.kit import SmallBatches, moment

VERSIONS = "CREATE TABLE orders (id INTEGER, name TEXT, updated_at {})"
NOON = "2024-03-01 12:00:00"


def landings(world, *statements, runs=2):
    """How many rows each run lands: one after each statement, and some more."""
    found = []
    for hour, statement in enumerate([*statements, *[""] * runs], start=13):
        world.source.run(*filter(None, [statement]))
        result = world.run("2024-03-01", at=f"2024-03-01 {hour}:00")
        found.append(result.manifest.rows_landed if result.manifest else 0)
    return found


@pytest.mark.case("A44")
def test_a_key_shown_twice_at_one_watermark_lands_twice_although_one_row_comes_later(make_world):
    world = make_world(primary_key="id")
    world.source.run(VERSIONS.format("TIMESTAMP"))
    versions = [f"INSERT INTO orders VALUES (1, '{name}', '{NOON}')" for name in ("one", "two", "three")]
    assert landings(world, *versions) == [1, 1, 1, 0, 0]
    assert world.column("name") == ["one", "three", "two"]


@pytest.mark.case("A44")
def test_a_single_row_that_goes_back_to_what_it_was_still_lands_again(make_world):
    world = make_world(primary_key="id")
    world.source.run(VERSIONS.format("TIMESTAMP"), f"INSERT INTO orders VALUES (1, 'one', '{NOON}')")
    assert landings(world, "", "UPDATE orders SET name = 'two'", "UPDATE orders SET name = 'one'") == [1, 1, 1, 0, 0]


@pytest.mark.case("A4")
def test_versions_of_a_key_a_nanosecond_apart_land_once_each(make_world):
    world = make_world(primary_key="id", lookback="1h", output_format="json")
    world.source.run(VERSIONS.format("TIMESTAMP_NS"))
    versions = [f"INSERT INTO orders VALUES (1, 'same', '{NOON}.00000000{digit}')" for digit in (2, 1, 3)]
    assert landings(world, *versions) == [1, 1, 1, 0, 0]
    assert sorted(row["_nanoseconds"] for row in world.rows(platform=True)) == [1, 2, 3]


def test_a_key_twice_in_a_snapshot_lands_twice_although_one_comes_later(make_world):
    world = make_world(mode="full", watermark_column=None, primary_key="id", sql="SELECT * FROM orders")
    world.source.run("CREATE TABLE orders (id INTEGER, name TEXT)")
    assert landings(world, *[f"INSERT INTO orders VALUES (1, '{name}')" for name in ("one", "two")]) == [1, 1, 0, 0]


@pytest.mark.parametrize("rows", [2, 100])
def test_more_rows_of_one_key_than_a_batch_holds_land_once_each(make_world, rows):
    world = make_world(primary_key="id", batch_size=4, max_batches=None)
    world.source.run(VERSIONS.format("TIMESTAMP"))
    world.swap(warehouse=SmallBatches(world.ground.warehouse, rows))
    some = f"INSERT INTO orders SELECT 1, i::TEXT, '{NOON}' FROM range({{}}, {{}}) r(i)"
    assert landings(world, some.format(0, 7), some.format(7, 9), runs=2) == [7, 2, 0, 0]


class Counted:
    """A port that counts what it is asked, by method."""

    def __init__(self, inner):
        self._inner, self.calls = inner, {}

    def __getattr__(self, name):
        self.calls[name] = self.calls.get(name, 0) + 1
        return getattr(self._inner, name)


@pytest.mark.case("A44")
@pytest.mark.parametrize("key", ["id", None])
def test_a_large_tie_read_again_and_again_leaves_the_state_and_the_work_as_they_were(make_world, key):
    tie = 50_000
    world = make_world(primary_key=key, max_batches=None)
    world.source.run(VERSIONS.format("TIMESTAMP"), f"INSERT INTO orders SELECT i, 'x', '{NOON}' FROM range({tie}) r(i)")
    assert world.run("2024-03-01").manifest.rows_landed == tie
    work, sizes = [], []
    ports = world.ground
    for _ in range(2):
        state, bronze, warehouse = Counted(ports.state), Counted(ports.bronze), Counted(ports.warehouse)
        world.swap(state=state, bronze=bronze, warehouse=warehouse)
        assert world.run("2024-03-01").manifest is None
        work.append((state.calls, bronze.calls, warehouse.calls))
        sizes.append(((world.folder / "state.db").stat().st_size, len(world.files()), len(world.manifests())))
    assert work[0] == work[1]
    assert sizes[0] == sizes[1]
    world.swap(state=ports.state, bronze=ports.bronze, warehouse=ports.warehouse)
    world.source.run(f"INSERT INTO orders SELECT {tie} + i, 'x', '{NOON}' FROM range(7) r(i)")
    world.source.set_clock(moment("2024-03-02"))
    late = world.run("2024-03-02", at="2024-03-02 01:00").manifest
    assert (late.rows_read, late.rows_known, late.rows_landed, len(late.files)) == (tie + 7, tie, 7, 1)
    assert (world.folder / "state.db").stat().st_size == sizes[0][0]

"""A comparison of keys closes what is gone and opens what is back, each once, and nothing else."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from tenacity import wait_none

from snowpipe_platform.errors import ConfigurationError, LeaseHeldError, SourceError, TooManyDeletesError
from snowpipe_platform.execution.comparison import ComparisonRequest, compare, preview
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.withdrawal import carry_out
from snowpipe_platform.records import KeyCounts
from snowpipe_platform_tests.kit import SOURCE_SYSTEM, Faulty, SmallBatches

ORDERS = "CREATE TABLE orders (id INTEGER, note TEXT, updated_at TIMESTAMP)"
IDENTITY = RunIdentity(run_id="compare", job="test")


def compared(world, at, *, confirmed=True, query=None):
    """The comparison at that time of the source's clock."""
    world.source.set_clock(at)
    request = ComparisonRequest(query or world.query, SOURCE_SYSTEM, IDENTITY, is_confirmed=confirmed)
    return compare(request, world.ground, wait=wait_none())


def landed(world, number=-1):
    """Of an entry of the log, by default the last: key, operation, instant."""
    entry = world.manifests()[number]
    rows = [
        row for row in world.rows(platform=True) if row["extraction_timestamp"].isoformat() == entry["extracted_at"]
    ]
    return sorted((row["id"], row["_operation"], row["_instant"]) for row in rows)


def open_keys(world, *, key="id"):
    """Keys whose latest change, by instant and then entry and row, is no delete: of the files, by plain Python."""
    latest = {}
    for number, manifest in enumerate(world.manifests()):
        rows = [
            r for r in world.rows(platform=True) if r["extraction_timestamp"].isoformat() == manifest["extracted_at"]
        ]
        for row in rows:
            place = (row["_instant"], number, row["_row_number"])
            if row[key] not in latest or latest[row[key]][0] < place:
                latest[row[key]] = (place, row["_operation"])
    return sorted(key for key, (_, operation) in latest.items() if operation == "upsert")


@pytest.fixture
def world(make_world):
    world = make_world(primary_key="id", batch_size=10)
    world.source.run(
        ORDERS, "INSERT INTO orders SELECT i, 'n', TIMESTAMP '2024-03-01' + INTERVAL (i) MINUTE FROM range(5) r(i)"
    )
    world.run("2024-03-01")
    return world


@pytest.mark.case("A24")
def test_a_deleted_row_becomes_one_tombstone_however_often_keys_are_compared(world):
    world.source.run("DELETE FROM orders WHERE id IN (1, 3)")
    first = compared(world, "2024-03-02 10:00")
    assert first.counts == KeyCounts(at_source=3, open=5, gone=2, back=0)
    assert landed(world) == [(key, "delete", datetime(2024, 3, 2, 10)) for key in (1, 3)]
    again = [compared(world, f"2024-03-02 1{hour}:00") for hour in (1, 2)]
    assert [result.manifest for result in again] == [None, None]
    assert len(world.manifests()) == 2
    entry = world.manifests()[-1]
    assert (entry["kind"], entry["load_day"], entry["rows_deleted"]) == ("comparison", "2024-03-02", 2)
    assert (entry["coverage"], entry["moves_watermark"]) == (None, False)
    assert open_keys(world) == [0, 2, 4]
    assert world.ground.state.watermark("orders") == "2024-03-02T00:00:00.000000"


@pytest.mark.case("A57")
def test_a_row_restored_with_its_old_updated_at_opens_again(world):
    world.source.run("CREATE TABLE kept AS SELECT * FROM orders WHERE id = 1", "DELETE FROM orders WHERE id = 1")
    compared(world, "2024-03-02 10:00")
    world.source.run("INSERT INTO orders SELECT * FROM kept")
    world.run("2024-03-02")
    assert open_keys(world) == [0, 2, 3, 4]
    result = compared(world, "2024-03-03 10:00")
    assert result.counts == KeyCounts(at_source=5, open=4, gone=0, back=1)
    assert landed(world) == [(1, "upsert", datetime(2024, 3, 3, 10))]
    assert open_keys(world) == [0, 1, 2, 3, 4]
    assert compared(world, "2024-03-03 11:00").manifest is None
    assert world.run("2024-03-03").manifest.rows_landed == 0

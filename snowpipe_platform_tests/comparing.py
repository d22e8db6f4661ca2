"""Compare keys in a World, and read from its files which keys are open.

compared(world, "2024-03-02 10:00").counts
assert open_keys(world) == [1, 2]
"""

import json
from datetime import datetime
from typing import Any

from tenacity import wait_none

from snowpipe_platform.execution.comparison import ComparisonRequest, ComparisonResult, compare
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform_tests.kit import SOURCE_SYSTEM, Row, World, bronze_rows

COMPARER = RunIdentity(run_id="comparer", job="test")


def request(world: World, *, confirmed: bool = True, query: Query | None = None) -> ComparisonRequest:
    """Whatever the share of deleted keys, unless told."""
    return ComparisonRequest(query or world.query, SOURCE_SYSTEM, COMPARER, is_confirmed=confirmed)


def compared(world: World, at: str | datetime, **asked: Any) -> ComparisonResult:
    """The comparison at that time of the source's clock. asked: of `request`."""
    world.source.set_clock(at)
    return compare(request(world, **asked), world.ground, wait=wait_none())


def last_landed(world: World, key: str = "id") -> list[tuple[Any, str, datetime]]:
    """Key, operation and instant of the rows of the log's last entry."""
    at = world.manifests()[-1]["extracted_at"]
    rows = [row for row in world.rows(platform=True) if row["extraction_timestamp"] == datetime.fromisoformat(at)]
    return sorted((row[key], row["_operation"], row["_instant"]) for row in rows)


def open_keys(world: World, *key: str) -> list[Any]:
    """Keys, by default of `id`, whose latest change is no delete; the later by instant, then entry, then row. Of the
    entries that count, straight from the files."""
    names, gone = key or ("id",), {manifest["withdraws"] for manifest in world.manifests()}
    latest: dict[tuple[Any, ...], tuple[tuple[Any, ...], str]] = {}
    for number in [manifest["number"] for manifest in world.manifests() if manifest["number"] not in gone]:
        for row in _rows(world, number):
            place = (row["_instant"], number, row["_row_number"])
            of_key = tuple(row[name] for name in names)
            if of_key not in latest or latest[of_key][0] <= place:
                latest[of_key] = (place, row["_operation"])
    found = [of_key for of_key, (_, operation) in latest.items() if operation == "upsert"]
    found.sort(key=lambda of_key: [(value is not None, value) for value in of_key])
    return found if key else [value for (value,) in found]


def _rows(world: World, number: int) -> list[Row]:
    """Of one entry: bronze as if the others were withdrawn."""
    manifests = world.bronze_folder / world.query.entity / "_log"
    paths = {file["path"] for file in json.loads((manifests / f"{number:09d}.json").read_text())["files"]}
    return bronze_rows(world.bronze_folder, world.query.entity, paths=paths)

"""What people decided about landed rows, as the next extraction sees it."""

from datetime import date

import pyarrow as pa
import pytest

from snowpipe_platform.execution.decisions import Author, decision, record
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.spec.manifest import ColumnSpec
from snowpipe_platform_tests.kit import moment

DAY = date(2024, 3, 1)
AUTHOR = Author(by="ana", reason="x", identity=RunIdentity(run_id="cli", job="test"))


@pytest.fixture(params=["key", "no key", "snapshot"])
def world(request, make_world):
    """Two orders were landed as entry 1."""
    keys = {"primary_key": None if request.param == "no key" else "id", "lookback": "1 day"}
    if request.param == "snapshot":
        keys = {"primary_key": "id", "mode": "full", "sql": "SELECT * FROM orders", "watermark_column": None}
    world = make_world(**keys)
    world.source.run("CREATE TABLE orders (id INTEGER, amount VARCHAR, updated_at TIMESTAMP)")
    world.source.insert("orders", [(1, "two", moment("2024-03-01 10:00")), (2, "2", moment("2024-03-01 11:00"))])
    assert world.run("2024-03-01").manifest.rows_landed == 2
    return world


def decide(world, kind, **facts):
    make = lambda log: [decision(log, kind, AUTHOR, load_day=DAY, **facts)]  # noqa: E731
    return record("orders", world.ground, AUTHOR, make)[0]


def edit_first(world, **columns):
    """A correction of order 1, as a file in bronze."""
    row = world.rows(platform=True)[0] | {"amount": "2", "_content_hash": "edited", **columns}
    attempt = world.ground.bronze.begin("orders", folder="", extraction_id="edit", file_format="parquet")
    file = attempt.write(pa.Table.from_pylist([row]), watermark_min=None, watermark_max=None)
    (first, *_) = world.ground.bronze.log("orders")
    more = tuple(ColumnSpec(name=name, type="string") for name in columns)
    decide(world, "correction", supersedes={1: "0"}, files=(file,), rows_landed=1, columns=(*first.columns, *more))


@pytest.mark.case("A58")
@pytest.mark.case("A16")
def test_the_sources_own_row_is_known_though_a_person_edited_it(world):
    edit_first(world)
    again = world.run("2024-03-02").manifest
    assert again is None or again.rows_landed == 0


@pytest.mark.case("A51")
def test_columns_that_an_edit_has_from_older_extractions_are_no_change_at_the_source(world):
    edit_first(world, colour="red")
    world.source.insert("orders", [(3, "3", moment("2024-03-02 10:00"))])
    landed = world.run("2024-03-02").manifest
    assert (landed.rows_landed, landed.column_names, landed.schema_changes) == (1, ("id", "amount", "updated_at"), ())


def test_what_was_withdrawn_lands_again(world):
    decide(world, "withdrawal", withdraws=1)
    assert world.run("2024-03-01").manifest.rows_landed == 2
    assert world.run("2024-03-01").manifest is None or not world.manifests()[-1]["rows_landed"]

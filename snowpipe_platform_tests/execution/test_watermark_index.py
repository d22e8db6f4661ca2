"""The state store's watermark is an index of the log, and is brought up to it."""

import pytest

from snowpipe_platform.execution.watermark_index import IndexEntry, mend_index, read_index

WATERMARK = "2024-03-02T00:00:00.000000"


@pytest.fixture
def world(make_world):
    world = make_world()
    world.source.run("CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP)")
    world.run("2024-03-01")
    return world


def stored(world):
    return world.ground.state.watermark("orders")


def log(world):
    return world.ground.bronze.log("orders")


def test_after_a_run_both_agree(world):
    assert read_index("orders", log(world), world.ground) == IndexEntry("orders", WATERMARK, WATERMARK)


@pytest.mark.parametrize("wrong", ["2024-02-01T00:00:00.000000", "2024-04-01T00:00:00.000000", "nonsense"])
def test_an_index_that_says_anything_else_is_mended(world, wrong):
    world.ground.state.advance_watermark("orders", expected=WATERMARK, new=wrong)
    found = mend_index("orders", log(world), world.ground)
    assert (found, found.agrees) == (IndexEntry("orders", wrong, WATERMARK), False)
    assert stored(world) == WATERMARK


def test_an_index_without_a_log_is_forgotten(world):
    mend_index("orders", [], world.ground)
    assert stored(world) is None
    assert mend_index("orders", [], world.ground).agrees


def test_a_file_that_was_deleted_is_filled_again(world):
    (world.folder / "state.db").unlink()
    mend_index("orders", log(world), world.ground)
    assert stored(world) == WATERMARK

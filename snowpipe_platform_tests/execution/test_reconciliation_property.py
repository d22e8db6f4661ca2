"""Whatever happens to a source behind its lookback: what bronze lacks is found and mended; the watermark stands."""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from snowpipe_platform.execution.reconciliation import mend
from snowpipe_platform_tests.kit import query
from snowpipe_platform_tests.reconciling import Reconciling

START = datetime(2024, 3, 1)
DAYS = ("2024-03-01", "2024-03-02")
CREATE = "CREATE TABLE orders (id INTEGER, content INTEGER, updated_at TIMESTAMP)"

hours = st.integers(-100, 47)
rows = st.dictionaries(st.integers(0, 5), st.tuples(st.integers(0, 2), hours), min_size=1)


def as_rows(source):
    return sorted((key, content, START + timedelta(hours=hour)) for key, (content, hour) in source.items())


def write(world, source):
    world.source.run("DELETE FROM orders")
    world.source.insert("orders", as_rows(source))


@pytest.mark.slow
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(before=rows, between=rows, after=rows)
def test_what_is_missing_is_found_and_mended_and_nothing_else_is_named(before, between, after):
    """Three states of a source: of the first day's end, of the second's, and of the reconciliation."""
    with tempfile.TemporaryDirectory() as folder:
        world = Reconciling(Path(folder), query(primary_key="id"))
        world.source.run(CREATE)
        for day, state in zip(DAYS, (before, between), strict=True):
            write(world, state)
            world.run(day)
        watermark, images = world.ground.state.watermark("orders"), set(map(image, world.rows()))
        write(world, after)

        newest = max(row["updated_at"] for row in world.rows()) if images else None
        late = {row for row in as_rows(after) if newest is None or row[2] < newest}
        found = {day: world.reconcile(day) for day in DAYS}
        assert missing(found.values()) == {f"id={key}" for key, _, _ in late - last_images(world)}
        for day, reconciled in found.items():
            mend(reconciled, world.asked(day), world.ground)

        assert missing(map(world.reconcile, DAYS)) == set()
        assert world.ground.state.watermark("orders") == watermark
        assert late <= last_images(world)
        assert set(map(image, world.rows())) == images | late
        assert len(world.rows()) == len(images | late)


def image(row):
    return row["id"], row["content"], row["updated_at"]


def last_images(world):
    """Of each key and watermark what was landed last."""
    found = {(row["id"], row["updated_at"]): row["content"] for row in world.rows()}
    return {(key, content, at) for (key, at), content in found.items()}


def missing(reconciled):
    """Keys of rows at the source and not in bronze."""
    differences = [one for each in reconciled for one in each.found.differences]
    return {key for one in differences if one.what.startswith("at the source") for key in one.keys}

"""Whatever is inserted and updated within the lookback, and in whatever order days are run: each version lands once."""

import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from snowpipe_platform_tests.kit import SmallBatches, World, query

START = datetime(2024, 3, 1)
HALF_DAY = timedelta(hours=12)
LOOKBACK_HALF_DAYS = 4
CREATE = "CREATE TABLE orders (id INTEGER, content INTEGER, updated_at TIMESTAMP)"

row_change = st.tuples(st.just("write"), st.integers(0, 4), st.integers(0, 1), st.integers(1, LOOKBACK_HALF_DAYS))
live_run = st.tuples(st.just("run"), st.just(0))
day_run = st.tuples(st.just("run"), st.integers(0, 3))
schedules = st.lists(st.one_of(row_change, row_change, live_run, day_run), min_size=3, max_size=14)


def write(rows, row, *, keyed):
    """A row of the recent past: with a key it replaces the key's row, unless that is newer."""
    if not keyed:
        return [*rows, row]
    newer = any(other[0] == row[0] and other[2] > row[2] for other in rows)
    return rows if newer else [*(other for other in rows if other[0] != row[0]), row]


class Oracle:
    """What has to be landed, from what each run could see; written without the platform.

    With a key, a version lands when the last version seen at its key and instant was another. Without one, a row lands
    as often as it was ever seen at once.
    """

    def __init__(self, *, keyed):
        self._keyed, self._last = keyed, {}
        self.landed = Counter()

    def see(self, rows):
        for row, count in Counter(rows).items():
            key, content, at = row
            if self._keyed:
                self.landed[row] += self._last.get((key, at)) != content
                self._last[key, at] = content
            else:
                self.landed[row] = max(self.landed[row], count)


@pytest.mark.slow
@pytest.mark.parametrize("keyed", [True, False], ids=["with key", "without key"])
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(schedule=schedules, batch_rows=st.integers(1, 3), cut=st.booleans())
def test_every_version_visible_at_a_run_is_landed_once(keyed, schedule, batch_rows, cut):
    with tempfile.TemporaryDirectory() as folder:
        lookback = f"{LOOKBACK_HALF_DAYS * 12}h"
        limits = {"batch_size": 2, "max_batches": 1} if cut else {}
        world = World(Path(folder), query(lookback=lookback, primary_key="id" if keyed else None, **limits))
        world.source.run(CREATE)
        world.swap(warehouse=SmallBatches(world.ground.warehouse, batch_rows))
        now, rows, oracle = START + 8 * HALF_DAY, [], Oracle(keyed=keyed)
        for step, *numbers in [*schedule, ("run", 0)]:
            if step == "write":
                key, content, age = numbers
                rows = write(rows, (key, content, now - age * HALF_DAY), keyed=keyed)
                continue
            day = (now - timedelta(days=numbers[0])).replace(hour=0)
            world.source.run("DELETE FROM orders")
            world.source.insert("orders", rows)
            is_live = numbers[0] == 0
            oracle.see(row for row in rows if is_live or day <= row[2] < day + timedelta(days=1))
            world.run_until_complete(f"{day:%Y-%m-%d}", at=now)
            now += HALF_DAY if is_live else timedelta(0)
        found = Counter((row["id"], row["content"], row["updated_at"]) for row in world.rows())
        assert found == +oracle.landed

"""Whatever its kind of watermark, and whenever it comes and runs go: a row within the lookback lands once.

The model is plain Python: what was inserted when, how far runs had read then, and what is promised of it.
"""

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from snowpipe_platform_tests.kit import SmallBatches, World, query

START = datetime(2024, 3, 5, 18)
STEP = timedelta(hours=6)
LOOKBACK_STEPS = 3
EAST = timezone(timedelta(hours=5, minutes=30))


def instant(step):
    return START + step * STEP


def nanoseconds(step):
    return f"{instant(step):%Y-%m-%d %H:%M:%S}.00000000{step % 2}"


def zoned(step):
    """Of two steps one is told in another zone than the other."""
    return str(instant(step).replace(tzinfo=UTC).astimezone(EAST if step % 2 else UTC))


TYPES = {
    "timestamp": ("TIMESTAMP", instant),
    "nanoseconds": ("TIMESTAMP_NS", nanoseconds),
    "zone": ("TIMESTAMPTZ", zoned),
    "date": ("DATE", lambda step: instant(step).date()),
    "number": ("DECIMAL(38,2)", lambda step: Decimal(step) / 4 - 10**30),
}


@dataclass
class Model:
    """Rows are (id, step), step None for a row without a watermark. reached: how far live runs have read, in the words
    of the kind. promised: copies of a row that have to land."""

    kind: str
    nulls: str
    now: datetime = START
    reached: object = None
    inserted: Counter = field(default_factory=Counter)
    promised: Counter = field(default_factory=Counter)

    def mark(self, step):
        """Comparable with `reached`."""
        return TYPES[self.kind][1](step) if self.kind in {"date", "number"} else instant(step)

    @property
    def lookback(self):
        return Decimal(LOOKBACK_STEPS) / 4 if self.kind == "number" else LOOKBACK_STEPS * STEP

    def insert(self, row):
        self.inserted[row] += 1
        if row[1] is None:
            self.promised[row] += self.nulls == "include"
        elif self.reached is None or self.mark(row[1]) >= self.reached - self.lookback:
            self.promised[row] += 1

    def run(self, day):
        """What a complete run of a load day reads and reaches."""
        steps = [step for _, step in self.inserted if step is not None]
        if self.kind == "number":
            self.reached = max(map(self.mark, steps)) + Decimal("0.01") if steps else self.reached
            return
        end = datetime.combine(day, datetime.min.time()) + timedelta(days=1)
        upper, until = (min(end, self.now), end) if self.kind != "date" else (min(end, self.now).date(), end.date())
        if self.reached is None or self.reached < until:
            self.reached = upper if self.reached is None else max(self.reached, upper)
            return
        for row, count in self.inserted.items():
            if row[1] is not None and instant(row[1]).date() == day:
                self.promised[row] = count


insert = st.tuples(st.just("insert"), st.integers(0, 5), st.integers(-1, LOOKBACK_STEPS + 2), st.booleans())
run = st.tuples(st.just("run"), st.sampled_from([0, 0, 1, 2]), st.integers(0, 3))
schedules = st.lists(st.one_of(insert, insert, run), min_size=4, max_size=10)


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    schedule=schedules,
    kind=st.sampled_from(sorted(TYPES)),
    keyed=st.booleans(),
    nulls=st.sampled_from(["include", "exclude"]),
    cut=st.booleans(),
)
def test_every_row_within_the_lookback_lands_once_and_no_row_twice(schedule, kind, keyed, nulls, cut):
    dtype, written = TYPES[kind]
    model = Model(kind, nulls)
    with tempfile.TemporaryDirectory() as folder:
        limits = {"batch_size": 2, "max_batches": 1} if cut else {}
        lookback = str(model.lookback) if kind == "number" else f"{LOOKBACK_STEPS * 6}h"
        declared = {"primary_key": "id" if keyed else None, "on_null_watermark": nulls, "lookback": lookback}
        world = World(Path(folder), query(**declared, **limits))
        world.source.run(f"CREATE TABLE orders (id INTEGER, step INTEGER, updated_at {dtype})")
        world.swap(warehouse=SmallBatches(world.ground.warehouse, 2))
        for number, (what, *told) in enumerate([*schedule, ("run", 0, 4), ("run", 0, 8)]):
            if what == "insert":
                name, back, is_null = told
                step = None if is_null and name == 0 else (model.now - START) // STEP - back
                row = (number if keyed else name, step)
                model.insert(row)
                world.source.insert("orders", [(*row, None if step is None else written(step))])
                continue
            days_back, later = told
            model.now += later * STEP
            day = model.now.date() - timedelta(days=0 if kind == "number" else days_back)
            model.run(day)
            world.run_until_complete(f"{day:%Y-%m-%d}", at=model.now)
            stored = world.ground.state.watermark("orders")
            assert stored == {"number": str, "date": str}.get(kind, as_stored)(model.reached) or model.reached is None
        found = Counter((row["id"], row["step"]) for row in world.rows())
        for row, count in model.inserted.items():
            assert model.promised[row] <= found[row] <= count, row
        assert set(found) <= set(model.inserted)


def as_stored(moment):
    return moment.isoformat(timespec="microseconds")

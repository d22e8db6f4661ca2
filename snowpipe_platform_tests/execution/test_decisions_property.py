"""Whatever is written, run, set, rewound and withdrawn, in whatever order: after a live run, every row of the source is
in bronze once, but for those a person skipped.

Many schedules against the decisions alone, and a few against files, source and state store.
"""

import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import hypothesis.strategies as st
import ibis.expr.datatypes as dt
import pytest
from hypothesis import HealthCheck, given, settings

from snowpipe_platform.execution import watermark_moves, withdrawal
from snowpipe_platform.execution.decisions import Author, decision
from snowpipe_platform.execution.extraction_interval import Window, decide_bounds
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.spec.bronze_log import incomplete_days, live_watermark, standing
from snowpipe_platform.spec.manifest import BronzeFile, Coverage
from snowpipe_platform.spec.watermark import encode
from snowpipe_platform_tests.contracts.bronze_store import manifest
from snowpipe_platform_tests.kit import World, bronze_rows, query

START = datetime(2024, 3, 3)
HALF_DAY = timedelta(hours=12)
LOOKBACK_HALF_DAYS = 2
LOOKBACK = "1 day"
ANN = Author(by="ann", reason="a test", identity=RunIdentity(run_id="ann", job="test"))

write = st.tuples(st.just("write"), st.integers(1, LOOKBACK_HALF_DAYS))
run = st.tuples(st.just("run"), st.just(0))
day_run = st.tuples(st.just("run"), st.integers(1, 3))
skip = st.tuples(st.just("set"), st.integers(0, 2))
rewind = st.tuples(st.just("rewind"), st.integers(1, 4))
withdraw = st.tuples(st.just("withdraw"), st.integers(0, 4))
schedules = st.lists(st.one_of(write, write, run, run, day_run, skip, rewind, withdraw), min_size=6, max_size=16)


class Oracle:
    """Carries a schedule out, and knows what has to be in bronze without the platform's bookkeeping."""

    def __init__(self, platform):
        self.platform, self.now, self.rows, self.skipped = platform, START, {}, set()
        self.write(LOOKBACK_HALF_DAYS)
        self.run(0)

    def write(self, age):
        """An order of the recent past, as late as the lookback allows."""
        self.rows[len(self.rows)] = at = self.now - age * HALF_DAY
        self.platform.write(len(self.rows) - 1, at)

    def run(self, days_ago):
        """A live run, half a day later; or one of an earlier load day."""
        before = self.platform.landed()
        self.now += HALF_DAY if days_ago == 0 else timedelta(0)
        self.platform.run((self.now - timedelta(days=days_ago)).replace(hour=0), self.now)
        if days_ago == 0:
            wanted = {order for order, at in self.rows.items() if at not in self.skipped}
            assert self.platform.landed() == Counter(wanted | set(before))

    def set(self, back):
        """To a time not long ago, where that is ahead of the watermark."""
        to, live = self.now - back * HALF_DAY, self.platform.live()
        if live is None or live < to:
            at = START - 20 * HALF_DAY if live is None else live
            self.skipped |= {at + n * HALF_DAY for n in range(round((to - at) / HALF_DAY))}
            self.platform.move(to)

    def rewind(self, back):
        live = self.platform.live()
        if live is not None:
            self.skipped = {at for at in self.skipped if at < live - back * HALF_DAY}
            self.platform.move(live - back * HALF_DAY)

    def withdraw(self, which):
        entries = self.platform.withdrawable()
        if entries:
            self.platform.withdraw(entries[which % len(entries)])


class Decisions:
    """The platform without files: its decisions over a log in memory."""

    def __init__(self):
        self.query, self.rows, self.log, self.entries = query(lookback=LOOKBACK, primary_key="id"), {}, [], {}

    def write(self, order, at):
        self.rows[order] = at

    def run(self, day, now):
        window = Window(day.date())
        bounds = decide_bounds(self.query, window, self.log, clock=now, dtype=dt.Timestamp(scale=6), highest=int)
        read = {order for order, at in self.rows.items() if any(part.meets(at, at) for part in bounds.parts)}
        new = {order: self.rows[order] for order in read - set(self.landed())}
        covers, upper = not bounds.interval.is_empty and bool(bounds.parts), encode(bounds.interval.upper)
        moves = covers and bounds.moves(bounds.interval.upper)
        if not (new or moves or (covers and day.date() in incomplete_days(self.log))):
            return
        marks = {"watermark_min": encode(min(new.values())), "watermark_max": encode(max(new.values()))} if new else {}
        files = (BronzeFile(path="x", rows=len(new), size_bytes=1, **marks),) if new else ()
        coverage = Coverage(kind=bounds.kind, lower=encode(bounds.interval.lower), upper=upper)
        facts = {"load_day": day.date(), "coverage": coverage, "moves_watermark": moves, "rows_landed": len(new)}
        self.entries[len(self.log) + 1] = set(new)
        self.log.append(manifest(len(self.log) + 1, *files).model_copy(update=facts))

    def live(self):
        return live_watermark(self.log)

    def move(self, to):
        coverage = Coverage(kind="timestamp", lower=encode(to), upper=encode(to))
        day = self.log[-1].load_day
        self.log.append(decision(self.log, "watermark", ANN, load_day=day, coverage=coverage, moves_watermark=True))

    def withdrawable(self):
        return [entry.number for entry in standing(self.log) if entry.rows_landed]

    def withdraw(self, number):
        day = self.log[number - 1].load_day
        self.log.append(decision(self.log, "withdrawal", ANN, load_day=day, withdraws=number))

    def landed(self):
        return Counter(order for entry in standing(self.log) for order in self.entries[entry.number])


class Files:
    """The platform, with a source and files."""

    def __init__(self, folder, *, keyed):
        self.world = World(folder, query(lookback=LOOKBACK, primary_key="id" if keyed else None))
        self.world.source.run("CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP)")

    def write(self, order, at):
        self.world.source.insert("orders", [(order, at)])

    def run(self, day, now):
        self.world.run(f"{day:%Y-%m-%d}", at=now)

    def live(self):
        text = self.world.ground.state.watermark("orders")
        return None if text is None else datetime.fromisoformat(text)

    def move(self, to):
        move = watermark_moves.plan_set(self.world.query, to.isoformat(), self.world.ground)
        watermark_moves.carry_out(self.world.query, move, ANN, self.world.ground)

    def withdrawable(self):
        return [entry.number for entry in standing(self.world.ground.bronze.log("orders")) if entry.rows_landed]

    def withdraw(self, number):
        withdrawal.carry_out("orders", number, ANN, self.world.ground)

    def landed(self):
        return Counter(row["id"] for row in bronze_rows(self.world.bronze_folder, "orders", counted=True))


def carry_out(schedule, platform):
    oracle = Oracle(platform)
    for step, number in [*schedule, ("run", 0)]:
        getattr(oracle, step)(number)


BOUNDED = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@settings(BOUNDED, max_examples=200)
@given(schedule=schedules)
def test_the_decisions_let_a_live_run_read_all_that_is_missing(schedule):
    carry_out(schedule, Decisions())


@pytest.mark.slow
@pytest.mark.parametrize("keyed", [True, False], ids=["with key", "without key"])
@settings(BOUNDED, max_examples=3)
@given(schedule=schedules)
def test_after_a_live_run_every_row_is_landed_once_but_for_what_was_skipped(keyed, schedule):
    with tempfile.TemporaryDirectory() as folder:
        carry_out(schedule, Files(Path(folder), keyed=keyed))

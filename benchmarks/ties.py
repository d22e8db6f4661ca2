"""What a tie costs that is read again and again: `python benchmarks/ties.py`.

So many rows share one watermark. They are landed, and read again by ten runs, each of which finds some new rows of the
same watermark. The state must not grow with the repetition, nor must the time, but for the new rows. Seconds are of
processor time, as the machine may do other things; each size has a process of its own, whose peak memory is told. Then
one run each on a log that has few entries and many. The exit code is 0 when the last repetitions cost about what the
first did, in time for a row and in memory, and the state is as large as it was.
"""

import argparse
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from snowpipe_platform.backends.duckdb_recognizer import DuckDBRecognizer
from snowpipe_platform.backends.duckdb_warehouse import DuckDBWarehouse
from snowpipe_platform.backends.local_bronze import LocalBronze
from snowpipe_platform.backends.sqlite_state import SqliteState
from snowpipe_platform.execution.extraction import ExtractionRequest, execute_extraction
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.queries_file import parse_queries
from snowpipe_platform.spec.watermark import encode

DAY = date(2024, 3, 1)
MARKS = ("watermark_min", "watermark_max")
NOON = datetime(2024, 3, 1, 12)  # noqa: DTZ001 - naive UTC
TOLERANCE = 1.3
"""Times the first repetitions that the last may cost: what a busy machine adds at random."""
FEW = 3
"""Repetitions at each end that are compared by their median."""
QUERIES = """
queries:
  - name: ties
    sql: SELECT * FROM ties WHERE updated_at > ?
    watermark_column: updated_at
    primary_key: {key}
    max_batches: null
"""


@dataclass(frozen=True)
class Cost:
    """Of one run. state: bytes of the state store. entries: of the log."""

    seconds: float
    peak_mb: int
    read: int
    landed: int
    state: int
    entries: int


class Shop:
    """A source with one table, and where it lands."""

    def __init__(self, folder: Path, key: str) -> None:
        self._source = folder / "source.duckdb"
        self._state = folder / "state.db"
        state = SqliteState(self._state)
        unused: dict[str, None] = dict.fromkeys(("lake", "engine", "online", "training_sets", "models"))
        self._ground = Ground(  # type: ignore[arg-type]
            warehouse=DuckDBWarehouse(self._source),
            bronze=LocalBronze(folder / "bronze"),
            recognizer=DuckDBRecognizer,
            state=state,
            dead_letters=state,
            **unused,
        )
        self._last: Manifest | None = None
        self._query = parse_queries(QUERIES.format(key=key), source="ties.yaml").queries[0]
        self._run("CREATE TABLE ties (id INTEGER, total INTEGER, updated_at TIMESTAMP)")
        self._run("CREATE TABLE source_clock (now_at TIMESTAMP)")

    def insert(self, start: int, rows: int, at: datetime = NOON) -> None:
        self._run(f"INSERT INTO ties SELECT {start} + i, i % 7, TIMESTAMP '{at}' FROM range({rows}) r(i)")  # noqa: S608

    def extract(self, at: datetime) -> Cost:
        self._run("DELETE FROM source_clock", f"INSERT INTO source_clock VALUES (TIMESTAMP '{at}')")  # noqa: S608
        request = ExtractionRequest(self._query, "shop", Window(DAY), RunIdentity(run_id="ties", job="benchmark"))
        began = time.process_time()
        entry = self._last = execute_extraction(request, self._ground).manifest
        return Cost(
            seconds=time.process_time() - began,
            peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            read=entry.rows_read if entry else 0,
            landed=entry.rows_landed if entry else 0,
            state=self._state.stat().st_size,
            entries=len(self._ground.bronze.log("ties")),
        )

    def pretend(self, at: datetime) -> None:
        """One more entry, as if a run had landed a row of the instant and read on to just after it."""
        last = self._ground.bronze.log("ties")[-1] if self._last is None else self._last
        if last.coverage is None:
            raise AssertionError(last)
        upper = encode(at + timedelta(milliseconds=1)) or ""
        self._last = last.model_copy(
            update={
                "number": last.number + 1,
                "extraction_id": f"pretended-{last.number}",
                "coverage": last.coverage.model_copy(update={"lower": last.coverage.upper, "upper": upper}),
                "files": tuple(f.model_copy(update=dict.fromkeys(MARKS, encode(at))) for f in last.files),
            }
        )
        self._ground.bronze.commit(self._last)

    def _run(self, *statements: str) -> None:
        with duckdb.connect(str(self._source)) as connection:
            for statement in statements:
                connection.execute(statement)


def tie(rows: int, new: int, repetitions: int, key: str) -> list[Cost]:
    """The cost of landing a tie, then of each repetition."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder), key)
        shop.insert(0, rows)
        costs = [shop.extract(NOON + timedelta(seconds=1))]
        for number in range(repetitions):
            shop.insert(rows + number * new, new)
            costs.append(shop.extract(NOON + timedelta(seconds=2 + number)))
        return costs


def long_log(entries: int) -> list[Cost]:
    """The cost of a run that finds one new row, when the log has one entry, a tenth of the entries, and all of them.

    The others are copies of the first, each a second further on.
    """
    with tempfile.TemporaryDirectory() as folder:
        shop, found = Shop(Path(folder), "id"), []
        for number in range(1, entries + 1):
            at = NOON + timedelta(seconds=number)
            if number in {1, 2, entries // 10, entries}:
                shop.insert(number, 1, at)
                found.append(shop.extract(at + timedelta(milliseconds=1)))
            else:
                shop.pretend(at)
        return found[1:]


def _told(costs: list[Cost]) -> None:
    sys.stdout.write("run   seconds   peak MB        read      landed   state bytes   entries\n")
    for run, cost in enumerate(costs):
        sys.stdout.write(
            f"{run:>3}  {cost.seconds:>8.2f}  {cost.peak_mb:>8,}  {cost.read:>10,}  {cost.landed:>10,}"
            f"  {cost.state:>12,}  {cost.entries:>8,}\n"
        )
    sys.stdout.flush()


def _holds(costs: list[Cost]) -> bool:
    first, last = costs[1:][:FEW], costs[1:][-FEW:]
    time_ratio = _per_row(last) / _per_row(first)
    memory_ratio = last[-1].peak_mb / first[0].peak_mb
    sys.stdout.write(
        f"last repetitions to the first: {time_ratio:.2f} in time for a row, {memory_ratio:.2f} in memory, "
        f"{last[-1].state / first[0].state:.2f} in state\n\n"
    )
    return max(time_ratio, memory_ratio) <= TOLERANCE and last[-1].state == first[0].state


def _per_row(costs: list[Cost]) -> float:
    return statistics.median(cost.seconds / cost.read for cost in costs)


def main() -> int:
    """Print the figures; the exit code says whether they hold."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rows", type=int, nargs="+", default=[50_000, 500_000], help="rows of one watermark")
    options.add_argument("--new", type=int, default=1_000, help="rows that each repetition adds")
    options.add_argument("--repetitions", type=int, default=10)
    options.add_argument("--entries", type=int, default=2_000, help="of the long log; 0 leaves it out")
    typed = options.parse_args()
    holds = True
    context = multiprocessing.get_context("spawn")
    for key, about in (("id", "each row has its own key"), ("[]", "no key"), ("total", "seven keys for all rows")):
        for rows in typed.rows:
            with context.Pool(1) as pool:
                costs = pool.apply(tie, (rows, typed.new, typed.repetitions, key))
            sys.stdout.write(f"{rows:,} rows of one watermark, {about}; {typed.new:,} more before each run from 1 on\n")
            _told(costs)
            holds = _holds(costs) and holds
    if typed.entries:
        sys.stdout.write("one new row a run, when the log has so many entries\n")
        _told(long_log(typed.entries))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())

"""A warehouse table that changes, and a plain-Python history of all it ever showed: the truth, told by nobody else."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import duckdb

from snowpipe_platform_tests.torture.shapes import Shape, clock


class Version(NamedTuple):
    """A row as the source shows it. amount: text; one that begins with x is no number. mark: None is null."""

    id: int
    amount: str
    mark: int | None


class Source:
    """The table, a DuckDB file, and its history.

    history: the bag of rows after every change. required: what has to be landed, and how often at least: what was to be
    seen by runs that went through. present: of that, what the source still shows.
    """

    def __init__(self, path: Path, shape: Shape) -> None:
        self.path, self.shape = path, shape
        self.tick = 0
        self.rows: list[Version] = []
        self.history: list[Counter[Version]] = []
        self.required: Counter[Version] = Counter()
        self.present: set[Version] = set()
        self._attempted: int | None = None
        self._newest: int | None = None
        with duckdb.connect(str(path)) as database:
            database.execute("CREATE TABLE source_clock (now_at TIMESTAMP)")
            database.execute(f"CREATE TABLE items (id INTEGER, amount VARCHAR, mark {shape.column_type})")
        self.show()

    def show(self) -> None:
        """Let the warehouse have the rows and the time of now, in one transaction."""
        self.history.append(Counter(self.rows))
        with duckdb.connect(str(self.path)) as database:
            database.execute("BEGIN")
            database.execute("DELETE FROM source_clock")
            database.execute("INSERT INTO source_clock VALUES (?)", [clock(self.tick)])
            database.execute("DELETE FROM items")
            if self.rows:
                database.executemany(f"INSERT INTO items VALUES (?, ?, {self.shape.value_sql})", self.rows)
            database.execute("COMMIT")

    @property
    def load_day(self) -> date:
        return clock(self.tick).date()

    @property
    def newest(self) -> int | None:
        """The highest mark that a run may have landed: its tie is read again."""
        return self._newest

    @property
    def floor(self) -> int | None:
        """The lowest mark that the next run reads for certain; None while none has begun. A row committed below it is
        later than the lookback, which nobody promises to see."""
        if self._attempted is None or self.shape.kind == "snapshot":
            return None
        if self.shape.has_days:
            return self.shape.behind(self.shape.mark(self._attempted))
        return None if self._newest is None else min(self._newest, self.shape.behind(self._newest))

    def attempted(self) -> None:
        """A run has begun, and may have seen the table as it is now."""
        self._attempted = self.tick
        marks = [row.mark for row in self.rows if row.mark is not None and self._is_seen(row)]
        self._newest = max([*marks, *([] if self._newest is None else [self._newest])], default=None)

    def completed(self) -> None:
        """A live run has gone through, and the table did not change meanwhile."""
        self._require([row for row in self.rows if self._is_seen(row)])
        self.present = {row for row in self.rows if self._is_seen(row)}

    def backfilled(self, day: date) -> None:
        """A run of an earlier load day has gone through, likewise."""
        start, end = self.shape.day(day), self.shape.day(day + timedelta(days=1))
        self._require([row for row in self.rows if row.mark is not None and start <= row.mark < end])

    def episodes(self, version: Version) -> int:
        """How often the source came to show it; without a key, how many at once at most."""
        shown = [state[version] for state in self.history]
        if not self.shape.keyed:
            return max(shown)
        return sum(now > before for before, now in zip([0, *shown], shown, strict=False))

    def times_absent(self, key: int) -> int:
        """How often a key that was there went."""
        there = [any(row.id == key for row in state) for state in self.history]
        return sum(before and not now for before, now in pairwise(there))

    def _require(self, rows: Sequence[Version]) -> None:
        for version, count in Counter(rows).items():
            self.required[version] = max(self.required[version], count)

    def _is_seen(self, row: Version) -> bool:
        """Whether a live run of now reads it."""
        if row.mark is None:
            return self.shape.nulls
        end = self.shape.end(self.tick)
        return end is None or row.mark < end

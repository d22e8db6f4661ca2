"""Rows of the source that bronze lacks, counted as they are met."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from snowpipe_platform.execution.reconciliation_plan import NAMED_KEYS
from snowpipe_platform.spec.watermark import Watermark, latest


@dataclass
class CountedRows:
    """keys: of the first. lowest, highest: watermark."""

    rows: int = 0
    keys: tuple[str, ...] = ()
    lowest: Watermark | None = None
    highest: Watermark | None = None

    def add(self, rows: int, keys: Iterable[str], marks: Iterable[Watermark | None] = ()) -> None:
        known = [mark for mark in (*marks, self.lowest, self.highest) if mark is not None]
        self.rows += rows
        self.keys = (*self.keys, *islice(keys, NAMED_KEYS - len(self.keys)))
        self.lowest = min(known) if known else None
        self.highest = latest(known)


@dataclass
class Lacking:
    """missing: not in bronze. closed: whose key was closed in bronze since. unkept: that a rule keeps out, and no dead
    letter has. pending: that a later run reads in any case. kept_out: by a rule, and in the dead letters."""

    missing: CountedRows = field(default_factory=CountedRows)
    closed: CountedRows = field(default_factory=CountedRows)
    unkept: CountedRows = field(default_factory=CountedRows)
    pending: int = 0
    kept_out: int = 0

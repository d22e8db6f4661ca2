"""What a tortured table is like, and how its query is declared.

Time comes in ticks of three hours. A mark is a row's watermark as a whole number, whatever its type, so that the
history of the source compares numbers and nothing else.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from snowpipe_platform.spec.extraction import QueriesFile
from snowpipe_platform.spec.manifest import NANOSECONDS
from snowpipe_platform.spec.queries_file import parse_queries

Kind = Literal["timestamp", "nanoseconds", "date", "number", "snapshot"]
KINDS: tuple[Kind, ...] = ("timestamp", "nanoseconds", "date", "number", "snapshot")
"""The type of the watermark; a snapshot has none."""

START = datetime(2024, 3, 1, 6)
EPOCH = datetime(1970, 1, 1)
TICK_HOURS, TICKS_A_DAY = 3, 8
MICROSECOND, TICK = 1_000, TICK_HOURS * 3_600 * 1_000_000_000
"""In nanoseconds."""
NUMBER_TICK = 500
"""In thousandths."""
FRACTIONS = (0, 1, 999)

_COLUMN = {
    "timestamp": "TIMESTAMP",
    "nanoseconds": "TIMESTAMP_NS",
    "date": "DATE",
    "number": "DECIMAL(20, 3)",
    "snapshot": "TIMESTAMP",
}
_VALUE = {
    "timestamp": "make_timestamp(CAST(? AS BIGINT) // 1000)",
    "nanoseconds": "make_timestamp_ns(CAST(? AS BIGINT))",
    "date": "DATE '1970-01-01' + CAST(? AS INTEGER)",
    "number": "CAST(CAST(? AS BIGINT) / 1000 AS DECIMAL(20, 3))",
    "snapshot": "make_timestamp(CAST(? AS BIGINT) // 1000)",
}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """keyed: rows have a primary key; otherwise equal rows are told apart by their number. nulls: rows without a
    watermark are included. lookback: in ticks. cut: `max_batches` cuts every reading of more than two new rows.
    compared: after each extraction the source's keys are compared with those landed."""

    kind: Kind = "timestamp"
    keyed: bool = True
    nulls: bool = False
    lookback: int = 2
    cut: bool = False
    compared: bool = False
    file_format: Literal["parquet", "json"] = "parquet"

    @property
    def sees_deletes(self) -> bool:
        """Whether a completed run closes the keys that the source no longer has."""
        return self.kind == "snapshot" or self.compared

    @property
    def has_days(self) -> bool:
        """Whether a load day is a part of the source that a backfill can read again."""
        return self.kind in {"timestamp", "nanoseconds", "date"}

    @property
    def column_type(self) -> str:
        return _COLUMN[self.kind]

    @property
    def value_sql(self) -> str:
        """What binds a mark."""
        return _VALUE[self.kind]

    @property
    def queries(self) -> QueriesFile:
        where = "" if self.kind == "snapshot" else " WHERE mark > ?"
        entry: dict[str, Any] = {"name": "items", "sql": f"SELECT * FROM items{where}", "batch_size": 2}
        entry |= {"output_format": self.file_format, "max_batches": 1 if self.cut else None, "max_deleted_share": 1.0}
        if self.keyed:
            entry["primary_key"] = "id"
        if self.kind == "snapshot":
            entry["mode"] = "full"
        else:
            entry |= {"watermark_column": "mark", "lookback": self._lookback}
            entry["on_null_watermark"] = "include" if self.nulls else "exclude"
        return parse_queries(json.dumps({"queries": [entry]}), source="queries.json")

    @property
    def _lookback(self) -> float | str:
        if self.kind == "number":
            return self.lookback * NUMBER_TICK / 1_000
        return f"{self.lookback * TICK_HOURS}h"

    def mark(self, tick: int, fraction: int = 0) -> int:
        """Of a row written at a tick. fraction: which of FRACTIONS, where the type holds any."""
        if self.kind == "date":
            return _day(clock(tick).date())
        if self.kind == "number":
            return tick * NUMBER_TICK + FRACTIONS[fraction] % NUMBER_TICK
        digits = FRACTIONS[fraction] * (1 if self.kind == "nanoseconds" else MICROSECOND)
        return _nanoseconds(clock(tick)) + digits

    def day(self, on: date) -> int:
        """The first mark of a load day."""
        return _day(on) if self.kind == "date" else _nanoseconds(datetime(on.year, on.month, on.day))

    def end(self, tick: int) -> int | None:
        """Where a run at a tick stops: its marks are below. None: it reads whatever there is."""
        return self.mark(tick) if self.has_days else None

    def behind(self, mark: int) -> int:
        """The lookback before a mark. A date's is of whole days."""
        if self.kind == "number":
            return mark + 1 - self.lookback * NUMBER_TICK
        return mark - (-(-self.lookback // TICKS_A_DAY) if self.kind == "date" else self.lookback * TICK)

    def mark_of(self, row: dict[str, Any]) -> int | None:
        """Of a landed row."""
        value = row["mark"]
        if value is None:
            return None
        if isinstance(value, Decimal):
            return int(value * 1_000)
        if not isinstance(value, datetime):
            return _day(value)
        return _nanoseconds(value.replace(tzinfo=None)) + row[NANOSECONDS]


def clock(tick: int) -> datetime:
    """What the source's clock shows."""
    return START + timedelta(hours=TICK_HOURS * tick)


def _day(on: date) -> int:
    return on.toordinal() - EPOCH.toordinal()


def _nanoseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1) * MICROSECOND

"""Rows on their way into bronze: counted, cut into files, or kept out and kept as dead letters."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from snowpipe_platform.execution.arrow_types import json_objects
from snowpipe_platform.execution.bronze_rows import ReadRows, watermark_range
from snowpipe_platform.execution.landing_plan import LandingPlan
from snowpipe_platform.ports import BronzeAttempt
from snowpipe_platform.records import DeadLetter
from snowpipe_platform.spec.manifest import INSTANT, NANOSECONDS, PLATFORM_COLUMNS, BronzeFile
from snowpipe_platform.spec.watermark import Watermark, encode


@dataclass
class Tally:
    """What an attempt has counted so far. read = landed + known + dropped. nulls: landed without a watermark."""

    read: int = 0
    landed: int = 0
    dropped: int = 0
    deleted: int = 0
    nulls: int = 0
    rule_failures: dict[str, int] = field(default_factory=dict)

    def add(self, read: ReadRows, *, landed: int, dropped: int, nulls: int) -> None:
        self.read += read.rows.num_rows
        self.landed += landed
        self.dropped += dropped
        self.nulls += nulls
        for name, count in read.failures().items():
            self.rule_failures[name] = self.rule_failures.get(name, 0) + count

    @property
    def known(self) -> int:
        return self.read - self.landed - self.dropped


class RowFiles:
    """Cuts rows into files of `batch_size`; holds no more than a batch and what is left of the one before."""

    def __init__(self, plan: LandingPlan, attempt: BronzeAttempt) -> None:
        self._plan, self._attempt = plan, attempt
        self._waiting: list[pa.Table] = []
        self._rows_waiting = 0
        self.written: list[BronzeFile] = []

    def add(self, rows: pa.Table) -> None:
        if rows.num_rows:
            self._waiting.append(rows)
            self._rows_waiting += rows.num_rows
        if self._rows_waiting >= self._plan.query.batch_size:
            self._write(self._plan.query.batch_size)

    def finish(self) -> None:
        """Write what waits, so that the next rows start a file of their own."""
        if self._rows_waiting:
            self._write(1)

    def _write(self, least: int) -> None:
        """Write files of `batch_size` while at least `least` rows wait."""
        rows, start = pa.concat_tables(self._waiting), 0
        while rows.num_rows - start >= least:
            part = rows.slice(start, self._plan.query.batch_size)
            low, high = watermark_range(part, self._plan.watermark, self._plan.kind)
            self.written.append(self._attempt.write(part, watermark_min=encode(low), watermark_max=encode(high)))
            start += part.num_rows
        self._waiting, self._rows_waiting = [rows.slice(start)], rows.num_rows - start


def letters(plan: LandingPlan, read: ReadRows, dropped: pa.Table) -> Iterator[DeadLetter]:
    """One letter a row, named after its content: a row read again under lookback is there once."""
    texts = json_objects(dropped.drop_columns(list(PLATFORM_COLUMNS)))
    instants, fractions = dropped[INSTANT].to_pylist(), dropped[NANOSECONDS].to_pylist()
    rules = {rule.name: f"breaks {rule.name}: {rule.expression}" for rule in plan.query.rules}
    strict = [rule.name for rule in plan.query.rules if rule.on_violation == "dead_letter"]
    broken = read.broken_by(dropped)
    for text, instant, fraction, names in zip(texts, instants, fractions, broken, strict=True):
        content = f"{text}+{fraction}" if fraction else text
        yield DeadLetter(
            id=uuid.uuid5(uuid.NAMESPACE_OID, f"{plan.query.name}:{content}").hex,
            kind="rows",
            subject=plan.query.name,
            error="; ".join(rules[name] for name in names if name in strict),
            failed_at=plan.extracted_at,
            request={
                "load_day": plan.load_day.isoformat(),
                "instant": instant.isoformat(),
                "nanoseconds": str(fraction),
            },
            rows=(text,),
        )


def parsed(plan: LandingPlan, value: object) -> Watermark:
    """A value of the watermark column."""
    if plan.kind is None:
        raise AssertionError(plan.query.name)
    return plan.kind.parse(value)

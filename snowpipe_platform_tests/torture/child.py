"""A run in a process of its own, which says when it is at a step it was asked to stop at, and waits. It may get a kill.

The steps are seen from outside: the ports of the run's ground, and the calls by which a commit becomes visible, are
wrapped here. The platform has no hooks. The fork server imports this module, which opens nothing.
"""

import os
import shutil
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import ibis
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

from snowpipe_platform.assembly import build_ground
from snowpipe_platform.backends import local_bronze
from snowpipe_platform.execution.change_rows import bronze_table, change_rows
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform_tests.kit import SmallBatches
from snowpipe_platform_tests.torture.shapes import Shape
from snowpipe_platform_tests.torture.work import FCT_ITEMS, ITEM_CHANGES, carry_out, settings_in

SOURCE_STEPS = ("lease taken", "clock read", "before read", "batch read", "read done", "before count")
BRONZE_STEPS = (
    "half a folder removed",
    "folder removed",
    "before fsync",
    "file written",
    "before manifest",
    "before link",
    "manifest linked",
    "manifest committed",
    "before watermark",
    "watermark moved",
    "before lease freed",
)
SILVER_STEPS = (
    "table made",
    "silver staged",
    "before silver commit",
    "before catalog swap",
    "catalog swapped",
    "silver committed",
)
STEPS = (*SOURCE_STEPS, *BRONZE_STEPS, *SILVER_STEPS)
READING = ("batch read", "file written", "before fsync")
"""Steps with a statement open at the source, when nobody can change it: it is one DuckDB file."""

MOST_STEPS = 1_000
"""A run that takes more goes round in circles."""

Passed = Callable[[str], None]
"""Told the name of a step; may never return."""


class AtStep(NamedTuple):
    """When a step is passed for the nth time, counted from 1."""

    step: str
    nth: int = 1


DONE = AtStep("done")


@dataclass(frozen=True)
class Order:
    """What a child has to do. stops: where it waits; None runs as it would anywhere."""

    folder: Path
    shape: Shape
    day: date
    run_id: str
    stops: frozenset[AtStep] | None


def obey(order: Order, parent: Connection) -> None:
    """The child's whole life. It sends the stops it comes to, and waits at each; at the end DONE and what went wrong,
    None when nothing did."""
    passes = Counter[str]()

    def passed(step: str) -> None:
        passes[step] += 1
        if passes.total() > MOST_STEPS:
            raise RecursionError(f"the run goes round in circles: {passes}")
        at = AtStep(step, passes[step])
        if at in (order.stops or ()):
            parent.send((at, None))
            parent.recv()

    ground = build_ground(settings_in(order.folder))
    if order.stops is not None:
        _wrap_calls(passed)
        ground = stepped(ground, passed)
    try:
        errors = carry_out(order.shape, order.day, ground, run_id=order.run_id)
        told = "; ".join("".join(traceback.format_exception(error)) for error in errors)
    except Exception:  # noqa: BLE001 - whatever it is, the parent has to hear of it
        told = traceback.format_exc()
    parent.send((DONE, told or None))


def stepped(ground: Ground, passed: Passed) -> Ground:
    """The ground, whose ports tell `passed` before and after what they do."""
    return replace(
        ground,
        warehouse=_Warehouse(SmallBatches(ground.warehouse, 2), passed),
        bronze=_Bronze(ground.bronze, passed),
        state=_State(ground.state, passed),
        engine=_Engine(ground.engine, passed),
        lake=_Around(
            ground.lake,
            passed,
            before={"commit": "before silver commit"},
            after={"ensure": "table made", "commit": "silver committed"},
        ),
    )


class _Around:
    """A port that tells of some of its methods, before they begin and after they are done."""

    def __init__(
        self, inner: Any, passed: Passed, *, before: dict[str, str] | None = None, after: dict[str, str] | None = None
    ) -> None:
        self._inner, self._passed = inner, passed
        self._before, self._after = before or {}, after or {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in self._before and name not in self._after:
            return method

        def call(*arguments: Any, **named: Any) -> Any:
            if name in self._before:
                self._passed(self._before[name])
            result = method(*arguments, **named)
            if name in self._after:
                self._passed(self._after[name])
            return result

        return call


class _Warehouse(_Around):
    def __init__(self, inner: Any, passed: Passed) -> None:
        super().__init__(inner, passed, before={"scalar": "before count"}, after={"clock": "clock read"})

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[pa.RecordBatch]:
        self._passed("before read")
        for batch in self._inner.stream(sql, parameters):
            self._passed("batch read")
            yield batch
        self._passed("read done")


class _Bronze(_Around):
    def __init__(self, inner: Any, passed: Passed) -> None:
        super().__init__(inner, passed, before={"commit": "before manifest"}, after={"commit": "manifest committed"})

    def begin(self, *arguments: Any, **named: Any) -> Any:
        return _Around(self._inner.begin(*arguments, **named), self._passed, after={"write": "file written"})

    def remove_abandoned(self, entity: str) -> list[str]:
        removed: list[str] = self._inner.remove_abandoned(entity)
        if removed:
            self._passed("folder removed")
        return removed


class _State(_Around):
    def __init__(self, inner: Any, passed: Passed) -> None:
        steps = {"before": {"advance_watermark": "before watermark"}, "after": {"advance_watermark": "watermark moved"}}
        super().__init__(inner, passed, **steps)

    @contextmanager
    def lease(self, resource: str, *, holder: str) -> Iterator[Any]:
        with self._inner.lease(resource, holder=holder) as lease:
            self._passed("lease taken")
            yield lease
            self._passed("before lease freed")


class _Engine(_Around):
    @contextmanager
    def session(self) -> Iterator[Any]:
        with self._inner.session() as session:
            yield _Around(session, self._passed, after={"write": "silver staged"})


def _wrap_calls(passed: Passed) -> None:
    """What a commit is made of, inside the adapters: durable bytes, the link or the row that shows it."""
    os.fsync = _told(os.fsync, passed, before="before fsync")
    os.link = _told(os.link, passed, before="before link", after="manifest linked")
    SqlCatalog.commit_table = _told(
        SqlCatalog.commit_table, passed, before="before catalog swap", after="catalog swapped"
    )

    def removed_by_halves(folder: Path) -> None:
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        for path in files[: (len(files) + 1) // 2]:
            path.unlink()
        passed("half a folder removed")
        remove(folder)

    remove, local_bronze.shutil = shutil.rmtree, _Shutil(removed_by_halves)


class _Shutil:
    def __init__(self, rmtree: Callable[[Path], None]) -> None:
        self.rmtree = rmtree


def _told(call: Callable[..., Any], passed: Passed, *, before: str, after: str | None = None) -> Callable[..., Any]:
    def told(*arguments: Any, **named: Any) -> Any:
        passed(before)
        result = call(*arguments, **named)
        if after is not None:
            passed(after)
        return result

    return told


def _warm() -> None:
    """What every child would do first: compile the tables' expressions, fill the caches of the libraries."""
    ITEM_CHANGES.validate()
    FCT_ITEMS.validate()
    columns = ibis.schema({"id": "int32", "amount": "string", "mark": "timestamp(6)"})
    ibis.to_sql(change_rows(ITEM_CHANGES, bronze_table(ITEM_CHANGES, columns)), dialect="duckdb")


_warm()

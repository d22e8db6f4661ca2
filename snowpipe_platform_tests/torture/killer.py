"""Starts a run in a child process, changes the source while it runs, and kills it: SIGKILL, which nothing outlives."""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import NamedTuple

from snowpipe_platform_tests.torture import child
from snowpipe_platform_tests.torture.child import AtStep

IMPORTED_LATE = (
    "ibis.formats.pyarrow",
    "pyiceberg.io.pyarrow",
    "snowpipe_platform.backends.iceberg_commit",
    "sqlalchemy.dialects.sqlite",
    "sqlglot.dialects.duckdb",
    "sqlglot.dialects.snowflake",
)
"""What the platform imports where it is needed; every child would pay for it again."""
PATIENCE_SECONDS = 120.0
"""A run that is longer hangs."""


class AtMoment(NamedTuple):
    """After so much of the time that a run takes; it is at any place of its code then."""

    thousandths: int


AT_RANDOM = "at random"


@dataclass(frozen=True)
class Attempted:
    """How a run ended. killed: at which step, or AT_RANDOM; None when it went through. error: what went wrong."""

    killed: str | None
    error: str | None = None


class Killer:
    """Makes children from a fork server that has imported everything and opened nothing: a fresh interpreter takes
    seconds for what a child has from the start."""

    def __init__(self) -> None:
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([child.__name__, *IMPORTED_LATE])
        self._usual_seconds = 0.5
        """How long the last run took that went through."""

    def attempt(
        self, order: child.Order, kill: AtStep | AtMoment | None, *, meanwhile: Callable[[], None] = lambda: None
    ) -> Attempted:
        """Let a child carry the order out, unless it is killed first. `meanwhile` is called at every other stop."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=child.obey, args=(order, theirs), daemon=True)
        process.start()
        theirs.close()
        try:
            if isinstance(kill, AtMoment):
                return _until(process, ours, kill.thousandths / 1_000 * self._usual_seconds)
            return self._stop_by_stop(process, ours, kill, meanwhile)
        except BaseException:
            _end(process)
            raise
        finally:
            process.join()
            ours.close()

    def _stop_by_stop(
        self, process: ForkServerProcess, ours: Connection, kill: AtStep | None, meanwhile: Callable[[], None]
    ) -> Attempted:
        started = time.monotonic()
        while True:
            at, error = _heard(ours)
            if at == child.DONE:
                self._usual_seconds = time.monotonic() - started
                return Attempted(None, error)
            if at == kill:
                _end(process)
                return Attempted(at.step)
            meanwhile()
            ours.send(None)


def _until(process: ForkServerProcess, ours: Connection, seconds: float) -> Attempted:
    if ours.poll(seconds):
        _, error = ours.recv()
        return Attempted(None, error)
    _end(process)
    return Attempted(AT_RANDOM)


def _heard(ours: Connection) -> tuple[AtStep, str | None]:
    """The child's next word."""
    if not ours.poll(PATIENCE_SECONDS):
        raise TimeoutError("the child hangs")
    told: tuple[AtStep, str | None] = ours.recv()
    return told


def _end(process: ForkServerProcess) -> None:
    """SIGKILL, unless it is over."""
    if process.is_alive():
        process.kill()
    process.join()

"""A child process that ends itself with SIGKILL at a chosen step of what it writes, or stops there until it may go on.

for step in itertools.count(1):
    if not killed_at(step, work, folder):
        break  # the work has fewer steps, and is done
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from pyiceberg.io.pyarrow import PyArrowFile
from sqlalchemy.orm import Session

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.backends.sqlite_state import SqliteState

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload([__name__, "snowpipe_platform_tests.contracts.lake", "snowpipe_platform_tests.ledger"])

SWAP = (Session, "commit")
"""What makes a commit of the lake visible."""
VERIFIED = (SqliteState, "verify")
STEPS = ((DuckDBEngine, "session"), (PyArrowFile, "create"), SWAP)
REMOVAL = (Path, "unlink")


def killed_at(step: int, work: Callable[..., object], *args: Any, at: Sequence[tuple[type, str]] = STEPS) -> bool:
    """Whether a child was killed while it worked; else its work is done, in fewer steps. A step is after a call of a
    method, and for a swap also before."""
    child = FORK.Process(target=_work_until, args=(step, at, work, args))
    child.start()
    child.join()
    assert child.exitcode in (0, -signal.SIGKILL), "the child failed of itself"
    return child.exitcode != 0


def _work_until(step: int, at: Sequence[tuple[type, str]], work: Callable[..., object], args: Sequence[Any]) -> None:
    left = step

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for owner, name in at:
        _step(owner, name, count, is_before=(owner, name) == SWAP)
    work(*args)


def _step(owner: type, name: str, count: Callable[[], None], *, is_before: bool) -> None:
    method = getattr(owner, name)

    def counted(*args: Any, **kwargs: Any) -> Any:
        if is_before:
            count()
        result = method(*args, **kwargs)
        count()
        return result

    setattr(owner, name, counted)


class Child:
    """Work in another process; `result` is what it returned, or the error it raised."""

    def __init__(self, work: Callable[..., object], *args: Any) -> None:
        self._here, there = FORK.Pipe(duplex=False)
        self._process = FORK.Process(target=_tell, args=(there, work, args))
        self._process.start()
        there.close()

    def result(self) -> Any:
        told = self._here.recv()
        self._process.join()
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.is_alive():
            self._process.kill()
        self._process.join()


def _tell(there: Any, work: Callable[..., object], args: Sequence[Any]) -> None:
    try:
        there.send(work(*args))
    except Exception as error:  # noqa: BLE001 - the parent judges it
        there.send(error)


class Paused(Child):
    """A child that stops itself with SIGSTOP at the first call of a method, before or after it, until `go_on`."""

    def __init__(self, work: Callable[..., object], *args: Any, at: tuple[type, str], after: bool = False) -> None:
        self._stops, there = FORK.Pipe(duplex=False)
        super().__init__(_stop_in, there, at, after, work, args)
        there.close()

    def __enter__(self) -> Self:
        self._stops.recv()
        return self

    def go_on(self) -> Any:
        """Asked until it answers: the first signal may come before the child has stopped."""
        assert self._process.pid is not None
        while not self._here.poll(0.1):
            os.kill(self._process.pid, signal.SIGCONT)
        return self.result()


def _stop_in(there: Any, at: tuple[type, str], after: bool, work: Callable[..., object], args: Sequence[Any]) -> object:
    owner, name = at
    method, once = getattr(owner, name), [True]

    def stop() -> None:
        if once:
            once.clear()
            there.send("stops")
            os.kill(os.getpid(), signal.SIGSTOP)

    def stopping(*args: Any, **kwargs: Any) -> Any:
        if not after:
            stop()
        result = method(*args, **kwargs)
        stop()
        return result

    setattr(owner, name, stopping)
    return work(*args)

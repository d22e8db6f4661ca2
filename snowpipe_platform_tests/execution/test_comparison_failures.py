"""Break a comparison at every point: after one more, each tombstone and each row that is back is there once."""

import subprocess
import sys
import textwrap
from contextlib import suppress
from datetime import datetime

import pytest

from snowpipe_platform_tests.comparing import compared, last_landed, open_keys
from snowpipe_platform_tests.kit import Faulty, Killed

ORDERS = "CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP)"
NOON, LATER = datetime(2024, 3, 2, 12), datetime(2024, 3, 2, 13)
STEPS = {
    "before the clock": ("warehouse", "clock", 1, False),
    "before the keys": ("warehouse", "stream", 1, False),
    "before the rows": ("warehouse", "stream", 2, False),
    "before the first file": ("attempt", "write", 1, False),
    "between files": ("attempt", "write", 2, False),
    "after all files": ("attempt", "write", 2, True),
    "before the fencing check": ("state", "verify", 1, False),
    "before the manifest": ("bronze", "commit", 1, False),
    "after the manifest": ("bronze", "commit", 1, True),
}


@pytest.fixture
def world(make_world):
    """Orders 0 to 4; 4 was deleted and is back, 0 and 1 are gone since."""
    world = make_world(primary_key="id", batch_size=10, lookback="5d")
    world.source.run(
        ORDERS,
        "INSERT INTO orders SELECT i, TIMESTAMP '2024-03-01' + INTERVAL (i) MINUTE FROM range(5) r(i)",
        "CREATE TABLE kept AS SELECT * FROM orders",
    )
    world.run("2024-03-01")
    world.source.run("DELETE FROM orders WHERE id = 4")
    compared(world, "2024-03-02 11:00")
    world.source.run("INSERT INTO orders SELECT * FROM kept WHERE id = 4", "DELETE FROM orders WHERE id < 2")
    return world


class _FaultyAttempts:
    def __init__(self, inner, error, calls, *, after):
        self._inner, self._error, self._calls, self._after = inner, error, calls, after

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def begin(self, *args, **kwargs):
        also = {"discard": [1]} if isinstance(self._error, Killed) else {}
        return Faulty(self._inner.begin(*args, **kwargs), self._error, {**self._calls, **also}, after=self._after)


def break_at(world, step, error):
    part, method, call, after = STEPS[step]
    if part == "attempt":
        world.swap(bronze=_FaultyAttempts(world.ground.bronze, error, {method: [call]}, after=after))
    else:
        world.swap(**{part: Faulty(getattr(world.ground, part), error, {method: [call]}, after=after)})


@pytest.mark.case("A24")
@pytest.mark.case("A57")
@pytest.mark.parametrize("error", [OSError("disk full"), Killed()], ids=["error", "kill"])
@pytest.mark.parametrize("step", STEPS)
def test_after_a_failure_at_any_step_one_more_comparison_makes_the_rows_exact(world, step, error):
    whole = world.ground
    break_at(world, step, error)
    with suppress(OSError, Killed):
        compared(world, NOON)
    world.ground = whole
    compared(world, LATER)
    at = NOON if step == "after the manifest" else LATER
    assert last_landed(world) == [(0, "delete", at), (1, "delete", at), (4, "upsert", at)]
    assert len(world.manifests()) == 3
    assert world.files() == sorted(file["path"] for manifest in world.manifests() for file in manifest["files"])
    assert world.run("2024-03-02").manifest.rows_landed == 0
    assert open_keys(world) == [2, 3, 4]


def test_a_process_killed_for_real_leaves_its_lease_and_files_to_the_next_comparison(world):
    script = f"""
        import os, signal, sys
        from pathlib import Path
        from snowpipe_platform_tests.comparing import compared
        from snowpipe_platform_tests.kit import World, query, make_ground
        def kill(event, arguments):
            if event == "os.link" and "000000003.json" in str(arguments[1]):
                os.kill(os.getpid(), signal.SIGKILL)
        folder = Path({str(world.folder)!r})
        world = object.__new__(World)
        world.folder, world.query = folder, query(primary_key="id", batch_size=10, lookback="5d")
        world.ground = make_ground(folder, folder / "source.duckdb")
        world.source = type("Clockless", (), {{"set_clock": lambda self, now: None}})()
        sys.addaudithook(kill)
        compared(world, None)
    """
    world.source.set_clock(NOON)
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, capture_output=True)
    assert done.returncode == -9, done.stderr.decode()
    assert (len(world.manifests()), len(world.files())) == (2, 4)
    compared(world, LATER)
    assert (len(world.manifests()), len(world.files())) == (3, 4)
    assert open_keys(world) == [2, 3, 4]

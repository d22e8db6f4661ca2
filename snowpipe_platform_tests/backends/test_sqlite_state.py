import os
import socket
import sqlite3
import subprocess
import sys
import time

import pytest

from snowpipe_platform.backends import sqlite_state
from snowpipe_platform.backends.sqlite_state import LEASE_SECONDS, SqliteState
from snowpipe_platform.errors import LeaseHeldError
from snowpipe_platform_tests.contracts.state_store import DeadLettersContract, StateStoreContract


@pytest.fixture
def store(tmp_path):
    return SqliteState(tmp_path / "home" / "state.db")


class TestSqliteState(StateStoreContract):
    pass


class TestSqliteDeadLetters(DeadLettersContract):
    pass


def hold_as(store, **columns):
    """A lease as another holder left it."""
    with store._transaction() as database:
        values = {"holder": "other", "host": socket.gethostname(), "pid": os.getpid(), "expires_at": time.time() + 60}
        values |= {"resource": "x", "token": 4, "started": None} | columns
        names = ", ".join(values)
        database.execute(f"INSERT INTO leases ({names}) VALUES ({', '.join('?' * len(values))})", list(values.values()))


def takes_over(store):
    try:
        with store.lease("x", holder="me") as lease:
            return lease.token == 5
    except LeaseHeldError:
        return False


def test_the_lease_of_a_process_that_died_is_taken_over(store):
    script = (
        "import os, sys, pathlib; from snowpipe_platform.backends.sqlite_state import SqliteState\n"
        "with SqliteState(pathlib.Path(sys.argv[1])).lease('x', holder='dead'): os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", script, store._path], check=False)
    assert done.returncode == 9
    with store.lease("x", holder="me") as lease:
        assert lease.token == 2


@pytest.mark.parametrize(
    ("columns", "free"),
    [
        pytest.param({}, False, id="a process of this machine that runs"),
        pytest.param({"expires_at": 0.0}, False, id="a run of this machine that takes long"),
        pytest.param({"pid": 2**22 + 1}, True, id="a process that is gone"),
        pytest.param({"started": "1"}, True, id="a process id that was given out again"),
        pytest.param({"host": "elsewhere"}, False, id="another machine"),
        pytest.param({"host": "elsewhere", "expires_at": 0.0}, True, id="another machine, long ago"),
        pytest.param({"holder": None}, True, id="freed"),
    ],
)
def test_whose_lease_is_taken_over(store, columns, free):
    hold_as(store, **columns)
    assert takes_over(store) is free


def test_a_lease_on_another_machine_is_believed_for_an_hour(store):
    with store.lease("x", holder="me"):
        expires = sqlite3.connect(store._path)
        ((at,),) = expires.execute("SELECT expires_at FROM leases").fetchall()
        expires.close()
    assert 0 < at - time.time() <= LEASE_SECONDS


def test_where_the_system_does_not_tell_a_start_the_process_id_decides(store, monkeypatch):
    monkeypatch.setattr(sqlite_state, "_started", lambda _pid: None)
    hold_as(store)
    assert not takes_over(store)


def test_many_processes_may_open_a_new_state_at_once(store):
    script = (
        "import sys, pathlib; from snowpipe_platform.backends.sqlite_state import SqliteState\n"
        "SqliteState(pathlib.Path(sys.argv[1])).advance_watermark(sys.argv[2], expected=None, new='1')"
    )
    started = [subprocess.Popen([sys.executable, "-c", script, store._path, str(n)]) for n in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert [store.watermark(str(n)) for n in range(3)] == ["1", "1", "1"]

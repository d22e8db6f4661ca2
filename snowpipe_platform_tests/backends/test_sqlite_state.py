import os
import socket
import sqlite3
import subprocess
import sys
import time
from datetime import datetime

import pytest

from snowpipe_platform.backends import sqlite_file, sqlite_state
from snowpipe_platform.backends.sqlite_state import LEASE_SECONDS, SqliteState
from snowpipe_platform.errors import ConfigurationError, LakeError, LeaseHeldError
from snowpipe_platform.records import DeadLetter, HeldLease
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
        assert lease.holder == "me"


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


def test_a_damaged_file_says_what_deleting_it_loses(store):
    store.advance_watermark("q", expected=None, new="1")
    store._path.write_bytes(b"not a database" * 1000)
    with pytest.raises(LakeError) as told:
        store.watermark("q")
    assert str(told.value) == (
        f"{store._path} is not readable as the state store (file is not a database). "
        "Put it aside with 'snowpipe state rebuild': watermarks come back from the bronze log; waiting dead letters "
        "are lost."
    )


def test_a_damaged_page_found_in_the_middle_of_a_transaction_is_told_too(store):
    for n in range(300):
        store.put(DeadLetter(f"{n}", "rows", "q", "x" * 900, datetime(2024, 3, 1), {}))
    with store._path.open("r+b") as file:
        file.seek(4096 * 8)
        file.write(b"\xff" * 4096 * 20)
    with pytest.raises(LakeError, match="is not readable as the state store"):
        store.all()


def test_a_state_that_stays_locked_is_not_called_damaged(store, monkeypatch):
    store.put()
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_SECONDS", 0.0)
    with store._transaction(), pytest.raises(LakeError, match=r"was locked for 0 s\. Try again"):
        store.watermark("q")


def test_a_full_disk_does_not_ask_to_delete_the_state(store):
    def fill():
        with store._transaction() as database:
            database.execute("PRAGMA max_page_count = 1")
            database.execute("CREATE TABLE big AS SELECT randomblob(100000)")

    with pytest.raises(LakeError, match=r"cannot be read or written .*full") as told:
        fill()
    assert "Delete" not in str(told.value)


def test_a_home_that_cannot_be_made_names_the_folder_and_the_setting(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "home"
    with pytest.raises(ConfigurationError) as told:
        SqliteState(folder / "state.db").put()
    assert str(told.value) == (
        f"folder {folder} cannot be made or written (Not a directory). Set SNOWPIPE_HOME to a folder you may write."
    )


def test_a_state_that_cannot_be_opened_names_the_folder_and_the_setting(store):
    store._path.mkdir(parents=True)
    with pytest.raises(ConfigurationError, match=rf"{store._path.parent} .*unable to open.*SNOWPIPE_HOME"):
        store.watermark("q")


def test_looking_makes_no_file(store):
    assert (store.watermark("q"), store.leases(), store.all(), store.closed()) == (None, [], [], [])
    assert not store._path.parent.exists()


@pytest.mark.parametrize(("columns", "alive"), [({}, True), ({"pid": 2**22 + 1}, False)], ids=["runs", "gone"])
def test_a_lease_tells_who_holds_it_and_whether_it_runs(store, columns, alive):
    hold_as(store, **columns)
    pid = columns.get("pid", os.getpid())
    assert store.leases() == [HeldLease("x", "other", socket.gethostname(), pid, is_alive=alive)]


def test_a_run_that_outlives_its_store_cannot_write_under_the_next_ones_lease(store):
    with store.lease("x", holder="old") as old:
        store._path.write_bytes(b"not a database" * 1000)
        store.set_aside()
        with store.lease("x", holder="new") as new:
            store.verify(new)
            with pytest.raises(LeaseHeldError, match="another run took the lease over"):
                store.verify(old)

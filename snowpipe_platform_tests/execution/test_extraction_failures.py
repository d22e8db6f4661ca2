"""Failures, kills and retries: after one more run every row is in bronze once."""

import subprocess
import sys
import textwrap
from contextlib import suppress

import pytest
from tenacity import wait_none

from snowpipe_platform.backends import local_bronze
from snowpipe_platform.errors import ExtractionFailedError, LeaseHeldError, SourceError, TransientSourceError
from snowpipe_platform.execution.extraction import LONGEST_WAIT_SECONDS
from snowpipe_platform_tests.kit import Faulty, Killed, SmallBatches, moment

ORDERS = "CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP)"
LOST = TransientSourceError("the connection was reset")


@pytest.fixture(params=["id", None], ids=["with key", "without key"])
def world(request, make_world):
    world = make_world(primary_key=request.param, batch_size=10, lookback="1d")
    world.source.run(
        ORDERS, "INSERT INTO orders SELECT i, TIMESTAMP '2024-03-01' + INTERVAL (i) MINUTE FROM range(35) r(i)"
    )
    return world


STEPS = {
    "before the first file": ("attempt", "write", 1, False),
    "between files": ("attempt", "write", 3, False),
    "after all files": ("attempt", "write", 4, True),
    "before the manifest": ("bronze", "commit", 1, False),
    "after the manifest": ("bronze", "commit", 1, True),
    "before the watermark": ("state", "advance_watermark", 1, False),
    "after the watermark": ("state", "advance_watermark", 1, True),
}


class _BronzeWithFaultyAttempts:
    def __init__(self, inner, error, calls, *, after):
        self._inner, self._error, self._calls, self._after = inner, error, calls, after

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def begin(self, *args, **kwargs):
        attempt = self._inner.begin(*args, **kwargs)
        also = {"discard": [1]} if isinstance(self._error, Killed) else {}
        return Faulty(attempt, self._error, {**self._calls, **also}, after=self._after)


def break_at(world, step, error):
    part, method, call, after = STEPS[step]
    if part == "attempt":
        return world.swap(bronze=_BronzeWithFaultyAttempts(world.ground.bronze, error, {method: [call]}, after=after))
    return world.swap(**{part: Faulty(getattr(world.ground, part), error, {method: [call]}, after=after)})


@pytest.mark.case("A8")
@pytest.mark.case("A9")
@pytest.mark.case("A52")
@pytest.mark.parametrize("error", [OSError("disk full"), Killed()], ids=["error", "kill"])
@pytest.mark.parametrize("step", STEPS)
def test_after_a_failure_at_any_step_one_more_run_makes_the_rows_exact(world, step, error):
    whole = world.ground
    with suppress(OSError, Killed):
        break_at(world, step, error).run("2024-03-01", at="2024-03-01 12:00")
    world.ground = whole
    world.source.run("INSERT INTO orders VALUES (35, '2024-03-01 12:30')")
    world.run("2024-03-01", at="2024-03-01 13:00")
    assert world.column("id") == list(range(36))
    committed = sorted(file["path"] for manifest in world.manifests() for file in manifest["files"])
    assert world.files() == committed
    assert whole.state.watermark("orders") == "2024-03-01T13:00:00.000000"


@pytest.mark.case("A52")
def test_a_commit_whose_answer_was_lost_is_a_success(world):
    result = break_at(world, "after the manifest", OSError("time-out")).run("2024-03-01")
    assert result.manifest.rows_landed == 35
    assert world.ground.state.watermark("orders") is not None
    assert world.column("id") == list(range(35))


@pytest.mark.case("A9")
@pytest.mark.parametrize("where", ["part-00001", "000000001.json"])
def test_a_process_killed_for_real_leaves_its_lease_and_files_to_the_next_run(make_world, where):
    world = make_world(batch_size=10)
    world.source.run(ORDERS, "INSERT INTO orders SELECT i, '2024-03-01 10:00' FROM range(35) r(i)")
    world.source.set_clock("2024-03-02")
    script = f"""
        import os, signal, sys
        from pathlib import Path
        from snowpipe_platform_tests.kit import World, query, make_ground
        def kill(event, arguments):
            path = {{"open": 0, "os.link": 1}}.get(event)
            if path is not None and {where!r} in str(arguments[path]):
                os.kill(os.getpid(), signal.SIGKILL)
        folder = Path({str(world.folder)!r})
        world = object.__new__(World)
        world.folder, world.query = folder, query(batch_size=10)
        world.ground = make_ground(folder, folder / "source.duckdb")
        world.source = type("Clockless", (), {{"set_clock": lambda self, now: None}})()
        sys.addaudithook(kill)
        world.run("2024-03-01")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, capture_output=True)
    assert done.returncode == -9, done.stderr.decode()
    assert world.rows() == []
    assert world.files()
    world.run("2024-03-01")
    assert world.column("id") == list(range(35))
    assert len(world.files()) == 4


@pytest.mark.case("A13")
def test_bad_sql_is_one_attempt_and_one_error_that_names_the_query(make_world):
    world = make_world(sql="SELECT * FROM ordres WHERE updated_at > ?")
    world.source.run(ORDERS)
    counted = Faulty(world.ground.warehouse, LOST, {"schema": []})
    with pytest.raises(SourceError, match=r"query 'orders': .*ordres.* Did you mean \"orders\"") as raised:
        world.swap(warehouse=counted).run("2024-03-01")
    assert "\n" not in str(raised.value)
    assert counted.counts == {"schema": 1}
    (letter,) = world.ground.dead_letters.all()
    assert (letter.kind, letter.subject, dict(letter.request)["load_day"]) == ("extraction", "orders", "2024-03-01")


@pytest.mark.case("A13")
def test_a_source_that_is_not_there_names_the_query_and_the_place(make_world):
    world = make_world()
    path = world.source.path
    world.swap(warehouse=type(world.ground.warehouse)(path.with_name("gone.duckdb")))
    with pytest.raises(SourceError, match=r"query 'orders': warehouse .*gone\.duckdb does not exist"):
        world.run("2024-03-01")


@pytest.mark.case("A13")
def test_a_dropped_connection_is_retried(world):
    flaky = Faulty(world.ground.warehouse, LOST, {"stream": [1, 2]})
    notices = []
    result = world.swap(warehouse=flaky).run("2024-03-01", notice=notices.append)
    assert result.attempts == 3
    assert [notice[:31] for notice in notices] == ["query 'orders': attempt 1 faile", "query 'orders': attempt 2 faile"]
    assert world.column("id") == list(range(35))
    assert len(world.files()) == 4
    assert world.ground.dead_letters.all() == []


@pytest.mark.case("A13")
def test_waits_between_attempts_grow(world, monkeypatch):
    waits = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    flaky = Faulty(world.ground.warehouse, LOST, {"clock": [1, 2, 3]})
    world.swap(warehouse=flaky).run("2024-03-01", wait=None)
    assert len(waits) == 3
    assert waits == sorted(waits)
    assert waits[0] >= 1
    assert waits[-1] <= LONGEST_WAIT_SECONDS


@pytest.mark.case("A13")
def test_when_the_attempts_are_used_up_a_dead_letter_holds_the_request(world):
    whole = world.ground
    flaky = Faulty(whole.warehouse, LOST, {"stream": range(1, 99)}, batches_first=1)
    with pytest.raises(ExtractionFailedError, match="query 'orders': all 4 attempts failed") as raised:
        world.swap(warehouse=SmallBatches(flaky, 5)).run("2024-03-01")
    (letter,) = whole.dead_letters.all()
    assert letter.id == raised.value.dead_letter_id
    assert letter.error == "the connection was reset"
    assert (world.rows(), world.files(), whole.state.watermark("orders")) == ([], [], None)
    world.ground = whole
    world.run("2024-03-01")
    assert world.column("id") == list(range(35))


def test_a_later_success_of_the_same_day_takes_the_dead_letter_off_the_list(world):
    whole = world.ground
    world.swap(warehouse=Faulty(whole.warehouse, LOST, {"stream": range(1, 99)}))
    for day in ("2024-03-01", "2024-03-02"):
        with pytest.raises(ExtractionFailedError):
            world.run(day)
    world.ground = whole
    world.run("2024-03-01")
    (waiting,) = whole.dead_letters.all()
    (closed,) = whole.dead_letters.closed()
    assert (waiting.request["load_day"], closed.letter.request["load_day"]) == ("2024-03-02", "2024-03-01")
    assert (closed.closing.outcome, closed.closing.by) == ("done", "run-2024-03-01")


@pytest.mark.case("A50")
def test_a_connection_lost_while_an_earlier_row_is_deleted_shifts_nothing(world):
    small = SmallBatches(world.ground.warehouse, 10)
    delete = lambda: world.source.run("DELETE FROM orders WHERE id = 3")  # noqa: E731
    flaky = Faulty(small, LOST, {"stream": [1]}, batches_first=2, also=delete)
    result = world.swap(warehouse=flaky).run("2024-03-01")
    assert result.attempts == 2
    assert world.column("id") == [number for number in range(35) if number != 3]


def test_what_an_attempt_left_is_removed_by_the_next_run_and_nothing_else(world):
    world.run("2024-03-01")
    kept = world.files()
    left = world.bronze_folder / "orders/year=2024/month=03/day=02/extraction=20240302T000000-dead"
    left.mkdir(parents=True)
    (left / "part-00000.parquet").write_bytes(b"half")
    (world.bronze_folder / "orders/_log/.0123.draft").write_bytes(b"{")
    world.run("2024-03-01")
    assert world.files() == kept
    assert sorted(path.name for path in (world.bronze_folder / "orders/_log").iterdir()) == ["000000001.json"]
    assert not left.parent.exists()


def test_a_discard_that_fails_halfway_is_finished_by_the_next_run(world, monkeypatch):
    world.swap(warehouse=Faulty(world.ground.warehouse, ValueError("bug"), {"stream": [1]}, batches_first=1))
    with monkeypatch.context() as patched:
        patched.setattr(local_bronze, "_remove", lambda *_args: (_ for _ in ()).throw(PermissionError("busy")))
        with pytest.raises(ValueError, match="bug"):
            world.swap(warehouse=SmallBatches(world.ground.warehouse, 20)).run("2024-03-01")
    world.run("2024-03-01")
    assert world.column("id") == list(range(35))
    assert len(world.files()) == 4


def test_a_run_whose_lease_was_taken_over_commits_nothing(world):
    state = world.ground.state
    refused = LeaseHeldError("bronze/orders: taken over")
    with pytest.raises(LeaseHeldError):
        world.swap(state=Faulty(state, refused, {"verify": [1]})).run("2024-03-01")
    assert (world.manifests(), world.files()) == ([], [])


@pytest.mark.case("A8")
def test_the_watermark_is_rebuilt_from_the_log_when_the_state_is_lost(world):
    world.run("2024-03-01", at="2024-03-01 12:00")
    (world.folder / "state.db").unlink()
    world.source.run("INSERT INTO orders VALUES (35, '2024-03-01 12:30')")
    second = world.run("2024-03-01", at="2024-03-01 13:00")
    assert second.manifest.rows_landed == 1
    assert world.ground.state.watermark("orders") == "2024-03-01T13:00:00.000000"


@pytest.mark.case("A8")
def test_the_watermark_is_mended_by_a_run_that_lands_nothing(world):
    whole = world.ground
    with pytest.raises(OSError, match="disk full"):
        break_at(world, "before the watermark", OSError("disk full")).run("2024-03-01")
    assert whole.state.watermark("orders") is None
    world.ground = whole
    assert world.run("2024-03-01").manifest is None
    assert whole.state.watermark("orders") == "2024-03-02T00:00:00.000000"


@pytest.mark.case("A15")
def test_a_failure_says_nothing_of_the_rows_it_read(make_world):
    world = make_world(rules=[{"name": "no_card", "expression": "card IS NULL", "on_violation": "fail"}])
    world.source.run("CREATE TABLE orders (id INTEGER, card TEXT, updated_at TIMESTAMP)")
    world.source.insert("orders", [(1, "4111-1111", moment("2024-03-01"))])
    with pytest.raises(SourceError, match="1 rows break the rule 'no_card'") as raised:
        world.run("2024-03-01", wait=wait_none())
    (letter,) = world.ground.dead_letters.all()
    assert "4111" not in str(raised.value) + repr(letter)
    assert world.manifests() == []

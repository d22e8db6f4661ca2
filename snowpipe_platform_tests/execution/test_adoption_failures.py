"""Failures, kills and files that change: after one more run every row is in bronze once."""

import subprocess
import sys
import textwrap
from contextlib import suppress

import pytest

from snowpipe_platform.errors import CommitConflictError, LakeError, LeaseHeldError
from snowpipe_platform_tests.dropping import adopt, csv_text, drop, fates
from snowpipe_platform_tests.kit import Faulty, Killed

ROWS = [{"id": number, "updated_at": f"2024-03-01 10:{number:02}"} for number in range(35)]
CREATE = "CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP)"


@pytest.fixture
def world(make_world):
    return started(make_world(primary_key="id", batch_size=10, lookback="1d"))


@pytest.fixture(params=["id", None], ids=["with key", "without key"])
def either_world(request, make_world):
    return started(make_world(primary_key=request.param, batch_size=10, lookback="1d"))


def started(world):
    """Ten of the 35 rows of a dropped file were extracted."""
    world.source.run(CREATE)
    world.source.insert("orders", [tuple(row.values()) for row in ROWS[:10]])
    world.run("2024-03-01", at="2024-03-01 12:00")
    drop(world.bronze_folder, "orders", "a.csv", csv_text(ROWS))
    return world


STEPS = {
    "before the first file": ("attempt", "write", 1, False),
    "between files": ("attempt", "write", 2, False),
    "after all files": ("attempt", "write", 3, True),
    "before the lease is looked at": ("state", "verify", 1, False),
    "before the manifest": ("bronze", "commit", 1, False),
    "after the manifest": ("bronze", "commit", 1, True),
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


def committed(world):
    return sorted(file["path"] for manifest in world.manifests() for file in manifest["files"])


@pytest.mark.case("A9")
@pytest.mark.case("A52")
@pytest.mark.parametrize("error", [OSError("disk full"), Killed()], ids=["error", "kill"])
@pytest.mark.parametrize("step", STEPS)
def test_after_a_failure_at_any_step_one_more_run_makes_the_rows_exact(either_world, step, error):
    world, whole = either_world, either_world.ground
    with suppress(OSError, Killed):
        adopt(break_at(world, step, error), "a.csv")
    world.ground = whole
    adopt(world, "a.csv")
    assert world.column("id") == list(range(35))
    assert world.files() == committed(world)
    assert len([manifest for manifest in world.manifests() if manifest["kind"] == "arrival"]) == 1
    assert whole.dead_letters.all() == []


@pytest.mark.case("A52")
def test_a_commit_whose_answer_was_lost_is_a_success(world):
    result = adopt(break_at(world, "after the manifest", OSError("time-out")), "a.csv")
    assert fates(result) == {"a.csv": ("adopted", 25, 10)}


@pytest.mark.case("A9")
@pytest.mark.parametrize("where", ["part-00001", "000000001.json"])
def test_a_process_killed_for_real_leaves_its_lease_and_files_to_the_next_run(make_world, where):
    world = make_world(batch_size=10)
    world.source.run(CREATE)
    world.source.set_clock("2024-03-02")
    script = f"""
        import os, signal, sys
        from pathlib import Path
        from snowpipe_platform_tests.dropping import adopt, drop, parquet_bytes
        from snowpipe_platform_tests.kit import World, query, make_ground, moment
        def kill(event, arguments):
            path = {{"open": 0, "os.link": 1}}.get(event)
            if path is not None and {where!r} in str(arguments[path]):
                os.kill(os.getpid(), signal.SIGKILL)
        folder = Path({str(world.folder)!r})
        world = object.__new__(World)
        world.folder, world.query = folder, query(batch_size=10)
        world.ground = make_ground(folder, folder / "source.duckdb")
        rows = [{{"id": n, "updated_at": moment("2024-03-01 10:00")}} for n in range(35)]
        drop(folder / "bronze", "orders", "a.parquet", parquet_bytes(rows))
        sys.addaudithook(kill)
        adopt(world, "a.parquet")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, capture_output=True)
    assert done.returncode == -9, done.stderr.decode()
    assert world.rows() == []
    assert world.files()
    assert fates(adopt(world, "a.parquet")) == {"a.parquet": ("adopted", 35, 0)}
    assert world.column("id") == list(range(35))
    assert world.files() == committed(world)


def test_a_run_whose_lease_was_taken_over_commits_nothing(world):
    state, before = world.ground.state, world.files()
    refused = LeaseHeldError("bronze/orders: taken over")
    with pytest.raises(LeaseHeldError):
        adopt(world.swap(state=Faulty(state, refused, {"verify": [1]})), "a.csv")
    assert (len(world.manifests()), world.files()) == (1, before)
    assert world.ground.dead_letters.all() == []


def test_a_writer_that_lost_its_number_compares_again(either_world):
    """Somebody commits the rows 10 to 19 as number 2 in between."""
    world, whole = either_world, either_world.ground
    drop(world.bronze_folder, "orders", "b.csv", csv_text(ROWS[10:20]))
    other = lambda: fates(adopt(_without_lease(world, whole), "b.csv"))  # noqa: E731
    lost = CommitConflictError("number 2 is taken")
    world.swap(bronze=Faulty(whole.bronze, lost, {"commit": [1]}, also=other))
    assert fates(adopt(world, "a.csv")) == {"a.csv": ("adopted", 15, 20)}
    assert [manifest["number"] for manifest in world.manifests()] == [1, 2, 3]
    assert world.column("id") == list(range(35))


def _without_lease(world, ground):
    """The world as another machine sees it, which does not know of the lease."""
    other = object.__new__(type(world))
    other.folder, other.query, other.source = world.folder, world.query, world.source
    other.ground = ground
    return other.swap(state=type(ground.state)(world.folder / "other.db"))


class _Rewritten:
    """A store where somebody does something to the file when it is opened for the n-th time."""

    def __init__(self, inner, number, act):
        self._inner, self._number, self._act = inner, number, act

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def open_arrival(self, entity, path):
        self._number -= 1
        if self._number == 0:
            self._act()
        return self._inner.open_arrival(entity, path)


ACTS = {
    "written again": lambda world: drop(world.bronze_folder, "orders", "a.csv", csv_text(ROWS[:20])),
    "cut short": lambda world: drop(world.bronze_folder, "orders", "a.csv", csv_text(ROWS)[:-200]),
    "spoilt": lambda world: drop(world.bronze_folder, "orders", "a.csv", "nonsense"),
    "removed": lambda world: (world.bronze_folder / "orders/arrivals/a.csv").unlink(),
}


@pytest.mark.case("A20")
@pytest.mark.parametrize("opening", [1, 2, 3], ids=["proved", "watermarks", "landed"])
@pytest.mark.parametrize("act", ACTS)
def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_look(world, act, opening):
    whole, before = world.ground, world.files()
    world.swap(bronze=_Rewritten(whole.bronze, opening, lambda: ACTS[act](world)))
    assert fates(adopt(world, "a.csv")) == {"a.csv": ("changing", 0, 0)}
    world.ground = whole
    assert (world.files(), len(world.manifests()), whole.dead_letters.all()) == (before, 1, [])


@pytest.mark.parametrize("error", [LakeError("the disk"), OSError("no space left")])
def test_what_is_not_the_files_fault_ends_the_run_and_makes_no_dead_letter(world, error):
    world.swap(bronze=_BronzeWithFaultyAttempts(world.ground.bronze, error, {"write": [1]}, after=False))
    with pytest.raises(type(error)):
        adopt(world, "a.csv")
    assert world.ground.dead_letters.all() == []


def test_an_error_of_a_library_is_told_with_the_files_name(world):
    world.swap(bronze=Faulty(world.ground.bronze, ValueError("strange\n  bytes."), {"open_arrival": [1]}))
    (file,) = adopt(world, "a.csv").files
    told = "bronze/orders/arrivals/a.csv cannot be adopted: strange bytes. Mend the file and write it again."
    assert (str(file.error), world.ground.dead_letters.all()[0].error) == (told, told)


def test_a_link_that_leads_out_of_the_folder_is_refused_and_never_read(world):
    elsewhere = world.folder / "secret.csv"
    elsewhere.write_text(csv_text(ROWS))
    (world.bronze_folder / "orders/arrivals/link.csv").symlink_to(elsewhere)
    (file,) = adopt(world, "link.csv").files
    folder = world.bronze_folder / "orders/arrivals"
    told = f"{folder}/link.csv is a link to a file outside {folder}. Put the file itself there."
    assert (file.fate.value, str(file.error)) == ("failed", told)


def test_a_file_that_may_not_be_read_is_told_so(world, monkeypatch):
    refused = PermissionError(13, "Permission denied")
    world.swap(bronze=Faulty(world.ground.bronze, refused, {"open_arrival": [1]}))
    (file,) = adopt(world, "a.csv").files
    assert "a.csv cannot be read: Permission denied" in str(file.error)

"""Runs, held rows, rebuilds, two maintenances and readers in processes of their own, all on the same tables at once."""

import contextlib
import io
import json
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from snowpipe_platform.commands.project import Project
from snowpipe_platform.commands.sql import sql
from snowpipe_platform.errors import LeaseHeldError
from snowpipe_platform.execution.execute import run_table
from snowpipe_platform.execution.maintenance import UpkeepStatus
from snowpipe_platform.orchestration.loading import load_table
from snowpipe_platform.settings import Settings
from snowpipe_platform_tests.execution.test_execute import bad, good
from snowpipe_platform_tests.killing import FORK, Child
from snowpipe_platform_tests.ledger import Ledger
from snowpipe_platform_tests.upkeep import maintained, now, on_disk

CHANGED, FACTS = "silver/item_changes", "silver/fct_items"
KEYS = "abcde"
GRACE_SECONDS = 1.0
ROUNDS = 4


def persist(work):
    """Repeat what a lease refuses."""
    while True:
        with contextlib.suppress(LeaseHeldError):
            return work()


def land(ledger, day, *rows):
    with ledger.ground.state.lease("bronze/items", holder="extraction"):
        ledger.land(day, *rows)


def write_round(ledger, number):
    """All items change at once. In turns, bad rows of another day are held back, and published; or the facts are made
    anew."""
    persist(lambda: land(ledger, f"2024-03-0{number}", *(good(key, number, name=str(number)) for key in KEYS)))
    persist(lambda: ledger.run(CHANGED, f"2024-03-0{number}"))
    persist(lambda: ledger.run(FACTS, rebuild=number % 3 == 0))
    day = f"2024-04-0{(number + 1) // 2}"
    if number % 2:
        persist(lambda: land(ledger, day, bad("x", number), bad("y", number)))
        assert not persist(lambda: ledger.run(CHANGED, day)).published
    else:
        request = replace(ledger.request(CHANGED, day), override="as they are")
        assert persist(lambda: run_table(request, ledger.ground)).published


def write_all(turn, folder):
    """Both maintenances begin with each round."""
    ledger = Ledger(folder)
    for number in range(2, ROUNDS + 1):
        for _ in range(2):
            turn.release()
        write_round(ledger, number)


def maintain_until(stop, turn, folder):
    """Files removed, tables skipped, and what went wrong."""
    ledger, removed, skipped, wrong = Ledger(folder), 0, 0, []
    while not stop.is_set():
        if not turn.acquire(timeout=0.1):
            continue
        ages = {"at": now(), "older_than": timedelta(0), "grace": timedelta(seconds=GRACE_SECONDS)}
        for one in maintained(ledger.ground, CHANGED, FACTS, "bronze/items", **ages).values():
            removed, skipped = removed + one.removed, skipped + (one.status is UpkeepStatus.SKIPPED)
            wrong += [one.note] if one.status is UpkeepStatus.FAILED else []
    return removed, skipped, wrong


def by_sql(project):
    with contextlib.redirect_stdout(io.StringIO()) as told:
        sql(project, "SELECT name FROM silver.fct_items", limit=None, form="json")
    return [row["name"] for row in json.loads(told.getvalue())["rows"]]


def by_load_input(project):
    return load_table(FACTS, project.ground).execute()["name"].tolist()


def of_changes(project):
    """The newest round of the history: each round is whole."""
    rows = load_table(CHANGED, project.ground).select("name").execute()["name"].tolist()
    assert len(rows) == len(KEYS) * len(set(rows)), rows
    return rows if len(set(rows)) == 1 else [max(rows, key=int)] * len(KEYS)


def read_until(stop, folder):
    """Rounds seen by each way to read, and what was no whole state. Who reads for longer than the grace period may miss
    a file."""
    ledger = Ledger(folder)
    project = Project(Settings(home=folder, warehouse=folder / "none"), ledger.pipeline, ledger.ground)
    seen, wrong = {read: [] for read in (by_sql, by_load_input, of_changes)}, []
    while not stop.is_set():
        for read, rounds in seen.items():
            began = time.monotonic()
            try:
                names = read(project)
            except Exception as error:  # noqa: BLE001 - any error is a finding
                wrong += [repr(error)] if time.monotonic() - began < GRACE_SECONDS else []
                continue
            wrong += [] if len(names) == len(KEYS) and len(set(names)) == 1 else [f"{read.__name__}: {names}"]
            rounds.append(int(names[0]))
    return list(seen.values()), wrong


@pytest.mark.case("A16")
@pytest.mark.case("A19")
def test_readers_see_whole_states_only_while_runs_rebuilds_and_two_maintenances_go_on(tmp_path):
    ledger, stop, turn = Ledger(tmp_path), FORK.Event(), FORK.Semaphore(0)
    write_round(ledger, 1)
    with contextlib.ExitStack() as children:
        reader = children.enter_context(Child(read_until, stop, tmp_path))
        keepers = [children.enter_context(Child(maintain_until, stop, turn, tmp_path)) for _ in range(2)]
        writer = children.enter_context(Child(write_all, turn, tmp_path))
        assert writer.result() is None
        stop.set()
        seen, wrong = reader.result()
        kept = [keeper.result() for keeper in keepers]
    assert (wrong, [each[2] for each in kept]) == ([], [[], []])
    assert all(rounds and rounds == sorted(rounds) for rounds in seen)
    assert sum(removed for removed, _, _ in kept) > 0, "files were removed while others read"
    assert [row[0] for row in ledger.rows(FACTS, "name")] == [str(ROUNDS)] * len(KEYS)
    assert ledger.rows(CHANGED, "change_status, count(*)", where="true GROUP BY 1") == [
        ("quarantined", ROUNDS),
        ("valid", ROUNDS * len(KEYS)),
    ]
    assert ledger.ground.lake.held(CHANGED) == {}
    for _ in range(2):
        maintained(ledger.ground, CHANGED, FACTS)
    assert [on_disk(ledger.ground, name) == set(ledger.paths(name)) for name in (CHANGED, FACTS)] == [True, True]

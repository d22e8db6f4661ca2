"""Runs of one table in several processes: one writes, the others are told who does, and are repeated."""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from snowpipe_platform.backends.iceberg_lake import IcebergLake
from snowpipe_platform.backends.sqlite_state import SqliteState
from snowpipe_platform.errors import CommitConflictError, LeaseHeldError
from snowpipe_platform.execution.execute import run_table
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform_tests.execution.test_execute import bad, files_ever_committed, files_on_disk, good, tolerant
from snowpipe_platform_tests.killing import SWAP, VERIFIED, Paused, killed_at
from snowpipe_platform_tests.ledger import CHANGES, DIM, FCT, Ledger
from snowpipe_platform_tests.upkeep import maintained, now

CHANGED = "silver/item_changes"
DAY = "2024-03-01"


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def run_in(folder, run_id):
    """New rows of the table, as another process counts them."""
    ledger = Ledger(folder)
    request = replace(ledger.request(CHANGED), identity=RunIdentity(run_id=run_id, job="test"))
    return run_table(request, ledger.ground).new


def publish_in(folder):
    ledger = Ledger(folder)
    ledger.use(replace(CHANGES, contract=tolerant(1.0)), DIM, FCT)
    ledger.run(CHANGED, DAY)


def ids(ledger):
    return [row[0] for row in ledger.rows(CHANGED, "id")]


def take_leases_elsewhere(folder):
    """As if the holder were on another machine and had not been heard of for an hour."""
    with closing(sqlite3.connect(folder / "state.db")) as database, database:
        database.execute("UPDATE leases SET host = 'elsewhere', expires_at = 0")


@pytest.mark.case("A16")
def test_a_run_killed_while_it_publishes_what_was_held_leaves_the_day_held_or_not_at_all(ledger):
    """A day that stays held for ever once its rows are published would block everything that reads the table."""
    ledger.land(DAY, bad("a"), bad("b"))
    assert not ledger.run(CHANGED, DAY).published
    found = []
    while killed_at(1 + len(found), publish_in, ledger.folder, at=(VERIFIED, SWAP)):
        is_there = ledger.ground.lake.state(CHANGED) is not None
        assert is_there is (ledger.ground.lake.held(CHANGED) == {})
        found.append(is_there)
        if is_there:
            break
    assert found == [False, False, True], "verified, before the swap, after it"
    publish_in(ledger.folder)
    assert (ids(ledger), ledger.ground.lake.held(CHANGED)) == (["a", "b"], {})
    assert ledger.run("silver/fct_items").committed


@pytest.mark.case("A18")
def test_a_run_is_refused_while_another_process_writes_and_its_repetition_does_the_work(ledger):
    ledger.land(DAY, good("a"))
    with Paused(run_in, ledger.folder, "first", at=SWAP) as first:
        ledger.land(DAY, good("b"))
        with pytest.raises(LeaseHeldError) as told:
            run_in(ledger.folder, "second")
        (held,) = ledger.ground.state.leases()
        assert (held.holder, held.is_alive) == ("first", True), "a process that is stopped may go on"
        assert held.pid != os.getpid()
        assert str(told.value) == (
            f"{CHANGED}: run first (process {held.pid} on {held.host}) is writing it. Try again when it is done."
        )
        assert maintained(ledger.ground, CHANGED)[CHANGED].status == "skipped"
        assert first.go_on() == 1
    assert run_in(ledger.folder, "second") == 1
    assert ids(ledger) == ["a", "b"]


PAUSES = {
    "before the fencing check": ((SqliteState, "verify"), False, LeaseHeldError),
    "after the fencing check": ((SqliteState, "verify"), True, CommitConflictError),
    "before the table is read for the commit": ((IcebergLake, "_refuse_stale"), False, CommitConflictError),
    "between the catalog's own check and the swap": (
        (SqlCatalog, "_update_and_stage_table"),
        True,
        CommitConflictError,
    ),
}


@pytest.mark.case("A18")
@pytest.mark.parametrize("where", PAUSES)
def test_who_comes_back_after_the_lease_was_taken_over_is_refused_wherever_he_was(ledger, where):
    """Between the fencing check and the swap nothing asks for the lease. The state that the commit was computed from
    stands in for it: it has to be the table's in the moment of the swap."""
    at, is_after, error = PAUSES[where]
    ledger.land(DAY, good("a"))
    assert run_in(ledger.folder, "earlier") == 1
    ledger.land(DAY, good("b"))
    with Paused(run_in, ledger.folder, "slow", at=at, after=is_after) as slow:
        take_leases_elsewhere(ledger.folder)
        ledger.land(DAY, good("c"))
        assert run_in(ledger.folder, "next") == 2
        told = slow.go_on()
    assert type(told) is error, told
    assert ids(ledger) == ["a", "b", "c"]
    assert run_in(ledger.folder, "slow again") == 0
    assert files_on_disk(ledger, CHANGED) == files_ever_committed(ledger, CHANGED), "the slow one's files are gone"


@pytest.mark.case("A18")
def test_who_comes_back_lands_where_the_next_holder_committed_nothing(ledger):
    """What it computed is what anybody would compute now; its files are younger than the grace period."""
    ledger.land(DAY, good("a"))
    with Paused(run_in, ledger.folder, "slow", at=VERIFIED, after=True) as slow:
        take_leases_elsewhere(ledger.folder)
        assert maintained(ledger.ground, CHANGED, at=now())[CHANGED].removed == 0
        assert slow.go_on() == 1
    assert ids(ledger) == ["a"]
    assert run_in(ledger.folder, "next") == 0

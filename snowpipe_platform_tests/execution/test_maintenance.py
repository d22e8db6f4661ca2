"""Maintenance of tables that a flow keeps: nothing is lost, nothing is consumed twice, nothing a reader needs goes."""

import json
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandera.ibis as pa
import pytest

from snowpipe_platform.backends.iceberg_commit import Change, write_rewrite
from snowpipe_platform.errors import LakeError, LeaseHeldError
from snowpipe_platform.execution.execute import run_table
from snowpipe_platform.execution.maintenance import UpkeepStatus
from snowpipe_platform.orchestration.pending import unconsumed
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform_tests.execution.test_execute import bad, good, roll_back
from snowpipe_platform_tests.kit import Faulty, Killed
from snowpipe_platform_tests.ledger import CHANGES, DIM, FCT, Ledger
from snowpipe_platform_tests.upkeep import Meddling, maintained, next_month, now, on_disk, rows_of

CHANGED, VERSIONS, FACTS = "silver/item_changes", "silver/dim_items", "silver/fct_items"
TABLES = (CHANGED, VERSIONS, FACTS)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder of a ledger with six commits of changes, each consumed, and a copy of it as it was."""
    folder = tmp_path_factory.mktemp("busy")
    ledger = Ledger(folder / "home")
    for day in range(1, 7):
        ledger.land(f"2024-03-0{day}", good("a", day, name=str(day)), good(f"b{day}", day))
        ledger.run_all()
    return folder / "home", Path(shutil.copytree(folder / "home", folder / "copy"))


@pytest.fixture
def busy(built):
    """Put back where it was: Iceberg's paths are absolute."""
    home, copy = built
    shutil.rmtree(home)
    shutil.copytree(copy, home)
    return Ledger(home)


def states(ledger):
    return {name: ledger.ground.lake.state(name) for name in TABLES}


def all_rows(ledger):
    return {name: ledger.rows(name) for name in TABLES}


def counts(one):
    return one.files_before, one.files_after, one.snapshots_before, one.snapshots_after


# --- what is done


def test_small_files_become_one_and_the_rows_are_the_same(busy):
    before, rows = states(busy), all_rows(busy)
    done = maintained(busy.ground, *TABLES, at=now())
    assert {one.status for one in done.values()} == {"ok"}
    assert counts(done[CHANGED]) == (6, 1, 6, 7)
    assert [len(busy.paths(name)) for name in TABLES] == [done[name].files_after for name in TABLES]
    assert all_rows(busy) == rows
    after = states(busy)
    assert {n: (s.number, s.commit_id) for n, s in after.items()} == {
        n: (s.number, s.commit_id) for n, s in before.items()
    }
    assert maintained(busy.ground, CHANGED, at=now())[CHANGED].status is UpkeepStatus.UNCHANGED


def test_valid_and_quarantined_rows_stay_in_files_of_their_own(ledger):
    for day in range(1, 7):
        ledger.land(f"2024-03-0{day}", good("a", day), good("c", day), bad("b", day))
        ledger.run(CHANGED)
    rows = ledger.rows(CHANGED)
    assert counts(maintained(ledger.ground, CHANGED)[CHANGED])[:2] == (12, 2)
    assert ledger.rows(CHANGED) == rows
    lake, state = ledger.ground.lake, ledger.ground.lake.state(CHANGED)
    for status, expected in {"valid": 12, "quarantined": 6}.items():
        (file,) = lake.files(CHANGED, snapshot_id=state.snapshot_id, where={"change_status": status})
        assert (file.rows, file.partition) == (expected, (("change_status", status),))


def test_old_snapshots_go_with_the_files_that_only_they_had(busy):
    rows = all_rows(busy)
    maintained(busy.ground, *TABLES)
    again = maintained(busy.ground, *TABLES)
    for name in TABLES:
        assert again[name].snapshots_after == len(busy.ground.lake.snapshots(name)) == 1
        assert on_disk(busy.ground, name) == set(busy.paths(name))
        assert again[name].orphans == 0
    assert all_rows(busy) == rows
    assert {one.status for one in maintained(busy.ground, *TABLES).values()} == {"unchanged"}


def test_what_maintenance_itself_replaces_is_there_to_read_until_the_next(busy):
    """A reader may have planned its files a moment before, however old the state is that it reads."""
    before = busy.ground.lake.state(CHANGED)
    rows = rows_of(busy.ground, before)
    maintained(busy.ground, CHANGED, older_than=timedelta(0), grace=timedelta(0), at=now())
    assert busy.ground.lake.state(CHANGED).snapshot_id != before.snapshot_id
    assert rows_of(busy.ground, before) == rows


def test_time_travel_to_what_is_retained_works_and_older_states_are_named(busy):
    history = busy.ground.lake.history(CHANGED)
    rows = [rows_of(busy.ground, state) for state in history]
    fourth_was_left = history[4].committed_at
    maintained(busy.ground, CHANGED, older_than=timedelta(0), grace=timedelta(0), at=fourth_was_left)
    kept = [state.number for state in busy.ground.lake.history(CHANGED)]
    assert kept == [4, 5, 6]
    assert [rows_of(busy.ground, state) for state in history[3:]] == rows[3:]
    with pytest.raises(LakeError, match="is gone; it was expired"):
        rows_of(busy.ground, history[2])


def test_files_of_a_killed_run_are_removed_once_they_are_old(busy):
    before = on_disk(busy.ground, CHANGED)
    busy.land("2024-03-09", good("z", 9))
    with pytest.raises(Killed):
        busy.run(
            CHANGED,
            state=Faulty(busy.ground.state, Killed(), {"verify": [1]}),
            lake=Faulty(busy.ground.lake, Killed(), {"discard": [1]}),
        )
    lost = on_disk(busy.ground, CHANGED) - before
    assert len(lost) == 1
    assert maintained(busy.ground, CHANGED, at=now())[CHANGED].orphans == 0, "younger than the grace period"
    assert lost <= on_disk(busy.ground, CHANGED)
    assert maintained(busy.ground, CHANGED)[CHANGED].orphans == 1
    assert not lost & on_disk(busy.ground, CHANGED)
    assert busy.run(CHANGED).new == 1


def test_a_dry_run_says_what_a_run_does_and_does_nothing(busy):
    busy.ground.bronze.begin("items", folder="", extraction_id="dead", file_format="parquet")
    dead = busy.folder / "bronze" / "items" / "extraction=dead"
    dead.mkdir()
    (dead / "part-00000.parquet").write_bytes(b"12345")
    everything = ("bronze/items", *TABLES)
    at, files = next_month(), sorted(path for path in busy.folder.rglob("*") if "state.db" not in path.name)
    planned = maintained(busy.ground, *everything, at=at, is_dry=True)
    assert sorted(path for path in busy.folder.rglob("*") if "state.db" not in path.name) == files
    assert {one.status for one in planned.values()} == {"planned"}
    done = maintained(busy.ground, *everything, at=at)
    for name in everything:
        assert counts(planned[name]) == counts(done[name])
        for key in ("orphans", "removed", "freed_bytes"):
            assert getattr(planned[name], key) == getattr(done[name], key), (name, key)
    assert (done["bronze/items"].orphans, done["bronze/items"].freed_bytes, dead.exists()) == (1, 5, False)
    assert len(busy.ground.lake.snapshots(CHANGED)) == done[CHANGED].snapshots_after


def test_what_bronze_has_committed_is_never_touched(busy):
    files = sorted((busy.folder / "bronze").rglob("*"))
    done = maintained(busy.ground, "bronze/items")["bronze/items"]
    assert (done.status, done.files_before, done.snapshots_before) == ("unchanged", 6, None)
    assert sorted((busy.folder / "bronze").rglob("*")) == files


def test_a_table_that_never_ran_is_left_alone(ledger):
    done = maintained(ledger.ground, CHANGED, "bronze/items")
    assert [(one.status, one.note) for one in done.values()] == [("unchanged", "never run"), ("unchanged", "")]


def test_an_error_ends_its_table_only(busy):
    lake = Faulty(busy.ground.lake, RuntimeError("damaged"), {"snapshots": [2]})
    done = maintained(busy.swap(lake=lake), *TABLES)
    assert {name: one.status for name, one in done.items()} == {CHANGED: "ok", VERSIONS: "FAILED", FACTS: "ok"}
    assert done[VERSIONS].note == "damaged"


def test_nothing_goes_while_a_table_cannot_say_what_it_has_consumed(busy):
    for path in on_disk(busy.ground, FACTS, "*.metadata.json"):
        Path(path).write_text("{")
    snapshots = busy.ground.lake.snapshots(CHANGED)
    assert maintained(busy.ground, CHANGED)[CHANGED].status is UpkeepStatus.FAILED
    assert busy.ground.lake.snapshots(CHANGED) == snapshots


# --- what is consumed


@pytest.mark.case("A53")
@pytest.mark.parametrize("compact", ["maintenance", "another tool"])
def test_a_compaction_makes_nothing_downstream_stale(busy, compact):
    commits = {name: state.commit_id for name, state in states(busy).items()}
    if compact == "maintenance":
        maintained(busy.ground, *TABLES)
    else:
        for name in TABLES:
            compact_in(busy, name)
    assert list(unconsumed(busy.pipeline, busy.ground)) == []
    assert [busy.run(name).plan.operation for name in TABLES] == ["nothing"] * 3
    assert {name: state.commit_id for name, state in states(busy).items()} == commits


def compact_in(ledger, name):
    write_rewrite(ledger.opened(name), Change(remove=(), add=(), properties={}))


def test_what_another_tool_edits_does_reach_the_tables_downstream(busy):
    busy.opened(CHANGED).delete("id = 'b3'")
    assert [pending.name for pending in unconsumed(busy.pipeline, busy.ground)] == [VERSIONS, FACTS]
    busy.run_all()
    assert [row[0] for row in busy.rows(FACTS, "id")] == ["a", "b1", "b2", "b4", "b5", "b6"]
    maintained(busy.ground, *TABLES)
    assert list(unconsumed(busy.pipeline, busy.ground)) == []


@pytest.mark.case("A53")
def test_after_maintenance_and_the_expiry_of_every_other_snapshot_nothing_is_consumed_twice_or_lost(busy):
    rows = all_rows(busy)
    maintained(busy.ground, *TABLES)
    for name in TABLES:
        busy.expire_old(name)
    assert [busy.run(name).plan.operation for name in TABLES] == ["nothing"] * 3
    busy.land("2024-03-09", good("a", 9, name="9"))
    results = [busy.run(name) for name in TABLES]
    assert [result.plan.operation for result in results] == ["append", "replace_touched", "replace_touched"]
    assert len(busy.rows(CHANGED)) == len(rows[CHANGED]) + 1
    assert busy.rows(VERSIONS, where="id <> 'a'") == [row for row in rows[VERSIONS] if row[0] != "a"]
    assert [row[:2] for row in busy.rows(FACTS, where="id = 'a'")] == [("a", "9")]


@pytest.mark.case("A53")
def test_what_a_table_downstream_compares_with_is_kept_however_old_it_is(busy):
    for day in (7, 8):
        busy.land(f"2024-03-0{day}", good("a", day, name=str(day)))
        busy.run(CHANGED)
    lake = busy.ground.lake
    sixth, eighth = (state.commit_id for state in lake.history(CHANGED)[5::2])
    for _ in range(2):
        maintained(busy.ground, CHANGED)
    assert [one.content_id for one in lake.snapshots(CHANGED)] == [sixth, eighth]
    assert busy.run(VERSIONS).plan.operation == "replace_touched"
    maintained(busy.ground, CHANGED)
    assert [one.content_id for one in lake.snapshots(CHANGED)] == [sixth, eighth], "another table still needs it"
    busy.run(FACTS)
    maintained(busy.ground, CHANGED)
    assert [one.content_id for one in lake.snapshots(CHANGED)] == [eighth]


def test_a_run_after_maintenance_compares_with_the_merged_files(busy):
    """With the small ones, it would read the whole table twice to find the rows of one day."""
    maintained(busy.ground, CHANGED)
    busy.land("2024-03-09", good("n", 9))
    busy.run(CHANGED)
    (changed,) = [rows for name, rows in busy.run(VERSIONS).plan.sources.items() if name.endswith("#changed")]
    assert (changed.before.paths, len(changed.after.paths)) == ((), 1)


def test_records_from_before_commits_were_kept_still_count(busy, monkeypatch):
    """They name a snapshot only; after a compaction the table is compared once more, and no row changes."""

    def old_form(consumption):
        commits = {name: [str(c.snapshot_id), c.number] for name, c in consumption.commits.items()}
        manifests = dict.fromkeys(consumption.manifests, "1-7")
        return json.dumps({"manifests": manifests, "commits": commits})

    with monkeypatch.context() as before:
        before.setattr(Consumption, "encode", old_form)
        busy.land("2024-03-09", good("z", 9))
        busy.run_all()
    assert json.loads(busy.ground.lake.state(VERSIONS).properties[CONSUMED_PROPERTY])["commits"][CHANGED][1] == 7
    rows = all_rows(busy)
    assert [busy.run(name).plan.operation for name in TABLES] == ["nothing"] * 3
    for _ in range(2):
        maintained(busy.ground, *TABLES)
    assert busy.run(VERSIONS).plan.operation == "replace_touched"
    assert busy.run(VERSIONS).plan.operation == "nothing"
    assert all_rows(busy) == rows


def test_another_tools_snapshot_is_given_our_record_before_that_tool_expires_it(busy):
    for name in TABLES:
        compact_in(busy, name)
    assert {one.status for one in maintained(busy.ground, *TABLES, at=now()).values()} == {"ok"}
    for name in TABLES:
        busy.expire_old(name)
    assert [busy.run(name).plan.operation for name in TABLES] == ["nothing"] * 3


@pytest.mark.case("A53")
def test_a_record_that_another_tool_expired_is_missed_before_anything_is_consumed_twice(busy):
    compact_in(busy, CHANGED)
    busy.expire_old(CHANGED)
    rows = busy.rows(CHANGED)
    with pytest.raises(LakeError, match=rf"{CHANGED}: another tool expired .* snowpipe run {CHANGED} --rebuild"):
        busy.run(CHANGED)
    assert maintained(busy.ground, CHANGED)[CHANGED].status is UpkeepStatus.FAILED
    assert busy.rows(CHANGED) == rows
    busy.run(CHANGED, rebuild=True)
    assert busy.rows(CHANGED) == rows
    assert not busy.run(CHANGED).committed


# --- what is held, rolled back, evolved


def test_held_rows_and_the_files_they_share_with_the_table_survive(busy):
    busy.land("2024-03-09", bad("c", 9), bad("d", 9))
    assert busy.run(CHANGED, "2024-03-09").held_on == "held-2024-03-09"
    (held,) = busy.ground.lake.held(CHANGED).values()
    rows, files = rows_of(busy.ground, held), busy.paths(CHANGED)
    for _ in range(2):
        done = maintained(busy.ground, *TABLES)
    assert done[CHANGED].note == "small files stay while held rows need them"
    assert (busy.ground.lake.held(CHANGED), busy.paths(CHANGED)) == ({"held-2024-03-09": held}, files)
    assert rows_of(busy.ground, held) == rows
    run_table(replace(busy.request(CHANGED, "2024-03-09"), override="as they are"), busy.ground)
    assert busy.ground.lake.held(CHANGED) == {}
    busy.run_all()
    for _ in range(2):
        maintained(busy.ground, CHANGED)
    assert on_disk(busy.ground, CHANGED) == set(busy.paths(CHANGED))
    assert len(busy.paths(CHANGED)) == 2, "accepted rows and quarantined ones"


def test_files_that_came_after_held_rows_are_merged(ledger):
    ledger.land("2024-03-01", bad("c", 1), bad("d", 1))
    assert not ledger.run(CHANGED, "2024-03-01").published
    for day in range(2, 8):
        ledger.land(f"2024-03-0{day}", good("a", day))
        ledger.run(CHANGED, f"2024-03-0{day}")
    rows = ledger.rows(CHANGED)
    assert counts(maintained(ledger.ground, CHANGED)[CHANGED])[:2] == (6, 1)
    assert ledger.rows(CHANGED) == rows
    assert len(rows_of(ledger.ground, ledger.ground.lake.held(CHANGED)["held-2024-03-01"])) == 2


@pytest.mark.case("A53")
def test_what_a_table_was_rolled_back_from_is_there_for_as_long_as_any_state(busy):
    newest = busy.ground.lake.state(CHANGED)
    rows, files = rows_of(busy.ground, newest), busy.paths(CHANGED)
    roll_back(busy, CHANGED)
    maintained(busy.ground, *TABLES, at=now())
    assert rows_of(busy.ground, newest) == rows
    for _ in range(2):
        maintained(busy.ground, *TABLES)
    assert rows_of(busy.ground, newest) == rows, "the tables downstream have consumed it"
    busy.run_all()
    for _ in range(2):
        maintained(busy.ground, *TABLES)
    assert not on_disk(busy.ground, CHANGED) & set(files)
    assert busy.rows(CHANGED) == rows
    assert len(busy.rows(FACTS)) == 7


def test_files_from_before_a_column_was_added_are_merged_with_those_after(busy):
    widened = {**busy.columns, "colour": "string"}
    more = type("Wide", (CHANGES.contract,), {"__annotations__": {"colour": str}, "colour": pa.Field(nullable=True)})
    busy.use(replace(CHANGES, contract=more), DIM, FCT)
    busy.land("2024-03-09", good("z", 9, colour="red"), columns=widened)
    busy.run(CHANGED)
    rows = busy.rows(CHANGED, "id, name, colour, changed_at")
    assert counts(maintained(busy.ground, CHANGED)[CHANGED])[:2] == (7, 1)
    assert busy.rows(CHANGED, "id, name, colour, changed_at") == rows
    assert [row[2] for row in rows if row[2]] == ["red"]


def test_a_table_whose_column_another_tool_renamed_keeps_its_files_and_the_rest_is_done(busy):
    busy.opened(FACTS).update_schema().rename_column("name", "title").commit()
    files = len(busy.paths(FACTS))
    done = maintained(busy.ground, FACTS)[FACTS]
    assert done.snapshots_after < done.snapshots_before
    assert len(busy.paths(FACTS)) == files
    assert (done.status, "renamed" in done.note) == ("ok", files > 4)


# --- crashes and other writers


def test_a_table_that_a_run_is_writing_is_skipped_and_said_so(busy):
    rows, snapshots = busy.rows(CHANGED), busy.ground.lake.snapshots(CHANGED)
    with busy.ground.state.lease(CHANGED, holder="a run"), busy.ground.state.lease("bronze/items", holder="a run"):
        done = maintained(busy.ground, "bronze/items", *TABLES)
    assert {name: one.status for name, one in done.items() if one.status == "skipped"}.keys() == {
        "bronze/items",
        CHANGED,
    }
    assert "run a run" in done[CHANGED].note
    assert (busy.rows(CHANGED), busy.ground.lake.snapshots(CHANGED)) == (rows, snapshots)
    assert maintained(busy.ground, CHANGED)[CHANGED].status == "ok"


@pytest.mark.case("A18")
def test_a_commit_that_ignores_the_lease_wins_and_the_compaction_is_given_up(busy):
    def rival():
        busy.opened(CHANGED).delete("id = 'b1'")

    before = on_disk(busy.ground, CHANGED)
    ground = busy.swap(engine=Meddling(busy.ground.engine, "session", rival))
    done = maintained(ground, CHANGED)[CHANGED]
    assert (done.status, done.note) == (
        "skipped",
        f"{CHANGED}: another run committed first; nothing of this one was written. Run it again.",
    )
    assert len(on_disk(busy.ground, CHANGED) - before) <= 1, "the merged files are gone, the other tool's stays"
    assert len(busy.rows(CHANGED)) == 11
    assert maintained(busy.ground, CHANGED)[CHANGED].status == "ok"
    assert len(busy.rows(CHANGED)) == 11


STEPS = {
    "while merging": ("engine", "session", 1, False),
    "before the merged files are committed": ("lake", "rewrite", 1, False),
    "after the merged files are committed": ("lake", "rewrite", 1, True),
    "before snapshots are expired": ("lake", "expire", 1, False),
    "after snapshots are expired": ("lake", "expire", 1, True),
    "before files are removed": ("lake", "discard", 1, False),
    "after files are removed": ("lake", "discard", 1, True),
}
LOST, GONE, TAKEN = RuntimeError("lost"), Killed("gone"), LeaseHeldError("taken over")


@pytest.mark.case("A19")
@pytest.mark.parametrize(
    ("step", "error"),
    [
        *(pytest.param(where, GONE, id=f"killed {step}") for step, where in STEPS.items()),
        pytest.param(STEPS["after the merged files are committed"], LOST, id="the answer of the commit is lost"),
        pytest.param(("state", "verify", 1, False), TAKEN, id="the lease is lost before the commit"),
        pytest.param(("state", "verify", 3, False), TAKEN, id="the lease is lost before the removal"),
    ],
)
def test_after_a_crash_at_any_step_the_next_maintenance_finishes(busy, step, error):
    port, method, call, after = step
    rows = busy.rows(CHANGED)
    faulty = Faulty(getattr(busy.ground, port), error, {method: [call]}, after=after)
    with suppress(Killed):
        done = maintained(busy.swap(**{port: faulty}), CHANGED)[CHANGED]
        assert done.status is (UpkeepStatus.SKIPPED if error is TAKEN else UpkeepStatus.FAILED)
    assert faulty.counts[method] == call
    assert busy.rows(CHANGED) == rows
    assert not busy.run(CHANGED).committed
    for _ in range(2):
        maintained(busy.ground, CHANGED)
    assert busy.rows(CHANGED) == rows
    assert on_disk(busy.ground, CHANGED) == set(busy.paths(CHANGED))
    assert len(busy.paths(CHANGED)) == len(busy.ground.lake.snapshots(CHANGED)) == 1
    assert not busy.run(VERSIONS).committed

"""Running a table: what is consumed, what is published, and what a crash, a rollback or a conflict leaves."""

import json
import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest

from snowpipe_platform.errors import LeaseHeldError, PipelineError
from snowpipe_platform.execution.execute import (
    CODE_VERSION_PROPERTY,
    OVERRIDE_PROPERTY,
    execute,
    held_branch,
    rules_of,
    run_table,
)
from snowpipe_platform.execution.planning import plan_table
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.quality import Counts, Quality
from snowpipe_platform.spec.table import DerivedTable
from snowpipe_platform_tests.kit import Faulty, Killed
from snowpipe_platform_tests.ledger import CHANGES, DIM, FCT, ItemChanges, Ledger, change, rows_in

CHANGED, VERSIONS, FACTS = "silver/item_changes", "silver/dim_items", "silver/fct_items"


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def good(key="a", at=1.0, **values):
    return change(key, at, **{"name": "n", "amount": "1", **values})


def bad(key="a", at=1.0):
    return change(key, at, name="n", amount="abc")


def consumed(ledger, table=CHANGED):
    return Consumption.decode(ledger.ground.lake.state(table).properties[CONSUMED_PROPERTY])


def roll_back(ledger, table):
    """One commit back, as an operator would with any Iceberg tool."""
    parent = ledger.ground.lake.history(table)[-2].snapshot_id
    ledger.opened(table).manage_snapshots().rollback_to_snapshot(parent).commit()


# --- what is consumed


def test_nothing_to_consume_is_no_commit(ledger):
    assert ledger.run(CHANGED).plan.operation == "nothing"
    assert ledger.ground.lake.tables() == []
    ledger.land("2024-03-01", good())
    first = ledger.run(CHANGED)
    again = ledger.run(CHANGED)
    assert (again.committed, again.state, again.rows, again.new) == (False, first.state, 1, 0)
    assert len(ledger.ground.lake.history(CHANGED)) == 1
    assert ledger.run(VERSIONS).committed
    assert ledger.run(VERSIONS).plan.reason == "inputs have not changed"


def test_a_table_waits_for_the_inputs_that_have_no_commit(ledger):
    assert ledger.run(VERSIONS).plan.reason == f"waits for {CHANGED}"


@pytest.mark.case("A53")
def test_a_manifest_without_a_row_is_consumed_once(ledger):
    ledger.land("2024-03-01")
    first = ledger.run(CHANGED)
    assert (first.committed, first.new, first.rows) == (True, 0, 0)
    assert consumed(ledger).manifests == {"items": {1}}
    assert not ledger.run(CHANGED).committed
    assert ledger.run(VERSIONS).rows == 0


@pytest.mark.case("A53")
def test_a_manifest_whose_rows_are_all_quarantined_is_consumed_once(ledger):
    ledger.use(replace(CHANGES, contract=tolerant(1.0)), DIM, FCT)
    ledger.land("2024-03-01", bad("a"), bad("b"))
    result = ledger.run(CHANGED, "2024-03-01")
    assert (result.published, result.new, result.quarantined) == (True, 2, 2)
    assert not ledger.run(CHANGED).committed
    assert ledger.run(FACTS).rows == 0


def test_a_day_consumes_what_was_landed_for_it_and_nothing_else(ledger):
    for day in ("2024-03-01", "2024-03-02", "2024-03-01"):
        ledger.land(day, good(day))
    result = ledger.run(CHANGED, "2024-03-01")
    assert (result.new, consumed(ledger).manifests) == (2, {"items": {1, 3}})
    assert list(result.quality.by_partition) == ["2024-03-01"]
    assert ledger.run(CHANGED).new == 1


def test_a_change_of_quarantined_rows_alone_touches_nothing_downstream(ledger):
    ledger.use(replace(CHANGES, contract=tolerant(1.0)), DIM, FCT)
    ledger.land("2024-03-01", good())
    ledger.run_all()
    before = ledger.paths(VERSIONS)
    ledger.land("2024-03-02", bad("z", 5))
    ledger.run_all()
    assert ledger.paths(VERSIONS) == before
    assert not ledger.run(VERSIONS).committed


# --- rollback, expiry, rebuild, new code


@pytest.mark.case("A53")
def test_a_table_rolled_back_and_run_again_is_as_if_it_never_was(ledger):
    ledger.land("2024-03-01", good("a", 1), good("b", 1))
    ledger.run_all()
    ledger.land("2024-03-02", good("a", 2, name="m"), change("b", 2, "delete"))
    ledger.run_all()
    expected = {name: ledger.rows(name) for name in (CHANGED, VERSIONS, FACTS)}
    roll_back(ledger, CHANGED)
    ledger.run(VERSIONS)
    assert [row[1] for row in ledger.rows(VERSIONS)] == ["n", "n"], "built from what the changes table has now"
    ledger.run_all()
    assert {name: ledger.rows(name) for name in expected} == expected
    roll_back(ledger, VERSIONS)
    ledger.run(VERSIONS)
    assert ledger.rows(VERSIONS) == expected[VERSIONS]


@pytest.mark.case("A53")
def test_after_every_old_snapshot_expired_nothing_is_consumed_twice(ledger):
    for day in (1, 2):
        ledger.land(f"2024-03-0{day}", good("a", day, name=str(day)))
        ledger.run(CHANGED)
        if day == 1:
            ledger.run(VERSIONS)
    ledger.expire_old(CHANGED)
    assert not ledger.run(CHANGED).committed
    result = ledger.run(VERSIONS)
    assert (result.plan.operation, result.plan.reason) == (
        "replace_all",
        "what it consumed cannot be compared any more",
    )
    assert [row[1] for row in ledger.rows(VERSIONS)] == ["1", "2"]


def test_a_new_input_makes_every_row_anew(ledger):
    ledger.land("2024-03-01", good())
    ledger.run_all()
    wider = replace(DIM, inputs=(CHANGED, FACTS))
    ledger.use(CHANGES, FCT, wider)
    result = ledger.run(VERSIONS)
    assert (result.plan.operation, sorted(consumed(ledger, VERSIONS).commits)) == ("replace_all", [FACTS, CHANGED])


def test_new_code_leaves_a_table_stale_until_it_is_rebuilt(ledger):
    ledger.land("2024-03-01", good("a"))
    ledger.run_all()
    old = ledger.ground.lake.state(CHANGED).properties[CODE_VERSION_PROPERTY]
    new_changes = replace(
        CHANGES, clean=lambda rows: {"name": rows.name.upper()}, types={"amount": "int64", "name": "string"}
    )
    new_facts = replace(
        FCT, build=lambda inputs: latest(inputs[CHANGED], key=["id"]), inputs=(CHANGED,), scope=("id", "name")
    )
    ledger.use(new_changes, DIM, new_facts)
    assert ledger.run(FACTS).plan.reason == "inputs have not changed"
    assert ledger.run(FACTS, rebuild=True).state.properties[CODE_VERSION_PROPERTY] == new_facts.code_version
    ledger.land("2024-03-02", good("b"))
    ledger.run(CHANGED)
    assert ledger.ground.lake.state(CHANGED).properties[CODE_VERSION_PROPERTY] == old != new_changes.code_version
    ledger.run(CHANGED, rebuild=True)
    assert ledger.ground.lake.state(CHANGED).properties[CODE_VERSION_PROPERTY] == new_changes.code_version
    assert ledger.rows(CHANGED, "id, name") == [("a", "N"), ("b", "N")]


@pytest.mark.case("A25")
def test_a_column_added_at_the_source_and_in_the_tables_makes_no_version(ledger):
    ledger.land("2024-03-01", good("a"))
    ledger.run_all()
    wide = {**ledger.columns, "colour": "string"}
    more = type("Wide", (ItemChanges,), {"__annotations__": {"colour": str}, "colour": pa.Field(nullable=True)})
    ledger.use(replace(CHANGES, contract=more), DIM, FCT)
    ledger.land("2024-03-02", good("a", 2, colour="red"), good("b", 2, colour="blue"), columns=wide)
    before = ledger.rows(VERSIONS)
    ledger.run_all()
    assert ledger.rows(CHANGED, "id, colour") == [("a", "red"), ("a", None), ("b", "blue")]
    assert ledger.rows(VERSIONS, where="id = 'a'") == before
    ledger.run(CHANGED, rebuild=True)
    ledger.run(VERSIONS)
    assert ledger.rows(VERSIONS, where="id = 'a'") == before


# --- rules and tolerance


def tolerant(error_above, warn_above=0.0, base=ItemChanges):
    metadata = {"error_above": error_above, "warn_above": warn_above}
    return type(
        "Tolerant", (base,),
        {"__annotations__": {"amount": dt.int64}, "amount": pa.Field(nullable=True, ge=0, metadata=metadata)},
    )  # fmt: skip


@pytest.mark.case("A32")
@pytest.mark.parametrize(
    ("bad_rows", "verdict", "is_published"),
    [(0, "ok", True), (1, "ok", True), (2, "warned", True), (3, "failed", False)],
)
def test_a_share_on_the_edge_is_tolerated_and_one_beyond_is_not(ledger, bad_rows, verdict, is_published):
    ledger.use(replace(CHANGES, contract=tolerant(error_above=0.2, warn_above=0.1)), DIM, FCT)
    rows = [bad(f"b{n}") for n in range(bad_rows)] + [good(f"g{n}") for n in range(10 - bad_rows)]
    ledger.land("2024-03-01", *rows)
    result = ledger.run(CHANGED, "2024-03-01")
    (rule,) = [rule for rule in rules_of(ledger.pipeline.table(CHANGED)) if rule.id == "amount.is_int64"]
    assert (result.quality.total.verdict(rule), result.published) == (verdict, is_published)


@pytest.mark.case("A32")
def test_a_day_is_judged_whole_however_many_commits_bring_it(ledger):
    """One half is tolerated."""
    ledger.land("2024-03-01", *(good(f"a{n}") for n in range(3)))
    ledger.land("2024-03-02", bad("other day"), *(good(f"o{n}") for n in range(9)))
    ledger.run(CHANGED)
    ledger.land("2024-03-01", bad("b"))
    late = ledger.run(CHANGED, "2024-03-01")
    assert (late.published, late.new, late.quarantined) == (True, 1, 1)
    assert late.quality == Quality({"2024-03-01": Counts(4, 1, {"amount.is_int64": 1})})
    ledger.land("2024-03-01", *(bad(f"c{n}") for n in range(4)))
    held = ledger.run(CHANGED, "2024-03-01")
    assert (held.published, held.written, held.quality.total.rows, held.quarantined) == (False, 4, 8, 4)
    ledger.land("2024-03-01", *(good(f"d{n}") for n in range(2)))
    whole = ledger.run(CHANGED, "2024-03-01")
    assert (whole.published, whole.new, whole.quarantined) == (True, 6, 4)
    assert ledger.run(CHANGED, rebuild=True).quality.by_partition["2024-03-01"] == whole.quality.total
    assert whole.quality.total == Counts(10, 5, {"amount.is_int64": 5})


@pytest.mark.case("A32")
def test_good_rows_that_come_late_publish_and_leave_the_days_bad_ones_counted(ledger):
    ledger.land("2024-03-01", bad("a"), bad("b"), good("c"))
    run_table(replace(ledger.request(CHANGED, "2024-03-01"), override="as they are"), ledger.ground)
    ledger.land("2024-03-01", good("d"))
    late = ledger.run(CHANGED, "2024-03-01")
    assert (late.published, late.new, late.quarantined) == (True, 1, 0)
    assert late.quality.total == Counts(4, 2, {"amount.is_int64": 2})


@pytest.mark.case("A32")
def test_beyond_the_tolerance_nothing_is_published_and_the_mended_rule_publishes(ledger):
    ledger.land("2024-03-01", good("a"))
    ledger.run_all()
    before = {path: Path(path).read_bytes() for path in ledger.paths(CHANGED)}
    state = ledger.ground.lake.state(CHANGED)
    ledger.land("2024-03-02", bad("b"), bad("c"), good("d"))
    held = ledger.run(CHANGED, "2024-03-02")
    assert (held.published, held.held_on, held.state, held.rows, held.quarantined) == (
        False,
        "held-2024-03-02",
        state,
        1,
        2,
    )
    assert {path: Path(path).read_bytes() for path in ledger.paths(CHANGED)} == before
    assert not ledger.run(VERSIONS).committed
    branch = ledger.ground.lake.held(CHANGED)[held_branch(held.plan)]
    paths = [file.path for file in ledger.ground.lake.files(CHANGED, snapshot_id=branch.snapshot_id)]
    assert [row[0] for row in rows_in(paths, "id")] == ["a", "b", "c", "d"]
    ledger.use(replace(CHANGES, contract=tolerant(0.9)), DIM, FCT)
    mended = ledger.run(CHANGED, "2024-03-02")
    assert (mended.published, mended.rows, mended.quarantined) == (True, 4, 2)
    assert ledger.ground.lake.held(CHANGED) == {}
    ledger.run_all()
    assert [row[0] for row in ledger.rows(FACTS)] == ["a", "d"]


def test_a_run_of_all_days_forgets_the_branches_of_the_days_it_publishes(ledger):
    for day in ("2024-03-01", "2024-03-02"):
        ledger.land(day, bad("a"), bad("b"))
        assert not ledger.run(CHANGED, day).published
    assert sorted(ledger.ground.lake.held(CHANGED)) == ["held-2024-03-01", "held-2024-03-02"]
    ledger.use(replace(CHANGES, contract=tolerant(1.0)), DIM, FCT)
    ledger.run(CHANGED, "2024-03-01")
    assert sorted(ledger.ground.lake.held(CHANGED)) == ["held-2024-03-02"]
    ledger.run(CHANGED)
    assert ledger.ground.lake.held(CHANGED) == {}


def test_a_dimension_beyond_its_tolerance_is_held_and_its_readers_see_the_old_rows(ledger):
    ledger.land("2024-03-01", good("a", 1))
    ledger.run_all()
    strict = type("Strict", (FCT.contract,), {
        "__annotations__": {"amount": dt.int64}, "amount": pa.Field(nullable=True, lt=5, metadata={"error_above": 0.0}),
    })  # fmt: skip
    ledger.use(CHANGES, DIM, replace(FCT, contract=strict))
    ledger.land("2024-03-02", good("b", 2, amount="7"))
    ledger.run(CHANGED)
    result = ledger.run(FACTS)
    assert (result.published, result.held_on, [row[0] for row in ledger.rows(FACTS)]) == (False, "held", ["a"])
    ledger.land("2024-03-03", good("b", 3, amount="4"))
    ledger.run(CHANGED)
    assert ledger.run(FACTS).published
    assert (ledger.ground.lake.held(FACTS), len(ledger.rows(FACTS))) == ({}, 2)


# --- crashes and other writers

STEPS = {
    "while staging": ("engine", "session", False),
    "before the fencing check": ("state", "verify", False),
    "after the fencing check": ("state", "verify", True),
    "before the commit": ("lake", "commit", False),
    "after the commit": ("lake", "commit", True),
    "before what it releases is known": ("lake", "held", False),
}


@pytest.mark.case("A16")
@pytest.mark.parametrize("error", [RuntimeError("lost"), Killed("gone")], ids=["error", "killed"])
@pytest.mark.parametrize("step", STEPS)
def test_after_a_crash_at_any_step_the_next_run_is_exact(ledger, step: str, error: BaseException):
    port, method, after = STEPS[step]
    ledger.land("2024-03-01", good("a", 1), good("b", 1))
    ledger.run_all()
    ledger.land("2024-03-02", good("a", 2, name="m"), bad("c", 2), change("b", 2, "delete"))
    for table in (CHANGED, VERSIONS, FACTS):
        faulty = Faulty(getattr(ledger.ground, port), error, {method: [1]}, after=after)
        with pytest.raises(type(error)):
            ledger.run(table, **{port: faulty})
        ledger.run(table)
    assert ledger.rows(CHANGED, "id, change_status, manifest_number") == [
        ("a", "valid", 1), ("a", "valid", 2), ("b", "valid", 1), ("b", "valid", 2), ("c", "quarantined", 2),
    ]  # fmt: skip
    assert [row[:2] for row in ledger.rows(VERSIONS)] == [("a", "m"), ("a", "n"), ("b", "n")]
    assert [row[:2] for row in ledger.rows(FACTS)] == [("a", "m")]
    for table in (CHANGED, VERSIONS, FACTS):
        assert files_on_disk(ledger, table) == files_ever_committed(ledger, table), "an orphan is left"


def files_on_disk(ledger, table):
    return {str(path) for path in (ledger.folder / "lake" / table / "data").rglob("*.parquet")}


def files_ever_committed(ledger, table):
    lake = ledger.ground.lake
    return {file.path for s in lake.history(table) for file in lake.files(table, snapshot_id=s.snapshot_id)}


def test_files_of_a_draft_that_cannot_be_judged_are_removed(ledger, monkeypatch):
    ledger.land("2024-03-01", good("a", 1))
    monkeypatch.setattr("snowpipe_platform.execution.draft.change_quality", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ledger.run(CHANGED)
    assert files_on_disk(ledger, CHANGED) == set()


@pytest.mark.case("A18")
def test_of_writers_on_one_table_each_lands_or_is_refused_and_the_rows_are_exact(ledger):
    for number in range(8):
        ledger.land("2024-03-01", good(f"k{number}"))
    barrier, outcomes = threading.Barrier(8), []

    def write():
        barrier.wait()
        try:
            outcomes.append(ledger.run(CHANGED).new)
        except LeaseHeldError:
            outcomes.append("refused")

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    assert sum(new for new in outcomes if new != "refused") == 8
    assert [row[0] for row in ledger.rows(CHANGED)] == [f"k{n}" for n in range(8)]


def test_a_plan_made_old_by_another_commit_is_made_anew(ledger):
    ledger.land("2024-03-01", good("a"))
    stale = plan_table(ledger.request(CHANGED), ledger.ground)
    ledger.run(CHANGED)
    assert execute(stale, ledger.ground).plan.operation == "nothing"
    assert len(ledger.rows(CHANGED)) == 1


# --- planning errors


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda inputs: latest(inputs[CHANGED], key=["idd"]), ["idd", "Mend build()"]),
        (lambda inputs: latest(inputs[CHANGED], key=["id"]).drop("name"), ["makes no column 'name'"]),
        (lambda inputs: inputs["silver/other"], ["'silver/other' is not among its inputs", CHANGED]),
    ],
    ids=["no such column", "no contract column", "no such input"],
)
def test_a_build_that_does_not_fit_names_the_file_and_the_mend(ledger, build, words):
    broken = DerivedTable(
        name=FACTS, description="x", contract=FCT.contract, inputs=(CHANGED,), scope=("id",), build=build,
        defined_in="shop/fct_items.py",
    )  # fmt: skip
    ledger.use(CHANGES, broken)
    ledger.land("2024-03-01", good())
    ledger.run(CHANGED)
    with pytest.raises(PipelineError) as error:
        ledger.run(FACTS)
    assert all(word in str(error.value) for word in [FACTS, "shop/fct_items.py", *words]), str(error.value)


def test_a_commit_says_who_wrote_it_when_and_how_its_rules_stood(ledger):
    ledger.land("2024-03-01", good("a"), bad("b"))
    state = ledger.run(CHANGED, "2024-03-01").state
    properties = state.properties
    assert properties["snowpipe.run-id"] == "run"
    assert properties["snowpipe.partition"] == "2024-03-01"
    assert properties["snowpipe.rows"] == "2"
    assert json.loads(properties["snowpipe.quality"]) == {
        "2024-03-01": {"rows": 2, "quarantined": 1, "broken": {"amount.is_int64": 1}, "discarded": 0}
    }
    assert date.fromisoformat(properties["snowpipe.partition"]) == date(2024, 3, 1)


@pytest.mark.case("A32")
def test_a_person_publishes_what_a_rule_holds_back_and_the_commit_says_who_and_why(ledger):
    ledger.land("2024-03-01", good("a"), bad("b"), bad("c"))
    assert not ledger.run(CHANGED).published
    result = run_table(replace(ledger.request(CHANGED), override="ana: known outage"), ledger.ground)
    assert (result.published, ledger.ground.lake.held(CHANGED)) == (True, {})
    recorded = json.loads(result.state.properties[OVERRIDE_PROPERTY])
    assert recorded["by"] == "ana: known outage"
    assert "amount.is_int64" in recorded["rules"]

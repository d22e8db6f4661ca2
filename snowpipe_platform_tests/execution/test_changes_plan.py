"""Decisions in the log of a changes table: what a run does to the rows they are about, and to no other."""

import json
from dataclasses import replace
from pathlib import Path

import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest

from snowpipe_platform.execution.execute import REPLAY_PROPERTY, run_table
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform_tests.execution.test_execute import (
    STEPS,
    bad,
    files_ever_committed,
    files_on_disk,
    good,
    roll_back,
)
from snowpipe_platform_tests.kit import Faulty, Killed
from snowpipe_platform_tests.ledger import CHANGES, DIM, FCT, ItemChanges, Ledger, change

CHANGED, VERSIONS, FACTS = "silver/item_changes", "silver/dim_items", "silver/fct_items"
DAY, NEXT_DAY = "2024-03-01", "2024-03-02"


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


@pytest.fixture
def judged(ledger):
    """A valid row of key a; b and c in quarantine; d and e valid: entry 1."""
    ledger.land(DAY, good("a"), bad("b"), bad("c"), good("d"), good("e"))
    ledger.run_all()
    return ledger


def with_amounts(*, least=0, error_above=0.5):
    field = pa.Field(nullable=True, ge=least, metadata={"error_above": error_above})
    contract = type("Contract", (ItemChanges,), {"__annotations__": {"amount": dt.int64}, "amount": field})
    return replace(CHANGES, contract=contract)


def statuses(ledger):
    """Status by origin and key."""
    rows = ledger.rows(CHANGED, "manifest_number, source_row, id, change_status")
    return {f"{number}:{row} {key}": status for number, row, key, status in rows}


def consumed(ledger):
    return Consumption.decode(ledger.ground.lake.state(CHANGED).properties[CONSUMED_PROPERTY]).manifests["items"]


VALID_A, VALID_D, VALID_E = {"1:0 a": "valid"}, {"1:3 d": "valid"}, {"1:4 e": "valid"}


# --- what each kind of entry does


def test_an_edited_row_takes_the_place_of_its_origin_in_one_commit_and_other_files_stay(judged):
    before = set(judged.paths(CHANGED))
    judged.correct(DAY, {1: "1"}, good("b"))
    result = judged.run(CHANGED, DAY)
    assert (result.plan.operation, result.plan.reason) == ("replace_touched", "1 correction to consume")
    assert (result.rows, result.new, result.replaced, result.quarantined) == (5, 0, 1, 1)
    assert statuses(judged) == VALID_A | VALID_D | VALID_E | {"2:0 b": "valid", "1:2 c": "quarantined"}
    kept = before & set(judged.paths(CHANGED))
    assert ["change_status=valid" in path for path in kept] == [True]
    assert len(judged.ground.lake.history(CHANGED)) == 2


@pytest.mark.case("A30")
def test_a_row_given_up_stays_and_is_counted_but_neither_valid_nor_in_quarantine(judged):
    versions = judged.rows(VERSIONS)
    judged.discard(DAY, {1: "1-2"})
    result = judged.run(CHANGED, DAY)
    counts = result.quality.by_partition[DAY]
    assert (counts.rows, counts.quarantined, counts.discarded, counts.broken) == (5, 0, 2, {})
    assert statuses(judged) == VALID_A | VALID_D | VALID_E | {"1:1 b": "discarded", "1:2 c": "discarded"}
    payloads = judged.rows(CHANGED, "payload", "change_status = 'discarded'")
    assert {json.loads(text)["amount"] for (text,) in payloads} == {"abc"}
    judged.run_all()
    assert judged.rows(VERSIONS) == versions


def test_rows_of_a_withdrawn_entry_leave_the_table_and_what_follows(judged):
    judged.land(NEXT_DAY, good("a", 2, name="m"), good("z", 2))
    judged.run_all()
    judged.withdraw(1)
    result = judged.run(CHANGED)
    assert (result.rows, result.new, result.replaced) == (2, -5, 5)
    judged.run_all()
    assert [row[:2] for row in judged.rows(FACTS)] == [("a", "m"), ("z", "n")]
    assert {row[0] for row in judged.rows(VERSIONS)} == {"a", "z"}
    assert judged.rows(CHANGED, "id", "load_day = '2024-03-01'") == []


def test_a_withdrawn_decision_is_as_if_it_never_was(judged):
    before = judged.rows(CHANGED), judged.rows(VERSIONS)
    edit = judged.correct(DAY, {1: "1"}, good("b"))
    given_up = judged.discard(DAY, {1: "2"})
    judged.run_all()
    assert judged.rows(CHANGED) != before[0]
    for number in (edit, given_up):
        judged.withdraw(number)
    judged.run_all()
    assert (judged.rows(CHANGED), judged.rows(VERSIONS)) == before


def test_an_edited_row_of_a_withdrawn_entry_leaves_with_it(judged):
    judged.correct(DAY, {1: "1"}, good("b"))
    judged.run(CHANGED)
    judged.withdraw(1)
    judged.run(CHANGED)
    assert statuses(judged) == {}


def test_an_edit_that_is_bad_too_is_in_quarantine_and_can_be_edited_again(judged):
    judged.correct(DAY, {1: "1-2"}, good("b"), change("c", 1, amount="still bad"))
    judged.run(CHANGED)
    assert statuses(judged) == VALID_A | VALID_D | VALID_E | {"2:0 b": "valid", "2:1 c": "quarantined"}
    judged.correct(DAY, {2: "1"}, good("c"))
    judged.run(CHANGED)
    assert statuses(judged) == VALID_A | VALID_D | VALID_E | {"2:0 b": "valid", "3:0 c": "valid"}


def test_a_watermark_that_a_person_set_makes_no_commit_and_is_taken_in_with_others(judged):
    judged._enter(DAY, (), judged.columns, kind="watermark")
    assert judged.run(CHANGED).plan.reason == "nothing new in bronze"
    judged.land(DAY, good("z"))
    assert judged.run(CHANGED).plan.reason == "1 watermark and 1 extraction to consume"
    assert consumed(judged) == {1, 2, 3}


# --- when they are taken in


def test_decisions_about_rows_that_were_not_taken_in_keep_them_out(ledger):
    ledger.land(DAY, good("a"), bad("b"), bad("c"))
    ledger.correct(DAY, {1: "1"}, good("b"))
    ledger.discard(DAY, {1: "2"})
    result = ledger.run(CHANGED, DAY)
    assert (result.plan.operation, result.new, result.replaced) == ("append", 3, 0)
    assert statuses(ledger) == VALID_A | {"2:0 b": "valid", "1:2 c": "discarded"}


def test_a_run_of_a_day_takes_in_the_decisions_about_its_rows_alone(judged):
    judged.land(NEXT_DAY, bad("x", 2), good("y", 2), good("z", 2))
    judged.run(CHANGED)
    judged.correct(DAY, {1: "1"}, good("b"))
    judged.correct(NEXT_DAY, {2: "0"}, good("x", 2))
    result = judged.run(CHANGED, NEXT_DAY)
    assert (list(result.quality.by_partition), consumed(judged)) == ([NEXT_DAY], {1, 2, 4})
    assert statuses(judged)["1:1 b"] == "quarantined"
    judged.run(CHANGED, DAY)
    assert (statuses(judged)["3:0 b"], "1:1 b" in statuses(judged)) == ("valid", False)


def test_new_rows_and_decisions_about_old_ones_are_one_commit(judged):
    judged.correct(DAY, {1: "1"}, good("b"))
    judged.land(DAY, good("f"), bad("g"))
    result = judged.run(CHANGED, DAY)
    assert (result.plan.reason, result.new, result.replaced) == ("1 correction and 1 extraction to consume", 2, 1)
    assert (result.quality.by_partition[DAY].rows, result.quality.by_partition[DAY].quarantined) == (7, 2)


@pytest.mark.case("A58")
@pytest.mark.parametrize("again", ["rolled back", "rebuilt"])
def test_an_edit_stands_when_what_it_edited_is_processed_again(judged, again):
    judged.correct(DAY, {1: "1"}, good("b", name="edited"))
    judged.discard(DAY, {1: "2"})
    judged.run_all()
    expected = {name: judged.rows(name) for name in (CHANGED, VERSIONS, FACTS)}
    assert ("b", "edited") in [row[:2] for row in expected[FACTS]]
    if again == "rolled back":
        roll_back(judged, CHANGED)
        judged.run(VERSIONS)
        judged.run_all()
    else:
        for name in (CHANGED, VERSIONS, FACTS):
            judged.run(name, rebuild=True)
    assert {name: judged.rows(name) for name in (CHANGED, VERSIONS, FACTS)} == expected


@pytest.mark.case("A58")
def test_a_dimension_sees_an_edit_of_an_old_load_day(judged):
    judged.land("2024-03-09", good("b", 9, name="newer"))
    judged.run_all()
    judged.correct(DAY, {1: "1"}, good("b", 1, name="older"))
    judged.run_all()
    assert [row[:2] for row in judged.rows(VERSIONS, where="id = 'b'")] == [("b", "newer"), ("b", "older")]
    assert [row[:2] for row in judged.rows(FACTS, where="id = 'b'")] == [("b", "newer")]


@pytest.mark.case("A58")
@pytest.mark.parametrize("step", STEPS)
def test_after_a_crash_while_decisions_are_taken_in_the_next_run_is_exact(judged, step):
    port, method, after = STEPS[step]
    judged.correct(DAY, {1: "1"}, good("b"))
    judged.discard(DAY, {1: "2"})
    faulty = Faulty(getattr(judged.ground, port), Killed("gone"), {method: [1]}, after=after)
    with pytest.raises(Killed):
        judged.run(CHANGED, DAY, **{port: faulty})
    judged.run(CHANGED, DAY)
    assert statuses(judged) == VALID_A | VALID_D | VALID_E | {"2:0 b": "valid", "1:2 c": "discarded"}
    assert files_on_disk(judged, CHANGED) == files_ever_committed(judged, CHANGED), "an orphan is left"


# --- how they are judged


@pytest.mark.case("A32")
def test_edited_rows_are_judged_with_their_whole_load_day(ledger):
    ledger.use(with_amounts(error_above=0.3), DIM, FCT)
    ledger.land(DAY, *(bad(f"b{n}") for n in range(3)), *(good(f"g{n}") for n in range(7)))
    ledger.run(CHANGED)
    ledger.correct(DAY, {1: "0-2"}, good("b0"), good("b1"), bad("b2"))
    result = ledger.run(CHANGED)
    counts = result.quality.by_partition[DAY]
    assert (result.published, counts.rows, counts.quarantined) == (True, 10, 1)


@pytest.mark.case("A32")
def test_a_day_that_a_person_published_is_not_held_for_what_is_left_of_its_bad_rows(ledger):
    ledger.use(with_amounts(error_above=0.1), DIM, FCT)
    ledger.land(DAY, bad("a"), bad("b"), bad("c"), good("d"))
    run_table(replace(ledger.request(CHANGED), override="ana: known"), ledger.ground)
    ledger.correct(DAY, {1: "0"}, good("a"))
    assert ledger.run(CHANGED).published
    ledger.withdraw(2)
    assert not ledger.run(CHANGED).published, "more bad rows than before"


@pytest.mark.case("A32")
@pytest.mark.parametrize("decide", ["edit", "give up"])
def test_a_held_day_is_published_once_its_bad_rows_are_settled(ledger, decide):
    ledger.land(DAY, bad("a"), bad("b"), good("c"))
    assert ledger.run(CHANGED, DAY).held_on == "held-2024-03-01"
    if decide == "edit":
        ledger.correct(DAY, {1: "0"}, good("a"))
    else:
        ledger.discard(DAY, {1: "0-1"})
    result = ledger.run(CHANGED, DAY)
    assert (result.published, result.rows, ledger.ground.lake.held(CHANGED)) == (True, 3, {})


# --- replay


@pytest.fixture
def mended(ledger):
    """a valid, b in quarantine for its amount under the rules it was judged by, which accept it now; c no number."""
    ledger.land(DAY, good("a"), good("b", amount="-5"), bad("c"))
    ledger.run_all()
    ledger.use(with_amounts(least=-10), DIM, FCT)
    return ledger


@pytest.mark.case("A31")
@pytest.mark.case("A58")
def test_a_row_that_passes_mended_rules_is_accepted_once_and_the_dimension_sees_it(mended):
    result = mended.replay({1: "0-2"})
    assert (result.plan.operation, result.new, result.replaced, result.quarantined) == ("replace_touched", 0, 1, 1)
    assert statuses(mended) == VALID_A | {"1:1 b": "valid", "1:2 c": "quarantined"}
    recorded = json.loads(result.state.properties[REPLAY_PROPERTY])
    assert recorded == {"by": "ana", "reason": "rule mended", "rows": 1}
    mended.run_all()
    assert [row[0] for row in mended.rows(FACTS)] == ["a", "b"]
    before = files_on_disk(mended, CHANGED)
    again = mended.replay({1: "0-2"})
    assert (again.committed, again.state, again.rows) == (False, result.state, 3)
    assert (len(mended.ground.lake.history(CHANGED)), files_on_disk(mended, CHANGED)) == (2, before)
    assert not mended.run(CHANGED).committed
    mended.run(CHANGED, rebuild=True)
    assert statuses(mended) == VALID_A | {"1:1 b": "valid", "1:2 c": "quarantined"}


def test_a_replay_leaves_rows_that_were_not_asked_for_or_given_up(mended):
    assert not mended.replay({1: "2"}).committed
    mended.discard(DAY, {1: "1"})
    mended.run(CHANGED)
    assert not mended.replay({1: "0-9", 7: "1"}).committed
    assert statuses(mended)["1:1 b"] == "discarded"


def test_a_replay_takes_in_nothing_new(mended):
    mended.land(DAY, good("d"))
    assert mended.replay({1: "1"}).rows == 3
    assert (consumed(mended), mended.run(CHANGED).rows) == ({1}, 4)


def test_a_replay_of_a_table_without_a_commit_is_nothing(ledger):
    assert not ledger.replay({1: "0"}).committed
    assert ledger.ground.lake.tables() == []


@pytest.mark.case("A31")
@pytest.mark.parametrize("step", [step for step in STEPS if step != "at the release"])
def test_after_a_crash_of_a_replay_the_next_accepts_each_row_once(mended, step):
    port, method, after = STEPS[step]
    faulty = Faulty(getattr(mended.ground, port), Killed("gone"), {method: [1]}, after=after)
    with pytest.raises(Killed):
        mended.replay({1: "1"}, **{port: faulty})
    mended.replay({1: "1"})
    assert statuses(mended) == VALID_A | {"1:1 b": "valid", "1:2 c": "quarantined"}
    assert files_on_disk(mended, CHANGED) == files_ever_committed(mended, CHANGED), "an orphan is left"
    assert all(Path(path).exists() for path in mended.paths(CHANGED))

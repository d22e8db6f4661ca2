"""Edited and discarded rows become entries of the log: exactly, with who and why, or not at all."""

from datetime import date, datetime

import pyarrow.parquet as pq
import pytest

from snowpipe_platform.errors import CommitConflictError, ConfigurationError, LeaseHeldError
from snowpipe_platform.execution.corrections import correct, discard
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.proposal import propose
from snowpipe_platform.execution.quarantine import Selection, quarantined_rows
from snowpipe_platform.spec.origins import parse_origin
from snowpipe_platform_tests.execution.test_execute import bad, good
from snowpipe_platform_tests.kit import Faulty, Killed
from snowpipe_platform_tests.ledger import CHANGES, Ledger

CHANGED = "silver/item_changes"
DAY, NEXT_DAY = "2024-03-01", "2024-03-02"
COLUMNS = {"id": "string", "name": "string", "amount": "string", "created_at": "timestamp(6)"}
WIDE = COLUMNS | {"weight": "float64", "raw": "binary"}
AUTHOR = Author(by="ana", reason="asked the shop", identity=RunIdentity(run_id="cli-1", job="test"))


@pytest.fixture
def ledger(tmp_path):
    """Rows 1:1, 1:2 of the first day and 2:0 of the second are in quarantine."""
    ledger = Ledger(tmp_path)
    ledger.land(DAY, good("a"), bad("b"), bad("c"), good("d"))
    exact = {"weight": 0.1 + 0.2, "raw": b"\x00\xff"}
    ledger.land(NEXT_DAY, bad("e", 2) | exact, good("f", 2), columns=WIDE)
    ledger.run(CHANGED)
    return ledger


def proposed(ledger, **typed):
    """`proposed(ledger, r1_1={"amount": "7"})`."""
    by_origin = {parse_origin(name[1:].replace("_", ":")): texts for name, texts in typed.items()}
    rows = quarantined_rows(CHANGES, ledger.ground, Selection())
    return propose(ledger.pipeline, CHANGES, rows, ledger.ground, typed=by_origin)


def landed(ledger, entry):
    return pq.read_table(ledger.ground.bronze.locate(entry.files[0])).to_pylist()


def log(ledger):
    return ledger.ground.bronze.log("items")


def test_a_proposal_judges_rows_as_they_are_and_as_they_were_edited_and_records_nothing(ledger):
    proposal = proposed(ledger, r1_1={"amount": "7", "name": "n"}, r2_0={"amount": "-1"}, r9_9={"amount": "1"})
    assert [(str(one.row.origin), dict(one.edits), one.broken) for one in proposal.rows] == [
        ("1:1", {"amount": "7"}, ()),
        ("1:2", {}, ("amount.is_int64",)),
        ("2:0", {"amount": "-1"}, ("amount.greater_than_or_equal_to",)),
    ]
    assert len(log(ledger)) == 2


def test_each_load_day_is_an_entry_of_its_own_with_the_rows_in_the_order_of_their_origins(ledger):
    proposal = proposed(ledger, r2_0={"amount": "5"}, r1_2={"amount": "3"}, r1_1={"amount": "2"})
    first, second = correct(ledger.pipeline, proposal, AUTHOR, ledger.ground)
    assert [(e.number, e.kind, e.load_day, e.supersedes) for e in (first, second)] == [
        (3, "correction", date(2024, 3, 1), {1: "1-2"}),
        (4, "correction", date(2024, 3, 2), {2: "0"}),
    ]
    assert (first.by, first.reason, first.rows_read, first.rows_landed) == ("ana", "asked the shop", 2, 2)
    assert [(r["id"], r["amount"], r["_row_number"]) for r in landed(ledger, first)] == [("b", "2", 0), ("c", "3", 1)]
    assert {file.watermark_max for entry in (first, second) for file in entry.files} == {None}
    assert log(ledger)[2:] == [first, second]
    assert ledger.run(CHANGED).quarantined == 0


def test_what_was_not_edited_is_exactly_what_was_extracted(ledger):
    (entry,) = correct(ledger.pipeline, proposed(ledger, r2_0={"amount": "5"}), AUTHOR, ledger.ground)
    (row,) = landed(ledger, entry)
    (original, _) = landed(ledger, log(ledger)[1])
    edited = {"amount": "5", "_row_number": 0, "_content_hash": row["_content_hash"]}
    assert row == original | edited
    assert (row["weight"], row["raw"], row["_instant"]) == (0.1 + 0.2, b"\x00\xff", datetime(2024, 1, 3))
    assert len(row["_content_hash"]) == 32


def test_a_row_of_an_older_schema_is_edited_in_a_column_it_did_not_have(ledger):
    (entry,) = correct(ledger.pipeline, proposed(ledger, r1_1={"amount": "2", "weight": "1.5"}), AUTHOR, ledger.ground)
    assert [(r["id"], r["weight"], r["raw"]) for r in landed(ledger, entry)] == [("b", 1.5, None)]
    assert entry.column_names == tuple(WIDE)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"amuont": "2"}, "bronze/items: 'amuont' is no column of the source. Did you mean 'amount'?"),
        (
            {"created_at": "yesterday"},
            "row 1:1: 'yesterday' is no timestamp(6) for 'created_at'. Nothing was recorded.",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(ledger, typed, message):
    with pytest.raises(ConfigurationError) as told:
        proposed(ledger, r1_1=typed)
    assert str(told.value) == message


@pytest.mark.case("A31")
@pytest.mark.parametrize("meanwhile", ["given up", "edited", "replaced by a run"])
def test_of_two_who_decide_about_a_row_the_second_is_refused_and_records_nothing(ledger, meanwhile):
    proposal = proposed(ledger, r1_1={"amount": "2"}, r1_2={"amount": "3"})
    if meanwhile == "given up":
        ledger.discard(DAY, {1: "2"})
    else:
        ledger.correct(DAY, {1: "2"}, good("c"))
    if meanwhile == "replaced by a run":
        ledger.run(CHANGED)
    before = log(ledger)
    with pytest.raises(CommitConflictError, match=r"1 of the rows left quarantine meanwhile \(1:2\); nothing was reco"):
        correct(ledger.pipeline, proposal, AUTHOR, ledger.ground)
    with pytest.raises(CommitConflictError, match="snowpipe quarantine show silver/item_changes"):
        discard(CHANGES, [one.row for one in proposal.rows], AUTHOR, ledger.ground)
    assert log(ledger) == before


@pytest.mark.parametrize("resource", [CHANGED, "bronze/items"])
def test_while_a_run_writes_nobody_decides(ledger, resource):
    proposal = proposed(ledger, r1_1={"amount": "2"})
    with ledger.ground.state.lease(resource, holder="nightly"), pytest.raises(LeaseHeldError, match="nightly"):
        correct(ledger.pipeline, proposal, AUTHOR, ledger.ground)
    assert len(log(ledger)) == 2
    assert len(correct(ledger.pipeline, proposal, AUTHOR, ledger.ground)) == 1


@pytest.mark.case("A58")
@pytest.mark.parametrize("call", [1, 2])
def test_a_stop_between_two_load_days_leaves_whole_entries_and_the_rest_can_be_decided_again(ledger, call):
    typed = {"r1_1": {"amount": "2"}, "r2_0": {"amount": "5"}}
    stopping = ledger.swap(bronze=Faulty(ledger.ground.bronze, Killed("gone"), {"commit": [call]}))
    with pytest.raises(Killed):
        correct(ledger.pipeline, proposed(ledger, **typed), AUTHOR, stopping)
    assert len(log(ledger)) == 1 + call
    ledger.ground.bronze.remove_abandoned("items")
    waiting = {str(row.origin) for row in quarantined_rows(CHANGES, ledger.ground, Selection())}
    rest = {name: texts for name, texts in typed.items() if name[1:].replace("_", ":") in waiting}
    again = Author(by="ana", reason="again", identity=RunIdentity(run_id="cli-2", job="test"))
    correct(ledger.pipeline, proposed(ledger, **rest), again, ledger.ground)
    ledger.run(CHANGED)
    assert ledger.rows(CHANGED, "id, amount", "change_status = 'valid' AND id IN ('b', 'e')") == [("b", 2), ("e", 5)]
    assert len(ledger.rows(CHANGED)) == 6


def test_rows_given_up_are_an_entry_a_day_without_files(ledger):
    rows = quarantined_rows(CHANGES, ledger.ground, Selection())
    entries = discard(CHANGES, rows, AUTHOR, ledger.ground)
    assert [(e.kind, e.supersedes, e.files, e.rows_landed, e.by) for e in entries] == [
        ("discard", {1: "1-2"}, (), 0, "ana"),
        ("discard", {2: "0"}, (), 0, "ana"),
    ]
    ledger.run(CHANGED)
    assert len(ledger.rows(CHANGED, "1", "change_status = 'discarded'")) == 3

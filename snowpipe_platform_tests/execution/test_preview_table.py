"""What a plan says of a table is what its run then does."""

from dataclasses import replace
from datetime import date

import pytest

from snowpipe_platform.execution.outcome import Step
from snowpipe_platform.execution.plan import CODE_VERSION_PROPERTY
from snowpipe_platform.execution.preview import Certainty, ExtractionPreview, InputChange, Volume
from snowpipe_platform.execution.preview_run import preview_run, stale_tables
from snowpipe_platform.execution.preview_table import preview_table
from snowpipe_platform.spec.table import Table
from snowpipe_platform_tests.ledger import CHANGES, DIM, FCT, Ledger, change

FIRST, SECOND = date(2024, 3, 1), date(2024, 3, 2)
PARTED = replace(FCT, name="silver/fct_parted", partition_columns=("name",))
ALL = (CHANGES, DIM, FCT, PARTED)


def settled_ledger(folder, tables=(CHANGES, DIM, FCT)):
    """Three items on the first day, taken in everywhere."""
    made = Ledger(folder, tables=tables)
    made.land("2024-03-01", *(change(key, at=1, name=name) for key, name in (("a", "x"), ("b", "x"), ("c", "y"))))
    made.run_all()
    return made


@pytest.fixture
def ledger(tmp_path):
    return settled_ledger(tmp_path)


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """One that no test changes."""
    return settled_ledger(tmp_path_factory.mktemp("settled"))


def preview(ledger, name, *above, day=None, rebuild=False):
    return preview_table(Step(name, day, rebuild), ledger.pipeline, ledger.ground, above)


def files(ledger, name):
    return ledger.ground.lake.files(name, snapshot_id=ledger.ground.lake.state(name).snapshot_id)


def volume(ledger, name):
    return Volume.of(files(ledger, name))


SECOND_DAYS = {
    "several": [
        change("a", at=2, name="z"),
        change("b", at=2, op="delete"),
        change("e", at=2, name="y"),
        change("c", at=2, name="y"),
    ],
    "a change that alters nothing": [change("a", at=2, name="x")],
}


@pytest.mark.parametrize("rows", SECOND_DAYS.values(), ids=SECOND_DAYS)
def test_the_files_and_rows_that_a_run_replaces_are_those_foretold(tmp_path, rows):
    ledger = settled_ledger(tmp_path, ALL)
    ledger.land("2024-03-02", *rows)
    ledger.run(CHANGES.name)
    for name in (DIM.name, FCT.name, PARTED.name):
        foretold, before = preview(ledger, name), files(ledger, name)
        result = ledger.run(name)
        gone = [file for file in before if file.path not in ledger.paths(name)]
        assert (foretold.operation, foretold.reason) == (result.plan.operation, result.plan.reason)
        assert foretold.removed == Volume.of(gone)
        assert foretold.keys == len(rows)
        assert foretold.inputs == (InputChange(CHANGES.name, 0, len(rows)),)
        assert foretold.certainty is Certainty.EXACT


def test_rows_before_and_after_are_told_apart_and_partitions_counted(ledger):
    downstream = replace(
        FCT,
        name="gold/by_item",
        inputs=(FCT.name,),
        build=lambda inputs: inputs[FCT.name],
        partition_columns=("name",),
    )
    ledger.use(CHANGES, FCT, downstream)
    ledger.run(downstream.name)
    ledger.land("2024-03-02", change("a", at=2, name="z"), change("c", at=2, op="delete"), change("d", at=2, name="y"))
    ledger.run(CHANGES.name)
    ledger.run(FCT.name)
    found = preview(ledger, downstream.name)
    # a as it was and is, c as it was, d as it is: three keys, in the files of names x and y.
    assert found.inputs == (InputChange(FCT.name, 2, 2),)
    assert (found.keys, found.partitions, found.removed.files, found.removed.rows) == (3, 2, 2, 3)


def test_changes_append_what_is_landed_for_their_day(ledger):
    ledger.land("2024-03-02", change("a", at=2, name="z"), change("b", at=2, name="z"))
    ledger.land("2024-03-01", change("c", at=2, name="z"))
    found = preview(ledger, CHANGES.name, day=SECOND)
    assert (found.operation, found.appended, found.inputs) == (
        "append",
        2,
        (InputChange("bronze/items", None, 2),),
    )
    assert found.read.rows == 2
    assert preview(ledger, CHANGES.name).appended == 3
    assert ledger.run(CHANGES.name, "2024-03-02").new == 2


def test_nothing_to_do_is_exact_and_brings_nothing(settled):
    for name in (CHANGES.name, DIM.name):
        found = preview(settled, name)
        assert (found.operation, found.certainty, found.removed, found.may_bring_rows) == (
            "nothing",
            Certainty.EXACT,
            Volume(),
            False,
        )


def test_a_rebuild_reads_all_and_writes_all_anew(settled):
    found = preview(settled, FCT.name, rebuild=True)
    assert (found.operation, found.removed) == ("replace_all", volume(settled, FCT.name))
    assert found.read == volume(settled, CHANGES.name)
    assert found.is_recorded
    assert 0 < found.seconds < 60
    (manifest,) = settled.ground.bronze.log("items")
    assert preview(settled, CHANGES.name, rebuild=True).read == Volume.of_manifests([manifest])


def extraction(rows, *, kind="live", certainty=Certainty.EXACT, day=FIRST):
    return ExtractionPreview(Step("bronze/items", day), kind, rows=rows, certainty=certainty)


def test_what_stands_on_steps_above_is_a_lower_bound_or_unknown(ledger):
    ledger.land("2024-03-01", change("a", at=2, name="z"))
    pending = preview(ledger, CHANGES.name, extraction(5), day=FIRST)
    assert (pending.appended, pending.at_most, pending.certainty) == (1, 6, Certainty.AT_LEAST)
    assert pending.after == ("bronze/items of 2024-03-01",)
    below = preview(ledger, DIM.name, pending)
    assert (below.operation, below.certainty, below.after) == (
        "nothing",
        Certainty.UNKNOWN,
        ("silver/item_changes of 2024-03-01",),
    )
    assert below.may_bring_rows


@pytest.mark.parametrize(
    "above",
    [
        pytest.param(extraction(0), id="the source has no row"),
        pytest.param(extraction(5, day=SECOND), id="the rows are another day's"),
        pytest.param(
            ExtractionPreview(Step("bronze/others", FIRST), "live", rows=5), id="the rows are another table's"
        ),
    ],
)
def test_steps_above_that_bring_nothing_leave_a_plan_exact(settled, above):
    assert preview(settled, CHANGES.name, above, day=FIRST).certainty is Certainty.EXACT


@pytest.mark.parametrize(
    "above",
    [
        pytest.param(extraction(0, kind="snapshot"), id="an empty snapshot deletes"),
        pytest.param(extraction(None, certainty=Certainty.UNKNOWN), id="not counted"),
        pytest.param(extraction(0, certainty=Certainty.AT_LEAST), id="none so far"),
    ],
)
def test_steps_above_that_may_bring_rows_leave_a_plan_open_without_a_bound(settled, above):
    found = preview(settled, CHANGES.name, above, day=FIRST)
    assert (found.certainty, found.at_most) == (Certainty.UNKNOWN, None)


def test_a_table_whose_inputs_have_no_commit_waits_or_is_made_first_by_the_steps_above(tmp_path):
    ledger = Ledger(tmp_path)
    assert preview(ledger, DIM.name).blocked_by == CHANGES.name
    steps = [Step(CHANGES.name, FIRST), Step(DIM.name)]
    _, found = preview_run(ledger.pipeline, steps, ledger.ground, count=False)
    assert (found.operation, found.certainty, found.blocked_by) == ("replace_all", Certainty.UNKNOWN, None)
    assert found.after == ("silver/item_changes of 2024-03-01",)


def test_held_rows_block_what_reads_them_as_in_a_run(ledger):
    ledger.land("2024-03-02", change(None, at=2), change(None, at=3))
    assert ledger.run(CHANGES.name, "2024-03-02").held_on == "held-2024-03-02"
    assert preview(ledger, DIM.name).blocked_by == "rows held back in silver/item_changes"
    # The same day may be published by the run itself: nobody knows before.
    again = preview(ledger, CHANGES.name, day=SECOND)
    assert (preview(ledger, DIM.name, again).blocked_by, preview(ledger, DIM.name, again).certainty) == (
        None,
        Certainty.UNKNOWN,
    )


def test_code_that_fails_is_a_problem_and_blocks_what_reads_the_table(ledger):
    broken = replace(FCT, build=lambda inputs: inputs[CHANGES.name].select(gone="no_such_column"))
    below = replace(FCT, name="gold/below", inputs=(FCT.name,), build=lambda inputs: inputs[FCT.name])
    ledger.use(CHANGES, broken, below)
    ledger.land("2024-03-02", change("a", at=2, name="z"))
    ledger.run(CHANGES.name)
    failed, blocked = preview_run(ledger.pipeline, [Step(FCT.name), Step(below.name)], ledger.ground, count=True)
    assert "there is no column 'no_such_column'" in failed.problem
    assert (blocked.problem, blocked.blocked_by) == ("", FCT.name)


def test_changed_code_makes_the_table_stale_and_all_that_is_made_of_it(ledger):
    below = replace(
        FCT, name="gold/below", inputs=(DIM.name,), build=lambda inputs: inputs[DIM.name].select("id", "name", "amount")
    )
    never_run = replace(FCT, name="gold/never_run", inputs=(DIM.name,))
    ledger.use(CHANGES, DIM, FCT, below)
    ledger.run(below.name)
    assert stale_tables(ledger.pipeline, ledger.ground) == []
    changed = replace(DIM, scope=("id", "name"))
    assert changed.code_version != ledger.ground.lake.state(DIM.name).properties[CODE_VERSION_PROPERTY]
    ledger.use(CHANGES, changed, FCT, below, never_run)
    found = stale_tables(ledger.pipeline, ledger.ground)
    assert [(one.preview.step.name, one.because_of) for one in found] == [
        (DIM.name, DIM.name),
        ("gold/below", DIM.name),
    ]
    assert [one.preview.removed for one in found] == [volume(ledger, DIM.name), volume(ledger, "gold/below")]


def test_a_kind_of_table_that_nobody_plans_says_so(settled):
    """A new kind shows what its own plan says, and until it has one, that it has none."""
    plain = Table(name="gold/plain", contract=FCT.contract, description="Of no kind.")
    pipeline = replace(settled.pipeline, tables=(*settled.pipeline.tables, plain))
    found = preview_table(Step(plain.name), pipeline, settled.ground)
    assert found.problem.endswith("Table is no kind of table that runs.")

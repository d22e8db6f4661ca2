"""A table beside its rebuild: what was done to it by hand is found, and nothing else is said or left behind."""

import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pyarrow.compute as pc
import pytest
from pyarrow import scalar as pa_scalar
from pyiceberg.expressions import EqualTo

from snowpipe_platform.errors import LakeError
from snowpipe_platform.execution.verify import Example, verify
from snowpipe_platform.execution.verify_plan import row_key
from snowpipe_platform.spec.history import latest
from snowpipe_platform_tests.kit import Killed
from snowpipe_platform_tests.ledger import CHANGES, DIM, FCT, FctItems, Ledger, change

NAMES = (CHANGES.name, DIM.name, FCT.name)
D1, D2 = "2024-03-01", "2024-03-02"


@pytest.fixture
def ledger(tmp_path):
    """a changes twice, b once, c is deleted; x has an amount that is no number, d one given up."""
    ledger = Ledger(tmp_path)
    ledger.land(
        D1,
        change("a", 1, name="Ann", amount="1"),
        change("b", 1, name="Bob", amount="2"),
        change("c", 1, name="Cid"),
        change("x", 1, amount="x"),
        change("d", 1, amount="y"),
    )
    ledger.land(D2, change("a", 2, name="Anna", amount="3"), change("c", 2, op="delete"))
    ledger.discard(D2, {1: "4"})
    ledger.run_all()
    return ledger


def checked(ledger, name):
    return verify(ledger.pipeline.table(name), ledger.pipeline, ledger.ground)


def said(ledger):
    """What is found, by table; nothing of tables that are as they should be."""
    found = {name: checked(ledger, name) for name in NAMES}
    assert [one.error for one in found.values()] == [None] * len(found)
    return {name: one.difference for name, one in found.items() if one.difference.rows}


def replace_rows(ledger, name, change_rows):
    """As somebody does with another tool."""
    table = ledger.opened(name)
    table.overwrite(change_rows(table.scan().to_arrow()))


def with_name(key, name):
    def changed(rows):
        return rows.set_column(
            rows.schema.get_field_index("name"),
            rows.schema.field("name"),
            pc.if_else(pc.equal(rows["id"], key), name, rows["name"]),
        )

    return changed


def test_tables_as_runs_leave_them_are_what_their_inputs_make_of_them(ledger):
    found = [checked(ledger, name) for name in NAMES]
    assert [(one.live_rows, one.rebuilt_rows) for one in found] == [(7, 7), (4, 4), (2, 2)]
    assert [(one.error, one.difference.rows) for one in found] == [(None, 0)] * 3


def test_a_value_changed_by_hand_is_named_with_its_key_and_both_values(ledger):
    replace_rows(ledger, FCT.name, with_name("b", "Bert"))
    (found,) = said(ledger).values()
    assert (found.differing, found.only_live, found.only_rebuilt, found.columns) == (1, 0, 0, {"name": 1})
    assert found.examples == (Example("both", {"id": "b"}, {"name": ("Bert", "Bob")}),)


def test_a_row_removed_by_hand_is_only_in_the_rebuild(ledger):
    ledger.opened(FCT.name).delete(EqualTo("id", "a"))
    (found,) = said(ledger).values()
    assert (found.differing, found.only_live, found.only_rebuilt) == (0, 0, 1)
    assert found.examples == (Example("rebuild", {"id": "a"}),)


def test_a_doubled_row_is_only_in_the_live_table_once(ledger):
    table = ledger.opened(FCT.name)
    table.append(table.scan(EqualTo("id", "b")).to_arrow())
    (found,) = said(ledger).values()
    assert (found.differing, found.only_live, found.only_rebuilt) == (0, 1, 0)
    assert found.examples == (Example("live", {"id": "b"}),)


def test_a_change_that_lost_its_judgement_is_found_by_its_place_in_the_log(ledger):
    def accept(rows):
        place = rows.schema.get_field_index("change_status")
        accepted = pc.replace_substring(rows["change_status"], "quarantined", "valid")
        return rows.set_column(place, rows.schema.field(place), accepted)

    replace_rows(ledger, CHANGES.name, accept)
    (found,) = said(ledger).values()
    assert found.columns == {"change_status": 1}
    assert found.examples[0].key == {"manifest_number": 1, "source_row": 3}


def test_versions_that_do_not_meet_are_found(ledger):
    """The rule of history: a version ends where the next begins."""

    def closed_late(rows):
        place = rows.schema.get_field_index("expires_at")
        later = pc.add(rows["expires_at"], pa_scalar(timedelta(days=1)))
        return rows.set_column(place, rows.schema.field(place), later)

    replace_rows(ledger, DIM.name, closed_late)
    (found,) = said(ledger).values()
    assert (found.differing, found.columns) == (2, {"expires_at": 2})
    assert [example.key["id"] for example in found.examples] == ["a", "c"]


def test_a_table_whose_scope_is_its_only_key_pairs_rows_by_it(ledger):
    loose = replace(FCT, contract=type("Loose", (FctItems,), {"__annotations__": {"id": str}, "id": pa.Field()}))
    assert row_key(FCT) == row_key(loose) == ("id",)
    assert row_key(DIM) == ("id", "effective_at")


def test_a_table_that_is_behind_is_compared_with_what_it_has_taken_in(ledger):
    ledger.land("2024-03-03", change("a", 3, name="Later"), change("e", 3))
    assert (checked(ledger, CHANGES.name).rebuilt_rows, checked(ledger, CHANGES.name).difference.rows) == (7, 0)
    ledger.run(CHANGES.name)
    assert said(ledger) == {}
    assert checked(ledger, FCT.name).rebuilt_rows == 2


class Meanwhile:
    """An engine beside whose session a writer commits, once it has begun."""

    def __init__(self, ledger):
        self._ledger, self._engine = ledger, ledger.ground.engine

    def session(self):
        self._ledger.land("2024-03-03", change("a", 3, name="Later"), change("e", 3))
        self._ledger.run_all()
        return self._engine.session()


@pytest.mark.parametrize("name", NAMES)
def test_a_writer_that_commits_meanwhile_changes_nothing(ledger, name):
    watched = replace(ledger.ground, engine=Meanwhile(ledger))
    found = verify(ledger.pipeline.table(name), ledger.pipeline, watched)
    assert (found.error, found.difference.rows) == (None, 0)
    assert found.live_rows == found.rebuilt_rows < len(ledger.rows(name))


def test_rows_held_back_are_not_the_table(ledger):
    ledger.land("2024-03-03", change("a", 3, amount="x"), change("b", 3, amount="x"))
    assert ledger.run(CHANGES.name).held_on == "held"
    found = checked(ledger, CHANGES.name)
    assert (found.live_rows, found.rebuilt_rows, found.difference.rows) == (7, 7, 0)


def test_other_code_is_named_beside_what_it_changes(ledger):
    shouting = replace(CHANGES, clean=lambda rows: {"name": rows.name.upper()})
    ledger.use(shouting, DIM, FCT)
    found = checked(ledger, CHANGES.name)
    assert (found.other_code, found.code_version) == ((CHANGES.code_version,), shouting.code_version)
    assert found.difference.columns == {"name": 4}
    assert checked(ledger, DIM.name).other_code == ()


def test_floats_are_the_same_when_only_their_last_digits_differ(tmp_path):
    contract = type("Means", (FctItems,), {"__annotations__": {"mean": dt.float64}, "mean": pa.Field(nullable=True)})

    def scaled(factor):
        def build(inputs):
            rows = latest(inputs[CHANGES.name], key=["id"])
            return rows.mutate(mean=rows.amount.cast("float64") * factor)

        return replace(FCT, contract=contract, build=build)

    ledger = Ledger(tmp_path, tables=(CHANGES, scaled(0.1)))
    ledger.land(D1, change("a", amount="3"), change("b", amount="0"), change("c"))
    ledger.run_all()
    ledger.use(CHANGES, scaled(0.1 + 1e-16))
    assert checked(ledger, FCT.name).difference.rows == 0
    ledger.use(CHANGES, scaled(0.1 + 1e-9))
    assert checked(ledger, FCT.name).difference.columns == {"mean": 1}


def everything(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_left_in_the_lake_nor_beside_it(ledger, monkeypatch, tmp_path_factory):
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    replace_rows(ledger, FCT.name, with_name("b", "Bert"))
    before = everything(ledger.folder)
    assert set(said(ledger)) == {FCT.name}
    assert everything(ledger.folder) == before
    assert list(temporary.iterdir()) == []


def test_a_kill_leaves_no_file_in_the_lake(ledger, monkeypatch, tmp_path_factory):
    """What it leaves beside the lake is a spill folder, which the next session of the engine removes."""
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    before = everything(ledger.folder)
    seen = []

    def kill(**_):
        seen.extend(path.relative_to(temporary).parts[0] for path in Path(temporary).rglob("rebuilt*"))
        raise Killed

    monkeypatch.setattr("snowpipe_platform.execution.verify.ChangedRows", kill)
    with pytest.raises(Killed):
        checked(ledger, FCT.name)
    assert seen
    assert all(name.startswith("snowpipe-spill-") for name in seen)
    assert everything(ledger.folder) == before


def test_it_takes_no_lease(ledger):
    with ledger.ground.state.lease(FCT.name, holder="another run"):
        assert checked(ledger, FCT.name).error is None


def test_what_was_consumed_and_expired_cannot_be_compared_and_says_so(ledger):
    ledger.land("2024-03-03", change("a", 3, name="Later"))
    ledger.run(CHANGES.name)
    ledger.expire_old(CHANGES.name)
    found = checked(ledger, FCT.name)
    assert isinstance(found.error, LakeError)
    assert str(found.error) == (
        f"{FCT.name}: the state of {CHANGES.name} that it was made of is not there any more, so it cannot be compared. "
        f"Make it anew: snowpipe run {FCT.name} --rebuild"
    )
    assert checked(ledger, CHANGES.name).difference.rows == 0


def test_a_table_without_a_commit_has_no_rows_to_compare(tmp_path):
    found = checked(Ledger(tmp_path), FCT.name)
    assert (found.live_rows, found.rebuilt_rows, found.error) == (None, None, None)

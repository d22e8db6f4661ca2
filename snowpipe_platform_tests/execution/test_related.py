"""A table whose rules look at another: what it waits for, which rows it is judged with, and what it records."""

from dataclasses import replace

import ibis
import pandera.ibis as pa
import pytest

from snowpipe_platform.execution.execute import run_table
from snowpipe_platform.execution.judge import table_quality
from snowpipe_platform.execution.related import JUDGED_WITH_PROPERTY, bind_related, consumption_of, judged_with_the_same
from snowpipe_platform.records import LakeRows
from snowpipe_platform.spec.consumption import Consumption
from snowpipe_platform.spec.quality import WHOLE_TABLE, Counts
from snowpipe_platform.spec.table import DerivedTable, related
from snowpipe_platform_tests.ledger import CHANGES, DIM, FCT, FctItems, Ledger, change, referring

CHANGED, VERSIONS, FACTS = CHANGES.name, DIM.name, FCT.name
REFERS = "id.references"


class KnownItems(FctItems):
    id: str = pa.Field(unique=True, metadata={"references": "silver/dim_items.id", "error_above": 0.4})


KNOWN = replace(FCT, contract=KnownItems)


class Totals(pa.DataFrameModel):
    id: str
    amount: int = pa.Field(nullable=True)

    @pa.dataframe_check(name="is_what_the_items_say", scope="table", error_above=0.0)
    def is_what_the_items_say(cls, data):
        items = related(KNOWN)
        both = data.table.inner_join(items, "id").filter(lambda rows: ~rows.amount.identical_to(rows.amount_right))
        return data.table.id.notin(both.id)


TOTALS = DerivedTable(
    name="gold/totals",
    description="Amounts by item.",
    contract=Totals,
    inputs=(FACTS,),
    scope=("id",),
    build=lambda inputs: inputs[FACTS].select("id", "amount"),
)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path, tables=(CHANGES, DIM, KNOWN, TOTALS))


def item(key, at=1.0, amount="1"):
    return change(key, at, name="n", amount=amount)


def counts_now(ledger, table):
    """As a check of the table counts when it is run alone."""
    state = ledger.ground.lake.state(table.name)
    with ledger.ground.engine.session() as session:
        session.bind("rows", LakeRows(tuple(ledger.paths(table.name)), table.schema))
        bind_related(table, consumption_of(state), session, ledger.ground)
        return table_quality(table, ibis.table(table.schema, name="rows"), session).by_partition[WHOLE_TABLE]


def test_a_table_waits_for_what_its_rules_look_at(ledger):
    ledger.land("2024-03-01", item("a"))
    assert ledger.run(FACTS).plan.reason == f"waits for {CHANGED}"
    ledger.run(CHANGED)
    waiting = ledger.run(FACTS)
    assert (waiting.plan.operation, waiting.plan.reason) == ("nothing", f"waits for {VERSIONS}")
    assert FACTS not in ledger.ground.lake.tables()
    ledger.run(VERSIONS)
    assert ledger.run(FACTS).rows == 1


def test_rows_beyond_what_is_known_are_held_until_it_is(ledger):
    ledger.land("2024-03-01", item("a"))
    ledger.run_all()
    ledger.land("2024-03-02", item("b", 2))
    ledger.run(CHANGED)
    early = ledger.run(FACTS)
    assert (early.published, early.quality.total) == (False, Counts(2, 0, {REFERS: 1}))
    ledger.run(VERSIONS)
    late = ledger.run(FACTS)
    assert (late.published, late.rows, late.quality.total) == (True, 2, Counts(2))
    assert ledger.ground.lake.held(FACTS) == {}


def test_what_its_rules_look_at_is_not_consumed(ledger):
    ledger.land("2024-03-01", item("a"))
    ledger.run_all()
    state = ledger.ground.lake.state(FACTS)
    assert set(consumption_of(state).commits) == {CHANGED}
    ledger.land("2024-03-02", item("a", 2, amount="2"))
    ledger.run(CHANGED)
    ledger.run(VERSIONS)
    ledger.run(FACTS)
    before = ledger.ground.lake.state(FACTS)
    ledger.run(VERSIONS, rebuild=True)
    again = ledger.run(FACTS)
    assert (again.plan.operation, again.plan.reason) == ("nothing", "inputs have not changed")
    assert ledger.ground.lake.state(FACTS) == before


def test_a_commit_says_what_it_was_judged_with(ledger):
    ledger.land("2024-03-01", item("a"))
    ledger.run_all()
    versions, state = ledger.ground.lake.state(VERSIONS), ledger.ground.lake.state(FACTS)
    judged = Consumption.decode(state.properties[JUDGED_WITH_PROPERTY]).commits
    assert {name: commit.snapshot_id for name, commit in judged.items()} == {VERSIONS: versions.snapshot_id}
    assert judged_with_the_same(state, KNOWN, ledger.ground)
    ledger.run(VERSIONS, rebuild=True)
    assert not judged_with_the_same(state, KNOWN, ledger.ground)
    assert JUDGED_WITH_PROPERTY not in ledger.ground.lake.state(VERSIONS).properties


def test_checks_run_alone_look_at_what_is_known_now(ledger):
    ledger.land("2024-03-01", item("a"), item("b"), item("c"))
    ledger.run_all()
    ledger.use(CHANGES, replace(DIM, build=lambda inputs: DIM.build(inputs).filter(lambda rows: rows.id != "b")), KNOWN)
    ledger.run(VERSIONS, rebuild=True)
    assert counts_now(ledger, KNOWN) == Counts(3, 0, {REFERS: 1})


def test_totals_are_compared_with_the_commit_they_were_made_from(ledger):
    """The facts have moved on, and the totals have not been asked to: nothing is wrong with them."""
    ledger.land("2024-03-01", item("a"), item("b"))
    ledger.run_all()
    ledger.land("2024-03-02", item("a", 2, amount="5"))
    for table in (CHANGED, VERSIONS, FACTS):
        ledger.run(table)
    assert counts_now(ledger, TOTALS) == Counts(2)
    assert (ledger.run(TOTALS.name).published, counts_now(ledger, TOTALS)) == (True, Counts(2))


def test_totals_whose_commit_was_expired_are_compared_with_todays(ledger):
    ledger.land("2024-03-01", item("a"), item("b"))
    ledger.run_all()
    ledger.land("2024-03-02", item("a", 2, amount="5"))
    for table in (CHANGED, VERSIONS, FACTS):
        ledger.run(table)
    ledger.expire_old(FACTS)
    assert counts_now(ledger, TOTALS) == Counts(2, 0, {"is_what_the_items_say": 1})


def test_wrong_totals_are_not_published(ledger):
    wrong = replace(TOTALS, build=lambda inputs: inputs[FACTS].select("id", amount=inputs[FACTS].amount + 1))
    ledger.use(CHANGES, DIM, KNOWN, wrong)
    ledger.land("2024-03-01", item("a"), item("b"))
    ledger.run_all()
    assert ledger.ground.lake.state(wrong.name) is None
    assert list(ledger.ground.lake.held(wrong.name)) == ["held"]


def test_of_a_changes_table_rules_see_the_accepted_rows(ledger):
    known = referring(FCT, "name", "silver/item_changes.name")
    ledger.use(CHANGES, DIM, known)
    ledger.land("2024-03-01", item("a"), item("b"), change("c", name="only quarantined", amount="abc"))
    ledger.run_all()
    with ledger.ground.engine.session() as session:
        bind_related(known, Consumption(), session, ledger.ground)
        (seen,) = [table for rule in known.rules for table in rule.related]
        assert session.fetch(seen.to_expr()).to_pylist() == [{"name": "n"}, {"name": "n"}]


def test_a_table_that_has_no_commit_has_no_row_to_look_at(ledger):
    with ledger.ground.engine.session() as session:
        assert bind_related(KNOWN, Consumption(), session, ledger.ground) == {}
        (seen,) = [table for rule in KNOWN.rules for table in rule.related]
        assert session.fetch(seen.to_expr()).to_pylist() == []


def test_an_override_publishes_what_a_reference_holds_back(ledger):
    ledger.land("2024-03-01", item("a"))
    ledger.run_all()
    ledger.land("2024-03-02", item("b", 2))
    ledger.run(CHANGED)
    request = replace(ledger.request(FACTS), override="ana: known")
    assert run_table(request, ledger.ground).published

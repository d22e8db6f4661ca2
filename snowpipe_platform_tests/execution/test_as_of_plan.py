"""States by analysis date, over a bronze log written by hand."""

from datetime import date, timedelta

import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.as_of_plan import analysis_dates, made_dates
from snowpipe_platform.execution.inputs import read_inputs
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.history import latest
from snowpipe_platform_tests.ledger import CHANGES, START, Ledger, change

STATES = "gold/item_states"
D1, D2, D3 = (START.date() + timedelta(days=n) for n in range(3))


class ItemStates(pa.DataFrameModel):
    id: str = pa.Field(str_length={"max_value": 3}, metadata={"error_above": 0.4})
    name: str = pa.Field(nullable=True)
    analysis_date: dt.date

    class Config:
        unique = ("id", "analysis_date")


def states(**declared):
    facts = {"name": STATES, "contract": ItemStates, "description": "Items as they were.", "inputs": (CHANGES.name,)}
    build = lambda inputs, _on: latest(inputs[CHANGES.name], key=["id"])  # noqa: E731
    return AsOfTable(**{**facts, "build": build, **declared})


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path, (CHANGES, states()))


def run(ledger, *dates, **options):
    """The dates once all of bronze is taken in; the operation of each run."""
    ledger.run(CHANGES.name)
    return [ledger.run(STATES, on.isoformat(), **options).plan.operation for on in dates]


def rows(ledger, on=None):
    found = ledger.rows(STATES, "analysis_date, id, name")
    return found if on is None else [row[1:] for row in found if row[0] == on]


def dates_of(ledger):
    return analysis_dates(read_inputs(ledger.pipeline, ledger.pipeline.table(STATES), ledger.ground))


def test_a_date_has_what_was_known_at_its_end(ledger):
    ledger.land("2024-01-03", change("a", 0.5, name="A"), change("b", 1.5, name="B"), change("a", 2.5, name="AA"))
    assert run(ledger, D1, D2, D3) == ["replace_date"] * 3
    assert rows(ledger, D1) == [("a", "A")]
    assert rows(ledger, D2) == [("a", "A"), ("b", "B")]
    assert rows(ledger, D3) == [("a", "AA"), ("b", "B")]


@pytest.mark.case("A56")
def test_a_date_computed_again_after_a_later_change_is_the_row_it_was(ledger):
    ledger.land("2024-01-01", change("a", 0.5, name="A"))
    run(ledger, D1)
    before = rows(ledger)
    ledger.land("2024-01-04", change("a", 3.2, "delete"))
    assert run(ledger, D1) == ["nothing"]
    assert run(ledger, D1, rebuild=True) == ["replace_date"]
    assert rows(ledger) == before


def test_a_late_change_makes_its_date_and_those_after_it_stale_and_a_run_makes_one_anew(ledger):
    ledger.land("2024-01-03", change("a", 0.5, name="A"))
    run(ledger, D1, D2, D3)
    ledger.land("2024-01-04", change("b", 1.5, name="B"))
    assert run(ledger, D1) == ["nothing"]
    assert sorted(dates_of(ledger).stale) == [D2, D3]
    assert run(ledger, D3) == ["replace_date"]
    assert sorted(dates_of(ledger).stale) == [D2]
    assert (rows(ledger, D2), rows(ledger, D3)) == ([("a", "A")], [("a", "A"), ("b", "B")])


def test_a_date_waits_until_all_of_bronze_up_to_it_is_taken_in(ledger):
    ledger.land("2024-01-01", change("a", 0.5, name="A"))
    ledger.run(CHANGES.name)
    ledger.land("2024-01-02", change("b", 1.5, name="B"))
    waiting = ledger.run(STATES, D2.isoformat())
    assert (waiting.plan.operation, waiting.plan.reason) == (
        "nothing",
        "waits for silver/item_changes up to 2024-01-02",
    )
    assert ledger.run(STATES, D1.isoformat()).plan.operation == "replace_date"


def test_without_a_date_a_run_is_refused(ledger):
    ledger.land("2024-01-01", change("a", 0.5))
    ledger.run(CHANGES.name)
    with pytest.raises(ConfigurationError, match="gold/item_states has a state for each day: say which"):
        ledger.run(STATES)


def test_a_date_that_breaks_a_rule_is_held_beside_the_table_and_the_others_stand(ledger):
    ledger.land("2024-01-01", change("a", 0.5))
    ledger.land("2024-01-02", change("long", 1.5))
    ledger.run(CHANGES.name)
    assert ledger.run(STATES, D1.isoformat()).published
    held = ledger.run(STATES, D2.isoformat())
    assert (held.published, held.held_on) == (False, "held-2024-01-02")
    assert ([row[0] for row in rows(ledger)], sorted(made_dates(held.state).all)) == ([D1], [D1])
    assert held.quality.by_partition["2024-01-02"].broken == {"id.str_length": 1}


def test_publishing_one_date_leaves_what_is_held_of_another(ledger):
    ledger.land("2024-01-01", change("long", 0.5))
    ledger.land("2024-01-02", change("long", 1.5, "delete"), change("b", 1.6))
    run(ledger, D1, D2)
    assert set(ledger.ground.lake.held(STATES)) == {"held-2024-01-01"}


def test_new_code_makes_dates_stale_that_are_made_again_when_asked_for(ledger):
    ledger.land("2024-01-02", change("a", 0.5, name="A"))
    run(ledger, D1, D2)
    renamed = states(
        build=lambda inputs, _on: latest(inputs[CHANGES.name], key=["id"]).mutate(name=ibis.literal("new"))
    )
    renamed.__dict__["code_version"] = "another code"
    ledger.use(CHANGES, renamed)
    assert dates_of(ledger).by_other_code("another code") == {D1, D2}
    assert run(ledger, D2) == ["replace_date"]
    assert rows(ledger) == [(D1, "a", "A"), (D2, "a", "new")]
    assert dates_of(ledger).by_other_code("another code") == {D1}


def test_when_what_was_consumed_is_gone_every_date_is_stale(ledger, monkeypatch):
    ledger.land("2024-01-02", change("a", 0.5, name="A"))
    run(ledger, D1, D2)
    ledger.land("2024-01-03", change("b", 2.5, name="B"))
    ledger.run(CHANGES.name)
    lake = ledger.ground.lake
    consumed = lake.history(CHANGES.name)[0].snapshot_id
    forgotten = lake._catalog.load_table(("silver", "item_changes"))
    forgotten.maintenance.expire_snapshots().by_id(consumed).commit()
    assert dates_of(ledger).stale == {D1, D2}


CHANGE = st.tuples(st.sampled_from("ab"), st.integers(0, 11), st.integers(0, 2))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(st.lists(CHANGE, min_size=1, max_size=3), st.sampled_from([D1, D2, D3])), max_size=8))
def test_a_date_is_what_the_changes_say_unless_it_is_stale(tmp_path_factory, steps):
    """Landings of (key, quarter of a day, name), and runs of dates, in any order."""
    ledger, log = Ledger(tmp_path_factory.mktemp("as_of"), (CHANGES, states())), []
    for step in [[("a", 0, 0)], *steps]:
        if isinstance(step, date):
            run(ledger, step)
        else:
            ledger.land("2024-01-01", *(change(key, at=quarter / 4, name=str(name)) for key, quarter, name in step))
            log += [(quarter, place, key, str(name)) for place, (key, quarter, name) in enumerate(step, start=len(log))]
    ledger.run(CHANGES.name)
    dates = dates_of(ledger)
    for on in dates.all - dates.stale:
        assert rows(ledger, on) == _expected(log, on)
    for on in (D1, D2, D3):
        run(ledger, on)
        assert rows(ledger, on) == _expected(log, on)
    assert not dates_of(ledger).stale


def _expected(log, on):
    known = sorted(entry for entry in log if entry[0] < 4 * ((on - D1).days + 1))
    return sorted({key: name for _, _, key, name in known}.items())

"""The online side of a feature group: the latest of each entity, whatever was interrupted before."""

from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snowpipe_platform.execution.online import bring_online, is_level
from snowpipe_platform_tests.grouped import D1, D2, D3, GROUP, STATES, grouped_ledger, make
from snowpipe_platform_tests.kit import Faulty, Killed
from snowpipe_platform_tests.ledger import CHANGES, change


@pytest.fixture
def ledger(tmp_path):
    return grouped_ledger(tmp_path)


def online(ledger, *keys):
    """(event_time, name) by key."""
    found = ledger.ground.online.get(GROUP, keys or "abc")
    return {key: (row.event_time.day, row.values["name"]) for key, row in sorted(found.items())}


def group_of(ledger):
    return ledger.pipeline.table(GROUP)


def test_a_run_brings_its_rows_online_with_their_times(ledger):
    ledger.land("2024-01-01", change("a", 0.5, name="A", amount="3"))
    make(ledger, D1)
    (row,) = ledger.ground.online.get(GROUP, ["a"]).values()
    created = ledger.ground.lake.state(STATES).committed_at
    assert (row.key, row.event_time, row.created_time) == ("a", datetime(2024, 1, 2), created)
    assert row.values == {"name": "A", "amount": 3}


@pytest.mark.case("A60")
def test_a_recomputed_day_before_does_not_displace_the_day_and_a_recomputed_day_replaces_itself(ledger):
    ledger.land("2024-01-02", change("a", 0.5, name="A"), change("b", 0.5, name="B"))
    make(ledger, D1, D2)
    ledger.land("2024-01-03", change("a", 0.6, name="AA"))
    make(ledger, D1)
    assert online(ledger) == {"a": (3, "A"), "b": (3, "B")}
    make(ledger, D2)
    assert online(ledger) == {"a": (3, "AA"), "b": (3, "B")}


@pytest.mark.case("A40")
def test_dates_made_in_any_order_leave_the_latest_event_time_online(ledger):
    ledger.land("2024-01-03", change("a", 0.5, name="A"), change("a", 1.5, name="AA"))
    make(ledger, D3, D1, D2)
    assert online(ledger) == {"a": (4, "AA")}


def test_an_entity_that_is_gone_keeps_its_last_features_and_their_event_time_tells(ledger):
    ledger.land("2024-01-02", change("a", 0.5, name="A"), change("a", 1.5, "delete"), change("b", 0.5, name="B"))
    make(ledger, D1, D2)
    assert online(ledger) == {"a": (2, "A"), "b": (3, "B")}


@pytest.mark.parametrize(
    "fault",
    [{"put": [1]}, {"put": [2]}, {"set_reached": [1]}],
    ids=["before the first rows", "between rows", "before it is noted"],
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_killed_ingestion_converges_with_the_next_run(ledger, monkeypatch, fault, after):
    monkeypatch.setattr("snowpipe_platform.execution.online.ROWS_PER_PUT", 1)
    ledger.land("2024-01-01", change("a", 0.5, name="A"), change("b", 0.5, name="B"))
    ledger.run(CHANGES.name)
    ledger.run(STATES, D1.isoformat())
    store = ledger.ground.online
    with pytest.raises(Killed):
        ledger.run(GROUP, D1.isoformat(), online=Faulty(store, Killed(), fault, after=after))
    again = ledger.run(GROUP, D1.isoformat())
    assert again.plan.operation == "nothing", "the history was complete, and only online lacked something"
    assert online(ledger) == {"a": (2, "A"), "b": (2, "B")}
    assert is_level(group_of(ledger), ledger.ground.lake.state(GROUP), ledger.ground)


def test_a_lost_store_comes_back_from_the_history(ledger):
    ledger.land("2024-01-02", change("a", 0.5, name="A"), change("a", 1.5, name="AA"), change("b", 0.1, name="B"))
    make(ledger, D1, D2)
    for file in ledger.folder.glob("online.db*"):
        file.unlink()
    ledger.run(GROUP, D1.isoformat())
    assert online(ledger) == {"a": (3, "AA"), "b": (3, "B")}


def test_only_what_is_new_is_read_and_all_where_the_commit_it_had_is_gone(ledger):
    ledger.land("2024-01-03", *(change(key, 0.5, name=key) for key in "abc"))
    make(ledger, D1)
    assert bring_online(group_of(ledger), ledger.ground) == 0
    behind = ledger.ground.online.reached(GROUP)
    make(ledger, D2)
    ledger.ground.online.set_reached(GROUP, behind)
    assert bring_online(group_of(ledger), ledger.ground) == 3, "the rows of the second date"
    make(ledger, D3)
    ledger.ground.online.set_reached(GROUP, behind)
    ledger.expire_old(GROUP)
    assert bring_online(group_of(ledger), ledger.ground) == 3, "the latest row of each entity, of all dates"
    assert online(ledger) == {key: (4, key) for key in "abc"}


STEP = st.one_of(
    st.tuples(st.sampled_from("ab"), st.integers(0, 11), st.integers(0, 2)),
    st.tuples(st.sampled_from([STATES, GROUP]), st.sampled_from([D1, D2, D3]), st.booleans()),
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=10))
def test_online_is_the_latest_of_the_history_after_any_runs_some_of_them_killed(tmp_path_factory, steps):
    ledger = grouped_ledger(tmp_path_factory.mktemp("online"))
    ledger.land("2024-01-01", change("a", 0, name="first"))
    ledger.run(CHANGES.name)
    for name, at, more in steps:
        if name in "ab":
            ledger.land("2024-01-01", change(name, at=at / 4, name=str(more)))
            ledger.run(CHANGES.name)
        elif name == GROUP and more:
            with suppress(Killed):
                killed = Faulty(ledger.ground.online, Killed(), {"put": [1]})
                ledger.run(GROUP, at.isoformat(), online=killed)
        else:
            ledger.run(name, at.isoformat())
    make(ledger, D1, D2, D3)
    latest = {key: (event, name) for key, event, _, name in ledger.rows(GROUP, "id, event_time, created_time, name")}
    assert online(ledger) == {key: (event.day, name) for key, (event, name) in latest.items()}

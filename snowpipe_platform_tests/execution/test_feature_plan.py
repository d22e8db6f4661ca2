"""The history of a feature group, over a bronze log written by hand."""

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.as_of_plan import analysis_dates
from snowpipe_platform.execution.inputs import read_inputs
from snowpipe_platform.spec.feature import Feature
from snowpipe_platform_tests.grouped import (
    D1,
    D2,
    D3,
    GROUP,
    STATES,
    STATES_TABLE,
    group,
    grouped_ledger,
    history,
    make,
)
from snowpipe_platform_tests.kit import Faulty, Killed
from snowpipe_platform_tests.ledger import CHANGES, change


@pytest.fixture
def ledger(tmp_path):
    return grouped_ledger(tmp_path)


def stale(ledger):
    return analysis_dates(read_inputs(ledger.pipeline, ledger.pipeline.table(GROUP), ledger.ground)).stale


def test_a_row_says_until_when_it_is_true_and_when_its_source_was_committed(ledger):
    ledger.land("2024-01-01", change("a", 0.5, name="A", amount="3"))
    make(ledger, D1)
    committed_at = ledger.ground.lake.state(STATES).committed_at
    assert ledger.rows(GROUP) == [("a", datetime(2024, 1, 2), committed_at, "A", 3, D1)]


def test_the_same_commit_again_adds_nothing_and_commits_nothing(ledger):
    ledger.land("2024-01-01", change("a", 0.5, name="A"))
    make(ledger, D1)
    again = ledger.run(GROUP, D1.isoformat())
    assert (again.plan.operation, again.plan.reason) == ("nothing", "gold/item_states of 2024-01-01 has not changed")


def test_a_date_made_anew_adds_what_became_different_with_a_later_created_time(ledger):
    ledger.land("2024-01-02", change("a", 0.5, name="A"), change("b", 0.5, name="B"))
    make(ledger, D1, D2)
    ledger.land("2024-01-03", change("a", 0.6, name="AA"), change("c", 1.5, name="C"))
    first, second = make(ledger, D1, D2)
    assert (first.new, second.new) == (1, 2)
    assert history(ledger, D1) == [("a", "A", None), ("a", "AA", None), ("b", "B", None)]
    assert history(ledger, D2) == [("a", "A", None), ("a", "AA", None), ("b", "B", None), ("c", "C", None)]


def test_a_value_that_comes_back_is_a_third_version(ledger):
    ledger.land("2024-01-01", change("a", 0.5, name="A"))
    make(ledger, D1)
    for name in ("AA", "A"):
        ledger.land("2024-01-02", change("a", 0.5, name=name))
        make(ledger, D1)
    assert history(ledger, D1) == [("a", "A", None), ("a", "AA", None), ("a", "A", None)]


def test_a_run_of_one_date_leaves_the_others_to_their_own(ledger):
    ledger.land("2024-01-02", change("a", 0.5, name="A"))
    make(ledger, D1, D2)
    ledger.land("2024-01-03", change("a", 0.6, name="AA"))
    ledger.run(CHANGES.name)
    for on in (D1, D2):
        ledger.run(STATES, on.isoformat())
    assert stale(ledger) == {D1, D2}
    ledger.run(GROUP, D2.isoformat())
    assert stale(ledger) == {D1}
    ledger.run(GROUP, D1.isoformat())
    assert (stale(ledger), len(history(ledger))) == (frozenset(), 4)


def test_files_merged_by_maintenance_make_nothing_stale(ledger):
    ledger.land("2024-01-01", change("a", 0.5, name="A"))
    make(ledger, D1)
    state = ledger.ground.lake.state(STATES)
    files = ledger.ground.lake.files(STATES, snapshot_id=state.snapshot_id)
    ledger.ground.lake.rewrite(STATES, base=state, remove=files, add=[_copy(files[0].path)], reason="compaction")
    assert stale(ledger) == frozenset()
    assert ledger.run(GROUP, D1.isoformat()).plan.operation == "nothing"


def _copy(path):
    copied = path.replace(".parquet", "-copy.parquet")
    with open(path, "rb") as old, open(copied, "wb") as new:  # noqa: PTH123 - a file beside another
        new.write(old.read())
    return copied


def test_when_what_was_consumed_is_gone_dates_are_compared_and_nothing_comes_twice(ledger):
    ledger.land("2024-01-02", change("a", 0.5, name="A"))
    make(ledger, D1, D2)
    ledger.land("2024-01-03", change("b", 1.5, name="B"))
    ledger.run(CHANGES.name)
    ledger.run(STATES, D2.isoformat())
    ledger.expire_old(STATES)
    assert stale(ledger) == {D1, D2}
    assert [ledger.run(GROUP, on.isoformat()).new for on in (D1, D2)] == [0, 1]
    assert history(ledger) == [(D1, "a", "A", None), (D2, "a", "A", None), (D2, "b", "B", None)]


def test_a_source_that_was_rolled_back_and_went_on_is_compared_too(ledger):
    ledger.land("2024-01-01", change("a", 0.5, name="A"))
    make(ledger, D1)
    before = ledger.ground.lake.state(STATES).snapshot_id
    ledger.land("2024-01-02", change("a", 0.6, name="AA"))
    make(ledger, D1)
    ledger.opened(STATES).manage_snapshots().rollback_to_snapshot(before).commit()
    assert ledger.run(GROUP, D1.isoformat()).new == 1
    versions = ledger.rows(GROUP, "created_time, name")
    assert [name for _, name in versions] == ["A", "AA", "A"]
    assert versions[2][0] > versions[1][0], "though its source's commit is older"


def test_a_rebuild_keeps_the_history(ledger):
    ledger.land("2024-01-01", change("a", 0.5, name="A"))
    make(ledger, D1)
    before = ledger.rows(GROUP)
    again = ledger.run(GROUP, D1.isoformat(), rebuild=True)
    assert (again.plan.operation, again.new, ledger.rows(GROUP)) == ("append", 0, before)


def test_a_feature_that_is_added_brings_every_date_again_when_asked_and_leaves_what_is_there(ledger):
    narrow = group(features=(Feature(name="name", type="string", description="as it was"),))
    ledger.use(CHANGES, STATES_TABLE, narrow)
    ledger.land("2024-01-01", change("a", 0.5, name="A", amount="7"))
    make(ledger, D1)
    ledger.use(CHANGES, STATES_TABLE, group())
    assert [result.new for result in make(ledger, D1)] == [1]
    assert history(ledger) == [(D1, "a", "A", None), (D1, "a", "A", 7)]


def test_a_date_waits_for_its_source(ledger):
    ledger.land("2024-01-01", change("a", 0.5))
    make(ledger, D1)
    waiting = ledger.run(GROUP, D2.isoformat())
    assert (waiting.plan.operation, waiting.plan.reason) == ("nothing", "waits for gold/item_states of 2024-01-02")


def test_without_a_date_a_run_is_refused(ledger):
    with pytest.raises(ConfigurationError, match="features/items has rows for each day: say which"):
        ledger.run(GROUP)


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after the commit"])
def test_a_killed_run_leaves_what_the_next_one_completes(ledger, after):
    ledger.land("2024-01-01", change("a", 0.5, name="A"))
    make(ledger, D1)
    ledger.land("2024-01-02", change("a", 0.6, name="AA"), change("b", 0.7, name="B"))
    ledger.run(CHANGES.name)
    ledger.run(STATES, D1.isoformat())
    with pytest.raises(Killed):
        ledger.run(GROUP, D1.isoformat(), lake=Faulty(ledger.ground.lake, Killed(), {"commit": [1]}, after=after))
    ledger.run(GROUP, D1.isoformat())
    assert history(ledger) == [(D1, "a", "A", None), (D1, "a", "AA", None), (D1, "b", "B", None)]


CHANGE = st.tuples(st.sampled_from("ab"), st.integers(0, 11), st.integers(0, 2))
STEP = st.one_of(
    st.lists(CHANGE, min_size=1, max_size=3),
    st.tuples(st.sampled_from([STATES, GROUP]), st.sampled_from([D1, D2, D3])),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=10))
def test_whatever_ran_before_a_date_ends_with_what_its_source_has_and_what_was_there_stays(tmp_path_factory, steps):
    """Landings, runs of the source and of the group, in any order."""
    ledger = grouped_ledger(tmp_path_factory.mktemp("group"))
    seen = set()
    for step in [[("a", 0, 0)], *steps]:
        if isinstance(step, tuple):
            ledger.run(step[0], step[1].isoformat())
        else:
            ledger.land("2024-01-01", *(change(key, at=quarter / 4, name=str(name)) for key, quarter, name in step))
            ledger.run(CHANGES.name)
        if ledger.ground.lake.state(GROUP) is not None:
            rows = set(ledger.rows(GROUP))
            assert seen <= rows, "a history only grows"
            seen = rows
    make(ledger, D1, D2, D3)
    newest = {(key, event_time): name for key, event_time, _, name, _, _ in sorted(ledger.rows(GROUP))}
    states = {
        (key, datetime.combine(on, datetime.min.time()) + timedelta(days=1)): name
        for key, name, on in ledger.rows(STATES, "id, name, analysis_date")
    }
    assert {key: newest.get(key) for key in states} == states

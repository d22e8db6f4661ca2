"""History is order-free: whatever order, split and repetition a log is processed in, and however runs of its tables lie
between, dimension and fact are those of one rebuild, and of ten lines of Python."""

from datetime import datetime, timedelta
from itertools import chain

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform_tests.kept_up import KeptUp
from snowpipe_platform_tests.ledger import CHANGES, DIM, FCT

START = datetime(2024, 1, 1)
INSTANTS = (0, 1, 86_399_999_999, 86_400_000_000, 10**13)
"""Microseconds: neighbours, the two sides of a midnight, and months later."""
VERSIONS = "id, name, amount, effective_at, expires_at, exists_now"

one_change = st.builds(
    lambda key, at, digits, state: {
        "id": key,
        "changed_at": START + timedelta(microseconds=at),
        "changed_nanoseconds": digits,
        "change_type": "delete" if state is None else "upsert",
        "name": state and state[0],
        "amount": state and state[1],
        "change_status": "valid",
    },
    st.sampled_from(["a", "b", "c", "d", "ß", ""]),
    st.sampled_from(INSTANTS),
    st.sampled_from([None, None, 1, 999]),
    st.one_of(st.none(), st.tuples(st.sampled_from(["x", "y", "", None]), st.sampled_from([1, None]))),
)
log = st.lists(st.lists(one_change, max_size=12), min_size=1, max_size=5)
"""A list of changes for each entry. Many keys an example: a run takes 30 ms, whatever the rows."""


def expected(changes):
    """Versions and latest states, by walking through the changes of each key in the order of their instants."""
    versions, states = [], []
    for key in sorted({row["id"] for row in changes}):
        own = sorted((row for row in changes if row["id"] == key), key=_place)
        ends = list({row["changed_at"]: row for row in own}.values())  # the last of each microsecond
        values = [None if row["change_type"] == "delete" else (row["name"], row["amount"]) for row in ends]
        starts = [n for n, value in enumerate(values) if value != (values[n - 1] if n else None)]
        for n, after in zip(starts, [*starts, None][1:], strict=True):
            if values[n] is not None:
                end = None if after is None else ends[after]["changed_at"]
                versions.append((key, *values[n], ends[n]["changed_at"], end, values[-1] is not None))
        states += [(key, *values[-1])] if values[-1] is not None else []
    return sorted(versions, key=repr), sorted(states, key=repr)


def _place(row):
    return row["changed_at"], row["changed_nanoseconds"] or 0, row["manifest_number"], row["source_row"]


def numbered(entries):
    """Each row with its place in the log; the same row in two entries is two changes."""
    return [
        [row | {"manifest_number": number, "source_row": place} for place, row in enumerate(rows)]
        for number, rows in enumerate(entries, start=1)
    ]


@pytest.fixture(scope="module")
def tables():
    with DuckDBEngine(memory_limit="1GB", threads=1).session() as session:
        yield KeptUp(session, CHANGES, DIM, FCT)


def found(tables):
    return tuple(
        sorted(tables.rows(name, columns), key=repr)
        for name, columns in ((DIM.name, VERSIONS), (FCT.name, "id, name, amount"))
    )


@pytest.mark.case("A22")
@pytest.mark.case("A26")
@settings(max_examples=15, deadline=None)
@given(entries=log, data=st.data())
def test_any_order_and_split_of_a_log_with_runs_between_gives_what_one_rebuild_and_plain_python_give(
    tables, entries, data
):
    entries = numbered(entries)
    tables.start()
    for entry in data.draw(st.permutations(entries), label="order"):
        tables.add(CHANGES.name, entry)
        for name in data.draw(st.sampled_from([(), (DIM.name,), (FCT.name,), (DIM.name, FCT.name)]), label="runs"):
            tables.run(name)
    for name in (DIM.name, FCT.name, DIM.name, FCT.name):  # a second run has nothing to do
        tables.run(name)
    assert found(tables) == expected(list(chain(*entries)))
    assert [tables.rows(name) for name in (DIM.name, FCT.name)] == [
        tables.rebuilt(name) for name in (DIM.name, FCT.name)
    ]


@pytest.mark.case("A22")
@settings(max_examples=6, deadline=None)
@given(entries=log, data=st.data())
def test_changes_of_different_instants_give_the_same_history_in_whatever_order_they_arrive(tables, entries, data):
    """Late by any amount, also by less than a microsecond: another order of arrival is another log."""
    by_instant = {(r["id"], r["changed_at"], r["changed_nanoseconds"] or 0): r for r in chain(*entries)}
    histories = []
    for _ in range(2):
        arriving = data.draw(st.permutations(list(by_instant.values())), label="order")
        cut = data.draw(st.integers(0, len(arriving)), label="split")
        tables.start()
        for part in numbered([arriving[:cut], arriving[cut:]]):
            tables.add(CHANGES.name, part)
            tables.run(DIM.name)
            tables.run(FCT.name)
        histories.append(found(tables))
    assert histories[0] == histories[1]

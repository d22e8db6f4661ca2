"""Labels and the features that go with them: compared with plain Python that looks at every row."""

from dataclasses import replace
from datetime import datetime, timedelta

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.errors import PipelineError
from snowpipe_platform.spec.label import ends_of_weeks, instants_between, training_rows
from snowpipe_platform.spec.pipeline import build_pipeline
from snowpipe_platform_tests.grouped import D1, D2, GROUP, HORIZON, MAX_AGE, STATES, STATES_TABLE, TRAINING, group
from snowpipe_platform_tests.ledger import CHANGES, DIM, QUERIES, START

DAY, HALF = timedelta(days=1), timedelta(hours=12)
KEYS = st.sampled_from("ab")
CHANGE = st.tuples(
    KEYS, st.integers(0, 19), st.sampled_from(["upsert", "upsert", "delete"]), st.booleans(), st.sampled_from("xy")
)
VERSION = st.tuples(KEYS, st.integers(0, 9), st.integers(0, 2), st.none() | st.integers(1, 3))


@pytest.fixture(scope="module")
def session():
    with DuckDBEngine(memory_limit="1GB").session() as opened:
        yield opened


@pytest.mark.case("A39")
@pytest.mark.case("A59")
@settings(max_examples=25, deadline=None)
@given(
    changes=st.lists(CHANGE, max_size=10),
    versions=st.lists(VERSION, max_size=14, unique_by=lambda one: one[:3]),
    half=st.integers(0, 9),
)
def test_the_rows_of_a_label_are_what_plain_python_finds(session, changes, versions, half):
    """Changes at quarters of a day, some not valid; versions of features that end at halves of a day and were created
    at some time. Whatever of them is later than the label is not seen."""
    at = START + half * HALF
    inputs = {
        CHANGES.name: _table(CHANGES.schema, [_change(place, *one) for place, one in enumerate(changes)]),
        GROUP: _table(group().schema, [_version(*one) for one in versions]),
    }
    for name, rows in inputs.items():
        session.bind(name, rows)
    unbound = {name: ibis.table(ibis.Schema.from_pyarrow(rows.schema), name=name) for name, rows in inputs.items()}
    found = session.fetch(training_rows(TRAINING, group(), unbound, at)).to_pylist()
    assert {row.pop("label_at") for row in found} <= {at}
    assert sorted(map(str, map(list, map(dict.values, found)))) == sorted(map(str, _expected(inputs, at)))


def _table(schema, rows):
    arrow = schema.to_pyarrow()
    return pa.Table.from_pylist([dict.fromkeys(arrow.names) | row for row in rows], arrow)


def _change(place, key, *facts):
    quarter, operation, is_valid, name = facts
    status = "valid" if is_valid else "quarantined"
    instant = START + quarter * HALF / 2
    told = {"changed_at": instant, "change_type": operation, "change_status": status}
    return {"id": key, "name": name, **told, "manifest_number": 1, "source_row": place}


def _version(key, half, created, amount):
    times = {"event_time": START + half * HALF, "created_time": START + timedelta(days=99, seconds=created)}
    return {"id": key, **times, "name": f"{half}.{created}", "amount": amount}


def _expected(inputs, at):
    changes, versions = (inputs[name].to_pylist() for name in (CHANGES.name, GROUP))
    for key in "ab":
        own = [one for one in changes if one["id"] == key and one["change_status"] == "valid"]
        known = [one for one in own if one["changed_at"] < at]
        last = max(known, key=lambda one: (one["changed_at"], one["source_row"]), default={"change_type": "delete"})
        if last["change_type"] == "delete":
            continue
        visible = [one for one in versions if one["id"] == key and at - MAX_AGE <= one["event_time"] <= at]
        if not visible:
            continue
        newest = max(visible, key=lambda one: (one["event_time"], one["created_time"]))
        silent = not any(at <= one["changed_at"] < at + HORIZON for one in own)
        yield [key, newest["name"], newest["amount"] or 0, last["name"], silent]


def test_weeks_end_at_midnight_before_a_monday():
    monday = datetime(2024, 3, 4)
    assert ends_of_weeks(datetime(2024, 3, 1), datetime(2024, 3, 18)) == [monday, monday + 7 * DAY, monday + 14 * DAY]
    assert ends_of_weeks(monday, monday) == [monday]
    assert ends_of_weeks(monday + HALF, monday + 6 * DAY) == []
    assert ends_of_weeks(monday, monday - DAY) == []


def test_labels_begin_with_the_first_features_and_end_a_horizon_before_all_is_known():
    dates = frozenset({D1, D2, D1 + 4 * DAY})
    assert instants_between(TRAINING, dates)[0] == START + DAY
    assert instants_between(TRAINING, dates)[-1] == START + 5 * DAY - HORIZON
    assert instants_between(TRAINING, frozenset()) == []


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"group": "features/item"}, "reads 'features/item', which is not declared. Did you mean 'features/items'?"),
        ({"group": STATES}, "takes features from 'gold/item_states', which is no feature group"),
        (
            {"label": replace(TRAINING.label, inputs=("silver/dim_items",))},
            "it reads 'silver/dim_items', and gold/item_states, whose dates say what is complete, does not",
        ),
        ({"context": (replace(TRAINING.context[0], inputs=("silver/item",)),)}, "reads 'silver/item', which is not"),
        ({"context": (replace(TRAINING.context[0], name="amount"),)}, "context 'amount' is a column already"),
    ],
)
def test_a_set_that_cannot_be_made_is_refused_when_the_pipeline_loads(declared, message):
    training = replace(TRAINING, **declared)
    with pytest.raises(PipelineError) as error:
        build_pipeline("shop", QUERIES, [CHANGES, DIM, STATES_TABLE, group()], training_sets=[training])
    assert str(error.value).startswith("shop/training_set.py: training set 'silence'")
    assert message in str(error.value)


def test_a_change_of_what_makes_the_rows_is_another_code_version():
    assert replace(TRAINING, max_age=DAY).code_version != TRAINING.code_version
    assert replace(TRAINING, description="other words").code_version == TRAINING.code_version

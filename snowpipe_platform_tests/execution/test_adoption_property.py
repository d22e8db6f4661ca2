"""However rows are split over dropped files and extractions, and however often they come: each lands once."""

import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from snowpipe_platform_tests.dropping import WRITERS, adopt, drop
from snowpipe_platform_tests.kit import World, query

START = datetime(2024, 3, 1)
CREATE = "CREATE TABLE orders (id INTEGER, note VARCHAR, amount DECIMAL(20, 4), updated_at TIMESTAMP)"
TEXTS = ["ß", "", None, 'a"b', "x,\ny", " ", "NULL"]

# What a row says follows from its number, so that a key and instant have one content.
numbers = st.lists(st.integers(0, 11), max_size=6)
by_file = st.tuples(st.sampled_from(sorted(WRITERS)), numbers)
by_source = st.tuples(st.just("source"), numbers)
steps = st.lists(st.one_of(by_file, by_file, by_source), min_size=1, max_size=5)


def row(number):
    at = None if number % 5 == 4 else START + timedelta(hours=number // 2)
    return {"id": number % 3, "note": TEXTS[number % 7], "amount": number / 4, "updated_at": at}


@pytest.mark.slow
@pytest.mark.parametrize("keyed", [True, False], ids=["with key", "without key"])
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(steps=steps, batch_size=st.integers(1, 3))
def test_every_row_lands_once_or_as_often_as_somebody_had_it(keyed, steps, batch_size):
    with tempfile.TemporaryDirectory() as folder:
        declared = {"primary_key": "id", "on_null_watermark": "include", "lookback": "2d", "batch_size": batch_size}
        world = World(Path(folder), query(**(declared if keyed else {**declared, "primary_key": None})))
        world.source.run(CREATE)
        world.run("2024-03-01", at=START + timedelta(days=1))
        most, present = Counter(), Counter()
        for step, (kind, drawn) in enumerate(steps):
            rows = [row(number) for number in drawn]
            if kind == "source":
                world.source.insert("orders", [tuple(one.values()) for one in rows])
                present.update(map(content, rows))
                most |= present
                world.run("2024-03-02", at=START + timedelta(days=1, hours=step + 1))
            elif rows:
                drop(world.bronze_folder, "orders", f"{step}.{kind}", WRITERS[kind](rows))
                (file,) = adopt(world, f"{step}.{kind}").files
                assert file.error is None
                most |= Counter(map(content, rows))
        landed = Counter(map(content, world.rows()))
        assert landed == (Counter(set(most)) if keyed else most)


def content(one):
    return one["id"], one["note"], float(one["amount"]), one["updated_at"]

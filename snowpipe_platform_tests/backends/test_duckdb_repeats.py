import duckdb
import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given, settings

from snowpipe_platform.backends.duckdb_repeats import RepeatsAnywhere, RepeatsInTies

rows = st.lists(st.tuples(st.sampled_from([None, 1, 2]), st.sampled_from("abc")), max_size=20)


def batch_of(part):
    ties = pa.array([tie for tie, _ in part], pa.int64())
    return pa.table({"at": ties, "_content_hash": pa.array([f"{tie}{content}" for tie, content in part], pa.string())})


def left(repeats, rows, size):
    batches = [repeats.leave_out(batch_of(rows[at : at + size])) for at in range(0, len(rows), size)]
    return [(row["at"], row["_content_hash"][-1]) for batch in batches for row in batch.to_pylist()]


@settings(max_examples=20, deadline=None)
@given(rows=rows, size=st.integers(1, 4))
def test_of_rows_with_one_content_the_first_is_left_however_long_its_tie_is(rows, size):
    in_order = sorted(rows, key=lambda row: (row[0] is None, row[0]))
    with duckdb.connect() as database:
        assert left(RepeatsInTies(["at"], database), in_order, size) == list(dict.fromkeys(in_order))
    with duckdb.connect() as database:
        assert left(RepeatsAnywhere(database), rows, size) == list(dict.fromkeys(rows))


@pytest.mark.parametrize("batches", [2, 40])
def test_a_tie_that_goes_on_is_remembered_in_the_database_until_it_ends(batches):
    with duckdb.connect() as database:
        repeats = RepeatsInTies(["at"], database)
        for number in range(batches):
            repeats.leave_out(pa.table({"at": [7] * 10, "_content_hash": [f"{number}-{n}" for n in range(10)]}))
        assert database.execute("SELECT count(*) FROM read_before").fetchone() == (10 * (batches - 1),)
        repeats.leave_out(batch_of([(8, "a")]))
        assert database.execute("SHOW TABLES").fetchall() == []

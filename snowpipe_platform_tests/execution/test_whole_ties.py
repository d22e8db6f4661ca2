import itertools

import hypothesis.strategies as st
import pyarrow as pa
from hypothesis import given, settings

from snowpipe_platform.execution.bronze_rows import ReadRows
from snowpipe_platform.execution.whole_ties import whole_ties

rows = st.lists(st.tuples(st.sampled_from([None, 1, 2]), st.sampled_from([None, "a"])), max_size=20)


def read_rows(part):
    table = pa.table(
        {"at": pa.array([r[0] for r in part], pa.int64()), "id": pa.array([r[1] for r in part], pa.string())}
    )
    odd = pa.array([at == 1 for at, _ in part], pa.bool_())
    return ReadRows(table, {"odd": odd}, odd)


def tuples(batch):
    return [tuple(row.values()) for row in batch.rows.to_pylist()]


@settings(max_examples=100, deadline=None)
@given(rows=rows, size=st.integers(1, 5))
def test_every_row_comes_once_in_its_order_and_no_tie_is_parted(rows, size):
    rows = sorted(rows, key=repr)
    given_batches = [read_rows(rows[at : at + size]) for at in range(0, len(rows), size)]
    found = list(whole_ties([*given_batches, read_rows([])], ["at", "id"], at_most=99))
    assert [row for batch in found for row in tuples(batch)] == rows
    assert all(tuples(one)[-1] != tuples(other)[0] for one, other in itertools.pairwise(found))
    for batch in found:
        expected = [at == 1 for at, _ in tuples(batch)]
        assert batch.kept.to_pylist() == batch.rules["odd"].to_pylist() == expected


def test_a_tie_beyond_the_limit_goes_on_in_parts():
    batches = [read_rows([(1, "a")] * 3) for _ in range(3)]
    found = whole_ties([read_rows([(0, "a"), (1, "a")]), *batches], ["at", "id"], at_most=4)
    assert [len(tuples(batch)) for batch in found] == [1, 7, 3]

"""Rows are compared as bags."""

from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.testing.difference import difference

ROWS = st.lists(st.builds(lambda value: {"x": value}, st.sampled_from([None, 0, 1, "1", 0.0])), max_size=8)


@settings(max_examples=50, deadline=None)
@given(rows=ROWS, data=st.data())
def test_the_same_rows_in_another_order_are_no_difference(rows, data):
    assert difference(rows, data.draw(st.permutations(rows))) == ([], [])


@settings(max_examples=50, deadline=None)
@given(expected=ROWS, found=ROWS)
def test_what_is_left_on_each_side_is_what_the_other_does_not_have_as_often(expected, found):
    missing, extra = difference(expected, found)
    for row in [*expected, *found]:
        surplus = expected.count(row) - found.count(row)
        assert (missing.count(row), extra.count(row)) == (max(surplus, 0), max(-surplus, 0))

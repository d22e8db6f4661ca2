"""No dependency is missed: whatever column of an input is changed, an output column that changes names it.

The oracle knows nothing of lineage. It runs an expression over small data, gives one column of an input other values,
runs it again, and compares each output column as a bag.
"""

from collections import Counter
from random import Random

import duckdb
import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.spec.lineage import column_lineage

SCHEMAS = {"a": ("id", "k", "x"), "b": ("id", "k", "z"), "c": ("k", "z")}
INPUTS = {name: ibis.table(dict.fromkeys(columns, "int64"), name=name) for name, columns in SCHEMAS.items()}
C = INPUTS["c"]
ROWS = 8

# One number made of the columns `one` and `two`.
VALUES = {
    "sum": lambda _table, one, two: one + two,
    "constant": lambda _table, _one, _two: ibis.literal(1),
    "coalesce": lambda _table, one, two: ibis.coalesce(one, two),
    "condition": lambda _table, one, two: (one > 1).ifelse(two, 0),
    "cases": lambda _table, one, two: ibis.cases((one == 1, two), (one == 2, one), else_=7),
    "membership": lambda _table, one, two: one.isin([two, ibis.literal(2)]),
    "struct field": lambda _table, one, two: ibis.struct({"l": one, "r": two})["r"],
    "scalar subquery": lambda _table, one, _two: one + C.filter(C.k > 1).z.max().as_scalar(),
    "in subquery": lambda _table, one, _two: one.isin(C.filter(C.k > 1).z),
    "unnest": lambda _table, one, two: ibis.array([one, two]).filter(lambda each: each > 1).unnest(),
    "window sum": lambda _table, one, two: one.sum().over(group_by=two),
    "window count": lambda table, one, _two: table.count().over(group_by=one),
    "window maximum with a condition": lambda _table, one, two: one.max(where=two > 1).over(group_by=two),
    "row before": lambda table, one, two: one.lag().over(order_by=total_order(table, two)),
    "row number": lambda table, one, two: ibis.row_number().over(group_by=one, order_by=total_order(table, two)),
    "rank": lambda _table, one, two: ibis.dense_rank().over(group_by=one, order_by=two),
}
CONDITIONS = {
    "greater": lambda _table, one, _two: one > 1,
    "equal": lambda _table, one, two: one == two,
    "not null": lambda _table, one, _two: one.notnull(),
    "in another table": lambda _table, one, _two: one.isin(C.z),
    "first of a group": lambda table, one, two: VALUES["row number"](table, one, two) == 0,
    "another table has a row": lambda _table, one, _two: (C.view().k == one).any(),
}
AGGREGATES = {
    "count": lambda table, _one, _two: table.count(),
    "sum": lambda _table, one, _two: one.sum(),
    "maximum with a condition": lambda _table, one, two: one.max(where=two > 1),
    "count with a condition": lambda table, _one, two: table.count(where=two > 1),
    "distinct": lambda _table, one, _two: one.nunique(),
}
SETS = {
    "union": lambda left, right: left.union(right),
    "distinct union": lambda left, right: left.union(right, distinct=True),
    "intersection": lambda left, right: left.intersect(right),
    "difference": lambda left, right: left.difference(right),
    "difference from another": lambda left, right: right.difference(left),
}


def total_order(table, first):
    """A column first, then the others: rows that tie are the same."""
    return [first, *(table[name] for name in table.columns if name != first.get_name())]


def joined(how, conditions):
    def join(table, one, two):
        other = INPUTS["b"].view().rename(b_id="id", b_k="k", b_z="z")
        return table.join(other, [one == other.b_k, two < other.b_z][:conditions], how=how)

    return join


def combined(combine):
    return lambda table, one, two: combine(table.select(p=one, q=two), INPUTS["b"].select(p="z", q="k"))


# Every step makes a table of a table and two of its columns.
STEPS = {
    **{
        f"value: {name}": lambda t, one, two, make=make: t.mutate(new=make(t, one, two))
        for name, make in VALUES.items()
    },
    **{
        f"filter: {name}": lambda t, one, two, make=make: t.filter(make(t, one, two))
        for name, make in CONDITIONS.items()
    },
    **{
        f"group: {name}": lambda t, one, two, make=make: t.group_by(g=two).aggregate(m=make(t, one, two))
        for name, make in AGGREGATES.items()
    },
    "aggregate": lambda t, one, two: t.aggregate(m=one.max(where=two > 1)),
    **{f"{how} join": joined(how, 1) for how in ("inner", "left", "right", "outer", "semi", "anti")},
    "join of two conditions": joined("left", 2),
    **{name: combined(make) for name, make in SETS.items()},
    "column taken over": lambda t, one, two: t.mutate(**{one.get_name(): two}),
    "columns chosen": lambda t, one, two: t.select(p=one, q=two),
    "column dropped": lambda t, one, _two: t.mutate(new=1).drop(one.get_name()),
    "distinct rows": lambda t, one, two: t.select(p=one, q=two).distinct(),
    "nulls dropped": lambda t, one, _two: t.drop_null(one.get_name()),
    "nulls filled": lambda t, _one, _two: t.fill_null(2),
    "limit": lambda t, one, _two: t.order_by(total_order(t, one)).limit(3),
}


@st.composite
def expressions(draw, step):
    """The step, with any other before or after it. Between steps all columns are numbers, and their names are new."""
    others = st.lists(st.sampled_from(sorted(STEPS)), max_size=1)
    table = INPUTS["a"]
    for name in [*draw(others), step, *draw(others)]:
        one, two = (table[draw(st.sampled_from(table.columns))] for _ in range(2))
        made = STEPS[name](table, one, two)
        table = made.select(**{f"c{index}": made[name].cast("int64") for index, name in enumerate(made.columns)})
    return table


def dataset(seed):
    """Small numbers, so that rows meet; some are null."""
    source = Random(seed)
    return {
        table: {name: source.choices([None, 0, 1, 2, 3], k=ROWS) for name in columns}
        for table, columns in SCHEMAS.items()
    }


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened


def bags(connection, sql, data):
    """Each output column as a bag of values."""
    for name, columns in data.items():
        connection.register(name, pa.table({n: pa.array(values, pa.int64()) for n, values in columns.items()}))
    found = connection.execute(sql).to_arrow_table()
    return {name: Counter(found[name].to_pylist()) for name in found.column_names}


@pytest.mark.parametrize("step", STEPS)
def test_what_changes_names_what_was_changed(connection, step):
    @settings(max_examples=3, deadline=None)
    @given(expression=expressions(step), seed=st.integers(0, 1_000))
    def changes_are_named(expression, seed):
        sql, lineage = str(ibis.to_sql(expression, dialect="duckdb")), column_lineage(expression)
        assert lineage.opaque == ()
        data, other = dataset(seed), dataset(seed + 1)
        before = bags(connection, sql, data)
        for table, column in [(t, c) for t, columns in SCHEMAS.items() for c in columns if f'"{t}"' in sql]:
            after = bags(connection, sql, {**data, table: {**data[table], column: other[table][column]}})
            for name in [name for name in before if before[name] != after[name]]:
                named = {(one.table, one.column) for one in lineage.affecting(name)}
                assert (table, column) in named, f"{name} of\n{sql}"

    changes_are_named()

"""Columns across tables: up, down, and what a column decides."""

import pytest

from snowpipe_platform.spec.column_graph import ColumnGraph, ColumnLineage, Lineage, TableColumn


def columns(*names):
    """`bronze.state` or `silver.address.state`."""
    found = [name.split(".") for name in names]
    return frozenset(TableColumn(table, column, tuple(path)) for table, column, *path in found)


def column(name):
    return next(iter(columns(name)))


def came(*names, rows=(), **fields):
    return ColumnLineage(columns(*names), columns(*rows), fields)


# gold.region reads a field of silver.address, whose other field comes from another column of bronze.
GRAPH = ColumnGraph(
    {
        "silver": Lineage(
            {
                "id": came("bronze.id"),
                "address": came("bronze.city", "bronze.state", city=came("bronze.city"), state=came("bronze.state")),
                "rank": came("bronze.at", rows=("bronze.id",)),
            },
            rows=columns("bronze.status"),
        ),
        "gold": Lineage({"region": came("silver.address.state"), "n": came()}, rows=columns("silver.address.state")),
    }
)


@pytest.mark.parametrize(
    ("name", "above"),
    [
        ("gold.region", ["silver.address.state"]),
        ("silver.address.state", ["bronze.state"]),
        ("silver.address", ["bronze.city", "bronze.state"]),
        ("silver.address.state.deeper", ["bronze.state"]),
        ("gold.n", []),
        ("bronze.id", []),
        ("silver.no_such_column", []),
    ],
)
def test_a_column_comes_from_what_its_table_says(name, above):
    assert GRAPH.above(column(name)) == sorted(columns(*above))


@pytest.mark.parametrize(
    ("name", "below"),
    [
        ("bronze.id", ["silver.id"]),
        ("bronze.state", ["silver.address.state"]),
        ("silver.address.state", ["gold.region"]),
        ("silver.address.city", []),
        ("silver.address", ["gold.region"]),
        ("gold.region", []),
    ],
)
def test_a_column_goes_into_those_that_name_it_or_a_part_of_it(name, below):
    assert GRAPH.below(column(name)) == [column(one) for one in below]


def test_what_a_column_decides_is_told_apart_from_what_it_goes_into():
    assert GRAPH.rows_below(column("bronze.status")) == ["silver"]
    assert GRAPH.below(column("bronze.status")) == []
    assert GRAPH.rows_below(column("silver.address.city")) == []
    assert GRAPH.choosing_below(column("bronze.id")) == [column("silver.rank")]


def test_a_table_whose_rows_a_column_decides_is_not_named_column_by_column():
    both = Lineage({"x": came("a.x", rows=("a.k",))}, rows=columns("a.k"))
    assert ColumnGraph({"b": both}).choosing_below(column("a.k")) == []

"""What each column of an expression comes from, worked out by hand for each operation."""

import ibis
import ibis.expr.operations as ops
import pyarrow as pa
import pytest
from ibis import _

from snowpipe_platform.spec.lineage import column_lineage, is_understood

a = ibis.table(
    {"id": "int64", "k": "int64", "x": "int64", "s": "string", "tags": "array<string>", "at": "timestamp"}, name="a"
)
b = ibis.table({"id": "int64", "k": "int64", "z": "int64", "x": "int64"}, name="b")
place = "struct<street: string, home: struct<city: string, zip: string>>"
c = ibis.table({"id": "int64", "place": place}, name="c")

# What cannot be traced, on purpose: text of SQL, tables of a backend, windows of a stream.
OPAQUE = {"DatabaseTable", "SQLQueryResult", "SQLStringView", "WindowAggregate"}
BASES = {"PhysicalTable", "Simple"}


@ibis.udf.scalar.builtin
def similarity(left: str, right: str) -> float: ...


@ibis.udf.agg.builtin
def product(arg: float) -> float: ...


def words(columns):
    """`a.x b.z`, sorted."""
    return " ".join(sorted(f"{column.table}.{column.name}" for column in columns))


def told(expression):
    """Of the column `y`: what its values come from, what its own rows, and what all rows."""
    lineage = column_lineage(expression)
    assert list(lineage.columns) == list(expression.columns)
    assert lineage.opaque == ()
    column = lineage.columns["y"]
    return words(column.value), words(column.rows), words(lineage.rows)


VALUES = [
    ("a column under another name", a.select(y=a.x), "a.x"),
    ("a literal", a.select(y=ibis.literal(1)), ""),
    ("a sum of columns", a.select(y=a.x + a.k * 2), "a.k a.x"),
    ("a condition and what it gives", a.select(y=(a.k > 0).ifelse(a.x, 0)), "a.k a.x"),
    ("several conditions", a.select(y=ibis.cases((a.k > 1, a.x), (a.s == "b", 2), else_=a.id)), "a.id a.k a.s a.x"),
    ("the first that is not null", a.select(y=ibis.coalesce(a.x, a.k)), "a.k a.x"),
    ("a cast, a regex, a date", a.select(y=a.s.re_search("x").cast("int64") + a.at.year()), "a.at a.s"),
    ("an array made of columns", a.select(y=ibis.array([a.x, a.k])), "a.k a.x"),
    ("elements that a function keeps", a.select(y=a.tags.filter(lambda tag: tag != "x")), "a.tags"),
    ("a column that is looked for in others", a.select(y=a.x.isin([a.k, 1])), "a.k a.x"),
    ("a user's own function", a.select(y=similarity(a.s, a.s.upper())), "a.s"),
    ("through two projections", a.mutate(p=a.x + 1).select(y=_.p * _.k), "a.k a.x"),
    ("a name that is taken over", a.mutate(y=a.x).mutate(y=a.k), "a.k"),
    ("a name that is dropped and made again", a.mutate(y=a.x).drop("y").mutate(y=_.id), "a.id"),
    ("a rename", a.rename(y="x"), "a.x"),
    ("a view of itself", a.view().select(y=_.x), "a.x"),
    ("an alias", a.alias("other").select(y=_.x), "a.x"),
    ("rows at random", a.sample(0.5).select(y=_.x), "a.x"),
    ("nulls filled", a.rename(y="x").fill_null({"y": 0}), "a.x"),
    ("nulls filled in all numbers", a.select(y=a.x).fill_null(0), "a.x"),
    ("constants of the code", ibis.memtable(pa.table({"y": [1]})), ""),
    ("constants of one row", ibis.literal(1).name("y").as_table(), ""),
]


@pytest.mark.parametrize(("expression", "value"), [case[1:] for case in VALUES], ids=[case[0] for case in VALUES])
def test_a_value_comes_from_every_column_in_it(expression, value):
    assert told(expression) == (value, "", "")


def aggregated(**metrics):
    return a.group_by("k").aggregate(**metrics)


ROWS = [
    ("a filter", a.filter(a.k > 1, a.s == "b").select(y=_.x), "a.x", "", "a.k a.s"),
    ("a filter below a projection of other columns", a.filter(a.k > 1).select("id", y="x"), "a.x", "", "a.k"),
    ("a filter on what was computed", a.mutate(p=a.x + a.k).filter(_.p > 1).select(y="id"), "a.id", "", "a.k a.x"),
    ("a group", aggregated(y=a.x.sum()), "a.x", "", "a.k"),
    ("a group's own column", a.group_by(y=a.k).aggregate(n=a.x.sum()), "a.k", "", "a.k"),
    ("a count takes no value", aggregated(y=a.count()), "", "", "a.k"),
    ("a count of a column", aggregated(y=a.s.count()), "a.s", "", "a.k"),
    ("a count of distinct rows", a.select("x", "k").aggregate(y=a.select("x", "k").nunique()), "a.k a.x", "", ""),
    ("a condition of an aggregate", aggregated(y=a.x.sum(where=a.s == "b")), "a.x", "a.s", "a.k"),
    ("a condition of a count", aggregated(y=a.count(where=a.s == "b")), "", "a.s", "a.k"),
    ("whose value is taken", aggregated(y=a.x.argmax(a.at)), "a.x", "a.at", "a.k"),
    ("a user's own aggregate", aggregated(y=product(a.x, where=a.id > 1)), "a.x", "a.id", "a.k"),
    ("a list in an order", aggregated(y=a.s.collect(order_by=a.at)), "a.s", "a.at", "a.k"),
    ("without groups", a.aggregate(y=a.x.max()), "a.x", "", ""),
    ("a filter on groups", aggregated(y=a.x.sum(), n=a.s.max()).filter(_.n > "b"), "a.x", "", "a.k a.s"),
    ("distinct rows", a.select("x", "k").distinct().select(y=_.x), "a.x", "", "a.k a.x"),
    ("distinct on a column", a.distinct(on="k", keep="first").select(y=_.x), "a.x", "", "a.k"),
    ("an order alone decides nothing", a.order_by("at").select(y=_.x), "a.x", "", ""),
    ("the first rows of an order", a.order_by("at").limit(3).select(y=_.x), "a.x", "", "a.at"),
    ("the first rows of two orders", a.order_by("k").order_by("at").limit(3).select(y=_.x), "a.x", "", "a.at a.k"),
    ("as many rows as another table says", a.limit(b.z.max().as_scalar()).select(y=_.x), "a.x", "", "b.z"),
    ("nulls left out", a.drop_null(["k"]).select(y=_.x), "a.x", "", "a.k"),
    ("nulls of all columns left out", b.select("x", "z").drop_null().select(y=_.x), "b.x", "", "b.x b.z"),
    ("an element a row", a.select(y=a.tags.unnest()), "a.tags", "", "a.tags"),
    ("an element a row beside others", a.select("tags", y=a.x, tag=a.tags.unnest()), "a.x", "", "a.tags"),
    ("a table's array unnested", a.unnest("tags", offset="n").select(y=_.n), "a.tags", "", "a.tags"),
    ("an inner join", a.join(b, "k").select(y=_.z), "b.z", "", "a.k b.k"),
    ("a left join's left side", a.left_join(b, a.k == b.z).select(y=a.x), "a.x", "", "a.k b.z"),
    ("both sides have the name", a.join(b, "id").select("x", y="x_right"), "b.x", "", "a.id b.id"),
    ("an outer join of a key", a.outer_join(b, "k").select(y=ibis.coalesce(a.k, b.k)), "a.k b.k", "", "a.k b.k"),
    ("a semi join", a.semi_join(b, "k").select(y=_.x), "a.x", "", "a.k b.k"),
    ("an anti join", a.anti_join(b, [a.k == b.k, a.x < b.z]).select(y=_.x), "a.x", "", "a.k a.x b.k b.z"),
    ("a cross join", a.cross_join(b).select(y=_.z), "b.z", "", ""),
    ("a join with what was filtered", a.join(b.filter(b.z > 1), "k").select(y=a.x), "a.x", "", "a.k b.k b.z"),
    ("a join of three", a.join(b, "k").join(c, c.id == b.z).select(y=_.id), "a.id", "", "a.k b.k b.z c.id"),
    ("a join with itself", a.join(a.view(), "k").select(y="x_right"), "a.x", "", "a.k"),
    ("an as-of join", a.asof_join(b, a.id >= b.z, predicates="k").select(y=b.x), "b.x", "", "a.id a.k b.k b.z"),
    ("a union", a.select(y=a.x).union(b.select(y=b.z)), "a.x b.z", "", ""),
    ("a union of filtered rows", a.filter(a.k > 1).select(y="x").union(b.select(y=b.z)), "a.x b.z", "", "a.k"),
    (
        "a union of distinct rows",
        a.select("k", y="x").union(b.select("k", y="z"), distinct=True),
        "a.x b.z",
        "",
        "a.k a.x b.k b.z",
    ),
    ("columns are matched by name", a.select("k", y="x").union(b.select(y="z", k="id")), "a.x b.z", "", ""),
    ("what two tables share", a.select(y="x").intersect(b.select(y="z")), "a.x b.z", "", "a.x b.z"),
    ("what only one has", a.select(y="x").difference(b.select(y="z")), "a.x", "", "a.x b.z"),
    ("a row before", a.select(y=a.x.lag().over(group_by="k", order_by="at")), "a.x", "a.at a.k", ""),
    ("a running sum", a.select(y=a.x.cumsum(order_by=a.at)), "a.x", "a.at", ""),
    ("a rank is made of its order", a.select(y=ibis.rank().over(group_by="k", order_by="x")), "a.x", "a.k a.x", ""),
    ("a row number without an order", a.order_by("at").select(y=ibis.row_number()), "", "a.at", ""),
    ("an aggregate of ordered rows", a.order_by("at").aggregate(y=a.s.first()), "a.s", "a.at", ""),
    ("a window of three rows", a.select(y=a.x.sum().over(rows=(-2, 0), order_by="at")), "a.x", "a.at", ""),
    (
        "the newest row of each",
        a.mutate(n=ibis.row_number().over(group_by="k", order_by=ibis.desc("at"))).filter(_.n == 0).select(y="x"),
        "a.x",
        "",
        "a.at a.k",
    ),
    ("another table's value", a.select(y=a.x + b.z.max().as_scalar()), "a.x b.z", "", ""),
    (
        "a value of another table's filtered rows",
        a.select(y=b.filter(b.k > 1).z.max().as_scalar()),
        "b.z",
        "b.k",
        "",
    ),
    ("rows whose value another table has", a.filter(a.k.isin(b.z)).select(y="x"), "a.x", "", "a.k b.z"),
    ("whether another table has the value", a.select(y=a.k.isin(b.filter(b.x > 1).z)), "a.k b.z", "b.x", ""),
    ("whether another table has a row", a.filter((a.k == b.k).any()).select(y="x"), "a.x", "", "a.k b.k"),
    ("an aggregate over all rows beside each", a.select(y=a.x - a.x.mean()), "a.x", "", ""),
]


@pytest.mark.parametrize(
    ("expression", "value", "own", "rows"), [case[1:] for case in ROWS], ids=[case[0] for case in ROWS]
)
def test_what_decides_the_rows_is_told_apart_from_what_makes_the_value(expression, value, own, rows):
    assert told(expression) == (value, own, rows)


STRUCTS = [
    ("a field", c.select(y=c.place["street"]), "c.place.street"),
    ("a field of a field", c.select(y=c.place["home"]["zip"]), "c.place.home.zip"),
    ("the whole", c.select(y=c.place), "c.place"),
    ("the whole beside its part", c.select(y=c.place.cast("string") + c.place["street"]), "c.place"),
    ("a field of what was put together", a.mutate(p=ibis.struct({"l": a.x, "r": a.s})).select(y=_.p["r"]), "a.s"),
    ("the whole of what was put together", a.select(y=ibis.struct({"l": a.x, "r": a.s})), "a.s a.x"),
    (
        "a field in another type",
        a.mutate(p=ibis.struct({"l": a.x, "r": a.s}).cast("struct<l: string, r: string>")).select(y=_.p["l"]),
        "a.x",
    ),
    (
        "a field of one of two",
        c.mutate(p=(c.id > 0).ifelse(c.place, ibis.null(place))).select(y=_.p["street"]),
        "c.id c.place",
    ),
]


@pytest.mark.parametrize(("expression", "value"), [case[1:] for case in STRUCTS], ids=[case[0] for case in STRUCTS])
def test_fields_of_a_struct_are_told_apart(expression, value):
    assert told(expression) == (value, "", "")


def test_a_struct_says_where_each_field_comes_from():
    made = a.select(y=ibis.struct({"l": a.x, "r": ibis.struct({"k": a.k})}))
    fields = column_lineage(made).columns["y"].fields
    assert {name: words(part.value) for name, part in fields.items()} == {"l": "a.x", "r": "a.k"}
    assert words(fields["r"].fields["k"].value) == "a.k"


def test_everything_that_affects_a_column_is_there_at_once():
    ranked = a.filter(a.s == "b").select(y=a.x.lag().over(order_by="at"))
    assert words(column_lineage(ranked).affecting("y")) == "a.at a.s a.x"


def test_what_is_not_understood_comes_from_all_it_reads_and_is_named():
    """Text of SQL says nothing about its columns, and a backend's own table is no input."""
    bound = ops.DatabaseTable(name="t", schema={"y": "int64"}, source=None).to_expr()
    lineage = column_lineage(bound)
    assert (lineage.columns["y"].all, lineage.opaque) == (frozenset(), ("DatabaseTable",))

    viewed = ops.SQLStringView(parent=b.filter(b.z > 1).op(), query="SELECT k AS y FROM b", schema={"y": "int64"})
    lineage = column_lineage(viewed.to_expr())
    assert (words(lineage.columns["y"].value), words(lineage.rows)) == ("b.id b.k b.x b.z", "b.id b.k b.x b.z")
    assert lineage.opaque == ("SQLStringView",)


def _subclasses(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)


def test_every_relational_operation_of_this_ibis_is_understood_or_known_not_to_be():
    """A new version's new operation fails here; in a run its columns come from everything it reads."""
    found = {sub.__name__ for sub in _subclasses(ops.Relation) if sub.__module__.startswith("ibis.expr.")}
    unknown = {sub.__name__ for sub in _subclasses(ops.Relation) if not is_understood(sub)}
    assert len(found) > 25
    assert unknown & found == OPAQUE | BASES


def test_every_operation_that_reads_a_table_within_a_value_is_known():
    """The other values are functions of their arguments."""
    readers = {
        sub.__name__
        for sub in _subclasses(ops.Value)
        if any("Relation" in str(p.annotation) for p in getattr(sub, "__signature__").parameters.values())  # noqa: B009
    }
    assert readers <= {
        "CountDistinctStar",
        "CountStar",
        "ExistsSubquery",
        "Field",
        "InSubquery",
        "RowID",
        "ScalarSubquery",
        "Subquery",
    }


def test_a_deep_expression_is_no_deep_recursion():
    deep = a.select("x", "k")
    for _step in range(400):
        deep = deep.mutate(x=deep.x + 1)
    assert words(column_lineage(deep).columns["x"].value) == "a.x"

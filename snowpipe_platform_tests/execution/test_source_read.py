from datetime import date, datetime
from decimal import Decimal

import pytest

from snowpipe_platform.execution.source_read import SourceSql, quoted
from snowpipe_platform.spec.watermark import Interval, WatermarkKind
from snowpipe_platform_tests.kit import moment, query

COLUMNS = ("ID", "Updated_At", "total")
INNER = "SELECT * FROM orders WHERE updated_at > ?"
ALL = "SELECT * FROM orders WHERE updated_at IS NOT NULL"


LOWEST = {
    WatermarkKind.TIMESTAMP: datetime.min,  # noqa: DTZ901
    WatermarkKind.DATE: date.min,
    WatermarkKind.NUMBER: Decimal(1 - 10**38),
}


def source_sql(kind=WatermarkKind.TIMESTAMP, lowest=None, **keys):
    return SourceSql(query(**keys), "snowflake", COLUMNS, kind, lowest or LOWEST[kind])


def test_the_users_sql_is_wrapped_bounded_and_ordered_and_not_edited():
    read = source_sql(primary_key="id").bounded(Interval(moment("2024-03-01"), moment("2024-03-02")))
    assert read.sql == (
        f"SELECT * FROM ({INNER}) AS source_query "
        'WHERE "Updated_At" >= ? AND "Updated_At" < ? ORDER BY "Updated_At", "ID"'
    )
    assert read.parameters == (moment("2024-02-29 23:59:59.999999"), moment("2024-03-01"), moment("2024-03-02"))


@pytest.mark.case("A47")
@pytest.mark.parametrize(
    ("kind", "lower", "bound"),
    [
        (WatermarkKind.TIMESTAMP, moment("2024-03-01"), moment("2024-02-29 23:59:59.999999")),
        (WatermarkKind.DATE, date(2024, 3, 1), date(2024, 2, 29)),
        (WatermarkKind.NUMBER, Decimal(7), Decimal(6)),
        (WatermarkKind.NUMBER, Decimal("7.00"), Decimal("6.99")),
        (WatermarkKind.NUMBER, Decimal(10**37 + 1), Decimal(10**37)),
    ],
)
def test_the_users_own_bound_is_one_step_below_the_interval(kind, lower, bound):
    read = source_sql(kind).bounded(Interval(lower, kind.next(lower)))
    assert read.parameters == (bound, lower, kind.next(lower))


@pytest.mark.parametrize("lower", [None, datetime.min, moment("1677-09-22")])  # noqa: DTZ901
def test_without_a_beginning_the_users_condition_is_taken_away(lower):
    """The row at the lowest value there is would be hidden by any value that can be bound."""
    read = source_sql(lowest=moment("1677-09-22")).bounded(Interval(lower, moment("2024-03-02")))
    assert read.sql == (
        "SELECT * FROM (SELECT * FROM orders WHERE updated_at IS NOT NULL) AS source_query "
        'WHERE "Updated_At" < ? ORDER BY "Updated_At"'
    )
    assert read.parameters == (moment("2024-03-02"),)


def test_without_a_beginning_a_condition_that_cannot_be_told_from_the_rest_is_bound_as_low_as_can_be():
    read = source_sql(sql=f"SELECT * FROM ({INNER}) AS x").bounded(Interval(None, moment("2024-03-02")))
    assert read.parameters == (datetime.min, moment("2024-03-02"))  # noqa: DTZ901
    assert f"FROM (SELECT * FROM ({INNER}) AS x) AS source_query" in read.sql


def test_the_largest_number_is_read_although_nothing_above_it_can_be_bound():
    largest = Decimal(10**38 - 1)
    beyond = WatermarkKind.NUMBER.next(largest)
    read = source_sql(WatermarkKind.NUMBER).bounded(Interval(Decimal(7), beyond))
    assert 'WHERE "Updated_At" >= ? AND "Updated_At" <= ?' in read.sql
    assert read.parameters == (Decimal(6), Decimal(7), largest)
    above = source_sql(WatermarkKind.NUMBER).count_from(beyond)
    assert (above.sql[-16:], above.parameters[-1]) == ('"Updated_At" > ?', largest)


def test_sql_without_a_placeholder_is_bounded_by_the_wrapper_alone():
    read = source_sql(sql="SELECT * FROM orders").bounded(Interval(moment("2024-03-01"), moment("2024-03-02")))
    assert read.parameters == (moment("2024-03-01"), moment("2024-03-02"))


def test_rows_without_a_watermark_are_asked_for_alone():
    read = source_sql(primary_key="id").nulls()
    assert read.sql == (
        'SELECT * FROM (SELECT * FROM orders WHERE updated_at IS NULL) AS source_query WHERE "Updated_At" IS NULL '
        'ORDER BY "ID"'
    )
    assert (read.parameters, read.nulls) == ((), True)
    assert not source_sql().nulls().sql.endswith("ORDER BY ")


def test_rows_without_a_watermark_that_cannot_be_asked_for_are_not():
    hidden = source_sql(sql=f"SELECT * FROM ({INNER}) AS x")
    assert (hidden.nulls(), hidden.null_count()) == (None, None)


def test_counts_bind_their_own_bounds():
    above = source_sql().count_from(moment("2024-03-02"))
    assert above.sql == f'SELECT count(*) FROM ({INNER}) AS source_query WHERE "Updated_At" >= ?'
    assert above.parameters == (moment("2024-03-01 23:59:59.999999"), moment("2024-03-02"))
    within = source_sql().count_in(Interval(moment("2024-03-01"), moment("2024-03-02")))
    assert within.sql.endswith('AS source_query WHERE "Updated_At" >= ? AND "Updated_At" < ?')
    assert within.parameters == (
        moment("2024-02-29 23:59:59.999999"),
        moment("2024-03-01"),
        moment("2024-03-02"),
    )
    highest = source_sql(WatermarkKind.NUMBER).highest()
    everything = INNER.replace("> ?", "IS NOT NULL")
    assert (highest.sql, highest.parameters) == (f'SELECT max("Updated_At") FROM ({everything}) AS source_query', ())


def test_a_snapshot_is_ordered_by_key():
    read = source_sql(mode="full", sql="SELECT * FROM orders", primary_key=["id", "total"]).snapshot()
    assert read.sql == 'SELECT * FROM (SELECT * FROM orders) AS source_query ORDER BY "ID", "total"'


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        ("total >= 0", "(total >= 0)"),
        ("total >= 0 OR true", "(total >= 0 OR true)"),
        ("total >= 0 -- it is", "(total >= 0)"),
        ("total >= 0 /* it is */;", "(total >= 0)"),
        ("name <> 'a;b--c'", "(name <> 'a;b--c')"),
    ],
)
def test_a_rule_is_one_condition_whatever_stands_around_it(expression, written):
    read = source_sql(rules=[{"name": "r", "expression": expression}]).bounded(Interval(None, moment("2024-03-02")))
    assert read.sql.startswith(f'SELECT *, coalesce({written}, false) AS "_rule_r" FROM (')


@pytest.mark.parametrize(
    ("name", "written"), [("updated_at", '"Updated_At"'), ("other", '"other"'), ('a"b; --', '"a""b; --"')]
)
def test_a_name_is_quoted_in_the_sources_spelling(name, written):
    assert quoted(name, COLUMNS) == written


def test_keys_are_asked_for_in_one_statement_with_those_of_rows_without_a_watermark():
    read = source_sql(primary_key=["id", "updated_at"], soft_delete_column="TOTAL", lowest=datetime(1677, 9, 22)).keys()
    columns = '"ID", "Updated_At", "total"'
    assert read.sql == (
        f"SELECT {columns} FROM ({ALL}) AS source_query UNION ALL SELECT {columns} FROM "
        '(SELECT * FROM orders WHERE updated_at IS NULL) AS source_query WHERE "Updated_At" IS NULL'
    )
    assert read.parameters == ()


def test_rows_are_asked_for_by_key_and_a_null_is_a_value():
    sql = source_sql(primary_key=["id", "total"], lowest=datetime(1677, 9, 22))
    read = sql.of_keys([(1, "a"), (None, "b"), (2, "c"), (None, None)], nulls=False)
    assert read.sql == (
        f'SELECT * FROM ({ALL}) AS source_query WHERE "Updated_At" IS NOT NULL AND (("ID", "total") IN ((?, ?), '
        '(?, ?)) OR ("ID" IS NULL AND "total" = ?) OR ("ID" IS NULL AND "total" IS NULL)) ORDER BY "ID", "total"'
    )
    assert read.parameters == (1, "a", 2, "c", "b")
    alone = sql.of_keys([(1, None)], nulls=True)
    assert "updated_at IS NULL) AS source_query" in alone.sql
    assert (alone.parameters, alone.nulls) == ((1,), True)

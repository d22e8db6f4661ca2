from datetime import date, datetime
from decimal import Decimal

import pytest

from snowpipe_platform.execution.source_read import SourceSql, quoted
from snowpipe_platform.spec.watermark import Interval, WatermarkKind
from snowpipe_platform_tests.kit import moment, query

COLUMNS = ("ID", "Updated_At", "total")
INNER = "SELECT * FROM orders WHERE updated_at > ?"


def source_sql(kind=WatermarkKind.TIMESTAMP, lowest=datetime.min, **keys):  # noqa: DTZ901
    return SourceSql(query(**keys), "snowflake", COLUMNS, kind, lowest)


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


def test_without_a_beginning_the_users_bound_is_below_everything():
    read = source_sql(lowest=datetime(1677, 9, 22)).bounded(Interval(None, moment("2024-03-02")))
    assert read.parameters == (moment("1677-09-22"), moment("2024-03-02"))
    assert read.sql.endswith('WHERE "Updated_At" < ? ORDER BY "Updated_At"')


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
    highest = source_sql(WatermarkKind.NUMBER, Decimal(-9)).highest()
    assert (highest.sql, highest.parameters) == (
        f'SELECT max("Updated_At") FROM ({INNER}) AS source_query',
        (Decimal(-9),),
    )


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

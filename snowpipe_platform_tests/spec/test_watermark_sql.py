"""What is proved about a query's SQL before anything runs."""

import duckdb
import pytest

from snowpipe_platform.spec.watermark_sql import (
    extractable_sql,
    normalised_sql,
    null_watermark_problem,
    null_watermark_sql,
    placeholder_count,
    query_is_single_select,
    trimmed_sql,
)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param("SELECT * FROM t", 0, id="none"),
        pytest.param("SELECT * FROM t WHERE u > ?", 1, id="one"),
        pytest.param("SELECT * FROM t WHERE u > ? AND u < ?", 2, id="two"),
        pytest.param("SELECT '?' FROM t WHERE u > ?", 1, id="one in a string"),
        pytest.param("SELECT 'it''s ?' FROM t", 0, id="after an escaped quote"),
        pytest.param('SELECT "?" FROM t WHERE u > ?', 1, id="one in a quoted name"),
        pytest.param("SELECT $$ ? $$ FROM t", 0, id="one in a dollar string"),
        pytest.param("SELECT * FROM t -- u > ?\nWHERE u > ? /* ? */", 1, id="some in comments"),
        pytest.param("WITH x AS (SELECT * FROM t WHERE u > ?) SELECT * FROM x", 1, id="one in a CTE"),
        pytest.param("SELECT * FROM t WHERE u > :since", 0, id="a named one is no ?"),
    ],
)
def test_placeholders_are_counted_as_parsed(sql, expected):
    assert placeholder_count(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param("SELECT 1", True, id="select"),
        pytest.param("WITH x AS (SELECT 1 AS a) SELECT a FROM x", True, id="CTE"),
        pytest.param("SELECT 1 UNION ALL SELECT 2", True, id="union"),
        pytest.param("(SELECT 1)", True, id="in parentheses"),
        pytest.param("SELECT 'DELETE FROM t; DROP TABLE t'", True, id="a statement in a string"),
        pytest.param("SELECT 1; SELECT 2", False, id="two statements"),
        pytest.param("SELECT 1; DROP TABLE t", False, id="a statement smuggled in"),
        pytest.param("DELETE FROM t", False, id="delete"),
        pytest.param("INSERT INTO t SELECT 1", False, id="insert"),
        pytest.param("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", False, id="insert after a CTE"),
        pytest.param("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", False, id="merge"),
        pytest.param("CREATE TABLE t AS SELECT 1", False, id="create"),
        pytest.param("SELECT a INTO b FROM c", False, id="select into"),
        pytest.param("TRUNCATE TABLE t", False, id="truncate"),
        pytest.param("USE ROLE admin", False, id="use"),
        pytest.param("customers", False, id="a bare name"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_only_one_reading_statement_is_a_single_select(sql, expected):
    assert query_is_single_select(sql) is expected


def test_a_delete_inside_a_cte_does_not_only_read():
    assert not query_is_single_select("WITH x AS (DELETE FROM t RETURNING a) SELECT a FROM x", "postgres")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param("SELECT 1;", "SELECT 1", id="semicolon"),
        pytest.param("  SELECT 1 ; ;\n", "SELECT 1", id="semicolons and space"),
        pytest.param("SELECT 1; -- done", "SELECT 1", id="comment after it"),
        pytest.param("SELECT 1 -- all", "SELECT 1", id="comment that would swallow a parenthesis"),
        pytest.param("SELECT ';'", "SELECT ';'", id="semicolon in a string"),
        pytest.param("SELECT $$a;$$;", "SELECT $$a;$$", id="dollar string"),
        pytest.param("-- only a comment", "", id="nothing but a comment"),
        pytest.param(" ; ", "", id="nothing but a semicolon"),
    ],
)
def test_trailing_semicolons_and_comments_are_trimmed(sql, expected):
    assert trimmed_sql(sql) == expected


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        pytest.param("", "is empty: write the SELECT to extract", id="empty"),
        pytest.param(
            "DROP TABLE t", "must be one SELECT, because a query only reads; found 'DROP TABLE t'", id="not reading"
        ),
        pytest.param(
            "SELECT * FROM t WHERE a > ? AND b > ?",
            "holds 2 placeholders (?), but one value is bound: where the last extraction ended",
            id="two placeholders",
        ),
        pytest.param("SELECT 'a", "cannot be split into words: close the open quote or comment", id="open quote"),
        pytest.param(
            "SELECT *\nFROM t WHERE (", "does not parse at its line 2, column 14, near '('", id="open bracket"
        ),
    ],
)
def test_sql_that_cannot_be_extracted_is_refused_with_the_reason(sql, message):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole message is compared
        extractable_sql(sql)
    assert str(refused.value) == message


def test_the_layout_of_sql_does_not_change_its_normal_form():
    laid_out = "SELECT *   -- all of them\n  FROM t\n WHERE a = 'x  y' /* why */ AND u > ?"
    assert normalised_sql(laid_out) == "SELECT * FROM t WHERE a = 'x  y' AND u > ?"


def test_spaces_in_a_string_change_the_normal_form():
    assert normalised_sql("SELECT 'a b'") != normalised_sql("SELECT 'a  b'")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param("SELECT * FROM t WHERE u > ?", "SELECT * FROM t WHERE u IS NULL", id="greater"),
        pytest.param("SELECT * FROM t WHERE u >= ?", "SELECT * FROM t WHERE u IS NULL", id="greater or equal"),
        pytest.param("SELECT * FROM t WHERE ? < u", "SELECT * FROM t WHERE u IS NULL", id="reversed"),
        pytest.param("SELECT * FROM t WHERE ?<=u", "SELECT * FROM t WHERE u IS NULL", id="reversed or equal"),
        pytest.param("select * from t where U > ?", "select * from t where U IS NULL", id="other case"),
        pytest.param('SELECT * FROM t WHERE "u" > ?', 'SELECT * FROM t WHERE "u" IS NULL', id="quoted"),
        pytest.param("SELECT * FROM t o WHERE o.u > ?", "SELECT * FROM t o WHERE o.u IS NULL", id="qualified"),
        pytest.param(
            "SELECT * FROM s.t WHERE s.t.u > ?", "SELECT * FROM s.t WHERE s.t.u IS NULL", id="qualified by schema"
        ),
        pytest.param(
            "SELECT * FROM t WHERE a = '?' AND (u > ?) AND (b OR c) -- ?",
            "SELECT * FROM t WHERE a = '?' AND (u IS NULL) AND (b OR c) -- ?",
            id="one of several conditions, text kept",
        ),
        pytest.param(
            "SELECT * FROM t WHERE (a = 1 AND (b = 2 AND u > ?))",
            "SELECT * FROM t WHERE (a = 1 AND (b = 2 AND u IS NULL))",
            id="nested ANDs",
        ),
        pytest.param(
            "WITH x AS (SELECT * FROM t) SELECT id, u FROM x WHERE u > ? ORDER BY id",
            "WITH x AS (SELECT * FROM t) SELECT id, u FROM x WHERE u IS NULL ORDER BY id",
            id="outside a CTE",
        ),
        pytest.param(
            "SELECT o.*, c.city FROM o JOIN c ON o.c = c.id WHERE o.u > ?",
            "SELECT o.*, c.city FROM o JOIN c ON o.c = c.id WHERE o.u IS NULL",
            id="join, star of the same table",
        ),
        pytest.param(
            "SELECT DISTINCT id, t.u AS u FROM t WHERE u > ?",
            "SELECT DISTINCT id, t.u AS u FROM t WHERE u IS NULL",
            id="distinct, an alias of the same name",
        ),
        pytest.param("SELECT c AS u FROM t WHERE u > ?", None, id="the name of another column"),
        pytest.param("SELECT * FROM t WHERE u > ? OR a = 1", None, id="under OR"),
        pytest.param("SELECT * FROM t WHERE a = 1 AND (u > ? OR b = 2)", None, id="OR inside AND"),
        pytest.param("SELECT * FROM t WHERE NOT u <= ?", None, id="under NOT"),
        pytest.param("SELECT * FROM t WHERE u < ?", None, id="bounded from above"),
        pytest.param("SELECT * FROM t WHERE u = ?", None, id="equal"),
        pytest.param("SELECT * FROM t WHERE u BETWEEN ? AND b", None, id="between"),
        pytest.param("SELECT * FROM t WHERE a > ?", None, id="another column"),
        pytest.param("SELECT * FROM t WHERE u::DATE > ?", None, id="an expression on the column"),
        pytest.param("SELECT * FROM t WHERE u > DATEADD(day, -1, ?)", None, id="an expression on the placeholder"),
        pytest.param("SELECT * FROM t", None, id="no placeholder, no WHERE"),
        pytest.param("SELECT * FROM t WHERE u > '?'", None, id="only in a string"),
        pytest.param("SELECT * FROM t WHERE u > ? AND a < ?", None, id="two placeholders"),
        pytest.param("WITH x AS (SELECT * FROM t WHERE u > ?) SELECT * FROM x WHERE a = 1", None, id="in a CTE"),
        pytest.param("SELECT * FROM (SELECT * FROM t WHERE u > ?) WHERE a = 1", None, id="in a subquery"),
        pytest.param(
            "SELECT * FROM t WHERE id IN (SELECT id FROM t WHERE u > ?)", None, id="in a condition's subquery"
        ),
        pytest.param("SELECT * FROM t WHERE u > ? UNION SELECT * FROM s", None, id="union"),
        pytest.param("(SELECT * FROM t WHERE u > ?)", None, id="in parentheses"),
        pytest.param("SELECT * FROM t JOIN s ON u > ? WHERE a = 1", None, id="in a join condition"),
        pytest.param("SELECT u, COUNT(*) AS n FROM t WHERE u > ? GROUP BY u", None, id="grouped"),
        pytest.param("SELECT u FROM t WHERE a = 1 GROUP BY u HAVING u > ?", None, id="in HAVING"),
        pytest.param("SELECT MAX(u) AS m, u FROM t WHERE u > ?", None, id="aggregate without GROUP BY"),
        pytest.param("SELECT *, ROW_NUMBER() OVER (ORDER BY id) AS n FROM t WHERE u > ?", None, id="window"),
        pytest.param("SELECT * FROM t WHERE u > ? QUALIFY ROW_NUMBER() OVER (ORDER BY u) = 1", None, id="qualify"),
        pytest.param("SELECT * FROM t WHERE u > ? LIMIT 10", None, id="limit"),
        pytest.param("SELECT TOP 10 * FROM t WHERE u > ?", None, id="top"),
        pytest.param("SELECT COALESCE(u, c) AS u FROM t WHERE u > ?", None, id="the name means an expression"),
        pytest.param("SELECT *, c AS U FROM t WHERE u > ?", None, id="star and the name for another column"),
        pytest.param("SELECT * EXCLUDE (u), c AS u FROM t WHERE u > ?", None, id="excluded and replaced"),
        pytest.param("SELECT * REPLACE (COALESCE(u, c) AS u) FROM t WHERE u > ?", None, id="star replaces it"),
        pytest.param("SELECT * RENAME (c AS u) FROM t WHERE u > ?", None, id="star renames to it"),
        pytest.param("SELECT id FROM t WHERE u > ?", None, id="not returned"),
        pytest.param(
            "SELECT o.u FROM o JOIN c ON o.c = c.id WHERE c.u > ?", None, id="another table's column returned"
        ),
        pytest.param("SELECT o.* FROM o JOIN c ON o.c = c.id WHERE c.u > ?", None, id="another table's star returned"),
    ],
)
def test_null_watermarks_are_asked_for_only_where_the_condition_can_be_proved(sql, expected):
    assert null_watermark_sql(sql, "u") == expected


def test_the_two_queries_share_no_row_and_together_return_what_the_other_conditions_let_through():
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE t AS SELECT * FROM (VALUES (1, 5, 1), (2, NULL, 1), (3, 9, 0), (4, NULL, 0)) v(id, u, a)"
    )
    sql = "SELECT id, u FROM t WHERE (u > ? AND a = 1)"
    bounded = connection.execute(sql, [0]).fetchall()
    nulls = connection.execute(null_watermark_sql(sql, "u", "duckdb")).fetchall()
    assert (bounded, nulls) == ([(1, 5)], [(2, None)])


def test_a_query_that_cannot_be_proved_is_told_how_to_be_written():
    assert null_watermark_problem("SELECT * FROM t WHERE u > ?", "u") is None
    assert null_watermark_problem("SELECT * FROM t", "u") == (
        "the rows with a null u cannot be asked for alone: return the column as it is and let the only ? stand in a "
        "condition 'u > ?' of the outermost WHERE, joined to the others by AND"
    )

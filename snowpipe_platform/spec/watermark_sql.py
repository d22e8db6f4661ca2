"""What can be proved about the SQL of a query without running it. The text itself is never rewritten by a generator."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

# With any of these a row's presence depends on other rows, so the rows with a null watermark cannot be asked for alone.
_NOT_ROW_BY_ROW = ("group", "having", "qualify", "limit", "offset", "connect", "sample", "into")


def extractable_sql(sql: str, dialect: str = "snowflake") -> str:
    """The SQL as `trimmed_sql` gives it. Raises ValueError unless it is one SELECT with at most one `?`."""
    trimmed = trimmed_sql(sql, dialect)
    if not trimmed:
        raise ValueError("is empty: write the SELECT to extract")
    if not query_is_single_select(trimmed, dialect):
        raise ValueError(f"must be one SELECT, because a query only reads; found {trimmed[:80]!r}")
    if (count := placeholder_count(trimmed, dialect)) > 1:
        raise ValueError(f"holds {count} placeholders (?), but one value is bound: where the last extraction ended")
    return trimmed


def trimmed_sql(sql: str, dialect: str = "snowflake") -> str:
    """The SQL without trailing semicolons and comments, so that it can stand in parentheses; '' when nothing is left.

    Raises ValueError when the text cannot be split into words.
    """
    import sqlglot  # noqa: PLC0415 - costs import time
    from sqlglot.errors import TokenError  # noqa: PLC0415

    try:
        tokens = sqlglot.tokenize(sql, read=dialect)
    except TokenError:
        raise ValueError("cannot be split into words: close the open quote or comment") from None
    ends = [token.end for token in tokens if token.token_type is not sqlglot.TokenType.SEMICOLON]
    return sql[: ends[-1] + 1].strip() if ends else ""


def normalised_sql(sql: str, dialect: str = "snowflake") -> str:
    """The words of the SQL with one space between them and no comments: equal for equal SQL, however it is laid out."""
    import sqlglot  # noqa: PLC0415 - costs import time

    tokens = sqlglot.tokenize(sql, read=dialect)
    return " ".join(sql[token.start : token.end + 1] for token in tokens)


def placeholder_count(sql: str, dialect: str = "snowflake") -> int:
    """How many `?` the SQL binds, not counting strings and comments. Raises ValueError when it does not parse."""
    return sum(1 for statement in _statements(sql, dialect) for _ in _placeholders(statement))


def query_is_single_select(sql: str, dialect: str = "snowflake") -> bool:
    """Whether the SQL is one statement that only reads. Raises ValueError when it does not parse."""
    from sqlglot import exp  # noqa: PLC0415 - costs import time

    statements = _statements(sql, dialect)
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        return False
    return statements[0].find(exp.DML, exp.DDL, exp.Command, exp.Into) is None


def null_watermark_sql(sql: str, watermark_column: str, dialect: str = "snowflake") -> str | None:
    """The SQL that returns the rows with a null watermark, or None when that cannot be proved.

    Proved for one SELECT that decides row by row, returns the watermark column as it is stored, and whose only `?` is
    in a top-level condition `column > ?`, `column >= ?` or the same reversed: it becomes `column IS NULL`.
    Raises ValueError when the SQL does not parse.
    """
    return _with_test(sql, watermark_column, dialect, is_null=True)


def unbounded_sql(sql: str, watermark_column: str, dialect: str = "snowflake") -> str | None:
    """The SQL that returns the rows with any watermark, however low, or None when that cannot be proved: what
    `null_watermark_sql` proves, with `column IS NOT NULL` for the condition. Raises ValueError as that does."""
    return _with_test(sql, watermark_column, dialect, is_null=False)


def _with_test(sql: str, watermark_column: str, dialect: str, *, is_null: bool) -> str | None:
    """The SQL with a test for null in the place of its bound, None when nothing is proved."""
    from sqlglot import exp  # noqa: PLC0415 - costs import time

    statements = _statements(sql, dialect)
    query = statements[0] if len(statements) == 1 else None
    if not isinstance(query, exp.Select) or not _decides_row_by_row(query) or placeholder_count(sql, dialect) != 1:
        return None
    for conjunct in _conjuncts(query.args["where"].this):
        column = _bounded_column(conjunct, watermark_column)
        if column is not None and _returns_as_stored(query, column):
            candidate = _with_null_test(sql, column, dialect, is_null=is_null)
            test = exp.Is(this=column.copy(), expression=exp.Null())
            conjunct.replace(test if is_null else exp.Not(this=test))
            return candidate if _statements(candidate, dialect) == [query] else None
    return None


def null_watermark_problem(sql: str, watermark_column: str, dialect: str = "snowflake") -> str | None:
    """Why `null_watermark_sql` gives None, and how to write the SQL so that it does not; None when it gives SQL."""
    if null_watermark_sql(sql, watermark_column, dialect) is not None:
        return None
    return (
        f"the rows with a null {watermark_column} cannot be asked for alone: return the column as it is and let the "
        f"only ? stand in a condition '{watermark_column} > ?' of the outermost WHERE, joined to the others by AND"
    )


def _statements(sql: str, dialect: str) -> "list[exp.Expr]":
    import sqlglot  # noqa: PLC0415 - costs import time
    from sqlglot import exp  # noqa: PLC0415
    from sqlglot.errors import ParseError, TokenError  # noqa: PLC0415

    try:
        parsed = sqlglot.parse(sql, dialect=dialect)
    except TokenError:
        raise ValueError("cannot be split into words: close the open quote or comment") from None
    except ParseError as error:
        found = error.errors[0]
        raise ValueError(
            f"does not parse at its line {found['line']}, column {found['col']}, near {found['highlight'][:80]!r}"
        ) from None
    return [statement for statement in parsed if statement is not None and not isinstance(statement, exp.Semicolon)]


def _placeholders(tree: "exp.Expr") -> "Iterator[exp.Expr]":
    from sqlglot import exp  # noqa: PLC0415 - costs import time

    return (found for found in tree.find_all(exp.Placeholder) if found.this is None)


def _decides_row_by_row(query: "exp.Select") -> bool:
    from sqlglot import exp  # noqa: PLC0415 - costs import time

    distinct = query.args.get("distinct")
    return (
        query.args.get("where") is not None
        and not any(query.args.get(clause) for clause in _NOT_ROW_BY_ROW)
        and not (distinct and distinct.args.get("on"))
        and not any(projection.find(exp.AggFunc, exp.Window) for projection in query.expressions)
    )


def _conjuncts(condition: "exp.Expr") -> "Iterator[exp.Expr]":
    from sqlglot import exp  # noqa: PLC0415 - costs import time

    bare = condition.unnest()
    if isinstance(bare, exp.And):
        yield from _conjuncts(bare.this)
        yield from _conjuncts(bare.expression)
    else:
        yield bare


def _bounded_column(condition: "exp.Expr", name: str) -> "exp.Column | None":
    """The column of that name that `?` bounds from below in this condition, None for any other condition."""
    from sqlglot import exp  # noqa: PLC0415 - costs import time

    if isinstance(condition, (exp.GT, exp.GTE)):
        column, bound = condition.this, condition.expression
    elif isinstance(condition, (exp.LT, exp.LTE)):
        column, bound = condition.expression, condition.this
    else:
        return None
    named = isinstance(column, exp.Column) and column.name.lower() == name.lower()
    return column if named and isinstance(bound, exp.Placeholder) else None


def _returns_as_stored(query: "exp.Select", column: "exp.Column") -> bool:
    """Whether the result's column of that name is `column` itself, not an expression or another table's column."""
    from sqlglot import exp  # noqa: PLC0415 - costs import time

    returned = False
    for projection in query.expressions:
        source = projection.unalias()
        table = source.table.lower() if isinstance(source, exp.Column) else ""
        same_table = not table or not column.table or table == column.table.lower()
        if projection.is_star:
            changed = (word.name.lower() for word in projection.find_all(exp.Identifier) if word.arg_key != "table")
            if column.name.lower() in changed:
                return False
            returned |= same_table
        elif projection.output_name.lower() == column.name.lower():
            if not isinstance(source, exp.Column) or source.name.lower() != column.name.lower() or not same_table:
                return False
            returned = True
    return returned


def _with_null_test(sql: str, column: "exp.Column", dialect: str, *, is_null: bool) -> str:
    """The text with the comparison of `column` and the only `?` replaced; everything around it stays as written."""
    import sqlglot  # noqa: PLC0415 - costs import time

    tokens = sqlglot.tokenize(sql, read=dialect)
    bound = next(token for token in tokens if token.token_type is sqlglot.TokenType.PLACEHOLDER)
    parts = [part.meta for part in column.parts]
    first, last = min(part["start"] for part in parts), max(part["end"] for part in parts)
    start, end = min(first, bound.start), max(last, bound.end)
    return f"{sql[:start]}{sql[first : last + 1]} {'IS NULL' if is_null else 'IS NOT NULL'}{sql[end + 1 :]}"

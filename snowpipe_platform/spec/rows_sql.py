"""Statements for `snowpipe sql` that show the rows which break a rule, where one is short enough to be read."""

import shlex
from datetime import date

from snowpipe_platform.spec.rule import Rule
from snowpipe_platform.spec.table import FAILED_RULES, LOAD_DAY, ChangesTable

QUARANTINE_SUFFIX, DISCARDED_SUFFIX = "_quarantine", "_discarded"
"""What a changes table's other sides are called in SQL."""
UNSAFE_IN_DOUBLE_QUOTES = set('"$`\\!')


def broken_changes_sql(table: ChangesTable, rule: Rule, day: date | None) -> str:
    """Published changes that break the rule: of an error rule all are in quarantine, of a warning those are that break
    an error rule besides."""
    valid = table.name.replace("/", ".")
    quarantined = valid + QUARANTINE_SUFFIX
    both = f"(SELECT * FROM {valid} UNION ALL SELECT * FROM {quarantined})"  # noqa: S608 - a text to read and paste
    source = quarantined if rule.severity == "error" else both
    of_day = "" if day is None else f" AND {LOAD_DAY} = DATE '{day}'"
    return f"SELECT * FROM {source} WHERE list_contains({FAILED_RULES}, {_literal(rule.id)}){of_day}"  # noqa: S608


def broken_landed_sql(entity: str, expression: str, day: date, *, dialect: str) -> str | None:
    """Landed rows of the load day that do not meet a query's rule; None where its SQL is the warehouse's alone."""
    import sqlglot  # noqa: PLC0415 - costs import time

    try:
        condition = sqlglot.parse_one(expression, read=dialect).sql(dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        return None
    return f"SELECT * FROM bronze.{entity} WHERE {LOAD_DAY} = DATE '{day}' AND ({condition}) IS NOT TRUE"  # noqa: S608


def sql_command(statement: str) -> str:
    """What is typed into a shell to run it."""
    is_plain = not UNSAFE_IN_DOUBLE_QUOTES & set(statement)
    return f'snowpipe sql "{statement}"' if is_plain else f"snowpipe sql {shlex.quote(statement)}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

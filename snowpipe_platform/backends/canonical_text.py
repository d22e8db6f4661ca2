"""DuckDB SQL for texts of values: equal for equal values, different for others."""

from collections.abc import Sequence

import ibis
import ibis.expr.datatypes as dt

from snowpipe_platform.backends.duckdb_sql import identifier


def canonical_text(column: str, dtype: dt.DataType) -> str:
    """SQL for a text that is the same for equal values, whatever width of type holds them. Null stays null."""
    text = f"CAST({column} AS VARCHAR)"
    if dtype.is_decimal() and dtype.scale:
        return f"rtrim(rtrim({text}, '0'), '.')"
    if dtype.is_timestamp() or dtype.is_date():
        return f"coalesce(CAST(epoch_us(CAST({column} AS TIMESTAMP)) AS VARCHAR), {text})"
    if dtype.is_binary():
        return f"hex({column})"
    return f"CAST(CAST({column} AS DOUBLE) AS VARCHAR)" if dtype.is_floating() else text


def key_text(key: Sequence[str], types: ibis.Schema) -> str:
    """SQL for a text that is the same for equal keys, null being equal to null, and differs for others."""
    return _joined([canonical_text(identifier(name), types[name]) for name in key])


def sized(text: str) -> str:
    """A length in front makes the concatenation of texts unambiguous."""
    return f"length({text}) || ':' || {text}"


def _joined(texts: Sequence[str]) -> str:
    return " || ';' || ".join(f"coalesce({sized(text)}, '-')" for text in texts)

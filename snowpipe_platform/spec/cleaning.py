"""Expressions every shop needs, equal on both engines."""

import ibis
import ibis.expr.types as ir


@ibis.udf.scalar.builtin
def conv(digits: str, from_base: int, to_base: int) -> str:  # type: ignore[empty-body]
    """A number written in another base: Spark's builtin, a macro on DuckDB."""


def stable_key(text: ir.StringValue) -> ir.IntegerValue:
    """A 60-bit key of a text: the first 15 hex digits of its md5. Null for null. Keep a uniqueness rule on it."""
    return conv(text.hexdigest("md5").substr(0, 15), 16, 10).cast("int64")


def single_spaced(text: ir.StringValue) -> ir.StringValue:
    """Trimmed, runs of white space made one space; null for nothing."""
    return text.re_replace(r"\s+", " ").strip().nullif("")

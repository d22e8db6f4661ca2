"""Rows by the words a person finds them with."""

from collections.abc import Mapping

import pyarrow as pa

from snowpipe_platform.execution.arrow_types import json_objects
from snowpipe_platform.execution.reconciliation_plan import NAMED_KEYS
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import PLATFORM_COLUMNS

LONGEST_ROW = 200
"""Characters of a row that has no key to be named by."""


def named_rows(rows: pa.Table, query: Query) -> tuple[str, ...]:
    """The first rows by their key; without one, or without its columns, by what is in them."""
    key = [name.lower() for name in query.primary_key]
    first = rows.slice(0, NAMED_KEYS)
    if key and set(key) <= set(rows.column_names):
        return tuple(named_key(row) for row in first.select(key).to_pylist())
    texts = json_objects(first.select([name for name in first.column_names if name not in PLATFORM_COLUMNS]))
    return tuple(text if len(text) <= LONGEST_ROW else f"{text[: LONGEST_ROW - 1]}…" for text in texts)


def named_key(key: Mapping[str, object]) -> str:
    """`order_id=o1`, `order_id=o1 line=2`."""
    return " ".join(f"{name}={value}" for name, value in key.items())

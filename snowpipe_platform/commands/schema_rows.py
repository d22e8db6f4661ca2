"""The schema history of every bronze table as rows, for `snowpipe sql`."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from snowpipe_platform.commands.project import Project
from snowpipe_platform.execution.schema_history import schema_history
from snowpipe_platform.spec.schema_history import SchemaEvent

NAME = "bronze.schema_history"
COLUMNS = pa.schema(
    [
        ("table_name", pa.string()),
        ("version", pa.int64()),
        ("entry", pa.int64()),
        ("load_day", pa.date32()),
        ("changed_at", pa.timestamp("us")),
        ("column_name", pa.string()),
        ("kind", pa.string()),
        ("type_before", pa.string()),
        ("type_after", pa.string()),
        ("verdict", pa.string()),
        ("outcome", pa.string()),
        ("renamed_to", pa.string()),
        ("changed_by", pa.string()),
        ("dead_letter", pa.string()),
    ]
)


def schema_rows(project: Project) -> pa.Table:
    """A row for each column of a first version, and for each column that changed."""
    queries = project.pipeline.queries_by_entity.items()
    rows = (
        row
        for entity, query in queries
        for event in schema_history(query, project.ground)
        for row in _rows(entity, event)
    )
    return pa.Table.from_pylist(list(rows), COLUMNS)


def _rows(entity: str, event: SchemaEvent) -> Iterator[dict[str, Any]]:
    common = {
        "table_name": entity,
        "version": event.version,
        "entry": event.number,
        "load_day": event.load_day,
        "changed_at": event.at,
        "changed_by": event.by,
        "dead_letter": event.letter,
    }
    if event.verdict == "first":
        for column in event.columns:
            told = {"column_name": column.name, "kind": "first", "type_after": column.type}
            yield {**common, **told, "verdict": event.verdict, "outcome": event.outcome}
    for change in event.diff:
        yield {
            **common,
            "column_name": change.column,
            "kind": change.kind,
            "type_before": change.before,
            "type_after": change.after,
            "verdict": "breaking" if change.is_breaking else "compatible",
            "outcome": change.outcome,
            "renamed_to": change.renamed_to,
        }

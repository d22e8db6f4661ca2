"""What a person sees of changed columns on an asset, and on the failure of a run that they stopped."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from snowpipe_platform.spec.schema_change import ColumnChange, outcome_of, verdict_of

COLUMNS = ("column", "change", "before", "after", "breaking", "outcome", "renamed to")


def schema_metadata(diff: Sequence[ColumnChange]) -> Mapping[str, dg.MetadataValue[Any]]:
    """The diff as a table, and its verdict: `compatible, taken`. Empty where nothing changed."""
    if not diff:
        return {}
    return {
        "schema_verdict": dg.MetadataValue.text(f"{verdict_of(diff)}, {outcome_of(diff)}"),
        "schema_diff": dg.MetadataValue.table([_record(change) for change in diff], schema=_schema()),
        "schema_changes": dg.MetadataValue.md("\n".join(f"- {change}" for change in diff)),
    }


def _schema() -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(name, "bool" if name == "breaking" else "string") for name in COLUMNS])


def _record(change: ColumnChange) -> dg.TableRecord:
    values = (
        change.column,
        change.kind,
        change.before or "",
        change.after or "",
        change.is_breaking,
        change.outcome,
        change.renamed_to or "",
    )
    return dg.TableRecord(dict(zip(COLUMNS, values, strict=True)))

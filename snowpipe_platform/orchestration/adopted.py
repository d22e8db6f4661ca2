"""What a person sees of dropped files on a bronze asset."""

import dagster as dg

from snowpipe_platform.errors import ArrivalError
from snowpipe_platform.execution.adoption import AdoptedFile, AdoptionResult
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.orchestration.metadata import Metadata, column_schema, log_metadata
from snowpipe_platform.orchestration.names import FILES_ADOPTED
from snowpipe_platform.spec.bronze_log import landings

COLUMNS = {
    "file": "string",
    "fate": "string",
    "rows": "int",
    "new": "int",
    "known": "int",
    "dropped": "int",
    "manifest": "int",
    "note": "string",
}


def refuse_if_none_adopted(result: AdoptionResult) -> list[AdoptedFile]:
    """The files that failed while others were adopted. Raises ArrivalError, with each reason, when none was."""
    if result.failed and not result.manifests:
        raise ArrivalError("\n".join(str(file.error) for file in result.failed))
    return result.failed


def adoption_metadata(result: AdoptionResult, ground: Ground) -> Metadata:
    """Of one run that adopted files for a load day: a line for each, and their sums; the row counts of Dagster's own
    are the whole log's."""
    log = landings(ground.bronze.log(result.request.query.entity))
    manifests = result.manifests
    sums = {
        "rows_read": sum(manifest.rows_read for manifest in manifests),
        "rows_landed": sum(manifest.rows_landed for manifest in manifests),
        "rows_known": sum(manifest.rows_known for manifest in manifests),
        "rows_dropped": sum(manifest.rows_dropped for manifest in manifests),
        FILES_ADOPTED: len(manifests),
        "files_failed": len(result.failed),
    }
    found: Metadata = {
        "summary": dg.MetadataValue.text(result.summary),
        **log_metadata(log, result.request.load_day),
        **{name: dg.MetadataValue.int(count) for name, count in sums.items()},
        "arrivals": _table(result),
    }
    if log:
        found["dagster/column_schema"] = dg.MetadataValue.table_schema(column_schema(log[-1].schema))
    changes = [f"{m.arrived.path}: {change}" for m in manifests if m.arrived for change in m.schema_changes]
    if changes:
        found["schema_changes"] = dg.MetadataValue.md("\n".join(f"- {change}" for change in changes))
    return found


def _table(result: AdoptionResult) -> dg.TableMetadataValue:
    columns = [dg.TableColumn(name, dtype) for name, dtype in COLUMNS.items()]
    return dg.MetadataValue.table([_record(file) for file in result.files], schema=dg.TableSchema(columns))


def _record(file: AdoptedFile) -> dg.TableRecord:
    entry = file.manifest
    counts = (entry.rows_read, entry.rows_landed, entry.rows_known, entry.rows_dropped) if entry else (0, 0, 0, 0)
    values = (file.path, file.fate.value, *counts, entry.number if entry else None, str(file.error or ""))
    return dg.TableRecord(dict(zip(COLUMNS, values, strict=True)))

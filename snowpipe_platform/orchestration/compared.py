"""What a person sees of a comparison of keys."""

import dagster as dg

from snowpipe_platform.execution.comparison import ComparisonResult
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.orchestration.metadata import Metadata, column_schema, log_metadata
from snowpipe_platform.orchestration.names import KEYS_COMPARED
from snowpipe_platform.spec.bronze_log import landings


def comparison_metadata(result: ComparisonResult, ground: Ground) -> Metadata:
    """Of one comparison: what was found, and what landed; the row counts of Dagster's own are the whole log's."""
    log = landings(ground.bronze.log(result.plan.query.entity))
    numbers = {
        KEYS_COMPARED: result.counts.at_source,
        "keys_open": result.counts.open,
        "keys_gone": result.counts.gone,
        "keys_back": result.counts.back,
        "rows_landed": result.tombstones + result.opened,
        "rows_deleted": result.tombstones,
    }
    found: Metadata = {
        "summary": dg.MetadataValue.text(result.summary),
        **log_metadata(log, result.plan.load_day),
        "compared_at": dg.MetadataValue.text(f"{result.plan.extracted_at.isoformat()}Z"),
        **{name: dg.MetadataValue.int(number) for name, number in numbers.items()},
    }
    if log:
        found["dagster/column_schema"] = dg.MetadataValue.table_schema(column_schema(log[-1].schema))
    return found

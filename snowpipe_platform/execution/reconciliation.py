"""Reconcile load days of an entity: its files, its source, its changes tables; and read again what bronze lacks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import ibis

from snowpipe_platform.execution.arrow_types import bronze_schema
from snowpipe_platform.execution.extraction import ExtractionRequest, ExtractionResult, execute_extraction
from snowpipe_platform.execution.extraction_plan import Window, require_columns, source_schema
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.preview_source import AskedOnce
from snowpipe_platform.execution.reconciliation_files import Damages, check_files
from snowpipe_platform.execution.reconciliation_plan import DayWindow, Found, Reconciled, plan_day
from snowpipe_platform.execution.reconciliation_silver import compare_silver
from snowpipe_platform.execution.reconciliation_source import Asking, compare_source
from snowpipe_platform.ports import Warehouse
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import ChangesTable
from snowpipe_platform.spec.watermark import WatermarkKind

Doing = Callable[[str], None]
"""Told, in a few words, what is being compared."""


@dataclass(frozen=True)
class Reconciliation:
    """One load day of one query's entity, asked for by one run."""

    pipeline: Pipeline
    query: Query
    load_day: date
    identity: RunIdentity

    @property
    def tables(self) -> tuple[ChangesTable, ...]:
        """Those that take the entity's rows in."""
        found = (table for table in self.pipeline.tables if isinstance(table, ChangesTable))
        return tuple(table for table in found if table.source == self.query.entity)


def reconcile(asked: Reconciliation, ground: Ground, *, doing: Doing = lambda _text: None) -> Reconciled:
    """Compare; nothing is written. The log is read first: what a run lands meanwhile the source has above what the log
    covers, and it is no difference. Raises SourceError, TransientSourceError, ConfigurationError, LakeError."""
    name = f"bronze/{asked.query.entity} {asked.load_day}"
    ground = replace(ground, warehouse=AskedOnce(ground.warehouse))
    log = ground.bronze.log(asked.query.entity)
    clock = ground.warehouse.clock()
    window = plan_day(asked.query, asked.load_day, log, _kind(asked.query, ground.warehouse))
    damages = Damages(ground)
    doing(f"{name}: files")
    found = check_files(window, log, damages)
    doing(f"{name}: source")
    found += compare_source(window, log, Asking(ground, asked.identity, asked.pipeline.queries.source_system), damages)
    for table in asked.tables:
        doing(f"{name}: {table.name}")
        found += compare_silver(window, log, table, ground, damages)
    return Reconciled(window, clock, _with_cut(found, window))


def mend(reconciled: Reconciled, asked: Reconciliation, ground: Ground) -> list[ExtractionResult]:
    """Read again what bronze lacks, and land it; the live watermark stays where it is. Raises as an extraction does."""
    # A part that ends at max_batches would leave a load day incomplete that no ordinary run of it completes.
    query = asked.query.model_copy(update={"max_batches": None})
    source = asked.pipeline.queries.source_system
    return [
        execute_extraction(
            ExtractionRequest(query, source, Window(asked.load_day, exactly=interval), asked.identity), ground
        )
        for interval in reconciled.mendable
    ]


def _with_cut(found: Found, window: DayWindow) -> Found:
    if not window.is_cut:
        return found
    return found + Found(notes=("more rows of the day wait, as max_batches ended its last run: run the day first",))


def _kind(query: Query, warehouse: Warehouse) -> WatermarkKind | None:
    if query.mode == "full":
        return None
    columns = bronze_schema(source_schema(query, warehouse))
    require_columns(query, columns)
    name = (query.watermark_column or "").lower()
    return WatermarkKind.of(ibis.Schema.from_pyarrow(columns)[name], column=name)

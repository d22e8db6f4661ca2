"""One asset per query: `bronze/<entity>`, by load day."""

from typing import Any

import dagster as dg
from pydantic import Field

from snowpipe_platform.execution.adoption import AdoptionRequest
from snowpipe_platform.execution.extraction import ExtractionRequest
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.execution.reconciliation import Reconciliation
from snowpipe_platform.orchestration.identity import run_identity
from snowpipe_platform.orchestration.io_managers import BRONZE_IO_MANAGER
from snowpipe_platform.orchestration.names import asset_key, bronze_name, dagster_owners
from snowpipe_platform.orchestration.partitions import load_day
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.pipeline import Pipeline

CODE_VERSION_DIGITS = 12


class BronzeRun(dg.Config):
    """What may be asked of a run besides its day."""

    arrivals: list[str] = Field(
        default=[], description="files below the entity's arrivals folder, to be adopted instead of extracting the day"
    )
    mend: bool = Field(
        default=False, description="read again what the check `reconciled` finds missing, instead of extracting the day"
    )


BronzeRequest = Any
"""An ExtractionRequest, an AdoptionRequest, or a Reconciliation to mend: Dagster takes no union for what an asset
returns."""


def code_version(query: Query) -> str:
    """Changes with what decides which rows come."""
    return query.fingerprint()[:CODE_VERSION_DIGITS]


def bronze_asset(query: Query, pipeline: Pipeline, load_days: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The rows of one source table as extracted, each once; a run lands what its load day has and is not landed yet,
    adopts dropped files for the day, or reads again what is missing."""
    source_system = pipeline.queries.source_system
    name = bronze_name(query.entity)

    @dg.asset(
        key=asset_key(name),
        io_manager_key=BRONZE_IO_MANAGER,
        partitions_def=load_days,
        group_name="bronze",
        kinds={"bronze", query.output_format, source_system.lower()},
        owners=dagster_owners(query.owners),
        description=query.description or f"Rows of query {query.name} as extracted.",
        code_version=code_version(query),
        tags={"snowpipe/mode": query.mode},
        metadata={"sql": dg.MetadataValue.md(f"```sql\n{query.sql}\n```"), "query": query.name},
        pool=name,
    )
    def extract(context: dg.AssetExecutionContext, config: BronzeRun) -> BronzeRequest:
        day, identity = load_day(context.partition_key), run_identity(context.run)
        if config.arrivals:
            return AdoptionRequest(query, source_system, day, identity, tuple(config.arrivals))
        if config.mend:
            return Reconciliation(pipeline, query, day, identity)
        return ExtractionRequest(query, source_system, Window(day), identity)

    return extract

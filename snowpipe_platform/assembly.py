"""Which adapter stands behind each port, for the composition roots. Making them opens no connection."""

from collections.abc import Callable
from pathlib import Path

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.backends.duckdb_key_comparer import DuckDBKeyComparer
from snowpipe_platform.backends.duckdb_recognizer import DuckDBRecognizer
from snowpipe_platform.backends.duckdb_warehouse import DuckDBWarehouse
from snowpipe_platform.backends.duckdb_window_comparer import DuckDBWindowComparer
from snowpipe_platform.backends.iceberg_lake import IcebergLake
from snowpipe_platform.backends.local_bronze import LocalBronze
from snowpipe_platform.backends.local_endpoint import LocalEndpoint
from snowpipe_platform.backends.local_scorer import LocalScorer
from snowpipe_platform.backends.local_trainer import LocalTrainer
from snowpipe_platform.backends.local_training import LocalTraining
from snowpipe_platform.backends.sqlite_features import SqliteFeatures
from snowpipe_platform.backends.sqlite_registry import SqliteRegistry
from snowpipe_platform.backends.sqlite_state import SqliteState
from snowpipe_platform.execution.ground import Ground, ModelGround
from snowpipe_platform.settings import Settings


def build_ground(settings: Settings) -> Ground:
    """The adapters of the profile."""
    state = SqliteState(settings.state_path)
    return Ground(
        warehouse=DuckDBWarehouse(settings.warehouse_path),
        bronze=LocalBronze(settings.bronze_folder),
        recognizer=DuckDBRecognizer,
        window_comparer=DuckDBWindowComparer,
        key_comparer=DuckDBKeyComparer,
        state=state,
        dead_letters=state,
        lake=IcebergLake(settings.lake_folder),
        engine=DuckDBEngine(memory_limit=settings.memory_limit, threads=settings.threads),
        online=SqliteFeatures(settings.online_path),
        training_sets=LocalTraining(settings.training_folder),
        models=build_model_ground(settings),
    )


def build_endpoint(settings: Settings, *, artefact_of: Callable[[str, int], Path]) -> LocalEndpoint:
    """What serves the home's models. artefact_of: where the registry keeps a model's version."""
    return LocalEndpoint(settings.endpoint_folder, artefact_of=artefact_of, pipeline=settings.pipeline)


def build_model_ground(settings: Settings) -> ModelGround:
    """The adapters that models need."""
    return ModelGround(
        trainer=LocalTrainer(settings.training_jobs_folder),
        registry=SqliteRegistry(settings.models_folder),
        scorer=LocalScorer(settings.pipeline),
    )

"""Everything a run stands on: one adapter behind each port, chosen in the composition root."""

from dataclasses import dataclass

from snowpipe_platform.ports import (
    BronzeStore,
    DeadLetters,
    Engine,
    FeatureStore,
    KeyComparerFactory,
    Lake,
    ModelRegistry,
    RecognizerFactory,
    Scorer,
    StateStore,
    Trainer,
    TrainingSetStore,
    Warehouse,
    WindowComparerFactory,
)


@dataclass(frozen=True, kw_only=True)
class ModelGround:
    """What versions of models are made by, kept in and asked by. Making it opens no connection."""

    trainer: Trainer
    registry: ModelRegistry
    scorer: Scorer


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The adapters of one process. Making it opens no connection."""

    warehouse: Warehouse
    bronze: BronzeStore
    recognizer: RecognizerFactory
    window_comparer: WindowComparerFactory
    key_comparer: KeyComparerFactory
    state: StateStore
    dead_letters: DeadLetters
    lake: Lake
    engine: Engine
    online: FeatureStore
    training_sets: TrainingSetStore
    models: ModelGround


@dataclass(frozen=True, kw_only=True)
class RunIdentity:
    """Who writes: recorded with every commit. run_id: Dagster's, or one of the command line's own."""

    run_id: str
    job: str

"""The interfaces between what the platform decides and where it runs.

Each port has one contract suite in the tests that every backend passes. Instants are tz-naive UTC microseconds.
"""

from snowpipe_platform.ports.lake import Engine, Lake, Session
from snowpipe_platform.ports.models import Endpoint, FeatureStore, ModelRegistry, Scorer, Trainer, TrainingSetStore
from snowpipe_platform.ports.source import (
    BronzeAttempt,
    BronzeStore,
    KeyComparer,
    KeyComparerFactory,
    Recognizer,
    RecognizerFactory,
    Warehouse,
    WindowComparer,
    WindowComparerFactory,
)
from snowpipe_platform.ports.state import DeadLetters, StateStore

__all__ = [
    "BronzeAttempt",
    "BronzeStore",
    "DeadLetters",
    "Endpoint",
    "Engine",
    "FeatureStore",
    "KeyComparer",
    "KeyComparerFactory",
    "Lake",
    "ModelRegistry",
    "Recognizer",
    "RecognizerFactory",
    "Scorer",
    "Session",
    "StateStore",
    "Trainer",
    "TrainingSetStore",
    "Warehouse",
    "WindowComparer",
    "WindowComparerFactory",
]

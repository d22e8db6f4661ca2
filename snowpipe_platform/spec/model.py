"""A model as code: what it predicts, the script that trains it, and the gates of its versions."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from snowpipe_platform.errors import PipelineError, did_you_mean
from snowpipe_platform.spec.evaluation import HIGHER_IS_BETTER
from snowpipe_platform.spec.gates import Gate

NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Model:
    """One thing that is predicted; its versions are numbered 1, 2, … in the registry.

    label: the column that is predicted, true or false. horizon: how long after a label's instant its outcome is known.
    training: module of the script that trains, run as a process of its own under the container contract and never
    imported. hyperparameters: what the script is given, by name; those it is not given are its own.
    gates: what a version must pass to be approved. Raises PipelineError for what cannot work.
    """

    name: str
    description: str
    owners: tuple[str, ...]
    label: str
    horizon: timedelta
    training: str
    gates: tuple[Gate, ...]
    hyperparameters: Mapping[str, int | float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"model {self.name!r}"
        if not NAME.fullmatch(self.name):
            raise PipelineError(f"{where}: a name is lower-case letters, digits and '_', as in 'churn'. Rename it.")
        if not self.gates:
            raise PipelineError(f"{where} has no gate, so that any version could be approved. Declare at least one.")
        for gate in self.gates:
            if gate.metric not in HIGHER_IS_BETTER:
                hint = did_you_mean(gate.metric, list(HIGHER_IS_BETTER))
                raise PipelineError(f"{where}: gate {gate.name!r} is about no metric. {hint}")
        names = [gate.name for gate in self.gates]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise PipelineError(f"{where}: gate {twice!r} is declared twice. Remove one.")

    @property
    def code_version(self) -> str:
        """Twelve hex digits over every Python file in the training script's folder, which is read and not imported.
        Raises PipelineError where there is none."""
        try:
            spec = find_spec(self.training)
        except ModuleNotFoundError:
            spec = None
        if spec is None or spec.origin is None:
            msg = f"model {self.name!r}: its training script {self.training!r} is not on the Python path."
            raise PipelineError(f"{msg} Set training to the script's module, as in 'my_shop.models.churn.train'.")
        digest = hashlib.sha256()
        for path in sorted(Path(spec.origin).parent.glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()[:12]


PROBABILITY = "probability"
"""What a scoring script calls its answer."""


@dataclass(frozen=True, kw_only=True)
class ScoringJob:
    """Many rows for one version of a model. artefact: its folder. rows: Parquet files with the features and the column
    `key`. answers: the Parquet file to write, with `key` and `probability`, a row for each."""

    model: str
    version: int
    artefact: Path
    rows: tuple[Path, ...]
    key: str
    answers: Path


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """One run of a training script. id: unique, and part of a folder's name. channels: the files it is given a copy of,
    by channel, as `train` and `champion`."""

    id: str
    model: str
    script: str
    channels: Mapping[str, tuple[Path, ...]]
    hyperparameters: Mapping[str, int | float | str]

"""Where the SageMaker container contract puts a training job's input and output.

The SM_* variables are set by SageMaker's toolkits and by the local trainer; an image of one's own has only the folders.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from snowpipe_platform.errors import TrainingFailedError, did_you_mean

ROOT = Path("/opt/ml")


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What a job may be given, and what it is without. horizon_days: after a label, until its outcome is known.
    champion_version: of the artefact in the champion channel; 0 where there is none. iterations: the most trees.

    Of six shops, two generated from other seeds than the demo's and four parts of one of 10,000 customers, 3 to
    7 leaves, 80 to 200 rows in one, an l2 of 5 to 50 and rates of 0.05 and 0.1 are within 0.0005 of each other's Brier
    score on average."""

    horizon_days: int = 90
    champion_version: int = 0
    learning_rate: float = 0.05
    iterations: int = 200
    leaves: int = 4
    rows_in_leaf: int = 100
    l2: float = 5.0
    seed: int = 20_240_301


@dataclass(frozen=True, kw_only=True)
class Container:
    """champion: the folder with the artefact to compare with, None where there is none. failure: the file that says why
    the job failed."""

    train: Path
    champion: Path | None
    model: Path
    failure: Path


def read_container(environment: Mapping[str, str], *, root: Path = ROOT) -> Container:
    """The job's folders."""
    champion = Path(environment.get("SM_CHANNEL_CHAMPION") or root / "input/data/champion")
    output = Path(environment.get("SM_OUTPUT_DATA_DIR") or root / "output/data")
    return Container(
        train=Path(environment.get("SM_CHANNEL_TRAIN") or root / "input/data/train"),
        champion=champion if champion.is_dir() and any(champion.iterdir()) else None,
        model=Path(environment.get("SM_MODEL_DIR") or root / "model"),
        failure=output.parent / "failure",
    )


def read_hyperparameters(environment: Mapping[str, str], *, root: Path = ROOT) -> Hyperparameters:
    """SageMaker hands every value over as text. Raises TrainingFailedError for a name or a value that is none."""
    path = root / "input/config/hyperparameters.json"
    text = environment.get("SM_HPS") or (path.read_text(encoding="utf-8") if path.is_file() else "{}")
    try:
        given = dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise TrainingFailedError(f"the hyperparameters are no JSON object ({error}).") from error
    known: dict[str, Any] = {field.name: field.type for field in fields(Hyperparameters)}
    for name in given:
        if name not in known:
            raise TrainingFailedError(f"{name!r} is no hyperparameter. {did_you_mean(name, list(known))}")
    return Hyperparameters(**{name: _number(name, value, known[name]) for name, value in given.items()})


def _number(name: str, value: object, kind: type) -> Any:  # noqa: ANN401 - int or float, as the field
    try:
        number = kind(str(value))
    except ValueError as error:
        raise TrainingFailedError(f"hyperparameter {name!r} is {value!r}, which is no {kind.__name__}.") from error
    return number

"""What every command works on: the settings, the pipeline, and what it stands on."""

from collections.abc import Sequence
from dataclasses import dataclass

from snowpipe_platform.assembly import build_ground
from snowpipe_platform.errors import ConfigurationError, did_you_mean
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.settings import Settings, allow_local_packages, read_settings
from snowpipe_platform.spec.pipeline import Pipeline, load_pipeline


@dataclass(frozen=True)
class Project:
    """One pipeline on one machine."""

    settings: Settings
    pipeline: Pipeline
    ground: Ground


def open_project() -> Project:
    """From the environment and the project's file. Opens no connection. Raises ConfigurationError."""
    settings = read_settings()
    allow_local_packages()
    return Project(settings, load_pipeline(settings.pipeline), build_ground(settings))


def find_table(name: str, pipeline: Pipeline) -> str:
    """The full name for `silver/x`, or for `x` where one layer has it. Raises ConfigurationError with the nearest."""
    if name in pipeline.names:
        return name
    wanted = name.replace(".", "/")
    matches = [full for full in pipeline.names if wanted in (full, full.partition("/")[2])]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise ConfigurationError(f"{name!r} is the name of {' and '.join(matches)}. Write the layer too.")
    raise ConfigurationError(f"there is no table {name!r}. {nearest_table(name, pipeline.names)}")


def nearest_table(name: str, names: Sequence[str]) -> str:
    """`Did you mean 'silver/x'?`, comparing with full and with short names."""
    full = {key: known for known in names for key in (known.partition("/")[2], known)}
    hint = did_you_mean(name, list(full))
    word = hint.removeprefix("Did you mean '").removesuffix("'?")
    return f"Did you mean {full[word]!r}?" if word in full else did_you_mean(name, list(names))


def find_tables(names: Sequence[str], pipeline: Pipeline) -> tuple[str, ...]:
    """Full names, in the order tables run in; all of them when none is given."""
    if not names:
        return pipeline.names
    found = {find_table(name, pipeline) for name in names}
    return tuple(name for name in pipeline.names if name in found)

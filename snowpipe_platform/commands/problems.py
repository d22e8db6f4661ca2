"""What an error means for the person who typed the command."""

from dataclasses import dataclass

from snowpipe_platform.errors import (
    ConfigurationError,
    ContractError,
    LeaseHeldError,
    ModelError,
    PipelineError,
    QueriesFileError,
    SettingsError,
    SnowpipeError,
)

_DECLARED = (SettingsError, QueriesFileError, PipelineError, ContractError)


@dataclass(frozen=True)
class Problem:
    """An error as it is shown: one message, the next command to type, and the exit code."""

    kind: str
    message: str
    next_command: str
    exit_code: int


def describe(error: Exception, *, command: str) -> Problem:
    """Usage and configuration are 2, everything else 1. What nobody foresaw says so and how to see more."""
    kind, message = type(error).__name__, str(error)
    if not isinstance(error, SnowpipeError):
        return Problem(kind, f"{kind}: {message or 'no message'}", f"snowpipe {command} --traceback", 1)
    if isinstance(error, ConfigurationError):
        next_command = "snowpipe doctor" if isinstance(error, _DECLARED) else f"snowpipe {command} --help"
        return Problem(kind, message, next_command, 2)
    if isinstance(error, ModelError):
        return Problem(kind, message, "snowpipe models list", 1)
    return Problem(kind, message, "snowpipe status" if isinstance(error, LeaseHeldError) else "snowpipe doctor", 1)

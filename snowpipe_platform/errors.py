"""Everything the platform raises on purpose.

SnowpipeError
├── ConfigurationError        what the user declared cannot work; nothing ran (exit code 2)
│   ├── SettingsError         a variable, or a line of snowpipe.toml
│   ├── QueriesFileError      a line of the queries file
│   ├── PipelineError         a table's file: its name, inputs, contract or columns
│   └── ContractError         a rule that cannot be compiled
├── SourceError               the source refused for good: a wrong password, wrong SQL; never retried
│   └── SchemaChangedError    the source's columns changed in a way the query's policy stops
├── ArrivalError              a dropped file cannot be adopted as it is; a dead letter holds what is needed to try again
├── TransientSourceError      the connection failed; worth another attempt
├── ExtractionFailedError     the attempts are used up; a dead letter holds what is needed to run again
├── CommitConflictError       somebody else committed first; nothing was written
├── LeaseHeldError            another run is writing the table; nothing was written
├── StaleInputsError          the commit's inputs are older than the table's; recompute
├── LakeError                 a table or file of the lake is missing or damaged
├── TooManyDeletesError       a key comparison would close more keys than its query lets it; nothing was landed
├── NotPublishedError         the rows broke more than a rule tolerates; they are held beside the table
├── ServingError              a model's version cannot be served; what served before still does
├── ModelError                a model's version, its artefact or what is asked of it cannot be
│   └── GatesFailedError      the version failed gates; it is not approved
└── TrainingFailedError       the training script failed; there is no artefact
"""

from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any


class SnowpipeError(Exception):
    """The base of every error the platform raises on purpose; the message says what, where and how to mend it."""


class ConfigurationError(SnowpipeError):
    """What was declared cannot work; found before anything ran."""


class SettingsError(ConfigurationError):
    """A setting of the environment or of the project's file; the message names it and where it stands."""


class QueriesFileError(ConfigurationError):
    """The queries file has problems; the message has one line for each, with file, line and key."""


class PipelineError(ConfigurationError):
    """A table's declaration cannot work; the message names its file, the thing and the mend."""


class ContractError(ConfigurationError):
    """A rule of a contract has no meaning both engines share."""


class SourceError(SnowpipeError):
    """The source refused for good; another attempt would be refused too."""


class SchemaChangedError(SourceError):
    """The source's columns changed, and the query's policy stops before anything is written.

    diff: a ColumnChange of `spec.schema_change` for each column that differs. at: when they were read, by the source's
    clock.
    """

    def __init__(self, message: str, *, diff: tuple[Any, ...] = (), at: datetime | None = None) -> None:
        super().__init__(message)
        self.diff, self.at = diff, at


class ArrivalError(SnowpipeError):
    """A file under an entity's arrivals cannot be adopted as it is; the message names it, the place and the mend."""


class TransientSourceError(SnowpipeError):
    """The connection to the source failed; the same attempt may work later."""


class ExtractionFailedError(SnowpipeError):
    """All attempts failed; `dead_letter_id` names what is needed to run it again."""

    def __init__(self, message: str, *, dead_letter_id: str) -> None:
        super().__init__(message)
        self.dead_letter_id = dead_letter_id


class CommitConflictError(SnowpipeError):
    """Somebody else committed first; nothing of this attempt is visible."""


class LeaseHeldError(SnowpipeError):
    """Another run holds the table's lease."""


class LakeError(SnowpipeError):
    """A table, snapshot or file of the lake is missing or damaged."""


class TooManyDeletesError(SnowpipeError):
    """A comparison of keys would close more of them than the query's max_deleted_share; nothing was landed."""


class NotPublishedError(SnowpipeError):
    """New rows broke more than a rule tolerates; they are held beside the table, which is as it was."""


class ServingError(SnowpipeError):
    """A version of a model cannot be served; what was served before still is."""


class ModelError(SnowpipeError):
    """A version of a model is not there, is damaged, or is not in the stage that was asked of it."""


class GatesFailedError(ModelError):
    """The version failed gates, and nobody said why it should be approved all the same."""


class TrainingFailedError(SnowpipeError):
    """The training script failed; the message has its last lines. Nothing of it is left but its log."""


def did_you_mean(wrong: str, valid: list[str]) -> str:
    """`Did you mean 'x'?` for the nearest valid word, or the list of valid ones when none is near."""
    near = get_close_matches(wrong, valid, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Known: {', '.join(sorted(valid)) or 'none'}."


def openable(path: str | Path) -> str:
    """A file's path as a person opens it: from the current folder where it is inside, else in full."""
    full = Path(path).absolute()
    return str(full.relative_to(Path.cwd()) if full.is_relative_to(Path.cwd()) else full)

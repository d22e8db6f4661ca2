"""Features, training sets and what serves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypeAlias

from snowpipe_platform.spec.consumption import UpstreamCommit

EntityKey: TypeAlias = int | str
FeatureValue: TypeAlias = int | float | bool | str | Decimal | date | datetime | None


@dataclass(frozen=True)
class FeatureRow:
    """The features of one entity. event_time: until when they are true, exclusive; created_time: when they were known;
    both UTC. values: by feature, in its type; None is missing."""

    key: EntityKey
    event_time: datetime
    created_time: datetime
    values: Mapping[str, FeatureValue]


@dataclass(frozen=True, kw_only=True)
class TrainingSetRecord:
    """What is known of a training set. hash: SHA-256 of its file, 64 hex digits. first_label_at, last_label_at: the
    first and last of its instants, UTC. defaults: by feature, what stood in for a missing value; a decimal or a date as
    text. inputs: the commit of each table it is made of."""

    name: str
    hash: str
    rows: int
    first_label_at: datetime
    last_label_at: datetime
    feature_group: str
    feature_group_version: int
    defaults: Mapping[str, int | float | bool | str | None]
    inputs: Mapping[str, UpstreamCommit]
    code_version: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A version of a model made the one that is served. number: grows with each, and is never given twice. artefact:
    the folder it is loaded from. artefact_hash: of its files; None where it was written before hashes were, and is not
    to be loaded. before: the number of the deployment that a rollback brings back, None for none.
    refused: why the server that ran did not serve it; what was deployed before it stayed so."""

    number: int
    action: Literal["deploy", "rollback"]
    model: str
    version: int
    artefact: str
    artefact_hash: str | None = None
    deployed_at: datetime
    before: int | None = None
    refused: str | None = None

"""What comes from the source, and what it is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa

from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.watermark import Interval

Parameter = str | int | float | bool | bytes | Decimal | date | datetime | None


@dataclass(frozen=True)
class Landed:
    """Rows landed before, to compare with: manifests whose files may hold images of the rows about to be read."""

    manifests: tuple[Manifest, ...]
    locations: Mapping[str, str]
    """Where each of their files is, by its path in the manifest."""
    hashes_vouch: bool = True
    """Whether a row is what its stored content hash says; where not, its content is computed anew."""


@dataclass(frozen=True)
class LandedWindow:
    """Landed rows of one window of watermarks. interval: None for the rows without a watermark. rows: manifests, with
    the files that may hold rows of the window. history: all that count, with the files that may hold a later change of
    one of their keys."""

    interval: Interval | None
    rows: Landed
    history: Landed


@dataclass(frozen=True)
class Recognized:
    """One batch after recognition: the rows not landed before, with their content hash, and how many were."""

    rows: pa.Table
    known: int


@dataclass(frozen=True)
class KeyCounts:
    """How the keys of a source and of a log compare. at_source: of rows not marked as deleted. open: in the log, before
    the comparison. gone: open and not at the source. back: closed and at the source."""

    at_source: int
    open: int
    gone: int
    back: int


@dataclass(frozen=True)
class Arrival:
    """A file somebody dropped for an entity. path: inside its arrivals folder. version: another one whenever the file
    was written again. modified_at: by the store's clock."""

    path: str
    version: str
    size_bytes: int
    modified_at: datetime

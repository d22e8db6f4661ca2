"""What can be typed after `snowpipe quarantine`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was typed. ids: each may be several, with commas between. limit: rows to show."""

    rule: str | None = None
    day: date | None = None
    ids: Sequence[str] = ()
    edited: Path | None = None
    reason: str | None = None
    dry_run: bool = False
    confirmed: bool = False
    limit: int = 20
    as_json: bool = False
    with_traceback: bool = False

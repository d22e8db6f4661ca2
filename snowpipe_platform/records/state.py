"""What runs remember."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True)
class Lease:
    """The right to write one resource; `token` grows with every holder, so a late writer can be told from the next."""

    resource: str
    holder: str
    token: int


@dataclass(frozen=True)
class HeldLease:
    """A lease as a holder left it. is_alive: whether the holder is believed; the next one takes a dead one's over."""

    resource: str
    holder: str
    host: str
    pid: int
    is_alive: bool


LetterKind = Literal["extraction", "rows", "arrival"]


@dataclass(frozen=True)
class DeadLetter:
    """What failed for good, with everything needed to run it again. Never a secret.

    subject: of which query. request: text by name, such as `load_day`; of rows also `instant` and `nanoseconds`, which
    bronze keeps beside them.
    """

    id: str
    kind: LetterKind
    subject: str
    error: str
    failed_at: datetime
    request: Mapping[str, str]
    rows: tuple[str, ...] = ()
    """JSON objects, for rows that a query rule kept out."""


@dataclass(frozen=True)
class Closing:
    """How a dead letter came off the list: a later run did what had failed, its rows were landed or found to be, or a
    person gave it up. by: the person, or the run."""

    outcome: Literal["done", "landed", "discarded"]
    by: str
    reason: str
    closed_at: datetime


@dataclass(frozen=True)
class ClosedLetter:
    """A dead letter that waits no more, and why."""

    letter: DeadLetter
    closing: Closing

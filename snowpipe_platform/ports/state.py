"""What runs remember: watermarks, leases, and letters about what failed."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Protocol

from snowpipe_platform.records import (
    ClosedLetter,
    Closing,
    DeadLetter,
    HeldLease,
    Lease,
)


class StateStore(Protocol):
    """Small facts that change: watermarks and leases. Everything in it can be rebuilt from logs and tables."""

    def watermark(self, query: str) -> str | None:
        """The live watermark as `encode` wrote it."""

    def advance_watermark(self, query: str, *, expected: str | None, new: str | None) -> bool:
        """Set it, or forget it, when it still is `expected`; False when somebody else moved it."""

    def lease(self, resource: str, *, holder: str) -> AbstractContextManager[Lease]:
        """Hold the resource while the block runs. Raises LeaseHeldError; a dead holder's lease is taken over."""

    def verify(self, lease: Lease) -> None:
        """Raises LeaseHeldError when somebody took the lease over: the fencing check before a commit."""

    def leases(self) -> list[HeldLease]:
        """Those held now, by resource."""

    def set_aside(self) -> str | None:
        """Put a store that is damaged out of the way, so that an empty one takes its place; where it lies now. None
        when it can be read: nothing changes then."""


class DeadLetters(Protocol):
    """Where what failed for good waits for a person."""

    def put(self, *letters: DeadLetter) -> None:
        """Keep all of them; one with an id already there replaces it. Rows that were discarded stay so."""

    def all(self) -> list[DeadLetter]:
        """Those that wait, oldest first."""

    def close(self, ids: Collection[str], closing: Closing) -> None:
        """They wait no more. What they were and how they ended is kept; an id that does not wait is fine."""

    def closed(self) -> list[ClosedLetter]:
        """Those that wait no more, the last closed last. One that failed again since is in both lists."""

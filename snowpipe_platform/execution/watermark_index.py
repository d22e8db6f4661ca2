"""The live watermark in the state store: an index of what the bronze log says, which is the truth."""

from collections.abc import Sequence
from dataclasses import dataclass

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.spec.bronze_log import live_watermark
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.watermark import encode


@dataclass(frozen=True)
class IndexEntry:
    """One query's live watermark, as `encode` writes it: what the state store says, and what the log says."""

    query: str
    stored: str | None
    logged: str | None

    @property
    def agrees(self) -> bool:
        return self.stored == self.logged


def read_index(query: str, log: Sequence[Manifest], ground: Ground) -> IndexEntry:
    """log: of the query's entity."""
    logged = encode(live_watermark([entry for entry in log if entry.query == query]))
    return IndexEntry(query, ground.state.watermark(query), logged)


def mend_index(query: str, log: Sequence[Manifest], ground: Ground) -> IndexEntry:
    """Bring the index up to the log; returns how both were. The caller holds the entity's lease."""
    found = read_index(query, log, ground)
    if not found.agrees:
        ground.state.advance_watermark(query, expected=found.stored, new=found.logged)
    return found

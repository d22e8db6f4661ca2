"""What a person decides about landed rows, as entries of the entity's log: who, when, why, and about what."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from snowpipe_platform.errors import LakeError
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.watermark_index import mend_index
from snowpipe_platform.spec.manifest import EntryKind, Manifest


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who decides, and why; both are kept with the decision. identity: of the command."""

    by: str
    reason: str
    identity: RunIdentity


def decision(log: Sequence[Manifest], kind: EntryKind, author: Author, *, load_day: date, **facts: Any) -> Manifest:  # noqa: ANN401 - the fields of a manifest
    """The next entry of the log, without rows unless `facts` say otherwise. load_day: of the rows it is about."""
    last = log[-1]
    return Manifest(
        **{
            "kind": kind,
            "entity": last.entity,
            "number": last.number + 1,
            "extraction_id": f"{kind}-{author.identity.run_id}",
            "query": last.query,
            "query_fingerprint": last.query_fingerprint,
            "mode": last.mode,
            "source_system": last.source_system,
            "load_day": load_day,
            "extracted_at": datetime.now(UTC).replace(tzinfo=None),
            "run_id": author.identity.run_id,
            "file_format": "parquet",
            "columns": last.columns,
            "files": (),
            "rows_read": 0,
            "rows_landed": 0,
            "rows_known": 0,
            "by": author.by,
            "reason": author.reason,
            **facts,
        }
    )


def record(
    entity: str, ground: Ground, author: Author, decide: Callable[[list[Manifest]], Sequence[Manifest]]
) -> list[Manifest]:
    """Commit the entries that `decide` makes of the log, in order, while holding the entity's lease, and bring the
    watermark index up to them.

    Raises LakeError where there is no log yet, LeaseHeldError when a run is extracting the entity.
    """
    with ground.state.lease(f"bronze/{entity}", holder=author.identity.run_id) as lease:
        log = ground.bronze.log(entity)
        if not log:
            raise LakeError(f"bronze/{entity} has no extraction yet. Land one with 'snowpipe run bronze/{entity}'.")
        entries = list(decide(log))
        for entry in entries:
            ground.state.verify(lease)
            ground.bronze.commit(entry)
        for query in dict.fromkeys(entry.query for entry in entries):
            mend_index(query, [*log, *entries], ground)
        return entries

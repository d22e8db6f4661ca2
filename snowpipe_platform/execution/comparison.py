"""Compare a query's keys with those landed: what is gone at the source is closed, what is back is open again.

A crash at any point leaves nothing behind that counts, and the next comparison finds the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from tenacity.wait import wait_base

from snowpipe_platform.errors import SourceError, TooManyDeletesError, TransientSourceError
from snowpipe_platform.execution.comparison_landing import compare_keys, comparing, land_found
from snowpipe_platform.execution.comparison_plan import ComparisonPlan, ComparisonRequest, plan_comparison
from snowpipe_platform.execution.extraction import Notice, retrying
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.log_entry import land_and_commit
from snowpipe_platform.ports import BronzeAttempt, KeyComparer
from snowpipe_platform.records import KeyCounts, Lease
from snowpipe_platform.spec.manifest import INSTANT, Manifest

__all__ = ["ComparisonRequest", "ComparisonResult", "compare", "preview"]

NAMED_KEYS = 5
KeyValues = dict[str, Any]


@dataclass(frozen=True)
class ComparisonResult:
    """What a comparison found and did. gone, back: the first of these keys, by column. manifest: the committed entry,
    None when there was nothing to say."""

    plan: ComparisonPlan
    counts: KeyCounts
    gone: tuple[KeyValues, ...] = ()
    back: tuple[KeyValues, ...] = ()
    manifest: Manifest | None = None

    @property
    def tombstones(self) -> int:
        return 0 if self.manifest is None else self.manifest.rows_deleted

    @property
    def opened(self) -> int:
        """Rows landed of the keys that are back."""
        return 0 if self.manifest is None else self.manifest.rows_landed - self.manifest.rows_deleted

    @property
    def is_too_many(self) -> bool:
        """More of the open keys are gone than the query lets a comparison close unasked."""
        return self.counts.gone > self.plan.query.max_deleted_share * self.counts.open

    @property
    def summary(self) -> str:
        """One sentence for a person."""
        told = f"{self.counts.at_source:,} keys at the source, {self.counts.open:,} open"
        if self.manifest is None:
            return f"{told}: nothing to say"
        return f"{told}: {self.tombstones:,} closed, {self.opened:,} rows of keys that are back"


def compare(
    request: ComparisonRequest, ground: Ground, *, wait: wait_base | None = None, notice: Notice = lambda _message: None
) -> ComparisonResult:
    """Compare and land, in one entry of the log, retrying a lost connection as an extraction does.

    Raises TooManyDeletesError, LeaseHeldError while another run writes the entity, ConfigurationError, SourceError, or
    TransientSourceError when the attempts are used up; nothing was landed then.
    """
    query = request.query
    with ground.state.lease(f"bronze/{query.entity}", holder=request.identity.run_id) as lease:
        ground.bronze.remove_abandoned(query.entity)
        try:
            return retrying(query, wait, notice)(lambda: _attempt(request, ground, lease))
        except (SourceError, TransientSourceError) as error:
            named = f"query {query.name!r}"
            if named in str(error):
                raise
            raise type(error)(f"{named}: {error}") from error


def preview(request: ComparisonRequest, ground: Ground) -> ComparisonResult:
    """What `compare` would find; nothing is written, and nothing is too many."""
    plan = plan_comparison(request, log=ground.bronze.log(request.query.entity), warehouse=ground.warehouse)
    with comparing(plan, ground) as comparer:
        return _found(plan, ground, comparer)


def _attempt(request: ComparisonRequest, ground: Ground, lease: Lease) -> ComparisonResult:
    log = ground.bronze.log(request.query.entity)
    plan = plan_comparison(request, log=log, warehouse=ground.warehouse)
    with comparing(plan, ground) as comparer:
        found = _found(plan, ground, comparer)
        if not found.counts.gone and not found.counts.back:
            return found
        if found.is_too_many and not request.is_confirmed:
            raise _too_many(found)

        def landed(attempt: BronzeAttempt) -> Manifest | None:
            manifest = land_found(plan, ground, attempt, comparer)
            return manifest if manifest.rows_landed else None

        manifest = land_and_commit(plan, ground, lease, landed)
    return ComparisonResult(plan, found.counts, found.gone, found.back, manifest)


def _found(plan: ComparisonPlan, ground: Ground, comparer: KeyComparer) -> ComparisonResult:
    counts = compare_keys(plan, ground, comparer)
    gone = _first(comparer.gone())
    back = [*_first(comparer.back(nulls=False)), *_first(comparer.back(nulls=True))]
    return ComparisonResult(plan, counts, tuple(gone), tuple(back[:NAMED_KEYS]))


def _first(found: Iterator[pa.RecordBatch]) -> list[KeyValues]:
    batch = next(found, None)
    rows = [] if batch is None else batch.slice(0, NAMED_KEYS).to_pylist()
    return [{name: value for name, value in row.items() if name != INSTANT} for row in rows]


def _too_many(found: ComparisonResult) -> TooManyDeletesError:
    query, counts = found.plan.query, found.counts
    share = counts.gone / counts.open
    return TooManyDeletesError(
        f"bronze/{query.entity}: {counts.gone:,} of {counts.open:,} open keys ({share:.1%}) are not at the source any "
        f"more, and max_deleted_share of query {query.name!r} is {query.max_deleted_share:.1%}. Nothing was landed. "
        f"Look whether the source shows all its rows; if they are deleted, run 'snowpipe compare {query.entity} --yes'."
    )

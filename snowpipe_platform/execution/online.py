"""Bring the online store up to a feature group's history."""

from collections.abc import Iterator
from typing import Any

import ibis
import pyarrow as pa

from snowpipe_platform.errors import LakeError
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.inputs import snapshot_with
from snowpipe_platform.records import FeatureRow, LakeRows, TableState
from snowpipe_platform.spec.feature import CREATED_TIME, EVENT_TIME, FeatureGroup, latest_known

ROWS_PER_PUT = 5_000
_NEW = "new"


def bring_online(group: FeatureGroup, ground: Ground) -> int:
    """Put what the history has and the store may not, and note how far that is. Returns how many rows were put.

    The store takes no step back, so it does not matter what of this an interrupted run has done, nor how often it is
    done. The caller holds the group's lease.
    """
    state = ground.lake.state(group.name)
    if state is None or is_level(group, state, ground):
        return 0
    put = 0
    with ground.engine.session() as session:
        session.bind(_NEW, LakeRows(_new_paths(group, state, ground), group.schema))
        history = ibis.table(group.schema, name=_NEW)
        found = session.fetch(latest_known(group, history, per=(group.entity,)))
    for batch in found.to_batches(max_chunksize=ROWS_PER_PUT):
        rows = list(_rows(group, batch))
        ground.online.put(group.name, rows)
        put += len(rows)
    ground.online.set_reached(group.name, state.as_upstream)
    return put


def is_level(group: FeatureGroup, state: TableState, ground: Ground) -> bool:
    """Whether the store has everything that the commit has."""
    reached = ground.online.reached(group.name)
    return reached is not None and reached.has_rows_of(state.as_upstream)


def _new_paths(group: FeatureGroup, state: TableState, ground: Ground) -> tuple[str, ...]:
    """Files since the commit that the store has; all where that cannot be read any more."""
    reached = ground.online.reached(group.name)
    before = None if reached is None else snapshot_with(reached, ground.lake.snapshots(group.name))
    now = {file.path for file in ground.lake.files(group.name, snapshot_id=state.snapshot_id)}
    if before is None:
        return tuple(sorted(now))
    try:
        known = {file.path for file in ground.lake.files(group.name, snapshot_id=before)}
    except LakeError:  # maintenance expired it meanwhile
        known = set()
    return tuple(sorted(now - known))


def _rows(group: FeatureGroup, batch: pa.RecordBatch) -> Iterator[FeatureRow]:
    for row in batch.to_pylist():
        values: dict[str, Any] = {name: row[name] for name in group.feature_types}
        yield FeatureRow(row[group.entity], row[EVENT_TIME], row[CREATED_TIME], values)

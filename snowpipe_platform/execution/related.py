"""The rows of other tables that a table's rules look at, and which of their commits those are."""

from collections.abc import Mapping
from contextlib import suppress

from snowpipe_platform.errors import LakeError
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.ports import Session
from snowpipe_platform.records import LakeFile, LakeRows, TableState
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption, UpstreamCommit
from snowpipe_platform.spec.table import STATUS, VALID, Table, holds_changes

JUDGED_WITH_PROPERTY = "snowpipe.judged-with"
"""The commits a held-back commit was judged with: when one has moved on, trying again may end otherwise."""


def bind_related(table: Table, consumed: Consumption, session: Session, ground: Ground) -> Mapping[str, UpstreamCommit]:
    """Give the rows of the tables that `table.judged_with` names those names; returns whose they are.

    Of a table whose rows it has consumed, as `consumed` says, the commit it consumed, as long as that is kept: totals
    are compared with what they were made from. Of any other the current commit; without one it has no rows.
    """
    used = {}
    for name, columns in table.judged_with.items():
        commit, files = _rows(name, consumed, ground)
        session.bind(name, LakeRows(tuple(file.path for file in files), columns))
        if commit is not None:
            used[name] = commit
    return used


def consumption_of(state: TableState | None) -> Consumption:
    """What the commit says it has consumed."""
    return Consumption() if state is None else Consumption.decode(state.properties.get(CONSUMED_PROPERTY))


def judged_with_the_same(state: TableState, table: Table, ground: Ground) -> bool:
    """Whether the table's rules would look at what they looked at when the commit was judged. What it has consumed is
    compared elsewhere."""
    judged, consumed = Consumption.decode(state.properties.get(JUDGED_WITH_PROPERTY)), consumption_of(state)
    now = {name: ground.lake.state(name) for name in table.judged_with if name not in consumed.commits}
    return all(found is not None and _is_same(judged.commits.get(name), found) for name, found in now.items())


def _rows(name: str, consumed: Consumption, ground: Ground) -> tuple[UpstreamCommit | None, list[LakeFile]]:
    state, taken_in = ground.lake.state(name), consumed.commits.get(name)
    if state is None:
        return None, []
    where = {STATUS: VALID} if holds_changes(ground.lake.schema(name)) else None
    if taken_in is not None and not _is_same(taken_in, state):
        # A commit that was expired cannot be read any more.
        with suppress(LakeError):
            return taken_in, ground.lake.files(name, snapshot_id=taken_in.snapshot_id, where=where)
    return state.as_upstream, ground.lake.files(name, snapshot_id=state.snapshot_id, where=where)


def _is_same(commit: UpstreamCommit | None, state: TableState) -> bool:
    return commit is not None and commit.has_rows_of(state.as_upstream)

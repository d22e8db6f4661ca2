"""Maintenance of one lake table: read what there is to do, then do it. The caller holds the table's lease."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ibis

from snowpipe_platform.errors import CommitConflictError, LakeError
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.inputs import require_record
from snowpipe_platform.execution.maintenance_plan import Upkeep, expired, merges
from snowpipe_platform.ports import Session
from snowpipe_platform.records import (
    FileLayout,
    LakeFile,
    LakeRows,
    LakeSnapshot,
    Lease,
    Leftover,
    StagedFile,
    TableLayout,
    TableState,
)
from snowpipe_platform.spec.consumption import UpstreamCommit

COMPACTION = "compaction"
SMALL_FILES = "small files"

Groups = Sequence[Sequence[LakeFile]]
Told = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class TablePlan:
    """What there is to do in a table. state: None when it has no commit. groups: files of which each becomes one.
    expired: ids of snapshots to forget. leftovers: files to remove after that. note: why small files stay."""

    name: str
    state: TableState | None
    files: Sequence[LakeFile]
    groups: Groups
    snapshots: Sequence[LakeSnapshot]
    expired: Sequence[int]
    leftovers: Sequence[Leftover]
    note: str

    @property
    def rewrites(self) -> bool:
        """Whether there will be one more snapshot: of merged files, or where another tool wrote the last one. Our own
        before it has the only record of what the table consumed, and that tool may expire it."""
        return bool(self.groups) or (self.state is not None and not self.state.is_own)

    @property
    def is_empty(self) -> bool:
        return not (self.rewrites or self.expired or self.leftovers)


def plan_upkeep(name: str, upkeep: Upkeep, consumed: Sequence[UpstreamCommit], ground: Ground) -> TablePlan:
    """Read the table and decide. consumed: what tables downstream have consumed of it. Raises LakeError for a table
    that is damaged or whose record of consumption is gone."""
    lake = ground.lake
    state = lake.state(name)
    if state is not None:
        require_record(state)
    files = [] if state is None else lake.files(name, snapshot_id=state.snapshot_id)
    groups, note = _groups(name, files, upkeep, ground)
    snapshots = lake.snapshots(name)
    gone = expired(snapshots, consumed, before=upkeep.expires_before)
    return TablePlan(
        name=name,
        state=state,
        files=files,
        groups=groups,
        snapshots=snapshots,
        expired=gone,
        leftovers=lake.leftovers(name, before=upkeep.removes_before, without=gone),
        note=note,
    )


def carry_out(plan: TablePlan, ground: Ground, lease: Lease, progress: Told) -> None:
    """Merge, forget, remove, in this order: a crash between two leaves work for the next time, and nothing lost."""
    if plan.state is not None and plan.rewrites:
        _rewrite(plan, plan.state, ground, lease, progress)
    if plan.expired:
        ground.state.verify(lease)
        ground.lake.expire(plan.name, plan.expired)
    if plan.leftovers:
        ground.state.verify(lease)
        ground.lake.discard([left.path for left in plan.leftovers])


def _groups(name: str, files: Sequence[LakeFile], upkeep: Upkeep, ground: Ground) -> tuple[Groups, str]:
    """Files a held branch has are left to it: merged, they would be on disk twice, and its rows are told from the
    table's by their files."""
    lake, target = ground.lake, upkeep.target_bytes
    held = lake.held(name).values()
    spared = {file.path for state in held for file in lake.files(name, snapshot_id=state.snapshot_id)}
    groups = merges(files, spared=spared, target_bytes=target)
    if not groups:
        waits = bool(spared) and bool(merges(files, target_bytes=target))
        return (), f"{SMALL_FILES} stay while held rows need them" if waits else ""
    try:
        lake.rewritable(name)
    except LakeError as error:
        return (), str(error)
    return groups, ""


def _rewrite(plan: TablePlan, base: TableState, ground: Ground, lease: Lease, progress: Told) -> None:
    """Where the answer of the commit is lost the new files may be in use: they stay, and are swept later if not."""
    lake, attempt = ground.lake, uuid.uuid4().hex
    folder = lake.staging(plan.name, attempt=attempt)
    try:
        staged = _merged(plan, ground, progress, folder=folder, prefix=attempt[:12])
        ground.state.verify(lease)
    except BaseException:
        lake.discard([folder])
        raise
    remove = [file for group in plan.groups for file in group]
    try:
        lake.rewrite(plan.name, base=base, remove=remove, add=[file.path for file in staged], reason=COMPACTION)
    except CommitConflictError:
        lake.discard([folder])
        raise


def _merged(plan: TablePlan, ground: Ground, progress: Told, *, folder: str, prefix: str) -> list[StagedFile]:
    if not plan.groups:
        return []
    layout, ids = ground.lake.rewritable(plan.name), ground.lake.field_ids(plan.name)
    staged: list[StagedFile] = []
    with ground.engine.session() as session:
        for number, group in enumerate(plan.groups):
            progress(f"{plan.name}: {number:,} of {len(plan.groups):,} groups of small files merged")
            into = FileLayout(folder, f"{prefix}-{number}", layout.partition_columns, ids, one_file=True)
            staged += _merge(group, layout, into, session)
    return staged


def _merge(group: Sequence[LakeFile], layout: TableLayout, into: FileLayout, session: Session) -> list[StagedFile]:
    session.bind(SMALL_FILES, LakeRows(tuple(file.path for file in group), layout.schema))
    return session.write(ibis.table(layout.schema, name=SMALL_FILES), into)

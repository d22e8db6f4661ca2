"""Keep tables small and fast: merge small files, forget old snapshots, remove what nothing needs. Loses no row."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from snowpipe_platform.errors import CommitConflictError, LeaseHeldError
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.maintenance_plan import Upkeep
from snowpipe_platform.execution.run import BRONZE
from snowpipe_platform.execution.table_upkeep import carry_out, plan_upkeep
from snowpipe_platform.records import Lease
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption, UpstreamCommit


class UpkeepStatus(StrEnum):
    """How maintenance of a table ended. planned: a dry run found something to do."""

    UNCHANGED = "unchanged"
    OK = "ok"
    PLANNED = "planned"
    SKIPPED = "skipped"
    FAILED = "FAILED"


@dataclass(frozen=True, kw_only=True)
class Maintained:
    """What maintenance did to one table, or in a dry run would do.

    files: with the table's present rows. snapshots: states that can be read; bronze has none. orphans: files that no
    snapshot has, bronze folders that no manifest names. removed: gone from disk: orphans, and files that only expired
    snapshots had. Counts are None where nothing is known.
    """

    name: str
    status: UpkeepStatus
    files_before: int | None = None
    files_after: int | None = None
    snapshots_before: int | None = None
    snapshots_after: int | None = None
    orphans: int = 0
    removed: int = 0
    freed_bytes: int = 0
    seconds: float = 0.0
    note: str = ""
    error: Exception | None = None


@dataclass(frozen=True, kw_only=True)
class Maintenance:
    """Tables, or `bronze/<entity>`, to maintain in order."""

    names: Sequence[str]
    identity: RunIdentity
    upkeep: Upkeep
    is_dry: bool = False
    progress: Callable[[str], None] = lambda _what: None


def maintain(run: Maintenance, ground: Ground) -> Iterator[Maintained]:
    """Maintain one table after another, each under its lease, yielding what was done. A table that another run writes
    is skipped; an error ends its table only. A crash at any step leaves what the next maintenance finishes."""
    one = _One(run, ground)
    for name in run.names:
        run.progress(name)
        yield one.maintained(name)


class _One:
    """Maintains tables of one run, one at a time."""

    def __init__(self, run: Maintenance, ground: Ground) -> None:
        self._run, self._ground = run, ground

    def maintained(self, name: str) -> Maintained:
        started = time.monotonic()
        work = self._bronze if name.startswith(BRONZE) else self._table
        try:
            with self._ground.state.lease(name, holder=self._run.identity.run_id) as lease:
                return work(name, lease)
        except (LeaseHeldError, CommitConflictError) as error:
            return _ended(name, UpkeepStatus.SKIPPED, started, error)
        except Exception as error:  # noqa: BLE001 - a damaged table may raise anything, and the others go on
            return _ended(name, UpkeepStatus.FAILED, started, error)

    def _bronze(self, name: str, lease: Lease) -> Maintained:
        started, entity, bronze = time.monotonic(), name.removeprefix(BRONZE), self._ground.bronze
        files = sum(len(manifest.files) for manifest in bronze.log(entity))
        abandoned = bronze.abandoned(entity)
        if abandoned and not self._run.is_dry:
            self._ground.state.verify(lease)
            bronze.remove_abandoned(entity)
        return Maintained(
            name=name,
            status=self._status(is_empty=not abandoned),
            files_before=files,
            files_after=files,
            orphans=len(abandoned),
            removed=len(abandoned),
            freed_bytes=sum(abandoned.values()),
            seconds=time.monotonic() - started,
        )

    def _table(self, name: str, lease: Lease) -> Maintained:
        if name not in self._ground.lake.tables():
            return Maintained(name=name, status=UpkeepStatus.UNCHANGED, note="never run")
        consumed = self._consumed.get(name, ())
        started = time.monotonic()
        plan = plan_upkeep(name, self._run.upkeep, consumed, self._ground)
        if not self._run.is_dry:
            carry_out(plan, self._ground, lease, self._run.progress)
        merged = sum(len(group) for group in plan.groups)
        return Maintained(
            name=name,
            status=self._status(is_empty=plan.is_empty),
            files_before=len(plan.files),
            files_after=len(plan.files) - merged + len(plan.groups),
            snapshots_before=len(plan.snapshots),
            snapshots_after=len(plan.snapshots) - len(plan.expired) + plan.rewrites,
            orphans=sum(left.is_orphan for left in plan.leftovers),
            removed=len(plan.leftovers),
            freed_bytes=sum(left.size_bytes for left in plan.leftovers),
            seconds=time.monotonic() - started,
            note=plan.note,
        )

    def _status(self, *, is_empty: bool) -> UpkeepStatus:
        if is_empty:
            return UpkeepStatus.UNCHANGED
        return UpkeepStatus.PLANNED if self._run.is_dry else UpkeepStatus.OK

    @cached_property
    def _consumed(self) -> dict[str, list[UpstreamCommit]]:
        """What all tables, as they are and as they are held back, have consumed of each table. Read before the first
        snapshot goes; what is consumed later is younger than the grace period."""
        lake = self._ground.lake
        found: dict[str, list[UpstreamCommit]] = {}
        for name in lake.tables():
            state = lake.state(name)
            for one in (*([] if state is None else [state]), *lake.held(name).values()):
                for upstream, commit in Consumption.decode(one.properties.get(CONSUMED_PROPERTY)).commits.items():
                    found.setdefault(upstream, []).append(commit)
        return found


def _ended(name: str, status: UpkeepStatus, started: float, error: Exception) -> Maintained:
    return Maintained(name=name, status=status, note=str(error), seconds=time.monotonic() - started, error=error)

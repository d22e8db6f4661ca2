"""Carry a plan out: write files, count what breaks rules, publish or hold back, in one commit."""

import json
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from snowpipe_platform.execution.cost import COST_PROPERTY, Cost
from snowpipe_platform.execution.draft import Draft, table_layout, write_draft
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.inputs import read_inputs
from snowpipe_platform.execution.judge import change_quality, rules_of, table_quality
from snowpipe_platform.execution.online import bring_online
from snowpipe_platform.execution.plan import (
    CODE_VERSION_PROPERTY,
    NOTHING_TO_REPLAY,
    PARTITION_PROPERTY,
    Plan,
    TableRequest,
)
from snowpipe_platform.execution.planning import decide
from snowpipe_platform.execution.related import JUDGED_WITH_PROPERTY
from snowpipe_platform.records import Commit, Lease, TableState
from snowpipe_platform.spec.analysis_dates import DATES_PROPERTY
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.quality import QUALITY_PROPERTY, Quality
from snowpipe_platform.spec.table import ChangesTable

__all__ = [
    "CODE_VERSION_PROPERTY",
    "JOB_PROPERTY",
    "OVERRIDE_PROPERTY",
    "PARTITION_PROPERTY",
    "REPLAY_PROPERTY",
    "ROWS_PROPERTY",
    "RUN_ID_PROPERTY",
    "TableRequest",
    "TableResult",
    "change_quality",
    "execute",
    "held_branch",
    "held_days",
    "rules_of",
    "run_table",
    "table_quality",
]

RUN_ID_PROPERTY = "snowpipe.run-id"
JOB_PROPERTY = "snowpipe.job"
ROWS_PROPERTY = "snowpipe.rows"
HELD = "held"
OVERRIDE_PROPERTY = "snowpipe.override"
"""JSON: who published in spite of which rules, and why."""
REPLAY_PROPERTY = "snowpipe.replay"
"""JSON: who had how many quarantined rows judged again and accepted, and why."""


@dataclass(frozen=True)
class TableResult:
    """What a run of one table did.

    state: the table afterwards, None when it has no commit yet. published: False when the new rows broke more than a
    rule tolerates; they are then held on the branch `held_on`, and the table is as it was. rows: in the table after a
    publication; new: rows more than before (of a changes table that grows, rows of this commit); written: rows of the
    files it wrote; replaced: rows of a changes table that went, or were made anew; quality: of what was judged.
    """

    plan: Plan
    state: TableState | None
    published: bool
    quality: Quality
    rows: int
    new: int
    quarantined: int
    seconds: float
    held_on: str | None = None
    replaced: int = 0
    written: int = 0

    @property
    def committed(self) -> bool:
        """Whether anything was written, to the table or beside it."""
        return self.plan.operation != "nothing"


def run_table(request: TableRequest, ground: Ground) -> TableResult:
    """Plan and execute, while holding the table's lease; then bring what is published of a feature group online.

    Raises LeaseHeldError when another run writes the table, CommitConflictError when a writer ignored the lease.
    """
    started = time.monotonic()
    with ground.state.lease(request.table.name, holder=request.identity.run_id) as lease:
        plan = decide(request, read_inputs(request.pipeline, request.table, ground))
        is_empty = plan.operation == "nothing"
        result = _unchanged(plan, started) if is_empty else _carry_out(plan, lease, ground, started)
        if isinstance(request.table, FeatureGroup):
            bring_online(request.table, ground)
        return result


def _carry_out(plan: Plan, lease: Lease, ground: Ground, started: float) -> TableResult:
    ground.lake.ensure(table_layout(plan.table))
    commit_id = uuid.uuid4().hex
    folder = ground.lake.staging(plan.table.name, attempt=commit_id)
    try:
        draft = write_draft(plan, ground, folder=folder, prefix=commit_id[:12])
        if plan.request.replay is not None and not draft.touched:
            ground.lake.discard([folder])
            return _unchanged(replace(plan, operation="nothing", reason=NOTHING_TO_REPLAY), started)
        ground.state.verify(lease)
        return _publish(plan, draft, commit_id, ground, started)
    except BaseException:
        if not _is_committed(plan, commit_id, ground):
            ground.lake.discard([folder])
        raise


def execute(plan: Plan, ground: Ground) -> TableResult:
    """Carry the plan out. It is decided anew under the table's lease, as others' commits may have made it old."""
    return run_table(plan.request, ground)


def held_branch(plan: Plan) -> str:
    """The branch that holds a refused commit: one per load day, or one per table."""
    day = plan.request.day
    return HELD if day is None else f"{HELD}-{day.isoformat()}"


def held_days(branches: Iterable[str]) -> list[date | None]:
    """The days of branches that hold rows back; None for the whole table."""
    days = (branch.removeprefix(HELD).removeprefix("-") for branch in branches)
    return [date.fromisoformat(day) if day else None for day in days]


def _publish(plan: Plan, draft: Draft, commit_id: str, ground: Ground, started: float) -> TableResult:
    is_refused = bool(_broken_rules(plan, draft)) and plan.request.override is None
    branch = held_branch(plan) if is_refused else None
    state = ground.lake.commit(
        Commit(
            table=plan.table.name,
            commit_id=commit_id,
            base=plan.base,
            remove=draft.remove,
            add=tuple(file.path for file in draft.staged),
            properties=_properties(plan, draft, is_held=branch is not None, started=started),
            branch=branch,
            release=_released(plan, ground) if branch is None else (),
        )
    )
    is_changes, written = isinstance(plan.table, ChangesTable), sum(file.rows for file in draft.staged)
    grows = is_changes and plan.touched is None
    stood = draft.quality_before.total.quarantined if grows else 0
    return TableResult(
        plan=plan,
        state=plan.base if branch else state,
        published=branch is None,
        quality=draft.quality,
        rows=draft.rows_before if branch else draft.rows_after,
        new=written if grows else draft.rows_after - draft.rows_before,
        quarantined=draft.quality.total.quarantined - stood,
        seconds=time.monotonic() - started,
        held_on=branch,
        replaced=draft.touched if is_changes else 0,
        written=written,
    )


def _broken_rules(plan: Plan, draft: Draft) -> list[str]:
    """Ids of the rules beyond their tolerance in some partition. A day that is in the table already is not held back
    for what is left of its bad rows: only for more of them."""
    failed = draft.quality.failed(rules_of(plan.table))
    return sorted({rule.id for day, rules in failed.items() if _is_worse(draft, day) for rule in rules})


def _is_worse(draft: Draft, partition: str) -> bool:
    before = draft.quality_before.by_partition.get(partition)
    return before is None or draft.quality.by_partition[partition].quarantined > before.quarantined


def _properties(plan: Plan, draft: Draft, *, is_held: bool, started: float) -> Mapping[str, str]:
    request, broken = plan.request, _broken_rules(plan, draft)
    overridden = request.override is not None and bool(broken)
    replay = request.replay
    replayed = None if replay is None else {"by": replay.by, "reason": replay.reason, "rows": draft.touched}
    dates = {} if plan.dates is None else {DATES_PROPERTY: plan.dates.encode()}
    cost = Cost(
        time.monotonic() - started, sum(file.rows for file in draft.staged), sum(f.size_bytes for f in draft.staged)
    )
    judged_with = Consumption(commits=draft.judged_with)
    return {
        **({JUDGED_WITH_PROPERTY: judged_with.encode()} if draft.judged_with else {}),
        **dates,
        **plan.properties,
        **({} if replayed is None else {REPLAY_PROPERTY: json.dumps(replayed)}),
        **({OVERRIDE_PROPERTY: json.dumps({"by": request.override, "rules": broken})} if overridden else {}),
        RUN_ID_PROPERTY: request.identity.run_id,
        JOB_PROPERTY: request.identity.job,
        PARTITION_PROPERTY: "" if request.day is None else request.day.isoformat(),
        CODE_VERSION_PROPERTY: plan.table.code_version if is_held else plan.code_version,
        ROWS_PROPERTY: str(draft.rows_after),
        COST_PROPERTY: cost.encode(),
        CONSUMED_PROPERTY: plan.consumed.encode(),
        QUALITY_PROPERTY: draft.quality.encode(),
    }


def _released(plan: Plan, ground: Ground) -> tuple[str, ...]:
    """Branches whose rows the commit brings into the table; of a changes table, those of all their extractions; of an
    as-of table, the date's. Forgotten with the commit: a crash between the two would leave the day held back for ever,
    as nothing is left to run."""
    held = ground.lake.held(plan.table.name)
    if isinstance(plan.table, DatedTable):
        return tuple(branch for branch in held if branch == held_branch(plan))
    consumed = {branch: Consumption.decode(state.properties.get(CONSUMED_PROPERTY)) for branch, state in held.items()}
    return tuple(branch for branch, one in consumed.items() if one.is_within(plan.consumed))


def _unchanged(plan: Plan, started: float) -> TableResult:
    rows = 0 if plan.base is None else int(plan.base.properties.get(ROWS_PROPERTY, 0))
    return TableResult(plan, plan.base, True, Quality(), rows, 0, 0, time.monotonic() - started)


def _is_committed(plan: Plan, commit_id: str, ground: Ground) -> bool:
    """Whether the commit is there after all: its answer may be lost, its effect not."""
    states = [*ground.lake.history(plan.table.name), *ground.lake.held(plan.table.name).values()]
    return any(state.commit_id == commit_id for state in states)

"""Carry a plan out: write files, count what breaks rules, publish or hold back, in one commit."""

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from snowpipe_platform.execution.change_rows import all_rules
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.plan import TOUCHED, Plan, TableRequest, decide, plan_table
from snowpipe_platform.execution.inputs import read_inputs
from snowpipe_platform.ports import Commit, FileLayout, LakeFile, LakeRows, Session, StagedFile, TableLayout, TableState
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY
from snowpipe_platform.spec.contract import Rule
from snowpipe_platform.spec.history import restrict
from snowpipe_platform.spec.quality import QUALITY_PROPERTY, WHOLE_TABLE, Counts, Quality
from snowpipe_platform.spec.table import FAILED_RULES, LOAD_DAY, QUARANTINED, STATUS, ChangesTable, Table

RUN_ID_PROPERTY = "snowpipe.run-id"
JOB_PROPERTY = "snowpipe.job"
PARTITION_PROPERTY = "snowpipe.partition"
CODE_VERSION_PROPERTY = "snowpipe.code-version"
ROWS_PROPERTY = "snowpipe.rows"

TARGET = "target"
STAGED = "staged"
KEPT = "kept"
PROPOSED = "proposed"


@dataclass(frozen=True)
class TableResult:
    """What a run of one table did.

    state: the table afterwards, None when it has no commit yet. published: False when the new rows broke more than a
    rule tolerates; they are then held on the branch `held_on`, and the table is as it was. rows: in the table after a
    publication; new: rows more than before (of a changes table, rows of this commit); quality: of what was judged.
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

    @property
    def committed(self) -> bool:
        """Whether anything was written, to the table or beside it."""
        return self.plan.operation != "nothing"


def run_table(request: TableRequest, ground: Ground) -> TableResult:
    """Plan and execute."""
    return execute(plan_table(request, ground), ground)


def execute(plan: Plan, ground: Ground) -> TableResult:
    """Carry the plan out while holding the table's lease; a plan that others' commits made old is made anew.

    Raises LeaseHeldError when another run writes the table, CommitConflictError when a writer ignored the lease.
    """
    started = time.monotonic()
    with ground.state.lease(plan.table.name, holder=plan.request.identity.run_id) as lease:
        inputs = read_inputs(plan.request.pipeline, plan.table, ground)
        plan = decide(plan.request, inputs)
        if plan.operation == "nothing":
            return _unchanged(plan, started)
        ground.lake.ensure(_layout(plan.table))
        with ground.engine.session() as session:
            draft = _write(plan, ground, session)
        try:
            ground.state.verify(lease)
            return _publish(plan, draft, ground, started)
        except BaseException:
            _discard_unless_committed(plan, draft, ground)
            raise


@dataclass(frozen=True)
class _Draft:
    """Files written and judged, not committed."""

    commit_id: str
    staged: tuple[StagedFile, ...]
    remove: tuple[LakeFile, ...]
    quality: Quality


def rules_of(table: Table) -> tuple[Rule, ...]:
    """Every rule of the table, in the order they are reported."""
    return all_rules(table) if isinstance(table, ChangesTable) else table.rules


def held_branch(plan: Plan) -> str:
    """The branch that holds a refused commit: one per load day, or one per table."""
    day = plan.request.load_day
    return "held" if day is None else f"held-{day.isoformat()}"


def _layout(table: Table) -> TableLayout:
    columns = (STATUS, *table.partition_columns) if isinstance(table, ChangesTable) else table.partition_columns
    return TableLayout(table.name, table.schema, columns, table.description)


def _write(plan: Plan, ground: Ground, session: Session) -> _Draft:
    commit_id = uuid.uuid4().hex
    base = _base_files(plan, ground)
    for name, rows in plan.sources.items():
        session.bind(name, rows)
    remove, rows = _rows_to_write(plan, base, session)
    staged: tuple[StagedFile, ...] = ()
    if rows is not None:
        layout = FileLayout(
            folder=ground.lake.staging(plan.table.name, attempt=commit_id),
            prefix=commit_id[:12],
            partition_columns=_layout(plan.table).partition_columns,
            field_ids=ground.lake.field_ids(plan.table.name),
        )
        staged = tuple(session.write(rows, layout))
    draft = _Draft(commit_id, staged, remove, Quality())
    return replace(draft, quality=_judge(plan, draft, base, session))


def _base_files(plan: Plan, ground: Ground) -> tuple[LakeFile, ...]:
    if plan.base is None:
        return ()
    return tuple(ground.lake.files(plan.table.name, snapshot_id=plan.base.snapshot_id))


def _rows_to_write(
    plan: Plan, base: tuple[LakeFile, ...], session: Session
) -> tuple[tuple[LakeFile, ...], ir.Table | None]:
    """The files that go, and the rows that come: of replaced files, also the rows that stay."""
    if plan.operation == "replace_all":
        return base, plan.expression
    if plan.touched is None or plan.expression is None:
        return (), plan.expression
    session.materialize(TOUCHED, plan.touched)
    touched = ibis.table(plan.touched.schema(), name=TOUCHED)
    session.bind(TARGET, LakeRows(tuple(file.path for file in base), plan.table.schema))
    hit = set(session.files_with(TARGET, touched)) if base else set()
    remove = tuple(file for file in base if file.path in hit)
    if not remove:
        return (), plan.expression
    session.bind(KEPT, LakeRows(tuple(file.path for file in remove), plan.table.schema))
    kept = ibis.table(plan.table.schema, name=KEPT)
    scope = plan.touched.columns
    survivors = kept.anti_join(touched, [kept[name].identical_to(touched[name]) for name in scope])
    return remove, ibis.union(plan.expression, survivors)


def _judge(plan: Plan, draft: _Draft, base: Iterable[LakeFile], session: Session) -> Quality:
    """Counts of the rows as they would be after the commit; of a changes table, of the new rows."""
    staged = tuple(file.path for file in draft.staged)
    if isinstance(plan.table, ChangesTable):
        session.bind(STAGED, LakeRows(staged, plan.table.schema))
        return change_quality(ibis.table(plan.table.schema, name=STAGED), session)
    gone = {file.path for file in draft.remove}
    paths = (*(file.path for file in base if file.path not in gone), *staged)
    session.bind(PROPOSED, LakeRows(paths, plan.table.schema))
    return table_quality(plan.table, ibis.table(plan.table.schema, name=PROPOSED), session)


def change_quality(rows: ir.Table, session: Session) -> Quality:
    """Counts by load day, from the verdicts the rows carry."""
    counted = rows.group_by(LOAD_DAY).aggregate(n=rows.count(), bad=(rows[STATUS] == QUARANTINED).sum())
    broken = rows.select(LOAD_DAY, rule=rows[FAILED_RULES].unnest()).group_by([LOAD_DAY, "rule"]).aggregate(
        n=lambda found: found.count()
    )
    by_day: dict[str, dict[str, int]] = {}
    for row in session.fetch(broken).to_pylist():
        by_day.setdefault(str(row[LOAD_DAY]), {})[row["rule"]] = row["n"]
    return Quality(
        {
            str(row[LOAD_DAY]): Counts(row["n"], int(row["bad"]), by_day.get(str(row[LOAD_DAY]), {}))
            for row in session.fetch(counted).to_pylist()
        }
    )


def table_quality(table: Table, rows: ir.Table, session: Session) -> Quality:
    """Counts over the whole table, in one pass."""
    marked = rows.select(**{f"r{index}": rule.breaks(rows) for index, rule in enumerate(table.rules)}, one=ibis.literal(1))
    sums = {f"r{index}": marked[f"r{index}"].sum().fill_null(0) for index in range(len(table.rules))}
    counted = session.fetch(marked.aggregate(n=marked.count(), **sums)).to_pylist()[0]
    broken = {rule.id: int(counted[f"r{index}"]) for index, rule in enumerate(table.rules) if counted[f"r{index}"]}
    return Quality({WHOLE_TABLE: Counts(int(counted["n"]), 0, broken)})


def _publish(plan: Plan, draft: _Draft, ground: Ground, started: float) -> TableResult:
    failed = draft.quality.failed(rules_of(plan.table))
    branch = held_branch(plan) if failed else None
    rows, before = _rows_after(plan, draft, ground)
    commit = Commit(
        table=plan.table.name,
        commit_id=draft.commit_id,
        base=plan.base,
        remove=draft.remove,
        add=tuple(file.path for file in draft.staged),
        properties=_properties(plan, draft, rows),
        branch=branch,
    )
    state = ground.lake.commit(commit)
    if branch is None:
        ground.lake.release(plan.table.name, held_branch(plan))
    total = draft.quality.total
    is_changes = isinstance(plan.table, ChangesTable)
    return TableResult(
        plan=plan,
        state=plan.base if branch else state,
        published=branch is None,
        quality=draft.quality,
        rows=before if branch else rows,
        new=total.rows if is_changes else rows - before,
        quarantined=total.quarantined,
        seconds=time.monotonic() - started,
        held_on=branch,
    )


def _rows_after(plan: Plan, draft: _Draft, ground: Ground) -> tuple[int, int]:
    """Rows in the table after and before the commit."""
    before = sum(file.rows for file in _base_files(plan, ground))
    return before - sum(f.rows for f in draft.remove) + sum(f.rows for f in draft.staged), before


def _properties(plan: Plan, draft: _Draft, rows: int) -> Mapping[str, str]:
    request = plan.request
    return {
        RUN_ID_PROPERTY: request.identity.run_id,
        JOB_PROPERTY: request.identity.job,
        PARTITION_PROPERTY: "" if request.load_day is None else request.load_day.isoformat(),
        CODE_VERSION_PROPERTY: plan.table.code_version,
        ROWS_PROPERTY: str(rows),
        CONSUMED_PROPERTY: plan.consumed.encode(),
        QUALITY_PROPERTY: draft.quality.encode(),
    }


def _unchanged(plan: Plan, started: float) -> TableResult:
    rows = 0 if plan.base is None else int(plan.base.properties.get(ROWS_PROPERTY, 0))
    return TableResult(plan, plan.base, True, Quality(), rows, 0, 0, time.monotonic() - started)  # noqa: FBT003


def _discard_unless_committed(plan: Plan, draft: _Draft, ground: Ground) -> None:
    """A commit's answer may be lost, its effect not: its files stay."""
    states = [*ground.lake.history(plan.table.name), *ground.lake.held(plan.table.name).values()]
    if not any(state.commit_id == draft.commit_id for state in states):
        ground.lake.discard([file.path for file in draft.staged])

"""Write the files of a plan and judge them; nothing is published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import ibis
import ibis.expr.types as ir

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.inputs import date_of
from snowpipe_platform.execution.judge import change_quality, table_quality
from snowpipe_platform.execution.plan import TARGET, TOUCHED, Plan
from snowpipe_platform.execution.related import bind_related
from snowpipe_platform.execution.scoring import bind_answers
from snowpipe_platform.ports import Session
from snowpipe_platform.records import FileLayout, LakeFile, LakeRows, StagedFile, TableLayout
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.consumption import UpstreamCommit
from snowpipe_platform.spec.history import restrict
from snowpipe_platform.spec.quality import Counts, Quality
from snowpipe_platform.spec.table import LOAD_DAY, STATUS, ChangesTable, Table

KEPT = "kept"
PROPOSED = "proposed"


@dataclass(frozen=True)
class Draft:
    """Files written and judged, not committed. base: the table's files before. touched: scope values, or origins, that
    were replaced. judged_with: the commits of other tables that its rules looked at. quality_before: of a changes
    table, of the same load days as they are."""

    staged: tuple[StagedFile, ...]
    remove: tuple[LakeFile, ...]
    base: tuple[LakeFile, ...]
    touched: int
    quality: Quality
    judged_with: Mapping[str, UpstreamCommit]
    quality_before: Quality = field(default_factory=Quality)

    @property
    def rows_before(self) -> int:
        return sum(file.rows for file in self.base)

    @property
    def rows_after(self) -> int:
        """Rows in the table once the draft is published."""
        return self.rows_before - sum(f.rows for f in self.remove) + sum(f.rows for f in self.staged)


def table_layout(table: Table) -> TableLayout:
    """How the table lies in the lake: a changes table has the rows of each status in files of their own."""
    columns = (STATUS, *table.partition_columns) if isinstance(table, ChangesTable) else table.partition_columns
    return TableLayout(table.name, table.schema, columns, table.description)


def write_draft(plan: Plan, ground: Ground, *, folder: str, prefix: str) -> Draft:
    """Carry the plan's expression out into new files in `folder`."""
    name = plan.table.name
    base = () if plan.base is None else tuple(ground.lake.files(name, snapshot_id=plan.base.snapshot_id))
    with ground.engine.session() as session:
        for source, bound in plan.sources.items():
            session.bind(source, bound)
        if plan.scoring is not None:
            bind_answers(plan.scoring, session, ground)
        touched, remove, rows = _rows_to_write(plan, base, session, ground)
        staged: tuple[StagedFile, ...] = ()
        if rows is not None:
            partitions = table_layout(plan.table).partition_columns
            staged = tuple(session.write(rows, FileLayout(folder, prefix, partitions, ground.lake.field_ids(name))))
        judged_with = bind_related(plan.table, plan.consumed, session, ground)
        quality_before = Quality()
        if not isinstance(plan.table, ChangesTable):
            quality = _judge(plan, staged, remove, base, session)
        elif plan.touched is None:
            quality, quality_before = _judge_appended(plan, staged, session, ground)
        else:
            quality, quality_before = _judge_replaced(plan, staged, remove, base, session)
        return Draft(staged, remove, base, touched, quality, judged_with, quality_before)


def _rows_to_write(
    plan: Plan, base: tuple[LakeFile, ...], session: Session, ground: Ground
) -> tuple[int, tuple[LakeFile, ...], ir.Table | None]:
    """How much is touched, the files that go, and the rows that come: of replaced files, also the rows that stay."""
    if plan.operation == "replace_all":
        return 0, base, plan.expression
    if plan.replaces and plan.base is not None:
        replaced = ground.lake.files(plan.table.name, snapshot_id=plan.base.snapshot_id, where=plan.replaces)
        return 0, tuple(replaced), plan.expression
    if plan.touched is None or plan.expression is None:
        return 0, (), plan.expression
    count, remove = find_touched(plan.table, plan.touched, base, session)
    touched = ibis.table(plan.touched.schema(), name=TOUCHED)
    if not remove:
        return count, (), plan.expression
    session.bind(KEPT, LakeRows(tuple(file.path for file in remove), plan.table.schema))
    kept = ibis.table(plan.table.schema, name=KEPT)
    return count, remove, ibis.union(plan.expression, restrict(kept, touched, plan.touched.columns, inside=False))


def find_touched(
    table: Table, touched: ir.Table, base: tuple[LakeFile, ...], session: Session
) -> tuple[int, tuple[LakeFile, ...]]:
    """How many scope values are touched, bound as `touched` from then on, and the files that hold a row of them."""
    session.bind(TARGET, LakeRows(tuple(file.path for file in base), table.schema))
    count = session.materialize(TOUCHED, touched)
    hit = set(session.files_with(TARGET, ibis.table(touched.schema(), name=TOUCHED))) if base else set()
    return count, tuple(file for file in base if file.path in hit)


def _judge(
    plan: Plan, staged: Sequence[StagedFile], remove: Sequence[LakeFile], base: Sequence[LakeFile], session: Session
) -> Quality:
    """Counts of the rows as they would be after the commit; of a table of analysis dates, of its date's."""
    is_dated, gone = isinstance(plan.table, DatedTable), {file.path for file in remove}
    left = [file for file in base if file.path not in gone]
    kept = tuple(file.path for file in left if not is_dated or date_of(file) == plan.request.day)
    proposed = _bound(PROPOSED, (*kept, *(file.path for file in staged)), plan.table, session)
    return table_quality(plan.table, proposed, session, day=plan.request.day if is_dated else None)


def _judge_appended(
    plan: Plan, staged: Sequence[StagedFile], session: Session, ground: Ground
) -> tuple[Quality, Quality]:
    """Counts of a changes table's load days as they will be, and as they are. Whole days: a few rows that come late say
    little, and the log may be split in any way."""
    new = tuple(file.path for file in staged)
    appended = change_quality(_bound(PROPOSED, new, plan.table, session), session)
    before = _days_before(plan, session, ground)
    return _no_rows(plan) + before + appended, before


def _judge_replaced(
    plan: Plan, staged: Sequence[StagedFile], remove: Sequence[LakeFile], base: Sequence[LakeFile], session: Session
) -> tuple[Quality, Quality]:
    """The same, where rows of those days go or are made anew."""
    gone = {file.path for file in remove}
    kept = tuple(file.path for file in base if file.path not in gone)
    proposed = _bound(PROPOSED, (*kept, *(file.path for file in staged)), plan.table, session)
    before = ibis.table(plan.table.schema, name=TARGET)
    days = sorted(plan.days)
    after, before = (rows.filter(rows[LOAD_DAY].isin(days)) for rows in (proposed, before))
    return _no_rows(plan) + change_quality(after, session), change_quality(before, session)


def _no_rows(plan: Plan) -> Quality:
    """A day of which no row is left, or came, is judged too."""
    return Quality({str(day): Counts(0) for day in sorted(plan.days)})


def _days_before(plan: Plan, session: Session, ground: Ground) -> Quality:
    """Of a day of which nothing is in the table yet, no file is read."""
    if plan.base is None or not plan.begun:
        return Quality()
    name, snapshot = plan.table.name, plan.base.snapshot_id
    files = [f for day in plan.begun for f in ground.lake.files(name, snapshot_id=snapshot, where={LOAD_DAY: day})]
    rows = _bound(KEPT, tuple(sorted({file.path for file in files})), plan.table, session)
    return change_quality(rows.filter(rows[LOAD_DAY].isin(sorted(plan.begun))), session)


def _bound(name: str, paths: tuple[str, ...], table: Table, session: Session) -> ir.Table:
    session.bind(name, LakeRows(paths, table.schema))
    return ibis.table(table.schema, name=name)

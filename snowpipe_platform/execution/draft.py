"""Write the files of a plan and judge them; nothing is published."""

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.judge import change_quality, table_quality
from snowpipe_platform.execution.plan import TOUCHED, Plan
from snowpipe_platform.execution.related import bind_related
from snowpipe_platform.ports import Session
from snowpipe_platform.records import FileLayout, LakeFile, LakeRows, StagedFile, TableLayout
from snowpipe_platform.spec.consumption import UpstreamCommit
from snowpipe_platform.spec.history import restrict
from snowpipe_platform.spec.quality import Quality
from snowpipe_platform.spec.table import STATUS, ChangesTable, Table

TARGET = "target"
STAGED = "staged"
KEPT = "kept"
PROPOSED = "proposed"


@dataclass(frozen=True)
class Draft:
    """Files written and judged, not committed. base: the table's files before. judged_with: the commits of other tables
    that its rules looked at."""

    staged: tuple[StagedFile, ...]
    remove: tuple[LakeFile, ...]
    base: tuple[LakeFile, ...]
    quality: Quality
    judged_with: Mapping[str, UpstreamCommit]

    @property
    def rows_before(self) -> int:
        return sum(file.rows for file in self.base)

    @property
    def rows_after(self) -> int:
        """Rows in the table once the draft is published."""
        return self.rows_before - sum(f.rows for f in self.remove) + sum(f.rows for f in self.staged)


def table_layout(table: Table) -> TableLayout:
    """How the table lies in the lake: a changes table has its valid and quarantined rows in files of their own."""
    columns = (STATUS, *table.partition_columns) if isinstance(table, ChangesTable) else table.partition_columns
    return TableLayout(table.name, table.schema, columns, table.description)


def write_draft(plan: Plan, ground: Ground, *, folder: str, prefix: str) -> Draft:
    """Carry the plan's expression out into new files in `folder`."""
    name = plan.table.name
    base = () if plan.base is None else tuple(ground.lake.files(name, snapshot_id=plan.base.snapshot_id))
    with ground.engine.session() as session:
        for source, bound in plan.sources.items():
            session.bind(source, bound)
        remove, rows = _rows_to_write(plan, base, session)
        staged: tuple[StagedFile, ...] = ()
        if rows is not None:
            partitions = table_layout(plan.table).partition_columns
            staged = tuple(session.write(rows, FileLayout(folder, prefix, partitions, ground.lake.field_ids(name))))
        judged_with = bind_related(plan.table, plan.consumed, session, ground)
        return Draft(staged, remove, base, _judge(plan, staged, remove, base, session), judged_with)


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
    return remove, ibis.union(plan.expression, restrict(kept, touched, plan.touched.columns, inside=False))


def _judge(
    plan: Plan,
    staged: tuple[StagedFile, ...],
    remove: tuple[LakeFile, ...],
    base: tuple[LakeFile, ...],
    session: Session,
) -> Quality:
    """Counts of the rows as they would be after the commit; of a changes table, of the new rows."""
    new = tuple(file.path for file in staged)
    if isinstance(plan.table, ChangesTable):
        session.bind(STAGED, LakeRows(new, plan.table.schema))
        return change_quality(ibis.table(plan.table.schema, name=STAGED), session)
    gone = {file.path for file in remove}
    paths = (*(file.path for file in base if file.path not in gone), *new)
    session.bind(PROPOSED, LakeRows(paths, plan.table.schema))
    return table_quality(plan.table, ibis.table(plan.table.schema, name=PROPOSED), session)

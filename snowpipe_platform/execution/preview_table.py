"""What a run of one table would take in, touch and rewrite, without running it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import ibis

from snowpipe_platform.execution.cost import rebuild_seconds
from snowpipe_platform.execution.derived_plan import CHANGED_SUFFIX
from snowpipe_platform.execution.draft import find_touched, table_layout
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.outcome import Step
from snowpipe_platform.execution.plan import WAITS_FOR, Plan, TableRequest
from snowpipe_platform.execution.planning import plan_table
from snowpipe_platform.execution.preview import (
    NOBODY,
    Certainty,
    ExtractionPreview,
    InputChange,
    Preview,
    TablePreview,
    Volume,
)
from snowpipe_platform.execution.run import BRONZE, held_input
from snowpipe_platform.ports import Session
from snowpipe_platform.records import BronzeRows, ChangedRows, LakeFile, LakeRows
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.feature import FeatureGroup
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import BEFORE, CHANGE_SIDE, Table

REWRITTEN = "rewritten"


def preview_table(step: Step, pipeline: Pipeline, ground: Ground, above: Sequence[Preview] = ()) -> TablePreview:
    """Of a table of any kind. above: what the steps before it would do.

    A kind is known by its plan alone: what it reads, what it replaces. One that plans otherwise shows its operation.
    """
    table = pipeline.table(step.name)
    feeding = [other for other in above if _feeds(other.step, step, table)]
    after = tuple(other.step.title for other in feeding if other.may_bring_rows)
    held = held_input(step, pipeline, ground)
    if held is not None and not any(held.endswith(f" {other.step.name}") and other.may_bring_rows for other in feeding):
        return TablePreview(step, "nothing", "", blocked_by=held)
    try:
        plan = plan_table(TableRequest(pipeline, table, NOBODY, step.day, step.rebuild), ground)
        if plan.reason.startswith(WAITS_FOR):
            return _waiting(step, plan, feeding)
        if plan.operation != "nothing":
            ground.lake.require_fit(table_layout(table))
        found = _measured(step, plan, ground)
    except Exception as error:  # noqa: BLE001 - a table's own code may raise anything, as in a run
        return TablePreview(step, "nothing", "", Certainty.UNKNOWN, problem=str(error))
    if not after:
        return found
    certainty = Certainty.UNKNOWN if plan.operation == "nothing" else Certainty.AT_LEAST
    return replace(found, after=after, certainty=certainty, at_most=_at_most(found, feeding))


def _at_most(found: TablePreview, feeding: Sequence[Preview]) -> int | None:
    """A row lands once: no more come than the source has. A snapshot brings deletes too."""
    rows = [_bound(other) for other in feeding]
    known = [number for number in rows if number is not None]
    return None if found.appended is None or len(known) < len(rows) else found.appended + sum(known)


def _bound(preview: Preview) -> int | None:
    if not isinstance(preview, ExtractionPreview) or preview.kind == "snapshot":
        return None
    return preview.rows if preview.certainty is Certainty.EXACT else None


def _feeds(above: Step, step: Step, table: Table) -> bool:
    """Whether the table reads what the step above makes; a day's changes read that day's extraction."""
    if above.name not in table.upstream:
        return False
    return not above.name.startswith(BRONZE) or step.day is None or above.day == step.day


def _waiting(step: Step, plan: Plan, feeding: Sequence[Preview]) -> TablePreview:
    """Its inputs have no commit yet: the steps above make them, or nothing does."""
    missing = plan.reason.removeprefix(WAITS_FOR)
    made = {other.step.name for other in feeding}
    if {word.strip(",") for word in missing.split() if "/" in word} <= made:
        titles = tuple(other.step.title for other in feeding)
        if isinstance(plan.table, FeatureGroup):
            return TablePreview(step, "append", f"first run for {step.day}", Certainty.UNKNOWN, after=titles)
        if isinstance(plan.table, DatedTable):
            return TablePreview(step, "replace_date", f"first run for {step.day}", Certainty.UNKNOWN, after=titles)
        return TablePreview(step, "replace_all", "first run", Certainty.UNKNOWN, after=titles)
    return TablePreview(step, "nothing", "", blocked_by=missing)


def _measured(step: Step, plan: Plan, ground: Ground) -> TablePreview:
    landed = {name: rows.manifests for name, rows in plan.sources.items() if isinstance(rows, BronzeRows)}
    found = TablePreview(
        step,
        plan.operation,
        plan.reason,
        inputs=tuple(InputChange(name, None, Volume.of_manifests(taken).rows) for name, taken in landed.items()),
        read=_read(plan, ground),
        appended=_appended(plan),
    )
    base = _base(plan, ground)
    if plan.operation == "replace_all":
        return _with_seconds(replace(found, removed=Volume.of(base)), plan, ground)
    if plan.replaces and plan.base is not None:
        files = ground.lake.files(plan.table.name, snapshot_id=plan.base.snapshot_id, where=plan.replaces)
        dated = replace(found, removed=Volume.of(files), partitions=1)
        return _with_seconds(dated, plan, ground) if plan.request.rebuild else dated
    if isinstance(plan.table, FeatureGroup):
        return replace(found, appended=_counted(plan, ground))
    if plan.touched is None:
        return found
    with ground.engine.session() as session:
        for name, rows in plan.sources.items():
            session.bind(name, rows)
        keys, rewritten = find_touched(plan.table, plan.touched, base, session)
        return replace(
            found,
            inputs=_changes(plan, session),
            keys=keys,
            removed=Volume.of(rewritten),
            partitions=_partitions(plan.table, rewritten, session),
        )


def _counted(plan: Plan, ground: Ground) -> int:
    """Rows that come on top: a comparison of one date's."""
    if plan.expression is None:
        return 0
    with ground.engine.session() as session:
        for name, rows in plan.sources.items():
            session.bind(name, rows)
        return int(session.fetch(plan.expression.aggregate(n=plan.expression.count())).to_pylist()[0]["n"])


def _with_seconds(found: TablePreview, plan: Plan, ground: Ground) -> TablePreview:
    seconds, is_recorded = rebuild_seconds(
        ground.lake.history(plan.table.name),
        read_bytes=found.read.size_bytes,
        written_bytes=found.removed.size_bytes,
    )
    return replace(found, seconds=seconds, is_recorded=is_recorded)


def _base(plan: Plan, ground: Ground) -> tuple[LakeFile, ...]:
    return () if plan.base is None else tuple(ground.lake.files(plan.table.name, snapshot_id=plan.base.snapshot_id))


def _appended(plan: Plan) -> int | None:
    """Rows on top of those there are, where they follow from what is landed."""
    if plan.operation == "append":
        return sum(Volume.of_manifests(r.manifests).rows for r in plan.sources.values() if isinstance(r, BronzeRows))
    return 0 if plan.operation == "nothing" else None


def _read(plan: Plan, ground: Ground) -> Volume:
    """All files of what it reads: an engine reads the columns it needs, of the rows it cannot leave out."""
    total = Volume()
    for name, rows in plan.sources.items():
        if isinstance(rows, BronzeRows):
            total += Volume.of_manifests(rows.manifests)
        elif isinstance(rows, LakeRows) and name in plan.consumed.commits:
            paths, snapshot = set(rows.paths), plan.consumed.commits[name].snapshot_id
            total += Volume.of(file for file in ground.lake.files(name, snapshot_id=snapshot) if file.path in paths)
    return total


def _changes(plan: Plan, session: Session) -> tuple[InputChange, ...]:
    """Rows that differ, by input and side."""
    found = []
    for name, rows in plan.sources.items():
        if isinstance(rows, ChangedRows):
            changed = ibis.table(dict(rows.after.schema.items()) | {CHANGE_SIDE: "string"}, name=name)
            counted = session.fetch(changed.group_by(CHANGE_SIDE).aggregate(n=changed.count())).to_pylist()
            sides: Mapping[str, int] = {row[CHANGE_SIDE]: row["n"] for row in counted}
            after = sum(sides.values()) - sides.get(BEFORE, 0)
            found.append(InputChange(name.removesuffix(CHANGED_SUFFIX), sides.get(BEFORE, 0), after))
    return tuple(found)


def _partitions(table: Table, files: Sequence[LakeFile], session: Session) -> int | None:
    """How many of the table's partitions the files are of; None of a table without."""
    columns = table_layout(table).partition_columns
    if not columns or not files:
        return 0 if columns else None
    session.bind(REWRITTEN, LakeRows(tuple(file.path for file in files), table.schema))
    rows = ibis.table(table.schema, name=REWRITTEN)
    counted = rows.select(*columns).distinct()
    return int(session.fetch(counted.aggregate(n=counted.count())).to_pylist()[0]["n"])

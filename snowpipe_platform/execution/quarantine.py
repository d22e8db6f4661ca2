"""What is in quarantine: rows of a changes table that break an error rule and that nobody has decided about yet."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.origin_rows import ORIGIN, origin_values, origins_table
from snowpipe_platform.ports import Session
from snowpipe_platform.records import LakeFile, LakeRows
from snowpipe_platform.spec.bronze_log import withdrawn
from snowpipe_platform.spec.origins import Origin, decided
from snowpipe_platform.spec.table import (
    DISCARDED,
    FAILED_RULES,
    LOAD_DAY,
    MANIFEST_NUMBER,
    PAYLOAD,
    QUARANTINED,
    SOURCE_ROW,
    STATUS,
    VALID,
    ChangesTable,
)

HELD_ON = "held_on"
COLUMNS = (*ORIGIN, LOAD_DAY, FAILED_RULES, PAYLOAD)
PUBLISHED, SETTLED, SELECTED = "#published", "#settled", "#selected"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which rows in quarantine: those that meet everything that is given."""

    rule_id: str | None = None
    day: date | None = None
    origins: Collection[Origin] | None = None


@dataclass(frozen=True)
class QuarantinedRow:
    """A row that waits for a person. held_on: the branch that holds its load day beside the table; None for a row of
    the table itself. failed_rules: ids, warnings included. payload: texts as extracted, by source column."""

    origin: Origin
    load_day: date
    held_on: str | None
    failed_rules: tuple[str, ...]
    payload: Mapping[str, str | None]


@dataclass(frozen=True)
class QuarantineCounts:
    """How much waits. quarantined: all rows that do, of which `held` beside the table. settled: decided about, but not
    taken in by a run of the table. discarded: given up, in the table. broken: quarantined rows by rule id."""

    quarantined: int
    held: int
    settled: int
    discarded: int
    oldest_day: date | None
    broken: Mapping[str, int]


def quarantined_rows(
    table: ChangesTable, ground: Ground, selection: Selection, *, limit: int | None = None
) -> list[QuarantinedRow]:
    """The selected rows, by origin; those on held branches too."""
    with ground.engine.session() as session:
        rows = _selected(_waiting(table, ground, session)[0], selection, session)
        found = session.fetch(rows.order_by(ORIGIN).limit(limit)).to_pylist()
    return [
        QuarantinedRow(
            Origin(row[MANIFEST_NUMBER], row[SOURCE_ROW]),
            row[LOAD_DAY],
            row[HELD_ON],
            tuple(row[FAILED_RULES] or ()),
            json.loads(row[PAYLOAD]),
        )
        for row in found
    ]


def quarantine_size(table: ChangesTable, ground: Ground, selection: Selection) -> int:
    """How many rows are selected."""
    with ground.engine.session() as session:
        rows = _selected(_waiting(table, ground, session)[0], selection, session)
        return int(session.fetch(rows.aggregate(n=rows.count()))["n"][0].as_py())


def quarantine_counts(table: ChangesTable, ground: Ground) -> QuarantineCounts:
    with ground.engine.session() as session:
        rows, settled = _waiting(table, ground, session)
        sums = {"n": rows.count(), "held": rows[HELD_ON].notnull().sum().fill_null(0), "oldest": rows[LOAD_DAY].min()}
        (total,) = session.fetch(rows.aggregate(**sums)).to_pylist()
        verdicts = rows.select(rule=rows[FAILED_RULES].unnest())
        broken = session.fetch(verdicts.group_by("rule").aggregate(n=verdicts.count())).to_pylist()
        decided_about = int(session.fetch(settled.aggregate(n=settled.count()))["n"][0].as_py())
    by_rule = {row["rule"]: row["n"] for row in broken}
    discarded = sum(file.rows for file in _files(table, ground, DISCARDED))
    return QuarantineCounts(total["n"], int(total["held"]), decided_about, discarded, total["oldest"], by_rule)


def standing_of(table: ChangesTable, origins: Collection[Origin], ground: Ground) -> dict[Origin, str]:
    """How rows stand that are not in quarantine: `valid`, `discarded`, `replaced`, `withdrawn`; nothing for a row there
    never was."""
    log = ground.bronze.log(table.source)
    settled, gone = decided(log), withdrawn(log)
    found = {origin: "withdrawn" for origin in origins if origin.manifest_number in gone}
    found |= dict.fromkeys(settled.gone & set(origins), "replaced")
    with ground.engine.session() as session:
        session.bind(table.name, LakeRows(tuple(file.path for file in _files(table, ground)), table.schema))
        session.bind(SELECTED, origin_values(origins))
        own = ibis.table(table.schema, name=table.name).semi_join(origins_table(SELECTED), ORIGIN)
        rows = session.fetch(own.select(*ORIGIN, STATUS)).to_pylist()
    in_table = {Origin(row[MANIFEST_NUMBER], row[SOURCE_ROW]): row[STATUS] for row in rows}
    return in_table | dict.fromkeys(settled.discarded & set(origins), DISCARDED) | found


def _waiting(table: ChangesTable, ground: Ground, session: Session) -> tuple[ir.Table, ir.Table]:
    """Quarantined rows nobody has decided about, and those somebody has, before a run has taken that in."""
    log = ground.bronze.log(table.source)
    settled = decided(log)
    session.bind(SETTLED, origin_values(settled.gone | settled.discarded))
    found = _everywhere(table, ground, session)
    counts = found.filter(~found[MANIFEST_NUMBER].isin(sorted(withdrawn(log))))
    known = origins_table(SETTLED)
    return counts.anti_join(known, ORIGIN), counts.semi_join(known, ORIGIN)


def _everywhere(table: ChangesTable, ground: Ground, session: Session) -> ir.Table:
    """Quarantined rows of the table and of the commits held beside it, each once; none that the table has accepted."""
    published = _files(table, ground)
    parts = [_bound(table, PUBLISHED, _files(table, ground, QUARANTINED), session).mutate(held_on=ibis.null("string"))]
    for branch, state in sorted(ground.lake.held(table.name).items()):
        everything = ground.lake.files(table.name, snapshot_id=state.snapshot_id)
        bad = ground.lake.files(table.name, snapshot_id=state.snapshot_id, where={STATUS: QUARANTINED})
        rows = _bound(table, branch, _without(bad, published), session)
        # A branch keeps copies of the table's rows, of which a replay may have accepted some since.
        since = _bound(table, branch + PUBLISHED, _without(published, everything), session, status=VALID)
        parts.append(rows.anti_join(since, ORIGIN).mutate(held_on=ibis.literal(branch)))
    rows = ibis.union(*parts) if len(parts) > 1 else parts[0]
    ranked = rows.mutate(_rank=ibis.row_number().over(group_by=ORIGIN, order_by=[rows[HELD_ON].asc(nulls_first=True)]))
    return ranked.filter(ranked["_rank"] == 0).drop("_rank")


def _bound(
    table: ChangesTable, name: str, files: Sequence[LakeFile], session: Session, *, status: str = QUARANTINED
) -> ir.Table:
    session.bind(name, LakeRows(tuple(file.path for file in files), table.schema))
    rows = ibis.table(table.schema, name=name)
    return rows.filter(rows[STATUS] == status).select(*COLUMNS)


def _selected(rows: ir.Table, selection: Selection, session: Session) -> ir.Table:
    if selection.rule_id is not None:
        rows = rows.filter(rows[FAILED_RULES].contains(selection.rule_id))
    if selection.day is not None:
        rows = rows.filter(rows[LOAD_DAY] == selection.day)
    if selection.origins is not None:
        session.bind(SELECTED, origin_values(selection.origins))
        rows = rows.semi_join(origins_table(SELECTED), ORIGIN)
    return rows


def _files(table: ChangesTable, ground: Ground, status: str | None = None) -> list[LakeFile]:
    """Of the table's current commit."""
    state = ground.lake.state(table.name)
    where = None if status is None else {STATUS: status}
    return [] if state is None else ground.lake.files(table.name, snapshot_id=state.snapshot_id, where=where)


def _without(files: Sequence[LakeFile], others: Sequence[LakeFile]) -> list[LakeFile]:
    paths = {file.path for file in others}
    return [file for file in files if file.path not in paths]

"""Rows of bronze against the rows of a changes table, by origin: accepted, quarantined or given up, each once."""

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.inputs import require_record
from snowpipe_platform.execution.origin_rows import ORIGIN, origin_values, origins_table
from snowpipe_platform.execution.reconciliation_files import Damages
from snowpipe_platform.execution.reconciliation_plan import NAMED_KEYS, DayWindow, Difference, Found, Part
from snowpipe_platform.execution.reconciliation_rows import named_rows
from snowpipe_platform.ports import Session
from snowpipe_platform.records import BronzeRows, LakeRows, TableState
from snowpipe_platform.spec.bronze_log import all_columns, standing
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import PLATFORM_COLUMNS, ROW_NUMBER, Manifest
from snowpipe_platform.spec.origins import decided
from snowpipe_platform.spec.table import LOAD_DAY, MANIFEST_NUMBER, SOURCE_ROW, ChangesTable

BRONZE, GONE, EXPECTED, THERE = "bronze", "gone", "expected", "there"
_OWN = {MANIFEST_NUMBER: "int64", SOURCE_ROW: "int64", LOAD_DAY: "date"}
_COPIES = "copies"


def compare_silver(
    window: DayWindow, log: Sequence[Manifest], table: ChangesTable, ground: Ground, damages: Damages
) -> Found:
    """The rows of the day's entries that the table has consumed, without those others stand for. Entries it has not
    consumed are counted. Raises LakeError."""
    state = ground.lake.state(table.name)
    consumed = _consumed(table, state)
    taken_in = [entry for entry in log if entry.number in consumed]
    standing_then = {entry.number for entry in standing(taken_in)}
    waiting = sum(entry.rows_landed for entry in window.entries if entry.number not in consumed)
    if state is None:
        return Found(unconsumed=waiting)
    of_day = [e for e in taken_in if e.load_day == window.load_day and e.number in standing_then]
    unread = {entry.number for entry, _ in damages.among(of_day)}
    if unread:
        return Found(unconsumed=waiting, notes=(f"{table.name} was not compared: mend the damaged files first",))
    with ground.engine.session() as session:
        _bind(session, of_day, taken_in, log, ground)
        files = ground.lake.files(table.name, snapshot_id=state.snapshot_id, where={LOAD_DAY: window.load_day})
        session.bind("own", LakeRows(tuple(file.path for file in files), ibis.schema(_OWN)))
        own = ibis.table(_OWN, name="own").filter(lambda rows: rows[LOAD_DAY] == window.load_day)
        session.materialize(THERE, own.group_by(*ORIGIN).agg(**{_COPIES: lambda rows: rows.count()}))
        return Found(unconsumed=waiting, differences=_differences(session, window.query, table, log))


def _consumed(table: ChangesTable, state: TableState | None) -> frozenset[int]:
    if state is None:
        return frozenset()
    require_record(state)
    consumption = Consumption.decode(state.properties.get(CONSUMED_PROPERTY))
    return consumption.manifests.get(table.source, frozenset())


def _bind(
    session: Session, of_day: Sequence[Manifest], taken_in: Sequence[Manifest], log: Sequence[Manifest], ground: Ground
) -> None:
    """The rows to be expected, by origin, with their own columns."""
    schema = _bronze_schema(log)
    locations = {file.path: ground.bronze.locate(file) for entry in of_day for file in entry.files}
    landed = ibis.schema({name: schema[name] for name in schema.names if name != MANIFEST_NUMBER})
    session.bind(BRONZE, BronzeRows(tuple(of_day), locations, landed))
    numbers = {entry.number for entry in of_day}
    session.bind(GONE, origin_values(one for one in decided(taken_in).gone if one.manifest_number in numbers))
    rows = ibis.table(schema, name=BRONZE)
    rows = rows.mutate(**{SOURCE_ROW: rows[ROW_NUMBER]})
    session.materialize(EXPECTED, rows.anti_join(origins_table(GONE), ORIGIN))


def _bronze_schema(log: Sequence[Manifest]) -> ibis.Schema:
    return ibis.schema(dict(all_columns(log).items()) | PLATFORM_COLUMNS | {MANIFEST_NUMBER: "int64"})


def _differences(
    session: Session, query: Query, table: ChangesTable, log: Sequence[Manifest]
) -> tuple[Difference, ...]:
    schema = _bronze_schema(log)
    expected = ibis.table(dict(schema.items()) | {SOURCE_ROW: "int64"}, name=EXPECTED)
    there = ibis.table(dict.fromkeys(ORIGIN, "int64") | {_COPIES: "int64"}, name=THERE)
    doubled = expected.semi_join(there.filter(there[_COPIES] > 1), ORIGIN)
    found = {
        f"of bronze and not in {table.name}": expected.anti_join(there, ORIGIN),
        f"of bronze and in {table.name} more than once": doubled,
        f"of {table.name} and of no row of bronze that counts": there.anti_join(expected, ORIGIN),
    }
    counts = _counts(session, found)
    return tuple(
        Difference(
            part=Part.SILVER,
            where=table.name,
            what=what,
            rows=counts[what],
            keys=_named(session.fetch(rows.order_by(*ORIGIN).limit(NAMED_KEYS)), query),
            mend=f"snowpipe run {table.name} --rebuild",
        )
        for what, rows in found.items()
        if what in counts
    )


def _counts(session: Session, found: Mapping[str, ir.Table]) -> dict[str, int]:
    """Of those that have rows, in one pass."""
    labelled = ibis.union(*(rows.select(what=ibis.literal(what)) for what, rows in found.items()))
    counted = session.fetch(labelled.group_by("what").agg(n=labelled.count()))
    return dict(zip(counted["what"].to_pylist(), counted["n"].to_pylist(), strict=True))


def _named(rows: pa.Table, query: Query) -> tuple[str, ...]:
    """By key; by origin where the row has no other name."""
    if set(map(str.lower, query.primary_key)) <= set(rows.column_names) and query.primary_key:
        return named_rows(rows, query)
    return tuple(f"row {row[MANIFEST_NUMBER]}:{row[SOURCE_ROW]}" for row in rows.select(list(ORIGIN)).to_pylist())

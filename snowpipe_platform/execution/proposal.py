"""Quarantined rows judged again under today's code, as they were extracted or as a person edited them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import pyarrow as pa

from snowpipe_platform.execution.change_rows import all_rules, bronze_table, change_rows
from snowpipe_platform.execution.edits import Texts, changed_texts, check_columns, edited_values, with_values
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.inputs import bronze_source, read_inputs
from snowpipe_platform.execution.origin_rows import bronze_among, origin_values, origins_table
from snowpipe_platform.execution.quarantine import SELECTED, QuarantinedRow
from snowpipe_platform.ports import Session
from snowpipe_platform.spec.bronze_log import all_columns, watermark_column
from snowpipe_platform.spec.manifest import ROW_NUMBER
from snowpipe_platform.spec.origins import Origin
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import FAILED_RULES, MANIFEST_NUMBER, SOURCE_ROW, STATUS, VALID, ChangesTable


@dataclass(frozen=True)
class ProposedRow:
    """A row as it would stand. edits: the new text by column; empty for a row that is judged as it is. broken: ids of
    the error rules it breaks then; a row that breaks none is accepted."""

    row: QuarantinedRow
    edits: Texts
    broken: tuple[str, ...]

    @property
    def is_accepted(self) -> bool:
        return not self.broken


@dataclass(frozen=True)
class Proposal:
    """Rows judged, nothing recorded. columns: of bronze. edited: the edited rows as bronze will have them, by the
    origin each takes the place of."""

    table: ChangesTable
    rows: tuple[ProposedRow, ...]
    columns: ibis.Schema
    edited: Mapping[Origin, Mapping[str, Any]]


def propose(
    pipeline: Pipeline,
    table: ChangesTable,
    rows: Sequence[QuarantinedRow],
    ground: Ground,
    *,
    typed: Mapping[Origin, Texts] | None = None,
) -> Proposal:
    """Judge rows of the quarantine again. typed: what a person typed for some of them; where that differs from what was
    extracted, the row is judged with it. Raises ConfigurationError for a column or a value that cannot be."""
    inputs = read_inputs(pipeline, table, ground)
    columns, name = all_columns(inputs.log), f"bronze/{table.source}"
    differing = _differing(rows, typed or {}, columns, where=name)
    with ground.engine.session() as session:
        numbers = {row.origin.manifest_number for row in rows}
        entries = [entry for entry in inputs.log if entry.number in numbers]
        session.bind(name, bronze_source(entries, columns, inputs))
        session.bind(SELECTED, origin_values(row.origin for row in rows))
        bronze = bronze_table(table, columns)
        found = session.fetch(bronze_among(bronze, origins_table(SELECTED)))
        originals = _by_origin(found, differing.keys())
        values = edited_values(differing, originals, columns)
        watermark = watermark_column(inputs.log)
        edited = {o: with_values(originals[o], changed, watermark=watermark) for o, changed in values.items()}
        session.bind(name, _replaced(found, edited))
        broken = _broken(table, bronze, session)
    edits = {origin: {name: differing[origin][name] for name in changed} for origin, changed in values.items()}
    judged = (ProposedRow(row, edits.get(row.origin, {}), broken[row.origin]) for row in rows)
    return Proposal(table, tuple(judged), columns, edited)


def _differing(
    rows: Sequence[QuarantinedRow], typed: Mapping[Origin, Texts], columns: ibis.Schema, *, where: str
) -> dict[Origin, Texts]:
    """The texts that are not the payload's, of rows that have any."""
    check_columns(sorted({name for texts in typed.values() for name in texts}), columns, where=where)
    found = {row.origin: changed_texts(typed[row.origin], row.payload) for row in rows if row.origin in typed}
    return {origin: texts for origin, texts in found.items() if texts}


def _by_origin(found: pa.Table, wanted: Collection[Origin]) -> dict[Origin, dict[str, Any]]:
    origins = _origins(found)
    return {origins[i]: found.slice(i, 1).to_pylist()[0] for i in range(len(found)) if origins[i] in wanted}


def _origins(found: pa.Table) -> list[Origin]:
    numbers, rows = found[MANIFEST_NUMBER].to_pylist(), found[ROW_NUMBER].to_pylist()
    return [Origin(*origin) for origin in zip(numbers, rows, strict=True)]


def _replaced(found: pa.Table, edited: Mapping[Origin, Mapping[str, Any]]) -> pa.Table:
    """The rows, with the edited ones in the place of their originals."""
    kept = found.filter(pa.array([origin not in edited for origin in _origins(found)], pa.bool_()))
    return pa.concat_tables([kept, pa.Table.from_pylist(list(edited.values()), found.schema)])


def _broken(table: ChangesTable, bronze: ibis.Table, session: Session) -> dict[Origin, tuple[str, ...]]:
    """Ids of the error rules each row breaks; empty for one that is accepted."""
    errors = {rule.id for rule in all_rules(table) if rule.severity == "error"}
    judged = change_rows(table, bronze).select(MANIFEST_NUMBER, SOURCE_ROW, STATUS, FAILED_RULES)
    return {
        Origin(row[MANIFEST_NUMBER], row[SOURCE_ROW]): (
            () if row[STATUS] == VALID else tuple(rule for rule in row[FAILED_RULES] if rule in errors)
        )
        for row in session.fetch(judged).to_pylist()
    }

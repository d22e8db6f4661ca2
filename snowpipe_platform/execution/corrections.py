"""Edited and discarded rows as entries of the bronze log, checked again while nobody else can decide about them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import ibis
import pyarrow as pa

from snowpipe_platform.errors import CommitConflictError
from snowpipe_platform.execution.decisions import Author, decision, record
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.proposal import Proposal
from snowpipe_platform.execution.quarantine import QuarantinedRow, Selection, quarantined_rows
from snowpipe_platform.records import Landed
from snowpipe_platform.spec.bronze_log import watermark_column
from snowpipe_platform.spec.manifest import CONTENT_HASH, PLATFORM_COLUMNS, ROW_NUMBER, ColumnSpec, Manifest, day_folder
from snowpipe_platform.spec.origins import Origin, encode_origins
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import ChangesTable

NAMED_ROWS = 5
EntryOf = Callable[[list[Manifest], date, list[Origin]], Manifest]
"""The next entry of a log, about rows of a load day."""


def correct(pipeline: Pipeline, proposal: Proposal, author: Author, ground: Ground) -> list[Manifest]:
    """Land the edited rows of a proposal, each load day's as an entry of its own. A run of the table takes them in.

    Raises CommitConflictError, and records nothing, when one of the rows is not in quarantine any more.
    """
    table, edited = proposal.table, proposal.edited
    folder_by = pipeline.queries_by_entity[table.source].partition_by

    def entry(log: list[Manifest], day: date, origins: list[Origin]) -> Manifest:
        extraction_id = f"correction-{author.identity.run_id}-{day}"
        folder = day_folder(day, folder_by, extracted_at=datetime.now(UTC))
        attempt = ground.bronze.begin(table.source, folder=folder, extraction_id=extraction_id, file_format="parquet")
        rows = _bronze_rows([edited[origin] for origin in origins], proposal.columns, log, ground)
        # Without watermarks: an extraction takes those of files for how far the source was read.
        file = attempt.write(rows, watermark_min=None, watermark_max=None)
        facts = {
            "extraction_id": extraction_id,
            "columns": tuple(ColumnSpec(name=name, type=str(dtype)) for name, dtype in proposal.columns.items()),
            "files": (file,),
            "rows_read": len(origins),
            "rows_landed": len(origins),
            "supersedes": encode_origins(origins),
        }
        return decision(log, "correction", author, load_day=day, **facts)

    waiting = [proposed.row for proposed in proposal.rows if proposed.row.origin in edited]
    return _decide(table, waiting, author, ground, entry)


def discard(table: ChangesTable, rows: Sequence[QuarantinedRow], author: Author, ground: Ground) -> list[Manifest]:
    """Give rows up, each load day's in an entry of its own. A run of the table takes them in.

    Raises CommitConflictError, and records nothing, when one of the rows is not in quarantine any more.
    """

    def entry(log: list[Manifest], day: date, origins: list[Origin]) -> Manifest:
        facts = {
            "extraction_id": f"discard-{author.identity.run_id}-{day}",
            "supersedes": encode_origins(origins),
        }
        return decision(log, "discard", author, load_day=day, **facts)

    return _decide(table, rows, author, ground, entry)


def _decide(
    table: ChangesTable, rows: Collection[QuarantinedRow], author: Author, ground: Ground, entry: EntryOf
) -> list[Manifest]:
    """Record the entries while no run can write the table, so that what waits now still waits when it is decided."""
    by_day: dict[date, list[Origin]] = {}
    for row in sorted(rows, key=lambda row: row.origin):
        by_day.setdefault(row.load_day, []).append(row.origin)

    def entries(log: list[Manifest]) -> list[Manifest]:
        made: list[Manifest] = []
        for day in sorted(by_day):
            made.append(entry([*log, *made], day, by_day[day]))
        return made

    with ground.state.lease(table.name, holder=author.identity.run_id):
        _require_waiting(table, {row.origin for row in rows}, ground)
        return record(table.source, ground, author, entries)


def _require_waiting(table: ChangesTable, origins: set[Origin], ground: Ground) -> None:
    waiting = {row.origin for row in quarantined_rows(table, ground, Selection(origins=origins))}
    gone = sorted(origins - waiting)
    if gone:
        named = ", ".join(map(str, gone[:NAMED_ROWS])) + (" …" if len(gone) > NAMED_ROWS else "")
        msg = f"{table.name}: {len(gone):,} of the rows left quarantine meanwhile ({named}); nothing was recorded."
        raise CommitConflictError(f"{msg} Look again with 'snowpipe quarantine show {table.name}'.")


def _bronze_rows(
    rows: Sequence[Mapping[str, Any]], columns: ibis.Schema, log: Sequence[Manifest], ground: Ground
) -> pa.Table:
    """The rows as a file of bronze has them: numbered from 0, with the hash of their own content."""
    schema = ibis.schema(dict(columns.items()) | PLATFORM_COLUMNS).to_pyarrow()
    numbered = [{**row, ROW_NUMBER: number} for number, row in enumerate(rows)]
    batch = pa.RecordBatch.from_pylist(numbered, schema.remove(schema.get_field_index(CONTENT_HASH)))
    nothing = Landed((), {})
    recognizer = ground.recognizer(schema=columns.to_pyarrow(), key=(), watermark=watermark_column(log), landed=nothing)
    try:
        return recognizer.new_rows(batch).rows
    finally:
        recognizer.close()

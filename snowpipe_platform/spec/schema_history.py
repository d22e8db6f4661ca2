"""How the columns of an entity changed: its versions, and what a policy refused.

The log is the record of versions. A refused change left no entry; it stands in the dead letter of its run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import ibis
from pydantic import TypeAdapter

from snowpipe_platform.spec.bronze_log import standing
from snowpipe_platform.spec.manifest import ColumnSpec, Manifest
from snowpipe_platform.spec.reach import reads_source
from snowpipe_platform.spec.schema_change import ColumnChange, Diff, compare_schemas, outcome_of, verdict_of

SCHEMA_DIFF, SOURCE_CLOCK = "schema_diff", "source_clock"
"""Where a dead letter's request has the diff that stopped its run, and when that was by the source's clock."""
_DIFF = TypeAdapter(Diff)


@dataclass(frozen=True)
class SchemaEvent:
    """The columns that rows came with from one entry of the log on; of what was refused, the columns that never came.

    at: by the source's clock. version: counted from 1; None for what was refused, and for what was left out, which made
    none. number: of the entry; None for what was refused. columns: of the entry's files. diff: against the version
    before; empty for the first. by: the query, or the dropped file. letter: the refused run's dead letter; closed: why
    it waits no more.
    """

    version: int | None
    number: int | None
    load_day: date
    at: datetime
    columns: tuple[ColumnSpec, ...]
    diff: Diff
    by: str
    letter: str | None = None
    closed: str | None = None

    @property
    def verdict(self) -> str:
        """`compatible` or `breaking`, `first` for the first."""
        return verdict_of(self.diff) if self.diff else "first"

    @property
    def outcome(self) -> str:
        return outcome_of(self.diff) if self.diff else "taken"


def schema_versions(log: Sequence[Manifest]) -> list[SchemaEvent]:
    """Oldest first, of the entries that count. A diff that was not kept is taken from the columns before and after."""
    found: list[SchemaEvent] = []
    known: Manifest | None = None
    shown: Diff = ()
    for entry in (entry for entry in standing(log) if reads_source(entry) or entry.kind == "arrival"):
        diff = (entry.schema_diff or _since(known, entry)) if found else ()
        # What is left out is told anew by each run, and is one event.
        if not found or (diff and diff != shown):
            found.append(_event(entry, diff, [each.version for each in found if each.version]))
        known, shown = (known if entry.kind == "arrival" else entry), diff
    return found


def _event(entry: Manifest, diff: Diff, versions: Sequence[int]) -> SchemaEvent:
    takes = not versions or any(change.outcome == "taken" for change in diff)
    return SchemaEvent(
        version=len(versions) + 1 if takes else None,
        number=entry.number,
        load_day=entry.load_day,
        at=entry.extracted_at,
        columns=entry.columns,
        diff=diff,
        by=entry.arrived.path if entry.arrived is not None else entry.query,
    )


def diff_text(diff: Sequence[ColumnChange]) -> str:
    """As JSON, for a place that keeps text."""
    return _DIFF.dump_json(tuple(diff)).decode()


def diff_of(text: str) -> Diff:
    """What `diff_text` wrote."""
    return _DIFF.validate_json(text)


def _since(known: Manifest | None, entry: Manifest) -> Diff:
    """Of an entry of the same kind of rows; a dropped file need not have what the source has."""
    if known is None or entry.kind == "arrival" or known.columns == entry.columns:
        return ()
    before, after = ({c.name: ibis.dtype(c.type) for c in one.columns} for one in (known, entry))
    return compare_schemas(before, after, policy="evolve").diff

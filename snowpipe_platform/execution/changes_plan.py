"""What a run of a changes table does: which entries of the bronze log it takes in, and which of its rows they change.

The table is a function of the entries it has consumed: the rows of those that count, without the rows that others
replace, and with those given up marked. A run brings it from one set of entries to a larger one; a rebuild from none.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from snowpipe_platform.execution.change_rows import bronze_table, change_rows
from snowpipe_platform.execution.inputs import TableInputs, bronze_source
from snowpipe_platform.execution.origin_rows import ORIGIN, bronze_among, origin_values, origins_table
from snowpipe_platform.execution.plan import TARGET, Plan, TableRequest
from snowpipe_platform.execution.replay_plan import replay_plan
from snowpipe_platform.records import Rows
from snowpipe_platform.spec.bronze_log import all_columns, standing
from snowpipe_platform.spec.consumption import Consumption
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.origins import Origin, decided
from snowpipe_platform.spec.table import MANIFEST_NUMBER, ChangesTable

AGAIN, ORIGINS, REPLACED, GIVEN_UP = "#again", "#origins", "#replaced", "#given up"
"""What names of sources end with: entries consumed before, some of whose rows are made anew; the origins of rows to
make anew, or to replace in the table; those in whose place others stand; those a person gave up."""


def changes_plan(request: TableRequest, table: ChangesTable, inputs: TableInputs, consumed: Consumption) -> Plan:
    if request.replay is not None:
        return replay_plan(request, request.replay, table, inputs, consumed)
    done = frozenset[int]() if request.rebuild else consumed.manifests.get(table.source, frozenset())
    day = None if request.rebuild else request.day
    pending = [entry for entry in inputs.log if entry.number not in done and (day is None or entry.load_day == day)]
    # A watermark entry changes no row: it is taken in with others, and never makes a commit of its own.
    has_news = any(entry.kind != "watermark" for entry in pending)
    if not has_news and not (request.rebuild and inputs.base is not None):
        return Plan(request, inputs.base, "nothing", "nothing new in bronze", consumed)
    step = _Step.between(inputs.log, done, done | {entry.number for entry in pending})
    replaces = bool(step.altered or step.withdrawn)
    sources: dict[str, Rows] = {}
    return Plan(
        request,
        inputs.base,
        "replace_all" if request.rebuild else "replace_touched" if replaces else "append",
        _told(pending),
        Consumption({table.source: step.after}),
        expression=_rows(table, inputs, step, sources),
        touched=_touched(table, step, sources) if replaces else None,
        days=frozenset(entry.load_day for entry in pending),
        sources=sources,
    )


@dataclass(frozen=True)
class _Step:
    """From the entries consumed before to those consumed `after`.

    new: entries that bring rows, to take in. withdrawn: numbers of entries in the table that do not count any more.
    altered: origins of other entries in the table whose standing changes. again: of them, those that count: their rows
    are made anew. gone, discarded: of the rows to take in and to make anew.
    """

    after: frozenset[int]
    new: tuple[Manifest, ...]
    withdrawn: frozenset[int]
    altered: frozenset[Origin]
    again: frozenset[Origin]
    gone: frozenset[Origin]
    discarded: frozenset[Origin]

    @classmethod
    def between(cls, log: Sequence[Manifest], done: frozenset[int], after: frozenset[int]) -> "_Step":
        before_log = [entry for entry in log if entry.number in done]
        after_log = [entry for entry in log if entry.number in after]
        before, now = decided(before_log), decided(after_log)
        stood, stand = standing(before_log), standing(after_log)
        staying = {entry.number for entry in stood} & {entry.number for entry in stand}
        altered = (before.gone ^ now.gone) | (before.discarded ^ now.discarded)
        altered = frozenset(origin for origin in altered if origin.manifest_number in staying)
        new = tuple(entry for entry in stand if entry.number not in done)
        taken_in = {entry.number for entry in new}
        return cls(
            after=after,
            new=new,
            withdrawn=frozenset(entry.number for entry in stood) - staying,
            altered=altered,
            again=altered - now.gone,
            gone=frozenset(origin for origin in now.gone if origin.manifest_number in taken_in),
            discarded=frozenset(o for o in now.discarded if o.manifest_number in taken_in or o in altered),
        )


def _rows(table: ChangesTable, inputs: TableInputs, step: _Step, sources: dict[str, Rows]) -> ir.Table:
    """The rows to write; `sources` is told what the names mean. What nobody decided about is read without a join."""
    columns = all_columns(inputs.log)
    name = f"bronze/{table.source}"
    sources[name] = bronze_source(step.new, columns, inputs)
    rows = bronze_table(table, columns)
    if step.gone:
        sources[name + REPLACED] = origin_values(step.gone)
        rows = bronze_among(rows, origins_table(name + REPLACED), inside=False)
    if step.again:
        numbers = {origin.manifest_number for origin in step.again}
        sources[name + AGAIN] = bronze_source([e for e in inputs.log if e.number in numbers], columns, inputs)
        sources[name + AGAIN + ORIGINS] = origin_values(step.again)
        again = bronze_table(table, columns, suffix=AGAIN)
        rows = ibis.union(rows, bronze_among(again, origins_table(name + AGAIN + ORIGINS)))
    if not step.discarded:
        return change_rows(table, rows)
    sources[name + GIVEN_UP] = origin_values(step.discarded)
    return change_rows(table, rows, discarded=origins_table(name + GIVEN_UP))


def _touched(table: ChangesTable, step: _Step, sources: dict[str, Rows]) -> ir.Table:
    """Origins of the table's own rows that go, or are written anew."""
    sources[table.name + ORIGINS] = origin_values(step.altered)
    own = ibis.table(table.schema, name=TARGET)
    withdrawn = own.filter(own[MANIFEST_NUMBER].isin(sorted(step.withdrawn)))
    altered = own.semi_join(origins_table(table.name + ORIGINS), ORIGIN)
    return ibis.union(withdrawn.select(*ORIGIN), altered.select(*ORIGIN))


def _told(pending: Iterable[Manifest]) -> str:
    """`2 extractions and 1 correction to consume`."""
    counts = Counter(entry.kind for entry in pending)
    told = [f"{count} {kind}{'s' if count != 1 else ''}" for kind, count in counts.items()]
    *first, last = told or ["0 extractions"]
    return f"{', '.join(first)} and {last} to consume" if first else f"{last} to consume"

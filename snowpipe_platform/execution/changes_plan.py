"""What a run of a changes table does: which entries of the bronze log it takes in, and which of its rows they change.

The table is a function of the entries it has consumed: the rows of those that count, without the rows that others
replace, and with those given up marked. A run brings it from one set of entries to a larger one; a rebuild from none.
"""

from collections import Counter
from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from snowpipe_platform.execution.change_rows import bronze_table, change_rows
from snowpipe_platform.execution.inputs import TableInputs, bronze_source
from snowpipe_platform.execution.log_step import LogStep
from snowpipe_platform.execution.origin_rows import ORIGIN, bronze_among, origin_values, origins_table
from snowpipe_platform.execution.plan import TARGET, Plan, TableRequest
from snowpipe_platform.execution.replay_plan import replay_plan
from snowpipe_platform.records import Rows
from snowpipe_platform.spec.bronze_log import all_columns
from snowpipe_platform.spec.consumption import Consumption
from snowpipe_platform.spec.manifest import Manifest
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
    step = LogStep.between(inputs.log, done, done | {entry.number for entry in pending})
    replaces = bool(step.altered or step.withdrawn)
    rows, row_sources = _rows(table, inputs, step)
    touched, own_sources = _touched(table, step) if replaces else (None, {})
    days = frozenset(entry.load_day for entry in pending)
    return Plan(
        request,
        inputs.base,
        "replace_all" if request.rebuild else "replace_touched" if replaces else "append",
        _told(pending),
        Consumption({table.source: step.after}),
        expression=rows,
        touched=touched,
        days=days,
        begun=days & {entry.load_day for entry in inputs.log if entry.number in done and entry.has_rows},
        sources=row_sources | own_sources,
    )


def rebuilt_rows(
    table: ChangesTable, inputs: TableInputs, consumed: frozenset[int]
) -> tuple[ir.Table, dict[str, Rows]]:
    """All rows of the table that has consumed these entries of the log, and what their names mean."""
    return _rows(table, inputs, LogStep.between(inputs.log, frozenset(), consumed))


def _rows(table: ChangesTable, inputs: TableInputs, step: LogStep) -> tuple[ir.Table, dict[str, Rows]]:
    """The rows to write, and what their names mean. What nobody decided about is read without a join."""
    columns = all_columns(inputs.log)
    name = f"bronze/{table.source}"
    sources: dict[str, Rows] = {name: bronze_source(step.new, columns, inputs)}
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
        return change_rows(table, rows), sources
    sources[name + GIVEN_UP] = origin_values(step.discarded)
    return change_rows(table, rows, discarded=origins_table(name + GIVEN_UP)), sources


def _touched(table: ChangesTable, step: LogStep) -> tuple[ir.Table, dict[str, Rows]]:
    """Origins of the table's own rows that go, or are written anew."""
    name = table.name + ORIGINS
    own = ibis.table(table.schema, name=TARGET)
    withdrawn = own.filter(own[MANIFEST_NUMBER].isin(sorted(step.withdrawn)))
    altered = own.semi_join(origins_table(name), ORIGIN)
    touched = ibis.union(withdrawn.select(*ORIGIN), altered.select(*ORIGIN))
    return touched, {name: origin_values(step.altered)}


def _told(pending: Iterable[Manifest]) -> str:
    """`2 extractions and 1 correction to consume`."""
    counts = Counter(entry.kind for entry in pending)
    told = [f"{count} {kind}{'s' if count != 1 else ''}" for kind, count in counts.items()]
    *first, last = told or ["0 extractions"]
    return f"{', '.join(first)} and {last} to consume" if first else f"{last} to consume"

"""What a table is compared with: its rows as its inputs make them, where each input is as the table has consumed it.

No newer commit of an input is looked at, so a table that is behind is compared with what it should be, not with what
it will be.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from snowpipe_platform.errors import ConfigurationError, LakeError
from snowpipe_platform.execution.as_of_plan import date_rows, made_dates
from snowpipe_platform.execution.changes_plan import rebuilt_rows
from snowpipe_platform.execution.derived_plan import derived_rows
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.inputs import consumed_paths, date_of, read_inputs, require_record, snapshot_with
from snowpipe_platform.execution.origin_rows import ORIGIN
from snowpipe_platform.execution.plan import CODE_VERSION_PROPERTY, PARTITION_PROPERTY
from snowpipe_platform.records import LakeRows, Rows, TableState
from snowpipe_platform.spec.as_of import ANALYSIS_DATE, AsOfTable
from snowpipe_platform.spec.consumption import CONSUMED_PROPERTY, Consumption
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import ChangesTable, DerivedTable, Table


@dataclass(frozen=True)
class Comparison:
    """Some rows of a table, all of them or one analysis date's, and the expression that makes them anew over the names
    in `sources`. live_rows: how many there are. made_by: the code version that made them."""

    live: LakeRows
    live_rows: int
    expression: ir.Table
    sources: Mapping[str, Rows]
    made_by: str


@dataclass(frozen=True)
class Comparisons:
    """All of one table. left_out: stale dates that were made of states of the inputs which are expired."""

    parts: tuple[Comparison, ...]
    left_out: tuple[date, ...] = ()


def is_verifiable(table: Table) -> bool:
    """Whether the rows follow from the inputs alone. Features keep what was known when, and scores are answers of a
    version of a model."""
    return isinstance(table, ChangesTable | DerivedTable | AsOfTable)


def row_key(table: Table) -> tuple[str, ...]:
    """The columns that tell which row of one side is which of the other: of a change its place in the log, else the
    first declared unique; the scope of a derived table without, and all columns of any other."""
    if isinstance(table, ChangesTable):
        return ORIGIN
    declared = next((rule.columns for rule in table.rules if rule.kind == "unique"), None)
    if declared is not None:
        return declared
    return table.scope if isinstance(table, DerivedTable) else tuple(table.schema)


def comparisons(pipeline: Pipeline, table: Table, base: TableState, ground: Ground) -> Comparisons:
    """base: the table's published state. Raises LakeError where nothing says what it has consumed or that is expired,
    PipelineError where the table's code does not fit, ConfigurationError for a table that does not follow from inputs.
    """
    require_record(base)
    consumed = Consumption.decode(base.properties[CONSUMED_PROPERTY])
    if isinstance(table, ChangesTable):
        inputs = read_inputs(pipeline, table, ground)
        made = rebuilt_rows(table, inputs, consumed.manifests.get(table.source, frozenset()))
        return Comparisons((_whole(table, base, ground, *made),))
    if isinstance(table, DerivedTable):
        sources = _sources(pipeline, table, consumed, ground)
        made = derived_rows(table, _unbound(pipeline, table.inputs)), sources
        return Comparisons((_whole(table, base, ground, *made),))
    if isinstance(table, AsOfTable):
        return _by_date(pipeline, table, base, ground)
    raise ConfigurationError(f"{table.name} does not follow from its inputs alone, so there is nothing to compare.")


def _whole(
    table: Table, base: TableState, ground: Ground, expression: ir.Table, sources: Mapping[str, Rows]
) -> Comparison:
    made_by = base.properties.get(CODE_VERSION_PROPERTY, table.code_version)
    return _comparison(table, base, ground, expression, sources, made_by=made_by, where={})


def _comparison(  # noqa: PLR0913 - what a comparison is made of
    table: Table,
    base: TableState,
    ground: Ground,
    expression: ir.Table,
    sources: Mapping[str, Rows],
    *,
    made_by: str,
    where: Mapping[str, object],
) -> Comparison:
    files = ground.lake.files(table.name, snapshot_id=base.snapshot_id, where=where)
    live = LakeRows(tuple(file.path for file in files), table.schema)
    return Comparison(live, sum(file.rows for file in files), expression, sources, made_by)


def _by_date(pipeline: Pipeline, table: AsOfTable, base: TableState, ground: Ground) -> Comparisons:
    """A date that is not stale is what the table's last commit consumed makes of it; a stale one is what was consumed
    by the commit that made it."""
    dates = made_dates(base)
    code_of = {on: code for code, made in dates.made.items() for on in made}
    newest = {state.properties.get(PARTITION_PROPERTY): state for state in ground.lake.history(table.name)}
    unbound = _unbound(pipeline, (*table.inputs, *table.scores))
    parts, left_out = [], []
    for on in sorted(dates.all):
        maker = newest.get(on.isoformat()) if on in dates.stale else base
        consumed = Consumption() if maker is None else Consumption.decode(maker.properties.get(CONSUMED_PROPERTY))
        try:
            sources = _sources(pipeline, table, consumed, ground)
            sources |= dict(_scores(pipeline, table, consumed, on, ground))
        except LakeError:
            if on not in dates.stale:
                raise
            left_out.append(on)
            continue
        rows, where = date_rows(table, on, unbound), {ANALYSIS_DATE: on}
        parts.append(_comparison(table, base, ground, rows, sources, made_by=code_of[on], where=where))
    return Comparisons(tuple(parts), tuple(left_out))


def _sources(
    pipeline: Pipeline, table: DerivedTable | AsOfTable, consumed: Consumption, ground: Ground
) -> dict[str, Rows]:
    """The rows of the inputs, as they were consumed."""
    found: dict[str, Rows] = {}
    for name in table.inputs:
        paths = consumed_paths(pipeline, name, consumed.commits.get(name), ground)
        if paths is None:
            raise _expired(table, name)
        found[name] = LakeRows(paths, pipeline.table(name).schema)
    return found


def _scores(
    pipeline: Pipeline, table: AsOfTable, consumed: Consumption, on: date, ground: Ground
) -> Iterator[tuple[str, Rows]]:
    """The scores of the date, as they were consumed; none where there were none."""
    for name in table.scores:
        commit = consumed.commits.get(name)
        snapshot_id = None if commit is None else snapshot_with(commit, ground.lake.snapshots(name))
        if commit is not None and snapshot_id is None:
            raise _expired(table, name)
        files = () if snapshot_id is None else ground.lake.files(name, snapshot_id=snapshot_id)
        paths = tuple(file.path for file in files if date_of(file) == on)
        yield name, LakeRows(paths, pipeline.table(name).schema)


def _unbound(pipeline: Pipeline, names: tuple[str, ...]) -> dict[str, ir.Table]:
    return {name: ibis.table(pipeline.table(name).schema, name=name) for name in names}


def _expired(table: Table, name: str) -> LakeError:
    return LakeError(
        f"{table.name}: the state of {name} that it was made of is not there any more, so it cannot be compared. "
        f"Make it anew: snowpipe run {table.name} --rebuild"
    )

"""What a person sees on an asset: counts, columns, places and small charts."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import ibis

from snowpipe_platform.errors import SnowpipeError, SourceError, TransientSourceError
from snowpipe_platform.execution.decided import decided
from snowpipe_platform.execution.execute import ROWS_PROPERTY, TableResult, rules_of
from snowpipe_platform.execution.extraction import ExtractionResult
from snowpipe_platform.execution.extraction_plan import describe_interval
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.lineage import lineage_of
from snowpipe_platform.orchestration.charts import bar_chart
from snowpipe_platform.orchestration.judged import quality_of
from snowpipe_platform.orchestration.names import EXTRACTED_AT, SOURCE_CLOCK, asset_key
from snowpipe_platform.orchestration.on_time import table_deadline
from snowpipe_platform.orchestration.schema_changes import schema_metadata
from snowpipe_platform.records import TableState
from snowpipe_platform.spec.bronze_log import landings
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.quality import Counts, Quality
from snowpipe_platform.spec.rule import Rule
from snowpipe_platform.spec.table import ChangesTable, Table

Metadata = dict[str, dg.MetadataValue[Any]]

CHART_POINTS = 30
"""Load days or commits a chart goes back."""

_int, _float, _text, _md = dg.MetadataValue.int, dg.MetadataValue.float, dg.MetadataValue.text, dg.MetadataValue.md


def extraction_metadata(result: ExtractionResult, ground: Ground) -> Metadata:
    """Of one load day's extraction. `dagster/row_count` counts every row ever landed but those withdrawn,
    `dagster/partition_row_count` the day's; the other counts are of this run."""
    plan, log = result.plan, landings(ground.bronze.log(result.plan.query.entity))
    found: Metadata = {
        "summary": _text(result.summary),
        **log_metadata(log, plan.load_day),
        "interval": _text(describe_interval(plan)),
        EXTRACTED_AT: _text(f"{plan.extracted_at.isoformat()}Z"),
        "attempts": _int(result.attempts),
    }
    if result.manifest is not None:
        found |= _manifest_metadata(result.manifest, ground)
    return found


def log_metadata(log: Sequence[Manifest], day: date) -> Metadata:
    """What the entity's log has, of all days and of one."""
    found: Metadata = {
        "dagster/row_count": _int(sum(manifest.rows_landed for manifest in log)),
        "dagster/partition_row_count": _int(sum(m.rows_landed for m in log if m.load_day == day)),
    }
    if log:
        found["rows_per_load_day"] = _md(bar_chart("rows landed per load day", _per_day(log)))
    return found


def _manifest_metadata(manifest: Manifest, ground: Ground) -> Metadata:
    counts = {
        "rows_read": manifest.rows_read,
        "rows_landed": manifest.rows_landed,
        "rows_known": manifest.rows_known,
        "rows_dropped": manifest.rows_dropped,
        "rows_deleted": manifest.rows_deleted,
        "rows_above_bound": manifest.rows_above_bound,
        "rows_null_watermark": manifest.rows_null_watermark,
        "manifest_number": manifest.number,
        "files": len(manifest.files),
        "size_bytes": manifest.size_bytes,
    }
    found: Metadata = {name: _int(count) for name, count in counts.items() if count is not None}
    found["dagster/column_schema"] = dg.MetadataValue.table_schema(column_schema(manifest.schema))
    if manifest.files:
        folder = ground.bronze.locate(manifest.files[0]).rpartition("/")[0]
        found["dagster/uri"] = _text(folder)
    return {**found, **schema_metadata(manifest.schema_diff)}


def _per_day(log: Sequence[Manifest]) -> list[tuple[str, float]]:
    rows: dict[date, int] = {}
    for manifest in log:
        rows[manifest.load_day] = rows.get(manifest.load_day, 0) + manifest.rows_landed
    return [(day.isoformat(), float(rows[day])) for day in sorted(rows)[-CHART_POINTS:]]


def table_metadata(result: TableResult, ground: Ground) -> Metadata:
    """Of one run of a table. `dagster/row_count` counts the table's rows after it; quality is of the rows it judged."""
    plan, state, table = result.plan, result.state, result.plan.table
    found: Metadata = {
        "summary": _text(summary(result)),
        "status": _text(status(result)),
        "dagster/row_count": _int(result.rows),
        "rows_new": _int(result.new),
        "rows_quarantined": _int(result.quarantined),
        "rows_replaced": _int(result.replaced),
        "operation": _text(plan.operation),
        "reason": _text(plan.reason),
        "seconds": _float(round(result.seconds, 3)),
        "code_version": _text(table.code_version),
    }
    found |= _lineage_metadata(table, plan.request.pipeline, ground)
    if state is not None:
        found["snapshot_id"] = _text(str(state.snapshot_id))
        if result.committed and (by := decided(state)) is not None:
            found["decided"] = _text(by)
        found["dagster/uri"] = _text(ground.lake.location(table.name))
        found["rows_per_commit"] = _md(_rows_chart(table, ground.lake.history(table.name)))
    if table_deadline(table, plan.request.pipeline) is not None:
        found |= _source_clock(ground)
    if result.held_on is not None:
        found["held_on"] = _text(result.held_on)
    if result.quality.by_partition:
        found["quality"] = _md(quality_table(rules_of(table), result.quality.total))
        found["failures_per_rule"] = _md(_failures_chart(rules_of(table), result.quality))
    return found


def _source_clock(ground: Ground) -> Metadata:
    """Nothing when the source does not answer: a table is made from what has landed, and needs no source."""
    try:
        return {SOURCE_CLOCK: _text(f"{ground.warehouse.clock().isoformat()}Z")}
    except (SourceError, TransientSourceError):
        return {}


def _lineage_metadata(table: Table, pipeline: Pipeline, ground: Ground) -> Metadata:
    """The columns each column's values come from, over the assets it reads, or why they cannot be traced. Traced for
    each materialization, as bronze has its columns from what was landed: some milliseconds."""
    try:
        lineage = lineage_of(table.name, pipeline, ground)
    except SnowpipeError as error:
        return {"column_lineage": _text(f"not traced: {error}")}
    deps = {
        name: list(dict.fromkeys(dg.TableColumnDep(asset_key(one.table), one.column) for one in sorted(column.value)))
        for name, column in lineage.columns.items()
    }
    return {"dagster/column_lineage": dg.MetadataValue.column_lineage(dg.TableColumnLineage(deps))}


def status(result: TableResult) -> str:
    """One of nothing, held, published."""
    if not result.committed:
        return "nothing"
    return "published" if result.published else "held"


def summary(result: TableResult) -> str:
    """One sentence for a person."""
    if not result.committed:
        return f"nothing to do: {result.plan.reason}"
    replaced = f", {result.replaced:,} replaced" if result.replaced else ""
    bad = f", {result.quarantined:,} quarantined" if result.quarantined else ""
    if result.published:
        return f"{result.new:+,} rows{replaced}{bad}; {result.rows:,} in the table"
    failed = {rule.id for rules in result.quality.failed(rules_of(result.plan.table)).values() for rule in rules}
    broken = ", ".join(sorted(failed))
    return f"{result.written:,} rows held back: beyond the tolerance of {broken}; the table is as it was"


def quality_table(rules: Iterable[Rule], counts: Counts) -> str:
    """A line of Markdown for each rule, with what is tolerated before it warns and before nothing is published."""
    lines = ["| rule | severity | broken | share | tolerated | verdict |", "|---|---|---:|---:|---:|---|"]
    lines += [
        f"| {_cell(rule.id)} | {rule.severity} | {counts.broken.get(rule.id, 0):,} | {counts.share(rule.id):.2%} "
        f"| {tolerated(rule)} | {counts.verdict(rule).value} |"
        for rule in rules
    ]
    discarded = f", {counts.discarded:,} discarded" if counts.discarded else ""
    told = f"{counts.rows:,} rows judged, {counts.quarantined:,} quarantined{discarded}."
    return "\n".join([*lines, "", told])


def tolerated(rule: Rule) -> str:
    """The shares above which the rule warns and fails."""
    warn, error = rule.tolerance.warn_above, rule.tolerance.error_above
    return f"{warn:.2%}" if rule.severity == "warn" else f"{warn:.2%} / {error:.2%}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _failures_chart(rules: Iterable[Rule], quality: Quality) -> str:
    counts = quality.total
    points = [(rule.id, float(counts.broken[rule.id])) for rule in rules if counts.broken.get(rule.id)]
    if not points:
        return "no row breaks a rule"
    named = "\n".join(
        f"{place}. {_cell(rule_id)}: {count:,.0f}" for place, (rule_id, count) in enumerate(points, start=1)
    )
    return f"{bar_chart('rows that break each rule', points)}\n\n{named}"


def _rows_chart(table: Table, history: Sequence[TableState]) -> str:
    """Of a changes table the rows each commit judged, those it brought or all of the load days it altered; else the
    rows it left in the table."""
    recent = history[-CHART_POINTS:]
    if isinstance(table, ChangesTable):
        return bar_chart(
            "rows judged per commit", [(label(state), float(quality_of(state).total.rows)) for state in recent]
        )
    sizes = [(label(state), float(state.properties.get(ROWS_PROPERTY, 0))) for state in recent]
    return bar_chart("rows in the table", sizes)


def label(state: TableState) -> str:
    """A commit in a chart: the load day it is for, else when it happened, UTC."""
    days = sorted(quality_of(state).by_partition)
    is_day = len(days) == 1 and days[0][:1].isdigit()
    return days[0] if is_day else f"{state.committed_at:%Y-%m-%d %H:%M}"


def table_definition_metadata(table: Table) -> Mapping[str, Any]:
    """What is known of a table before it has rows."""
    return {
        "dagster/table_name": table.name.replace("/", "."),
        "dagster/column_schema": column_schema(table.schema, descriptions=table.column_descriptions, rules=table.rules),
        "defined_in": table.defined_in,
    }


def column_schema(
    schema: ibis.Schema, *, descriptions: Mapping[str, str] | None = None, rules: Sequence[Rule] = ()
) -> dg.TableSchema:
    """Columns, with the rules on one column as its constraints."""
    columns = []
    for name, dtype in schema.items():
        own = [rule for rule in rules if rule.columns == (name,)]
        constraints = dg.TableColumnConstraints(
            nullable=not any(rule.id == f"{name}.not_null" for rule in own),
            unique=any(rule.id == f"{name}.unique" for rule in own),
            other=[rule.description for rule in own if rule.id not in {f"{name}.not_null", f"{name}.unique"}],
        )
        description = (descriptions or {}).get(name)
        columns.append(dg.TableColumn(name, str(dtype), description=description, constraints=constraints))
    return dg.TableSchema(columns=columns)

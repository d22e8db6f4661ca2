"""How each check of a table came out, for a run and for a report of what the command line did."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import dagster as dg

from snowpipe_platform.execution.cost import COST_PROPERTY, Cost
from snowpipe_platform.execution.execute import rules_of
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.orchestration.judged import Judged, bind_rows, examples, judge
from snowpipe_platform.orchestration.metadata import Metadata, quality_table, tolerated
from snowpipe_platform.orchestration.names import PUBLISHED, UP_TO_DATE, asset_key, rules_by_check
from snowpipe_platform.orchestration.trends import counts_by_day, judged_points, trend
from snowpipe_platform.spec.analysis_dates import AnalysisDates
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.quality import Counts, Verdict
from snowpipe_platform.spec.rows_sql import broken_changes_sql, sql_command
from snowpipe_platform.spec.rule import Rule
from snowpipe_platform.spec.table import ChangesTable, Table

LONGEST_TEXT = 200


def table_outcomes(
    table: Table, day: date | None, *, names: Collection[str], run_id: str, ground: Ground
) -> list[dg.AssetCheckResult]:
    """The checks called `names`, of a load day or of the table. Reads rows only where counts or examples need them."""
    judged = judge(table, day, run_id=run_id, ground=ground)
    chosen = {name: rule for name, rule in rules_by_check(table.name, rules_of(table)).items() if name in names}
    shown = _examples(judged, [rule for rule in chosen.values() if judged.counts.broken.get(rule.id)], ground)
    days = {} if day is None else counts_by_day(judged)
    found = [_rule_outcome(judged, name, rule, shown.get(rule.id), days) for name, rule in chosen.items()]
    return [*([_published(judged)] if PUBLISHED in names else []), *found]


def _examples(judged: Judged, rules: list[Rule], ground: Ground) -> dict[str, list[dict[str, Any]]]:
    if not rules:
        return {}
    with ground.engine.session() as session:
        rows = bind_rows(judged, session, ground)
        return {rule.id: examples(judged, rule, session, rows) for rule in rules}


def _published(judged: Judged) -> dg.AssetCheckResult:
    table = judged.table
    rules, counts = rules_of(table), judged.counts
    about: Metadata = {"rows": dg.MetadataValue.int(counts.rows)}
    text = "nothing is held back"
    if judged.is_held:
        failed = counts.failed(rules)
        broken = ", ".join(rule.id for rule in failed) or "another load day of the same run"
        held = None if judged.state is None else Cost.decode(judged.state.properties.get(COST_PROPERTY))
        text = f"{held.rows if held else counts.rows:,} rows are held back by {broken}; the table is as it was"
        shows = [_show_command(judged, rule) for rule in failed]
        about["next"] = dg.MetadataValue.md("\n".join(f"- `{command}`" for command in shows))
        about["quality"] = dg.MetadataValue.md(quality_table(rules, counts))
    return dg.AssetCheckResult(
        passed=not judged.is_held,
        asset_key=asset_key(table.name),
        check_name=PUBLISHED,
        severity=dg.AssetCheckSeverity.ERROR,
        description=text,
        metadata=about,
    )


def _rule_outcome(
    judged: Judged, name: str, rule: Rule, rows: list[dict[str, Any]] | None, days: Mapping[str, Counts]
) -> dg.AssetCheckResult:
    counts = judged.counts
    verdict, broken = counts.verdict(rule), counts.broken.get(rule.id, 0)
    source = "the commit's own record" if judged.is_recorded else "counted anew"
    about: Metadata = {
        "rows_broken": dg.MetadataValue.int(broken),
        "rows": dg.MetadataValue.int(counts.rows),
        "share": dg.MetadataValue.float(counts.share(rule.id)),
        "tolerated": dg.MetadataValue.text(tolerated(rule)),
        "rule": dg.MetadataValue.text(f"{rule.id}: {rule.description}"),
        "counts_from": dg.MetadataValue.text(source),
        "show_all": dg.MetadataValue.text(_show_command(judged, rule)),
        "trend": dg.MetadataValue.md(trend(rule.id, judged_points(judged, rule.id, days))),
    }
    if rows:
        about["examples"] = example_table(rows)
    if isinstance(judged.table, ChangesTable) and not judged.is_held:
        about["sql"] = dg.MetadataValue.text(sql_command(broken_changes_sql(judged.table, rule, judged.day)))
    return dg.AssetCheckResult(
        passed=verdict is Verdict.OK,
        asset_key=asset_key(judged.table.name),
        check_name=name,
        severity=dg.AssetCheckSeverity.WARN if verdict is Verdict.WARNED else dg.AssetCheckSeverity.ERROR,
        description=f"{broken:,} of {counts.rows:,} rows ({counts.share(rule.id):.2%}) break it",
        metadata=about,
    )


def _show_command(judged: Judged, rule: Rule) -> str:
    of_day = "" if judged.day is None else f" --partition {judged.day}"
    return f"snowpipe show {judged.table.name} --failing {rule.id}{of_day}"


def up_to_date_outcome(table: DatedTable, on: date, dates: AnalysisDates) -> dg.AssetCheckResult:
    """Of one analysis date: whether changes from before its end, or other code, came since it was made."""
    is_stale, is_recoded = on in dates.stale, on in dates.by_other_code(table.code_version)
    reason = "changes from before its end came after it was made" if is_stale else "its code changed since it was made"
    waits = on not in dates.restatable(table.restate_days)
    mend = f"snowpipe run {table.name} --partition {on}" if waits else "the next run makes it anew"
    about: Metadata = {"restate_days": dg.MetadataValue.int(table.restate_days)}
    if is_stale or is_recoded:
        about["next"] = dg.MetadataValue.text(mend)
    return dg.AssetCheckResult(
        passed=not (is_stale or is_recoded),
        asset_key=asset_key(table.name),
        check_name=UP_TO_DATE,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"stale: {reason}" if is_stale or is_recoded else "as it would be if made now",
        metadata=about,
    )


def example_table(rows: list[dict[str, Any]]) -> dg.TableMetadataValue:
    """Rows as the UI's own table, long values cut."""
    texts = [
        {name: None if value is None else str(value)[:LONGEST_TEXT] for name, value in row.items()} for row in rows
    ]
    columns = [dg.TableColumn(name, "string") for name in texts[0]]
    return dg.MetadataValue.table([dg.TableRecord(text) for text in texts], schema=dg.TableSchema(columns))

"""How each check of a bronze table came out on one load day, from the manifests."""

from collections.abc import Collection, Sequence
from datetime import date

import dagster as dg

from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.orchestration.landed import was_read
from snowpipe_platform.orchestration.metadata import Metadata
from snowpipe_platform.orchestration.names import WINDOW_COMPLETE, asset_key, bronze_name
from snowpipe_platform.orchestration.trends import landed_points, trend
from snowpipe_platform.spec.analysis_dates import end_of
from snowpipe_platform.spec.bronze_log import cut_days, extracted_days, incomplete_days, landings
from snowpipe_platform.spec.extraction import Query, QueryRule
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.read_days import read_at
from snowpipe_platform.spec.rows_sql import broken_landed_sql, sql_command

WHERE_ROWS_ARE = {
    "dead_letter": "snowpipe dead-letters list",
    "fail": "no row was landed: the run that met one failed and named the rule",
}
"""What becomes of rows that break a query's rule, where they are not landed."""


def bronze_outcomes(
    query: Query, day: date, *, names: Collection[str], ground: Ground, instance: dg.DagsterInstance
) -> list[dg.AssetCheckResult]:
    """The checks called `names` of one load day, over all its manifests that count. instance: knows of extractions that
    brought nothing."""
    log = ground.bronze.log(query.entity)
    found = [_window_complete(query, day, ground, instance)] if WINDOW_COMPLETE in names else []
    chosen, landed = [rule for rule in query.rules if rule.name in names], landings(log)
    return found + [_rule_outcome(query, rule, day, landed, dialect=ground.warehouse.dialect) for rule in chosen]


def _rule_outcome(
    query: Query, rule: QueryRule, day: date, log: Sequence[Manifest], *, dialect: str
) -> dg.AssetCheckResult:
    """Rows are those read for the day: one that is read again under `lookback` is counted again."""
    manifests = [manifest for manifest in log if manifest.load_day == day]
    rows = sum(manifest.rows_read for manifest in manifests)
    broken = sum(manifest.rule_failures.get(rule.name, 0) for manifest in manifests)
    share = broken / rows if rows else 0.0
    about: Metadata = {
        "rows_broken": dg.MetadataValue.int(broken),
        "rows": dg.MetadataValue.int(rows),
        "share": dg.MetadataValue.float(share),
        "rule": dg.MetadataValue.text(f"{rule.name}: {rule.expression}"),
        "on_violation": dg.MetadataValue.text(rule.on_violation),
        "trend": dg.MetadataValue.md(trend(rule.name, landed_points(log, rule.name, day))),
    }
    if shown := _where_rows_are(query, rule, day, dialect=dialect):
        about["show_all"] = dg.MetadataValue.text(shown)
    return dg.AssetCheckResult(
        passed=not broken,
        asset_key=asset_key(bronze_name(query.entity)),
        check_name=rule.name,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{broken:,} of {rows:,} rows read ({share:.2%}) break {rule.expression}",
        metadata=about,
    )


def _where_rows_are(query: Query, rule: QueryRule, day: date, *, dialect: str) -> str | None:
    if rule.on_violation != "land":
        return WHERE_ROWS_ARE[rule.on_violation]
    statement = broken_landed_sql(query.entity, rule.expression, day, dialect=dialect)
    return None if statement is None else sql_command(statement)


def _window_complete(query: Query, day: date, ground: Ground, instance: dg.DagsterInstance) -> dg.AssetCheckResult:
    log = ground.bronze.log(query.entity)
    of_day = [entry for entry in landings(log) if entry.load_day == day]
    arrivals = sum(entry.kind == "arrival" for entry in of_day)
    comparisons = sum(entry.kind == "comparison" for entry in of_day)
    passed, told = _window(query, day, ground, instance)
    return dg.AssetCheckResult(
        passed=passed,
        asset_key=asset_key(bronze_name(query.entity)),
        check_name=WINDOW_COMPLETE,
        severity=dg.AssetCheckSeverity.ERROR,
        description=told,
        metadata={
            "extractions": len(of_day) - arrivals - comparisons,
            "arrivals": arrivals,
            "comparisons": comparisons,
        },
    )


def _window(query: Query, day: date, ground: Ground, instance: dg.DagsterInstance) -> tuple[bool, str]:
    """Whether downstream may go on, and why. Dropped files and compared keys are no reason to wait for a day that
    is still to be extracted, and none to take one for landed that is over."""
    log, name = ground.bronze.log(query.entity), bronze_name(query.entity)
    if day in incomplete_days(log):
        cause = "max_batches ended the last run" if day in cut_days(log) else "what was landed was withdrawn"
        return False, f"more rows wait: {cause}; the next is requested until all are landed"
    own = [entry for entry in log if entry.query == query.name]
    if day in extracted_days(log) or read_at(own, day) is not None or was_read(instance, asset_key(name), day):
        return True, "every row of the window is landed"
    if ground.warehouse.clock() < end_of(day):
        told = "dropped files and comparisons of keys alone bring rows before that"
        return True, f"the day is not over and was not extracted yet; {told}"
    kinds = {entry.kind for entry in log if entry.load_day == day}
    others = "dropped files" if "arrival" in kinds else "compared keys"
    told = f"{others} alone have landed" if kinds else "nothing has landed"
    return False, f"the day is over and was never extracted, {told}: snowpipe run {name} --partition {day}"

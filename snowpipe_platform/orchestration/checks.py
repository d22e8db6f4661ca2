"""Asset checks: one per rule, and one blocking check per asset that says whether downstream may go on.

Only the blocking checks stop anything. Dagster's `check_failed()` does not tell a warning from an error, so a check of
a rule must not block: a warning would.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from snowpipe_platform.execution.execute import rules_of
from snowpipe_platform.orchestration.bronze_outcomes import bronze_outcomes
from snowpipe_platform.orchestration.failures import final_failures
from snowpipe_platform.orchestration.metadata import tolerated
from snowpipe_platform.orchestration.names import PUBLISHED, WINDOW_COMPLETE, asset_key, bronze_name, rules_by_check
from snowpipe_platform.orchestration.outcomes import table_outcomes
from snowpipe_platform.orchestration.partitions import load_day
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.table import ChangesTable, Table


def table_checks(table: Table, load_days: dg.PartitionsDefinition[str]) -> dg.AssetChecksDefinition:
    """`published` and one check per rule, by load day for a changes table. Reads the counts the run's commit recorded;
    run alone, counts the rows of that day, or of the table, anew."""
    partitions = load_days if isinstance(table, ChangesTable) else None
    rules = rules_by_check(table.name, rules_of(table))
    specs = [_spec(table.name, PUBLISHED, "the new rows are in the table, none held back", partitions, blocking=True)]
    for name, rule in rules.items():
        about = {"rule": rule.id, "severity": rule.severity, "tolerated": tolerated(rule)}
        specs.append(_spec(table.name, name, rule.description, partitions, metadata=about))

    @dg.multi_asset_check(name=_op_name(table.name), specs=specs, can_subset=True)
    def check_rules(context: dg.AssetCheckExecutionContext, ground: GroundResource) -> Iterator[dg.AssetCheckResult]:
        day = load_day(context.partition_key) if partitions is not None else None
        names = {key.name for key in context.selected_asset_check_keys}
        with final_failures():
            found = table_outcomes(table, day, names=names, run_id=context.run.run_id, ground=ground.ground())
        yield from found

    return check_rules


def bronze_checks(query: Query, load_days: dg.PartitionsDefinition[str]) -> dg.AssetChecksDefinition:
    """`window_complete` and one check per rule of the query, by load day, from the manifests."""
    name = bronze_name(query.entity)
    about = "every row of the load day's window is landed; max_batches did not cut it short"
    specs = [_spec(name, WINDOW_COMPLETE, about, load_days, blocking=True)]
    specs += [_spec(name, rule.name, rule.expression, load_days) for rule in query.rules]

    @dg.multi_asset_check(name=_op_name(name), specs=specs, can_subset=True)
    def check_landed(context: dg.AssetCheckExecutionContext, ground: GroundResource) -> Iterator[dg.AssetCheckResult]:
        names = {key.name for key in context.selected_asset_check_keys}
        with final_failures():
            found = bronze_outcomes(query, load_day(context.partition_key), names=names, ground=ground.ground())
        yield from found

    return check_landed


def _spec(  # noqa: PLR0913 - what a check declares
    name: str,
    check: str,
    description: str,
    partitions: dg.PartitionsDefinition[str] | None,
    *,
    blocking: bool = False,
    metadata: Mapping[str, Any] | None = None,
) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        check,
        asset=asset_key(name),
        description=description,
        blocking=blocking,
        metadata=metadata,
        partitions_def=partitions,
    )


def _op_name(name: str) -> str:
    return f"{name.replace('/', '__')}__checks"

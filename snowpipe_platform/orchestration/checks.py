"""Asset checks: one per rule, and one blocking check per asset that says whether downstream may go on.

Only the blocking checks stop anything. Dagster's `check_failed()` does not tell a warning from an error, so a check of
a rule must not block: a warning would.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from snowpipe_platform.execution.as_of_plan import analysis_dates
from snowpipe_platform.execution.execute import rules_of
from snowpipe_platform.execution.inputs import read_inputs
from snowpipe_platform.orchestration.bronze_outcomes import bronze_outcomes
from snowpipe_platform.orchestration.failures import final_failures
from snowpipe_platform.orchestration.metadata import tolerated
from snowpipe_platform.orchestration.names import (
    ON_TIME,
    PUBLISHED,
    UP_TO_DATE,
    WINDOW_COMPLETE,
    asset_key,
    bronze_name,
    rules_by_check,
)
from snowpipe_platform.orchestration.on_time import ABOUT, on_time_outcome, query_deadline, table_deadline
from snowpipe_platform.orchestration.outcomes import table_outcomes, up_to_date_outcome
from snowpipe_platform.orchestration.partitions import load_day
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.spec.as_of import DatedTable
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.pipeline import Pipeline
from snowpipe_platform.spec.table import Table


def table_checks(
    table: Table, pipeline: Pipeline, partitions: dg.PartitionsDefinition[str] | None
) -> dg.AssetChecksDefinition:
    """`published` and one check per rule, by day for a table with days; of an as-of table also `up_to_date`. Reads the
    counts the run's commit recorded; run alone, counts the rows of that day, or of the table, anew."""
    rules = rules_by_check(table.name, rules_of(table))
    specs = [_spec(table.name, PUBLISHED, "the new rows are in the table, none held back", partitions, blocking=True)]
    if isinstance(table, DatedTable):
        specs.append(_spec(table.name, UP_TO_DATE, "nothing from before the date's end has come since", partitions))
    deadline = table_deadline(table, pipeline)
    if deadline is not None:
        specs.append(_spec(table.name, ON_TIME, ABOUT, partitions))
    for name, rule in rules.items():
        about = {"rule": rule.id, "severity": rule.severity, "tolerated": tolerated(rule)}
        specs.append(_spec(table.name, name, rule.description, partitions, metadata=about))

    @dg.multi_asset_check(name=_op_name(table.name), specs=specs, can_subset=True)
    def check_rules(context: dg.AssetCheckExecutionContext, ground: GroundResource) -> Iterator[dg.AssetCheckResult]:
        day = load_day(context.partition_key) if partitions is not None else None
        names = {key.name for key in context.selected_asset_check_keys}
        with final_failures():
            found = table_outcomes(table, day, names=names, run_id=context.run.run_id, ground=ground.ground())
            if isinstance(table, DatedTable) and day is not None and UP_TO_DATE in names:
                dates = analysis_dates(read_inputs(pipeline, table, ground.ground()))
                found.append(up_to_date_outcome(table, day, dates))
            if deadline is not None and day is not None and ON_TIME in names:
                found.append(on_time_outcome(context.instance, deadline, day, ground=ground.ground()))
        yield from found

    return check_rules


def bronze_checks(query: Query, load_days: dg.PartitionsDefinition[str]) -> dg.AssetChecksDefinition:
    """`window_complete` and one check per rule of the query, by load day, from the manifests."""
    name = bronze_name(query.entity)
    about = "every row of the load day's window is landed; max_batches did not cut it short"
    specs = [_spec(name, WINDOW_COMPLETE, about, load_days, blocking=True)]
    specs += [_spec(name, rule.name, rule.expression, load_days) for rule in query.rules]
    deadline = query_deadline(query)
    if deadline is not None:
        specs.append(_spec(name, ON_TIME, ABOUT, load_days))

    @dg.multi_asset_check(name=_op_name(name), specs=specs, can_subset=True)
    def check_landed(context: dg.AssetCheckExecutionContext, ground: GroundResource) -> Iterator[dg.AssetCheckResult]:
        names = {key.name for key in context.selected_asset_check_keys}
        with final_failures():
            day = load_day(context.partition_key)
            found = bronze_outcomes(query, day, names=names, ground=ground.ground(), instance=context.instance)
            if deadline is not None and ON_TIME in names:
                found.append(on_time_outcome(context.instance, deadline, day, ground=ground.ground()))
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

"""One run: an extraction until its window is complete, a comparison of keys where the shape says so, the changes table,
and the facts that follow from it."""

from datetime import date
from functools import cache
from pathlib import Path

import ibis.expr.datatypes as dt
import pandera.ibis as pa

from snowpipe_platform.execution.comparison import ComparisonRequest, compare
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.run import Run, Step, run_steps
from snowpipe_platform.settings import Settings
from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.pipeline import Pipeline, build_pipeline
from snowpipe_platform.spec.table import ChangesTable, DerivedTable
from snowpipe_platform_tests.torture.shapes import Shape

BRONZE, CHANGES, FACTS = "bronze/items", "silver/item_changes", "silver/fct_items"
ENTITY = "items"


class ItemChanges(pa.DataFrameModel):
    id: dt.int32
    amount: dt.int64 = pa.Field(nullable=True, metadata={"error_above": 1.0})


class FctItems(pa.DataFrameModel):
    id: dt.int32 = pa.Field(unique=True)
    amount: dt.int64 = pa.Field(nullable=True)


ITEM_CHANGES = ChangesTable(
    name=CHANGES,
    description="Changes of items; one whose amount is no number is quarantined, however many there are.",
    contract=ItemChanges,
    source=ENTITY,
    key=("id",),
    types={"amount": "int64"},
    clean=lambda _rows: {},
)
FCT_ITEMS = DerivedTable(
    name=FACTS,
    kind="fact",
    description="Items as they are.",
    contract=FctItems,
    inputs=(CHANGES,),
    scope=("id",),
    build=lambda inputs: latest(inputs[CHANGES], key=["id"]),
)


@cache
def pipeline_of(shape: Shape) -> Pipeline:
    """Facts are of keys."""
    return build_pipeline("torture", shape.queries, [ITEM_CHANGES, FCT_ITEMS] if shape.keyed else [ITEM_CHANGES])


def settings_in(folder: Path) -> Settings:
    """All of a trial is in its folder."""
    return Settings(home=folder / "home", warehouse=folder / "source.duckdb", memory_limit="512MB", threads=1)


def carry_out(shape: Shape, day: date, ground: Ground, *, run_id: str) -> list[Exception]:
    """What a command does that brings a load day up to date; returns the errors of its steps."""
    pipeline = pipeline_of(shape)
    identity = RunIdentity(run_id=run_id, job="torture")

    def errors(*steps: Step) -> list[Exception]:
        run = Run(pipeline=pipeline, steps=steps, identity=identity)
        return [outcome.error for outcome in run_steps(run, ground) if outcome.error is not None]

    if found := errors(Step(BRONZE, day)):
        return found
    if shape.compared and ground.bronze.log(ENTITY):
        (query,) = pipeline.queries.queries
        compare(ComparisonRequest(query, pipeline.queries.source_system, identity), ground)
    return errors(*(Step(name) for name in pipeline.by_name))

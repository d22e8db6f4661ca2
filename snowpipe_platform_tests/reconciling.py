"""A source, its entity's log and its changes table, reconciled.

world = Reconciling(tmp_path, query(primary_key="id"))
world.source.run("CREATE TABLE orders (...)")
world.run("2024-03-01")
assert world.found("2024-03-01") == []
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pandera.ibis as pa
from pyiceberg.catalog.sql import SqlCatalog

from snowpipe_platform.execution.execute import run_table
from snowpipe_platform.execution.extraction import ExtractionResult
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.execution.reconciliation import Reconciliation, mend, reconcile
from snowpipe_platform.execution.reconciliation_plan import Reconciled
from snowpipe_platform.spec.pipeline import Pipeline, build_pipeline
from snowpipe_platform.spec.queries_file import parse_queries
from snowpipe_platform.spec.table import ChangesTable
from snowpipe_platform_tests.kit import World

IDENTITY = RunIdentity(run_id="reconciling", job="test")
CHANGES = "silver/order_changes"
EMPTY = parse_queries('{"queries": [{"name": "x", "sql": "SELECT 1 AS id", "primary_key": "id"}]}', source="x")


class OrderChanges(pa.DataFrameModel):
    id: str
    content: str = pa.Field(nullable=True, str_contains="a", metadata={"error_above": 0.9})


@dataclass
class Reconciling(World):
    """A World with a changes table, `silver/order_changes`, in which a content without an `a` is quarantined."""

    pipeline: Pipeline = field(init=False)
    last: Reconciled | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        changes = ChangesTable(
            name=CHANGES,
            description="Changes of orders.",
            contract=OrderChanges,
            source="orders",
            key=("id",),
            clean=lambda rows: {"id": rows.id.cast("string"), "content": rows.content.cast("string")},
        )
        queries = EMPTY.model_copy(update={"queries": (self.query,)})
        self.pipeline = build_pipeline("orders", queries, [changes], first_day=date(2024, 3, 1))

    def changes(self, day: str | None = None, *, rebuild: bool = False) -> None:
        """Run the changes table."""
        load_day = None if day is None else date.fromisoformat(day)
        table = self.pipeline.table(CHANGES)
        run_table(TableRequest(self.pipeline, table, IDENTITY, day=load_day, rebuild=rebuild), self.ground)

    def days(self, *days: str) -> None:
        """Extract each day at its end, then run the changes table."""
        for day in days:
            self.run(day)
        self.changes()

    def asked(self, day: str) -> Reconciliation:
        return Reconciliation(self.pipeline, self.query, date.fromisoformat(day), IDENTITY)

    def reconcile(self, day: str) -> Reconciled:
        self.last = reconcile(self.asked(day), self.ground)
        return self.last

    def found(self, day: str) -> list[tuple[str, int, tuple[str, ...]]]:
        """Of each difference what it says, its rows and the keys named."""
        return [(one.what, one.rows, one.keys) for one in self.reconcile(day).found.differences]

    def mend(self, day: str) -> list[ExtractionResult]:
        """What was found last where that is of the day, else now."""
        is_known = self.last is not None and self.last.load_day == date.fromisoformat(day)
        found, self.last = self.last if is_known else self.reconcile(day), None
        return mend(found, self.asked(day), self.ground)

    def opened(self) -> object:
        """The changes table as any Iceberg tool sees it."""
        root = self.folder / "lake"
        catalog = SqlCatalog("snowpipe", uri=f"sqlite:///{root / 'catalog.db'}", warehouse=f"file://{root}")
        return catalog.load_table(tuple(CHANGES.split("/")))

    def file(self, number: int = 1) -> Path:
        """The first file of an entry."""
        return self.bronze_folder / self.manifests()[number - 1]["files"][0]["path"]

    def clock(self, day: str, hours: int = 0) -> None:
        """The source's clock shows so many hours after the day's end."""
        self.source.set_clock(datetime.fromisoformat(day) + timedelta(days=1, hours=hours))

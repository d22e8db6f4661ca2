"""A small shop behind real adapters and a real Dagster instance: customers, their changes, versions, and a count."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
import duckdb
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.ground import Ground
from snowpipe_platform.execution.withdrawal import carry_out
from snowpipe_platform.orchestration.build import build_definitions
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.settings import Settings
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.history import latest, versions
from snowpipe_platform.spec.pipeline import Pipeline, build_pipeline
from snowpipe_platform.spec.queries_file import parse_queries
from snowpipe_platform.spec.table import ChangesTable, DerivedTable, Table
from snowpipe_platform_tests.dropping import ADOPTER, drop

FIRST_DAY = date(2024, 3, 1)
NOW = datetime(2024, 3, 20, tzinfo=UTC)
QUERY = """
queries:
  - name: customers
    sql: SELECT * FROM customers WHERE updated_at > ?
    watermark_column: updated_at
    primary_key: customer_id
    lookback: 1 day
    owners: [data-team]
    {settings}
"""

SNAPSHOT = """
queries:
  - name: customers
    sql: SELECT * FROM customers
    mode: full
    primary_key: customer_id
    {settings}
"""


class CustomerChanges(pa.DataFrameModel):
    customer_id: str = pa.Field(description="the shop's own id")
    email: str = pa.Field(nullable=True, str_contains="@")
    nickname: str = pa.Field(nullable=True, str_length={"max_value": 5}, metadata={"severity": "warn"})


class DimCustomers(pa.DataFrameModel):
    customer_id: str
    email: str = pa.Field(nullable=True)
    effective_at: dt.Timestamp(scale=6)
    expires_at: dt.Timestamp(scale=6) = pa.Field(nullable=True)

    class Config:
        unique: ClassVar = ["customer_id", "effective_at"]


class CustomerCount(pa.DataFrameModel):
    domain: str = pa.Field(unique=True)
    customers: dt.int64 = pa.Field(le=5_000)


class CustomerStates(pa.DataFrameModel):
    customer_id: str
    email: str = pa.Field(nullable=True)
    analysis_date: dt.date

    class Config:
        unique: ClassVar = ["customer_id", "analysis_date"]


STATES = AsOfTable(
    name="gold/customer_states",
    description="Customers as known at the end of a day.",
    contract=CustomerStates,
    inputs=("silver/customer_changes",),
    build=lambda inputs, _on: latest(inputs["silver/customer_changes"], key=["customer_id"]),
    due=timedelta(hours=8),
)


def _tables(due: timedelta | None) -> list[ChangesTable | DerivedTable]:
    changes = ChangesTable(
        name="silver/customer_changes",
        description="One accepted change of a customer.",
        owners=("team:crm",),
        contract=CustomerChanges,
        source="customers",
        key=("customer_id",),
        clean=lambda rows: {"email": rows.email.lower()},
        due=due,
    )
    dimension = DerivedTable(
        name="silver/dim_customers",
        kind="dimension",
        description="One version of a customer.",
        contract=DimCustomers,
        inputs=(changes.name,),
        scope=("customer_id",),
        build=lambda inputs: versions(inputs["silver/customer_changes"], key=["customer_id"], attributes=["email"]),
    )

    def count(inputs):
        rows = inputs["silver/dim_customers"]
        current = rows.filter(rows.expires_at.isnull() & rows.email.notnull())
        return current.group_by(domain=current.email.split("@")[1]).agg(customers=lambda found: found.count())

    total = DerivedTable(
        name="gold/customer_count",
        description="Customers by the domain of their address.",
        contract=CustomerCount,
        inputs=(dimension.name,),
        scope=("domain",),
        build=count,
        touched=lambda changed, _inputs: (
            changed["silver/dim_customers"]
            .filter(lambda rows: rows.email.notnull())
            .select(domain=lambda rows: rows.email.split("@")[1])
        ),
    )
    return [changes, dimension, total]


@dataclass(frozen=True)
class Shop:
    """Everything a test does with the platform through Dagster."""

    root: Path
    pipeline: Pipeline
    resource: GroundResource
    definitions: dg.Definitions
    instance: dg.DagsterInstance

    @property
    def ground(self) -> Ground:
        return self.resource.ground()

    def sql(self, *statements: str) -> None:
        with closing(duckdb.connect(str(self.root / "warehouse.duckdb"))) as connection:
            for statement in statements:
                connection.execute(statement)

    def now(self, day: str) -> None:
        """Set the warehouse's clock to the start of the day."""
        self.sql(f"UPDATE source_clock SET now_at = TIMESTAMP '{day}'")

    def customers(self, day: str, *, good: int = 0, bad: int = 0, prefix: str = "") -> None:
        """Customers who changed at noon of the day; bad ones have no '@' in their address. The day is over then."""
        self.sql(
            f"INSERT INTO customers SELECT '{prefix or day}-' || i, "
            f"CASE WHEN i < {bad} THEN 'nowhere' ELSE 'c' || i || '@example.com' END, 'nick', TIMESTAMP '{day} 12:00' "
            f"FROM range({good + bad}) AS r(i)",
            f"UPDATE source_clock SET now_at = greatest(now_at, TIMESTAMP '{day}' + INTERVAL 1 DAY)",
        )

    def run(
        self, *names: str, day: str | None = None, config: dict[str, Any] | None = None
    ) -> dg.ExecuteInProcessResult:
        """Materialize the named tables with their checks, all when none is named."""
        selection = [dg.AssetKey(name.split("/")) for name in names] or None
        job = self.definitions.resolve_job_def("everything")
        return job.execute_in_process(
            partition_key=day,
            asset_selection=selection,
            instance=self.instance,
            raise_on_error=False,
            run_config=config,
        )

    def run_implicitly(self, *names: str, day: str, config: dict[str, Any] | None = None) -> dg.ExecuteInProcessResult:
        """As *Materialize* and the sensors do: the named tables with all their checks, of no job of ours."""
        job = self.definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            partition_key=day,
            asset_selection=[dg.AssetKey(name.split("/")) for name in names],
            instance=self.instance,
            raise_on_error=False,
            run_config=config,
        )

    def adopt(self, day: str, customer: str, *, at: str) -> dg.ExecuteInProcessResult:
        """Drop a file with one customer, who changed at an instant, and adopt it for the day."""
        header = "customer_id,email,nickname,updated_at\n"
        drop(self.root / "home/bronze", "customers", f"{customer}.csv", f"{header}{customer},x@example.com,nick,{at}\n")
        config = {"ops": {"bronze__customers": {"config": {"arrivals": [f"{customer}.csv"]}}}}
        return self.run("bronze/customers", day=day, config=config)

    def withdraw(self, number: int) -> None:
        """Entry `number` of the customers' log does not count any more."""
        author = Author(by="ann", reason="read during a restore", identity=ADOPTER)
        carry_out("customers", number, author, self.ground)

    def analyse(self, date: str) -> dg.ExecuteInProcessResult:
        """Materialize an analysis date of every table that has them."""
        job = self.definitions.resolve_job_def("analysis")
        return job.execute_in_process(partition_key=date, instance=self.instance, raise_on_error=False)

    def check(self, *checks: tuple[str, str], day: str | None = None) -> dg.ExecuteInProcessResult:
        """Run checks alone."""
        keys = [dg.AssetCheckKey(dg.AssetKey(name.split("/")), check) for name, check in checks]
        job = self.definitions.resolve_job_def("everything")
        alone = job.get_subset(asset_selection=frozenset(), asset_check_selection=frozenset(keys))
        return alone.execute_in_process(partition_key=day, instance=self.instance, raise_on_error=False)

    def evaluations(self, result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
        """Evaluations of a run by `table:check`."""
        return {f"{'/'.join(one.asset_key.path)}:{one.check_name}": one for one in result.get_asset_check_evaluations()}

    def materialized(self, result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetMaterialization]:
        """Materializations of a run by table."""
        events = (event.materialization for event in result.get_asset_materialization_events())
        return {"/".join(event.asset_key.path): event for event in events}

    def rows(self, name: str, **where: object) -> list[dict[str, Any]]:
        """Rows of the table's current commit."""
        state = self.ground.lake.state(name)
        if state is None:
            return []
        files = self.ground.lake.files(name, snapshot_id=state.snapshot_id)
        columns = " AND ".join(f"{column} = '{value}'" for column, value in where.items()) or "true"
        sql = f"FROM read_parquet({[file.path for file in files]}, hive_partitioning = false) WHERE {columns}"
        return duckdb.sql(sql).to_arrow_table().to_pylist()

    def sensor_requests(self, name: str) -> list[dg.RunRequest]:
        return list(self.sensor_tick(name).run_requests or [])

    def sensor_tick(self, name: str, *, cursor: str | None = None) -> SensorExecutionData:
        context = dg.build_sensor_context(
            instance=self.instance, definitions=self.definitions, resources={"ground": self.resource}, cursor=cursor
        )
        return self.definitions.resolve_sensor_def(name).evaluate_tick(context)

    def scheduled(self, at: str, name: str = "extraction") -> list[dg.RunRequest]:
        """What a schedule requests at an instant, UTC."""
        context = dg.build_schedule_context(
            repository_def=self.definitions.get_repository_def(),
            scheduled_execution_time=datetime.fromisoformat(at).replace(tzinfo=UTC),
            resources={"ground": self.resource},
        )
        # build_schedule_context drops an instance that is not on disk.
        context._instance_ref, context._instance = object(), self.instance
        tick = self.definitions.resolve_schedule_def(name).evaluate_tick(context)
        return list(tick.run_requests or [])

    def latest(self, name: str, check: str) -> dict[str | None, dg.AssetCheckEvaluation]:
        """The latest evaluation of a check, by day."""
        key = dg.AssetCheckKey(dg.AssetKey(name.split("/")), check)
        records = self.instance.event_log_storage.get_asset_check_execution_history(key, limit=200)
        found = [record.evaluation for record in records[::-1]]
        return {one.partition: one for one in found if isinstance(one, dg.AssetCheckEvaluation)}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def make_shop(tmp_path: Path, instance: dg.DagsterInstance) -> Callable[..., Shop]:
    """A shop without customers. query: its query; settings: more keys of it. due: the deadline of its changes table.
    more: tables beside its own."""

    def make(
        settings: str = "", *, query: str = QUERY, due: timedelta | None = None, more: Sequence[Table] = ()
    ) -> Shop:
        queries = parse_queries(query.format(settings=settings), source="shop.yaml")
        pipeline = build_pipeline("shop", queries, [*_tables(due), *more], first_day=FIRST_DAY)
        resource = GroundResource.of(Settings(home=tmp_path / "home", warehouse=tmp_path / "warehouse.duckdb"))
        shop = Shop(tmp_path, pipeline, resource, build_definitions(pipeline, resource), instance)
        shop.sql(
            "CREATE TABLE customers (customer_id VARCHAR, email VARCHAR, nickname VARCHAR, updated_at TIMESTAMP)",
            "CREATE TABLE source_clock AS SELECT TIMESTAMP '2024-03-01' AS now_at",
        )
        return shop

    return make


@pytest.fixture
def dated_shop(make_shop: Callable[..., Shop]) -> Shop:
    """With a table of analysis dates too, `gold/customer_states`."""
    return make_shop(more=[STATES])


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    return make_shop()


@dataclass
class Automation:
    """The daemon's part: evaluates conditions tick by tick and runs what they request."""

    shop: Shop
    cursor: Any = None

    def tick(self) -> set[tuple[str, str | None]]:
        """Table and day of everything this tick requests."""
        with warnings.catch_warnings():
            # Dagster's own call of AssetSelection.all(include_sources=...) inside the evaluation.
            warnings.simplefilter("ignore", dg.BetaWarning)
            result = dg.evaluate_automation_conditions(
                defs=self.shop.definitions, instance=self.shop.instance, cursor=self.cursor, evaluation_time=NOW
            )
        self.cursor = result.cursor
        keys = [dg.AssetKey(name.split("/")) for name in self.shop.pipeline.by_name]
        return {("/".join(key.path), day) for key in keys for day in result.get_requested_partitions(key)}


@pytest.fixture
def automation(shop: Shop) -> Automation:
    return Automation(shop)

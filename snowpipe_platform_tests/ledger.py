"""A small pipeline whose bronze log a test writes by hand: no source, no extraction.

ledger = Ledger(tmp_path)
ledger.land("2024-03-01", change("a", at=1, name="Ann"), change("b", at=2, op="delete"))
ledger.run("silver/item_changes")
assert ledger.rows("silver/dim_items") == [...]
"""

import uuid
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pyarrow as arrow  # noqa: ICN001 - pa is pandera here
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog

from snowpipe_platform.execution.execute import TableResult, run_table
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.plan import Replay, TableRequest
from snowpipe_platform.spec.history import latest, versions
from snowpipe_platform.spec.label import TrainingSet
from snowpipe_platform.spec.manifest import BronzeFile, ColumnSpec, Manifest
from snowpipe_platform.spec.pipeline import Pipeline, build_pipeline
from snowpipe_platform.spec.queries_file import parse_queries
from snowpipe_platform.spec.table import ChangesTable, DerivedTable, Table
from snowpipe_platform_tests.kit import make_ground

START = datetime(2024, 1, 1)
IDENTITY = RunIdentity(run_id="run", job="test")
COLUMNS = {"id": "string", "name": "string", "amount": "string", "created_at": "timestamp(6)"}
QUERIES = parse_queries(
    '{"queries": [{"name": "items", "sql": "SELECT * FROM items", "mode": "full", "primary_key": "id"}]}', source="x"
)


class ItemChanges(pa.DataFrameModel):
    id: str = pa.Field(metadata={"error_above": 0.5})
    name: str = pa.Field(nullable=True)
    amount: dt.int64 = pa.Field(nullable=True, ge=0, metadata={"error_above": 0.5})
    created_at: dt.Timestamp(scale=6) = pa.Field(nullable=True)


class DimItems(pa.DataFrameModel):
    id: str
    name: str = pa.Field(nullable=True)
    amount: dt.int64 = pa.Field(nullable=True)
    effective_at: dt.Timestamp(scale=6)
    expires_at: dt.Timestamp(scale=6) = pa.Field(nullable=True)
    exists_now: dt.boolean

    class Config:
        unique = ("id", "effective_at")


class FctItems(pa.DataFrameModel):
    id: str = pa.Field(unique=True)
    name: str = pa.Field(nullable=True)
    amount: dt.int64 = pa.Field(nullable=True)


CHANGES = ChangesTable(
    name="silver/item_changes",
    description="Changes of items.",
    contract=ItemChanges,
    source="items",
    key=("id",),
    types={"amount": "int64"},
    clean=lambda _rows: {},
)
DIM = DerivedTable(
    name="silver/dim_items",
    kind="dimension",
    description="Versions of items.",
    contract=DimItems,
    inputs=("silver/item_changes",),
    scope=("id",),
    build=lambda inputs: versions(inputs["silver/item_changes"], key=["id"], attributes=["name", "amount"]),
)
FCT = DerivedTable(
    name="silver/fct_items",
    kind="fact",
    description="Items as they are.",
    contract=FctItems,
    inputs=("silver/item_changes",),
    scope=("id",),
    build=lambda inputs: latest(inputs["silver/item_changes"], key=["id"]),
)


def referring(table: Any, column: str, target: str) -> Any:
    """The table, with a contract in which a text column refers to another table's."""
    body = {"__annotations__": {column: str}, column: pa.Field(nullable=True, metadata={"references": target})}
    contract = type("Referring", (table.contract,), body)
    return replace(table, contract=contract, defined_in=f"shop/{table.name.partition('/')[2]}.py")


def change(key: str | None, at: float = 0, op: str = "upsert", **values: Any) -> dict[str, Any]:
    """A bronze row: `at` days after START; its columns are null unless given."""
    return {"id": key, "_instant": START + timedelta(days=at), "_operation": op, **values}


@dataclass
class Ledger:
    folder: Path
    tables: tuple[Table, ...] = (CHANGES, DIM, FCT)
    columns: dict[str, str] = field(default_factory=lambda: dict(COLUMNS))
    training_sets: tuple[TrainingSet, ...] = ()
    ground: Ground = field(init=False)
    pipeline: Pipeline = field(init=False)

    def __post_init__(self) -> None:
        self.ground = make_ground(self.folder, self.folder / "no-source.duckdb")
        self.use(*self.tables)

    def use(self, *tables: Table) -> None:
        self.pipeline = build_pipeline("ledger", QUERIES, list(tables), training_sets=self.training_sets)

    def swap(self, **adapters: Any) -> Ground:
        """The ground with other adapters; the ledger keeps its own."""
        return replace(self.ground, **adapters)

    def land(self, day: str, *rows: dict[str, Any], columns: dict[str, str] | None = None) -> int:
        """Commit one extraction; returns its number. Without rows it has no file."""
        return self._enter(day, rows, columns or self.columns)

    def correct(self, day: str, supersedes: dict[int, str], *rows: dict[str, Any]) -> int:
        """Commit rows in the place of others, one for each in their order: `{1: "0-1,4"}` are three of entry 1."""
        return self._enter(day, rows, self.columns, kind="correction", supersedes=supersedes, reason="mended")

    def discard(self, day: str, supersedes: dict[int, str]) -> int:
        """Give rows up."""
        return self._enter(day, (), self.columns, kind="discard", supersedes=supersedes, reason="hopeless")

    def withdraw(self, number: int) -> int:
        """Let an entry not count any more."""
        day = self.ground.bronze.log("items")[number - 1].load_day
        return self._enter(str(day), (), self.columns, kind="withdrawal", withdraws=number, reason="wrong")

    def _enter(self, day: str, rows: tuple[dict[str, Any], ...], declared: dict[str, str], **facts: Any) -> int:
        number = len(self.ground.bronze.log("items")) + 1
        load_day, extraction_id = date.fromisoformat(day), uuid.uuid4().hex
        manifest = Manifest(
            entity="items",
            number=number,
            extraction_id=extraction_id,
            query="items",
            query_fingerprint="",
            mode="full",
            source_system="test",
            load_day=load_day,
            extracted_at=START,
            run_id="run",
            file_format="parquet",
            columns=tuple(ColumnSpec(name=name, type=dtype) for name, dtype in declared.items()),
            files=(),
            rows_read=len(rows),
            rows_landed=len(rows),
            rows_known=0,
            **facts,
        )
        if rows:
            schema = manifest.schema.to_pyarrow()
            full = [{**dict.fromkeys(schema.names), **row, "_row_number": n} for n, row in enumerate(rows)]
            path = Path("items", f"extraction={extraction_id}", "part-00000.parquet")
            (self.folder / "bronze" / path).parent.mkdir(parents=True)
            pq.write_table(arrow.Table.from_pylist(full, schema), self.folder / "bronze" / path)
            file = BronzeFile(path=str(path), rows=len(rows), size_bytes=(self.folder / "bronze" / path).stat().st_size)
            manifest = manifest.model_copy(update={"files": (file,)})
        self.ground.bronze.commit(manifest)
        return number

    def request(self, table: str, day: str | None = None, **options: Any) -> TableRequest:
        """options: of TableRequest."""
        load_day = None if day is None else date.fromisoformat(day)
        return TableRequest(self.pipeline, self.pipeline.table(table), IDENTITY, day=load_day, **options)

    def run(self, table: str, day: str | None = None, *, rebuild: bool = False, **adapters: Any) -> TableResult:
        return run_table(self.request(table, day, rebuild=rebuild), self.swap(**adapters))

    def replay(self, origins: dict[int, str], table: str = CHANGES.name, **adapters: Any) -> TableResult:
        """Judge quarantined rows again: `{1: "0-1,4"}` are three of entry 1."""
        replay = Replay(origins=origins, by="ana", reason="rule mended")
        return run_table(self.request(table, replay=replay), self.swap(**adapters))

    def run_all(self) -> None:
        for table in self.pipeline.by_name:
            self.run(table)

    def opened(self, table: str) -> Any:
        """The table as any Iceberg tool sees it."""
        root = self.folder / "lake"
        catalog = SqlCatalog("snowpipe", uri=f"sqlite:///{root / 'catalog.db'}", warehouse=f"file://{root}")
        return catalog.load_table(tuple(table.split("/")))

    def expire_old(self, table: str) -> None:
        """Leave the current snapshot and no other."""
        found = self.opened(table)
        current = found.current_snapshot().snapshot_id
        old = [snapshot.snapshot_id for snapshot in found.metadata.snapshots if snapshot.snapshot_id != current]
        found.maintenance.expire_snapshots().by_ids(old).commit()

    def paths(self, table: str) -> list[str]:
        state = self.ground.lake.state(table)
        return [file.path for file in self.ground.lake.files(table, snapshot_id=state.snapshot_id)]

    def rows(self, table: str, columns: str = "*", where: str = "true") -> list[tuple[Any, ...]]:
        """Rows on disk, sorted; read without the platform."""
        return rows_in(self.paths(table), columns, where)


def rows_in(paths: list[str], columns: str = "*", where: str = "true") -> list[tuple[Any, ...]]:
    if not paths:
        return []
    source = f"read_parquet({paths}, union_by_name = true, hive_partitioning = false)"
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT {columns} FROM {source} WHERE {where} ORDER BY ALL").fetchall()

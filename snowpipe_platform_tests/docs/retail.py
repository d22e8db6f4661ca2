"""The shop of docs/retail.md on a ground of its own, and the views its tests compare with: plain SQL over the Parquet.

The oracle counts money in tenths of a penny, as integers, and tells services from products by a list of codes.
"""

import importlib.util
import re
import uuid
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest

from snowpipe_platform.assembly import build_ground
from snowpipe_platform.execution.execute import TableResult, run_table
from snowpipe_platform.execution.extraction import ExtractionRequest, execute_extraction
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.settings import Settings
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.pipeline import Pipeline, load_pipeline
from snowpipe_platform.spec.table import ChangesTable

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "online_retail_2010.parquet"
PAGE = ROOT / "docs" / "retail.md"
LOADER = ROOT / "docs" / "retail" / "load.py"

LANDED = 525_461
LAST_DAY = date(2010, 12, 9)

FENCES = re.compile(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", flags=re.DOTALL)
"""Commands of the page, and what it says they print, where it says so."""

needs_data = pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is missing: the shop's invoice lines")

SERVICES = (
    *("POST", "M", "DOT", "C2", "C3", "D", "S", "B", "GIFT", "ADJUST", "ADJUST2"),
    *("BANK CHARGES", "AMAZONFEE", "TEST001", "TEST002"),
    *(f"GIFT_0001_{value}" for value in range(10, 100, 10)),
)

SOLD = f"""
    CREATE VIEW sold AS
    SELECT
      *,
      starts_with(invoice_no, 'C') AS is_return,
      quantity * round(unit_price * 1000)::BIGINT AS tenth_pence,
      upper(trim(stock_code)) AS code,
      code NOT IN {SERVICES} AS is_product,
      strftime(invoice_ts, '%Y-%m-01')::DATE AS sales_month
    FROM (SELECT DISTINCT * FROM raw WHERE unit_price > 0)
"""


@dataclass
class Shop:
    """One run of the pipeline over a warehouse, and a connection with every table and `raw`, the Parquet, as views."""

    pipeline: Pipeline
    ground: Ground
    warehouse: Path
    connection: duckdb.DuckDBPyConnection

    def run(self, *options: str, day: date = LAST_DAY) -> tuple[Manifest | None, list[TableResult]]:
        """Load the file, with the loader's options, and bring every table up to date as of the day."""
        self.load(*options)
        return self.extract(day), [self.make(table.name, day) for table in self.pipeline.tables]

    def load(self, *options: str) -> None:
        assert loader().main([str(DATA), str(self.warehouse), *options]) == 0

    def withhold(self, condition: str) -> None:
        """Take lines out of the warehouse."""
        with duckdb.connect(str(self.warehouse)) as source:
            source.execute(f"DELETE FROM invoice_lines WHERE {condition}")

    def extract(self, day: date) -> Manifest | None:
        """Land a load day of the warehouse as it is."""
        (query,) = self.pipeline.queries.queries
        request = ExtractionRequest(query, self.pipeline.queries.source_system, Window(day), _identity())
        return execute_extraction(request, self.ground).manifest

    def make(self, name: str, day: date) -> TableResult:
        """Bring a table up to date; one of analysis dates, for the day."""
        table = self.pipeline.table(name)
        on = None if isinstance(table, ChangesTable) or table.day_column is None else day
        result = run_table(TableRequest(self.pipeline, table, _identity(), day=on), self.ground)
        self._bind(name)
        return result

    def rows(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()

    def _bind(self, name: str) -> None:
        state = self.ground.lake.state(name)
        if state is not None:
            paths = [file.path for file in self.ground.lake.files(name, snapshot_id=state.snapshot_id)]
            files = f"read_parquet({paths}, hive_partitioning = false)"
            self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('/')[0]}")
            self.connection.execute(f"CREATE OR REPLACE VIEW {name.replace('/', '.')} AS FROM {files}")


def _identity() -> RunIdentity:
    return RunIdentity(run_id=uuid.uuid4().hex, job="test")


def loader():
    spec = importlib.util.spec_from_file_location("retail_load", LOADER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def open_shop(home: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.syspath_prepend(str(LOADER.parent))
    warehouse = home / "warehouse.duckdb"
    settings = Settings(home=home, warehouse=warehouse, pipeline="online_retail", threads=2)
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(f"CREATE VIEW raw AS FROM '{DATA}'")
    connection.execute(SOLD)
    return Shop(load_pipeline(settings.pipeline), build_ground(settings), warehouse, connection)

"""What tests of the flow stand on: a DuckDB source one can change, a Ground in a folder, and bronze read back by hand.

world = World(tmp_path, query(primary_key="id"))
world.source.run("CREATE TABLE orders (id INT, updated_at TIMESTAMP)", "INSERT INTO orders VALUES (1, '2024-03-01')")
world.run("2024-03-01")
assert world.column("id") == [1]
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from tenacity import wait_none

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.backends.duckdb_key_comparer import DuckDBKeyComparer
from snowpipe_platform.backends.duckdb_recognizer import DuckDBRecognizer
from snowpipe_platform.backends.duckdb_warehouse import DuckDBWarehouse
from snowpipe_platform.backends.duckdb_window_comparer import DuckDBWindowComparer
from snowpipe_platform.backends.iceberg_lake import IcebergLake
from snowpipe_platform.backends.local_bronze import LocalBronze
from snowpipe_platform.backends.local_scorer import LocalScorer
from snowpipe_platform.backends.local_trainer import LocalTrainer
from snowpipe_platform.backends.local_training import LocalTraining
from snowpipe_platform.backends.sqlite_features import SqliteFeatures
from snowpipe_platform.backends.sqlite_registry import SqliteRegistry
from snowpipe_platform.backends.sqlite_state import SqliteState
from snowpipe_platform.execution.extraction import ExtractionRequest, ExtractionResult, execute_extraction
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.execution.ground import Ground, ModelGround, RunIdentity
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.manifest import PLATFORM_COLUMNS
from snowpipe_platform.spec.queries_file import parse_queries

Row = dict[str, Any]
SOURCE_SYSTEM = "shop"


def query(**keys: object) -> Query:
    """A query as a queries file declares it: table `orders`, watermark `updated_at`, unless `keys` say otherwise."""
    declared = {"name": "orders", "sql": "SELECT * FROM orders WHERE updated_at > ?", "watermark_column": "updated_at"}
    entry = {key: value for key, value in {**declared, **keys}.items() if value is not None}
    return parse_queries(json.dumps({"queries": [entry]}), source="queries.json").queries[0]


def moment(text: str) -> datetime:
    """'2024-03-01' or '2024-03-01 10:00' as a tz-naive UTC instant."""
    return datetime.fromisoformat(text)


class Source:
    """A DuckDB file whose tables and clock a test sets."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run("CREATE TABLE source_clock (now_at TIMESTAMP)")

    def run(self, *statements: str) -> None:
        with duckdb.connect(str(self.path)) as connection:
            for statement in statements:
                connection.execute(statement)

    def insert(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Rows as tuples, in the table's column order."""
        with duckdb.connect(str(self.path)) as connection:
            for row in rows:
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", list(row))

    def set_clock(self, now: str | datetime) -> None:
        self.run("DELETE FROM source_clock", f"INSERT INTO source_clock VALUES (TIMESTAMP '{now}')")


def make_ground(folder: Path, source: Path, **replaced: Any) -> Ground:
    """The embedded adapters over a folder; `replaced` puts others in the place of some."""
    state = SqliteState(folder / "state.db")
    ground = Ground(
        warehouse=DuckDBWarehouse(source),
        bronze=LocalBronze(folder / "bronze"),
        recognizer=DuckDBRecognizer,
        window_comparer=DuckDBWindowComparer,
        key_comparer=DuckDBKeyComparer,
        state=state,
        dead_letters=state,
        lake=IcebergLake(folder / "lake"),
        engine=DuckDBEngine(memory_limit="1GB"),
        online=SqliteFeatures(folder / "online.db"),
        training_sets=LocalTraining(folder / "training"),
        models=ModelGround(
            trainer=LocalTrainer(folder / "training_jobs"),
            registry=SqliteRegistry(folder / "models"),
            scorer=LocalScorer("snowpipe_platform.pipeline"),
        ),
    )
    return replace(ground, **replaced)


@dataclass
class World:
    """One source, one ground and one query in a test's folder."""

    folder: Path
    query: Query
    source: Source = field(init=False)
    ground: Ground = field(init=False)

    def __post_init__(self) -> None:
        self.source = Source(self.folder / "source.duckdb")
        self.ground = make_ground(self.folder, self.source.path)

    def run(
        self,
        day: str,
        *,
        at: str | datetime | None = None,
        end: str | None = None,
        query: Query | None = None,
        **options: Any,
    ) -> ExtractionResult:
        """Extract a load day. at: the source's clock, by default the end of the day. options: of execute_extraction."""
        load_day = date.fromisoformat(day)
        self.source.set_clock(at or datetime.combine(load_day + timedelta(days=1), datetime.min.time()))
        window = Window(load_day, None if end is None else moment(end))
        identity = RunIdentity(run_id=f"run-{day}", job="test")
        request = ExtractionRequest(query or self.query, SOURCE_SYSTEM, window, identity)
        return execute_extraction(request, self.ground, **{"wait": wait_none(), **options})

    def run_until_complete(self, day: str, *, at_most: int = 50, **options: Any) -> list[ExtractionResult]:
        """Run a day again until its extraction is complete; every run has to make progress."""
        results: list[ExtractionResult] = []
        while not results or not _is_complete(results[-1]):
            assert len(results) < at_most, "the day is never complete"
            results.append(self.run(day, **options))
        return results

    def swap(self, **adapters: Any) -> "World":
        """Put other adapters in; returns the world itself."""
        self.ground = replace(self.ground, **adapters)
        return self

    @property
    def bronze_folder(self) -> Path:
        return self.folder / "bronze"

    def rows(self, *, platform: bool = False) -> list[Row]:
        """Every committed bronze row as plain Python values, by manifest, file and position; see `bronze_rows`."""
        rows = bronze_rows(self.bronze_folder, self.query.entity)
        return rows if platform else [without_platform(row) for row in rows]

    def column(self, name: str) -> list[Any]:
        """One column of all bronze rows, sorted."""
        return sorted(row[name] for row in self.rows())

    def counted(self, *names: str) -> list[tuple[Any, ...]]:
        """Columns of the bronze rows that are not withdrawn, sorted."""
        rows = bronze_rows(self.bronze_folder, self.query.entity, counted=True)
        return sorted(tuple(row[name] for name in names) for row in rows)

    def manifests(self) -> list[Row]:
        return bronze_manifests(self.bronze_folder, self.query.entity)

    def files(self) -> list[str]:
        """Every data file on disk, committed or not."""
        return data_files(self.bronze_folder)


def _is_complete(result: ExtractionResult) -> bool:
    return result.manifest is None or result.manifest.complete


def bronze_manifests(bronze: Path, entity: str) -> list[Row]:
    """The committed manifests as parsed JSON, by number; nothing of the platform's reader is used."""
    return [json.loads(path.read_text()) for path in sorted((bronze / entity / "_log").glob("0*.json"))]


def bronze_rows(bronze: Path, entity: str, *, counted: bool = False, paths: Collection[str] | None = None) -> list[Row]:
    """Rows of the committed files, read with pyarrow and json alone; a column a file does not have is left out.

    counted: without the rows of withdrawn manifests. paths: of these files alone.
    """
    manifests = bronze_manifests(bronze, entity)
    gone = {manifest["withdraws"] for manifest in manifests} if counted else set()
    return [
        row
        for manifest in manifests
        if manifest["number"] not in gone
        for file in manifest["files"]
        if paths is None or file["path"] in paths
        for row in file_rows(bronze / file["path"], manifest)
    ]


def data_files(bronze: Path) -> list[str]:
    return sorted(str(path.relative_to(bronze)) for path in bronze.rglob("part-*"))


def without_platform(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in PLATFORM_COLUMNS}


def file_rows(path: Path, manifest: Row) -> Iterator[Row]:
    if manifest["file_format"] == "parquet":
        with pq.ParquetFile(path) as file:
            yield from file.read().to_pylist()
        return
    types = {column["name"]: column["type"] for column in manifest["columns"]} | PLATFORM_COLUMNS
    with path.open(encoding="utf8") as lines:
        for line in lines:
            found = json.loads(line)
            assert set(found) <= set(types), "a JSON row has a column its manifest does not name"
            yield {name: _value(found.get(name), dtype) for name, dtype in types.items()}


_READERS: dict[str, Callable[[str], object]] = {
    "timestamp": datetime.fromisoformat,
    "date": date.fromisoformat,
    "decimal": Decimal,
    "int": int,
    "uint": int,
    "float32": lambda text: pa.scalar(float(text), pa.float32()).as_py(),
    "float64": float,
    "binary": bytes.fromhex,
    "string": str,
}


def _value(text: Any, dtype: str) -> Any:
    if text is None or dtype == "boolean":
        return text
    return next(read for family, read in _READERS.items() if dtype.startswith(family))(text)


class Faulty:
    """An adapter that behaves as the one it wraps, but raises `error` at given calls of given methods.

    calls: method name to the numbers of the calls that fail, counted from 1. after: the call does its work first, as
    when an answer is lost. A generator method fails after `rows_first` batches instead of at once.
    """

    def __init__(
        self,
        inner: Any,
        error: BaseException,
        calls: dict[str, Sequence[int]],
        *,
        after: bool = False,
        batches_first: int = 0,
        also: Callable[[], object] = lambda: None,
    ) -> None:
        self._inner, self._error, self._calls = inner, error, calls
        self._after, self._batches_first, self._also = after, batches_first, also
        self.counts: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in self._calls:
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            self.counts[name] = self.counts.get(name, 0) + 1
            if self.counts[name] not in self._calls[name]:
                return method(*args, **kwargs)
            if self._batches_first:
                return self._cut(method(*args, **kwargs))
            if self._after:
                method(*args, **kwargs)
            self._also()
            raise self._error

        return call

    def _cut(self, batches: Iterator[Any]) -> Iterator[Any]:
        for _ in range(self._batches_first):
            yield next(batches)
        batches.close()
        self._also()
        raise self._error


class Killed(BaseException):
    """Stands for kill -9 where a test stays in one process: no `except Exception` sees it."""


class SmallBatches:
    """A warehouse whose batches have at most `rows` rows."""

    def __init__(self, inner: Any, rows: int) -> None:
        self._inner, self._rows = inner, rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        for batch in self._inner.stream(sql, parameters):
            for start in range(0, batch.num_rows, self._rows):
                yield batch.slice(start, self._rows)

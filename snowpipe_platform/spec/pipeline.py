"""A pipeline: a queries file and one file per table, in a package of their own."""

import importlib
import pkgutil
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from types import ModuleType

import ibis.expr.datatypes as dt

from snowpipe_platform.errors import PipelineError, SnowpipeError, did_you_mean
from snowpipe_platform.spec.extraction import QueriesFile, Query
from snowpipe_platform.spec.queries_file import load_queries_file
from snowpipe_platform.spec.table import ChangesTable, DerivedTable, Table

LAYERS = ("silver", "gold")
DEFAULT_FIRST_DAY = date(2024, 1, 1)
QUERY_FILE_ENDINGS = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class Pipeline:
    """Queries and tables that fit together; tables come after everything they read. first_day: the first load day."""

    name: str
    queries: QueriesFile
    tables: tuple[Table, ...]
    first_day: date = DEFAULT_FIRST_DAY

    @cached_property
    def by_name(self) -> dict[str, Table]:
        return {table.name: table for table in self.tables}

    @cached_property
    def queries_by_entity(self) -> dict[str, Query]:
        return {query.entity: query for query in self.queries.queries}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every table, bronze first, in an order in which each comes after what it reads."""
        return (*(f"bronze/{entity}" for entity in self.queries_by_entity), *self.by_name)

    def table(self, name: str) -> Table:
        """Raises PipelineError, with the nearest name, when there is none."""
        if name not in self.by_name:
            msg = f"{self.name} has no table {name!r}. {did_you_mean(name, list(self.names))}"
            raise PipelineError(msg)
        return self.by_name[name]

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Names of everything `name` depends on, bronze included, nearest first."""
        found: list[str] = []
        level = [name]
        while level:
            level = [up for one in level if one in self.by_name for up in self.by_name[one].upstream if up not in found]
            found.extend(dict.fromkeys(level))
        return tuple(dict.fromkeys(found))

    def levels_above(self, name: str) -> int:
        """How many tables the longest way up to bronze passes, bronze included; 0 for bronze."""
        table = self.by_name.get(name)
        return 0 if table is None else 1 + max((self.levels_above(up) for up in table.upstream), default=0)

    def downstream(self, name: str) -> tuple[str, ...]:
        """Names of all tables that depend on `name`, nearest first."""
        found: list[str] = []
        for table in self.tables:
            if set(table.upstream) & {name, *found}:
                found.append(table.name)
        return tuple(found)


def load_pipeline(package: str) -> Pipeline:
    """Import the package's tables and read its queries file. Raises PipelineError or QueriesFileError."""
    root = _import(package)
    tables = [table for layer in LAYERS for table in _tables(f"{package}.{layer}")]
    first_day = getattr(root, "FIRST_DAY", DEFAULT_FIRST_DAY)
    return build_pipeline(package, load_queries_file(_queries_path(root)), tables, first_day=first_day)


def build_pipeline(
    name: str, queries: QueriesFile, tables: list[Table], *, first_day: date = DEFAULT_FIRST_DAY
) -> Pipeline:
    """Check that every input exists and every rule can run, and order the tables.

    Raises PipelineError or ContractError.
    """
    by_name: dict[str, Table] = {}
    for table in tables:
        if table.name in by_name:
            msg = f"{table.defined_in}: {table.name!r} is declared in {by_name[table.name].defined_in} already."
            raise PipelineError(msg)
        table.validate()
        by_name[table.name] = table
    known = [*(f"bronze/{query.entity}" for query in queries.queries), *by_name]
    for table in tables:
        _require_related(table, by_name)
        for upstream in table.upstream:
            if upstream not in known:
                msg = f"{table.defined_in}: {table.name} reads {upstream!r}, which is not declared. "
                raise PipelineError(msg + did_you_mean(upstream, known))
    return Pipeline(name, queries, tuple(_in_order(by_name)), first_day)


def _require_related(table: Table, by_name: Mapping[str, Table]) -> None:
    """Raises PipelineError for a rule that looks at a table, or a column, that there is not."""
    for rule_id, other in ((rule.id, other) for rule in table.rules for other in rule.related):
        about = f"{table.defined_in}: rule {rule_id!r} of {table.name} looks at"
        if other.name == table.name:
            raise PipelineError(f"{about} its own table as at another. Its rows are data.table.")
        if other.name not in by_name:
            hint = did_you_mean(other.name, list(by_name))
            raise PipelineError(f"{about} {other.name!r}, which is no table of silver or gold. {hint}")
        there = by_name[other.name].schema
        for name, dtype in other.schema.items():
            if name not in there:
                hint = did_you_mean(name, list(there))
                raise PipelineError(f"{about} column {name!r} of {other.name}, which it does not have. {hint}")
            if not _comparable(dtype, there[name]):
                found = f"column {name!r} of {other.name}, which is {there[name]}, as at {dtype}"
                raise PipelineError(f"{about} {found}. Refer to a column of the same type.")


def _comparable(one: dt.DataType, other: dt.DataType) -> bool:
    return type(one) is type(other) or (one.is_numeric() and other.is_numeric())


def _in_order(by_name: dict[str, Table]) -> Iterator[Table]:
    done: set[str] = set()
    waiting = dict(by_name)
    while waiting:
        ready = [t for t in waiting.values() if all(up in done or up not in by_name for up in t.upstream)]
        if not ready:
            msg = (
                f"these tables read each other in a circle: {', '.join(sorted(waiting))}. "
                "Break one of the inputs, or a rule that looks at another table."
            )
            raise PipelineError(msg)
        for table in ready:
            done.add(table.name)
            del waiting[table.name]
            yield table


def _import_table(name: str) -> ModuleType:
    """Raises PipelineError naming the file and line of what does not even import."""
    try:
        return importlib.import_module(name)
    except SyntaxError as error:
        raise PipelineError(f"{error.filename}:{error.lineno}: {error.msg}") from error
    except SnowpipeError:
        raise
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise PipelineError(f"{where.filename}:{where.lineno}: {type(error).__name__}: {error}") from error


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            msg = f"pipeline package {name!r} is not importable. Set SNOWPIPE_PIPELINE to a package on the Python path."
            raise PipelineError(msg) from error
        raise


def _tables(package: str) -> Iterator[Table]:
    try:
        folder = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name == package:
            return
        raise
    for info in pkgutil.iter_modules(folder.__path__):
        if info.name.startswith("_"):
            continue
        module = _import_table(f"{package}.{info.name}")
        table = getattr(module, "TABLE", None)
        if not isinstance(table, ChangesTable | DerivedTable):
            path = module.__name__.replace(".", "/") + ".py"
            raise PipelineError(f"{path}: declares no TABLE. Start the file's name with '_' if it is no table.")
        yield table


def _queries_path(root: ModuleType) -> Path:
    folder = Path(next(iter(root.__path__))) / "source"
    found = sorted(path for path in folder.glob("*") if path.suffix in QUERY_FILE_ENDINGS)
    if len(found) != 1:
        listed = ", ".join(path.name for path in found) or "none"
        msg = f"{root.__name__}: expected one queries file (.yaml or .json) in its folder source/, found {listed}."
        raise PipelineError(msg)
    return found[0]

"""A pipeline package on disk: what is read of it, and what is wrong with it, by file."""

import dataclasses
import importlib.util
import pkgutil
import re
import traceback
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import ModuleType

from snowpipe_platform.errors import PipelineError, SnowpipeError, did_you_mean, openable
from snowpipe_platform.spec.table import Table

LAYERS = ("silver", "gold")
DEFAULT_FIRST_DAY = date(2024, 1, 1)
QUERY_FILE_ENDINGS = (".yaml", ".yml", ".json")

DECLARES_TABLE = re.compile(r"^TABLE\b[^=\n]*=", re.MULTILINE)
REFUSED_ARGUMENT = re.compile(r"^(\w+)\.__init__\(\) (?:missing .*?: (?P<missing>.*)|got an .* '(?P<unknown>\w+)')$")
"""How Python says that a class takes other arguments."""
EXAMPLES: Mapping[str, str] = {
    "name": 'name="gold/daily_revenue"',
    "contract": "contract=DailyRevenue",
    "description": 'description="The orders of a day."',
    "source": 'source="orders"',
    "key": 'key=("order_id",)',
    "clean": "clean=clean",
    "inputs": 'inputs=("silver/fct_orders",)',
    "scope": 'scope=("order_date",)',
    "build": "build=build",
}
"""How what a table cannot do without is written."""


def import_package(name: str) -> ModuleType:
    """Raises PipelineError when it is not there, or does not import."""
    try:
        return importlib.import_module(name)
    except Exception as error:
        absent = error.name if isinstance(error, ModuleNotFoundError) else None
        if absent is not None and (name == absent or name.startswith(f"{absent}.")):
            msg = (
                f"pipeline package {name!r} is not importable. Set SNOWPIPE_PIPELINE, or pipeline in snowpipe.toml, to"
            )
            raise PipelineError(f"{msg} a package in this folder or on the Python path.") from error
        found = importlib.util.find_spec(name)
        raise _import_error(error, next(iter((found and found.submodule_search_locations) or ("",)))) from error


def first_day(root: ModuleType) -> date:
    """The package's FIRST_DAY. Raises PipelineError for what is no date."""
    found = getattr(root, "FIRST_DAY", DEFAULT_FIRST_DAY)
    if type(found) is not date:
        msg = f"{_file(root)}: FIRST_DAY is {found!r}, which is no date."
        raise PipelineError(f"{msg} Write FIRST_DAY = date(2024, 3, 1), after 'from datetime import date'.")
    return found


def queries_path(root: ModuleType) -> Path:
    """The one queries file. Raises PipelineError."""
    folder = _folder(root) / "source"
    found = sorted(path for path in folder.glob("*") if path.suffix in QUERY_FILE_ENDINGS)
    if len(found) == 1:
        return found[0]
    listed = ", ".join(path.name for path in found) or "none"
    mend = "Keep one of them" if found else f"Write the queries in {openable(folder / 'queries.yaml')}"
    raise PipelineError(f"{openable(folder)}: expected one queries file (.yaml or .json), found {listed}. {mend}.")


def tables_of(root: ModuleType) -> Iterator[Table]:
    """The TABLE of every file of every layer. Raises PipelineError, also for one in another place."""
    for layer in LAYERS:
        folder = _folder(root) / layer
        for info in pkgutil.iter_modules([str(folder)]):
            if not info.name.startswith("_"):
                yield _table(
                    _import_table(f"{root.__name__}.{layer}.{info.name}", _folder(root)), f"{layer}/{info.name}"
                )
    _refuse_strays(_folder(root))


def _import_table(name: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise _import_error(error, folder) from error


def _table(module: ModuleType, name: str) -> Table:
    table = getattr(module, "TABLE", None)
    if not isinstance(table, Table):
        raise PipelineError(f"{_file(module)}: {_no_table(module, table)}")
    if table.name != name:
        msg = f"{_file(module)}: its TABLE is called {table.name!r}. A table is called after its folder and file"
        raise PipelineError(f"{msg}: {name!r}. Rename one of the two.")
    return table


def _no_table(module: ModuleType, found: object) -> str:
    if found is not None:
        return f"TABLE is {found!r}, no table. Write TABLE = ChangesTable(...) or TABLE = DerivedTable(...)."
    other = [name for name, value in vars(module).items() if isinstance(value, Table)]
    mend = f"Rename {other[0]!r} to TABLE" if other else "Start the file's name with '_' if it is no table"
    return f"declares no TABLE. {mend}."


def _refuse_strays(root: Path) -> None:
    """A table that no run would ever find. Files are read, not imported: what is no table may do anything."""
    for path in sorted(root.rglob("*.py")):
        place = path.relative_to(root)
        is_read = len(place.parts) == 2 and place.parts[0] in LAYERS  # noqa: PLR2004 - the folder and the file
        is_private = any(part.startswith(("_", ".")) for part in place.parts)
        if not is_read and not is_private and DECLARES_TABLE.search(path.read_text(encoding="utf-8", errors="replace")):
            folders = " and ".join(f"{openable(root / layer)}/" for layer in LAYERS)
            msg = f"{openable(path)}: declares a TABLE, and tables are read from the files of {folders} only."
            raise PipelineError(f"{msg} Move it there.")


def _import_error(error: Exception, folder: str | Path) -> SnowpipeError:
    """The file and line of the package that does not import, and the mend where it is known."""
    if isinstance(error, SnowpipeError):
        return error
    if isinstance(error, SyntaxError):
        return PipelineError(f"{openable(error.filename or folder)}:{error.lineno}: {error.msg}.")
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    where = (own or frames)[-1]
    return PipelineError(f"{openable(where.filename)}:{where.lineno}: {_import_reason(error)}.")


def _import_reason(error: Exception) -> str:
    refused = REFUSED_ARGUMENT.match(str(error)) if isinstance(error, TypeError) else None
    kinds = {kind.__name__: kind for kind in _kinds(Table)}
    if refused is None or refused[1] not in kinds:
        return f"{type(error).__name__}: {' '.join(str(error).split()).rstrip('.')}"
    if refused["unknown"]:
        known = [field.name for field in dataclasses.fields(kinds[refused[1]]) if field.init]
        return f"{refused[1]} takes no {refused['unknown']!r}. {did_you_mean(refused['unknown'], known).rstrip('.')}"
    missing = re.findall(r"'(\w+)'", refused["missing"])
    return f"{refused[1]} needs {', '.join(missing)}. Add {', '.join(EXAMPLES.get(name, name) for name in missing)}"


def _kinds(base: type[Table]) -> Iterator[type[Table]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _folder(root: ModuleType) -> Path:
    return Path(next(iter(root.__path__)))


def _file(module: ModuleType) -> str:
    return openable(module.__file__ or _folder(module))

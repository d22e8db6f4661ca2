"""A pipeline package on disk: what is read of it, and what is wrong with it, by file."""

import importlib.util
import pkgutil
import re
import reprlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType

from snowpipe_platform.errors import PipelineError, SnowpipeError, openable
from snowpipe_platform.spec.import_errors import import_error
from snowpipe_platform.spec.label import TrainingSet
from snowpipe_platform.spec.table import Table

LAYERS = ("silver", "gold", "features")
DEFAULT_FIRST_DAY = date(2024, 1, 1)
QUERY_FILE_ENDINGS = (".yaml", ".yml", ".json")

TRAINING_SET = "training_set"
DECLARES_TABLE = re.compile(r"^TABLE\b[^=\n]*=", re.MULTILINE)


def import_package(name: str) -> ModuleType:
    """Raises PipelineError when it is not there, is no package, or does not import."""
    mend = "Set SNOWPIPE_PIPELINE, or pipeline in snowpipe.toml, to a package in this folder or on the Python path."
    try:
        root = importlib.import_module(name)
    except SnowpipeError:
        raise
    except Exception as error:
        absent = error.name if isinstance(error, ModuleNotFoundError) else None
        if absent is not None and (name == absent or name.startswith(f"{absent}.")):
            raise PipelineError(f"pipeline package {name!r} is not importable. {mend}") from error
        found = importlib.util.find_spec(name.partition(".")[0])
        raise import_error(error, next(iter((found and found.submodule_search_locations) or ("",)))) from error
    if not hasattr(root, "__path__"):
        raise PipelineError(f"pipeline {name!r} is a module, no package of queries and tables. {mend}")
    return root


def first_day(root: ModuleType) -> date:
    """The package's FIRST_DAY. Raises PipelineError for what is no date."""
    return _date_of(root, "FIRST_DAY", DEFAULT_FIRST_DAY)


def first_date(root: ModuleType, day: date) -> date:
    """The package's FIRST_ANALYSIS_DATE, by default its first load day. Raises PipelineError for what is no date, or
    comes after that day."""
    found = _date_of(root, "FIRST_ANALYSIS_DATE", day)
    if found > day:
        msg = f"{_file(root)}: FIRST_ANALYSIS_DATE is {found}, after FIRST_DAY, {day}."
        raise PipelineError(f"{msg} It is the first date of the source's history, or leave it out.")
    return found


def _date_of(root: ModuleType, name: str, default: date) -> date:
    found = getattr(root, name, default)
    if type(found) is not date:
        msg = f"{_file(root)}: {name} is {found!r}, which is no date."
        raise PipelineError(f"{msg} Write {name} = date(2024, 3, 1), after 'from datetime import date'.")
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
            if not info.ispkg and not info.name.startswith("_"):
                module = _import_table(f"{root.__name__}.{layer}.{info.name}", _folder(root))
                yield _table(module, f"{layer}/{info.name}")
    _refuse_strays(_folder(root))


def training_sets_of(root: ModuleType) -> Iterator[TrainingSet]:
    """The TRAINING_SET of every folder of models. Raises PipelineError."""
    for info in pkgutil.iter_modules([str(_folder(root) / "models")]):
        if info.ispkg and (_folder(root) / "models" / info.name / f"{TRAINING_SET}.py").is_file():
            module = _import_table(f"{root.__name__}.models.{info.name}.{TRAINING_SET}", _folder(root))
            found = getattr(module, TRAINING_SET.upper(), None)
            if not isinstance(found, TrainingSet):
                raise PipelineError(
                    f"{_file(module)}: declares no TRAINING_SET. Write TRAINING_SET = TrainingSet(...)."
                )
            if found.name != info.name:
                msg = f"{_file(module)}: its TRAINING_SET is called {found.name!r}. It is called after its folder"
                raise PipelineError(f"{msg}: {info.name!r}. Rename one of the two.")
            yield found


def _import_table(name: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except SnowpipeError:
        raise
    except Exception as error:
        raise import_error(error, folder) from error


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
        kinds = "ChangesTable(...), DerivedTable(...), AsOfTable(...), FeatureGroup(...) or ScoreTable(...)"
        return f"TABLE is {reprlib.repr(found)}, no table. Write TABLE = {kinds}."
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
            *first, last = (f"{openable(root / layer)}/" for layer in LAYERS)
            folders = f"{', '.join(first)} and {last}"
            msg = f"{openable(path)}: declares a TABLE, and tables are read from the files of {folders} only."
            raise PipelineError(f"{msg} Move it there.")


def _folder(root: ModuleType) -> Path:
    return Path(next(iter(root.__path__)))


def _file(module: ModuleType) -> str:
    return openable(module.__file__ or _folder(module))

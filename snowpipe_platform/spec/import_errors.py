"""What does not import, in a sentence: the file and line, and the mend where it is known."""

import dataclasses
import inspect
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandera.ibis as pa

from snowpipe_platform.errors import PipelineError, did_you_mean, openable
from snowpipe_platform.spec.table import Table

REFUSED_ARGUMENT = re.compile(r"^(\w+)\.__init__\(\) (?:missing .*?: (?P<missing>.*)|got an .* '(?P<unknown>\w+)')$")
"""How Python says that a class takes other arguments."""
UNKNOWN_CHECK = re.compile(r"custom check '(\w+)' is not available")
"""How pandera says that a field takes no such argument."""
MEND_PATTERN = 'Correct it, and write a backslash before a character that means itself: str_matches=r"\\[a"'
ABSENT_NAME = re.compile(r"cannot import name '(\w+)'")
EXAMPLES: Mapping[str, str] = {
    "contract": "contract=…",
    "description": 'description="The orders of a day."',
    "source": 'source="orders"',
    "key": 'key=("order_id",)',
    "clean": "clean=clean",
    "inputs": 'inputs=("silver/fct_orders",)',
    "scope": 'scope=("order_date",)',
    "build": "build=build",
}
"""How what a table cannot do without is written."""


def import_error(error: Exception, folder: str | Path) -> PipelineError:
    """What to raise in place of an error of the package in `folder`."""
    if isinstance(error, SyntaxError):
        where, reason = f"{openable(error.filename or folder)}:{error.lineno}", str(error.msg)
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
        where = f"{openable((own or frames)[-1].filename)}:{(own or frames)[-1].lineno}"
        reason = _refused_argument(error) or f"{type(error).__name__}: {' '.join(str(error).split())}{_nearest(error)}"
    return PipelineError(_ended(f"{where}: {reason}"))


def _refused_argument(error: Exception) -> str | None:
    """A table or a column declared with other arguments than it takes; None for another error."""
    if isinstance(error, re.error):
        return f"the pattern {error.pattern!r} is no regular expression: {error}. {MEND_PATTERN}"
    check = UNKNOWN_CHECK.search(str(error))
    if check is not None:
        return f"pa.Field takes no {check[1]!r}. {did_you_mean(check[1], list(inspect.signature(pa.Field).parameters))}"
    refused = REFUSED_ARGUMENT.match(str(error)) if isinstance(error, TypeError) else None
    kind = {kind.__name__: kind for kind in _kinds(Table)}.get(refused[1]) if refused is not None else None
    if refused is None or kind is None:
        return None
    if refused["unknown"]:
        known = [field.name for field in dataclasses.fields(kind) if field.init]
        return f"{kind.__name__} takes no {refused['unknown']!r}. {did_you_mean(refused['unknown'], known)}"
    missing = re.findall(r"'(\w+)'", refused["missing"])
    examples = {**EXAMPLES, **_of_its_file(error)}
    return f"{kind.__name__} needs {', '.join(missing)}. Add {', '.join(examples.get(name, name) for name in missing)}"


def _of_its_file(error: Exception) -> dict[str, str]:
    """What follows from the file that declares the table: its name, and the contract that stands there."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    path, own = Path(frame.f_code.co_filename), frame.f_globals
    models = [
        name
        for name, value in own.items()
        if isinstance(value, type) and issubclass(value, pa.DataFrameModel) and value.__module__ == own["__name__"]
    ]
    found = {"name": f'name="{path.parent.name}/{path.stem}"'}
    return found | ({"contract": f"contract={models[-1]}"} if models else {})


def _nearest(error: Exception) -> str:
    """Python itself names the nearest only where it prints an error, and for an import only from 3.12 on."""
    if isinstance(error, ModuleNotFoundError):
        return ". Install it, or correct the name"
    if isinstance(error, ImportError) and error.name in sys.modules:
        absent = ABSENT_NAME.search(str(error))
        return _hint(absent[1] if absent else None, dir(sys.modules[error.name]))
    if isinstance(error, NameError):
        return _hint(
            error.name, [name for frame, _ in traceback.walk_tb(error.__traceback__) for name in frame.f_globals]
        )
    return ""


def _hint(name: str | None, known: list[str]) -> str:
    near = "" if name is None else did_you_mean(name, known)
    return f". {near}" if near.startswith("Did") else ""


def _ended(text: str) -> str:
    return text if text.endswith(("?", "!")) else f"{text.rstrip('.')}."


def _kinds(base: type[Table]) -> Iterator[type[Table]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)

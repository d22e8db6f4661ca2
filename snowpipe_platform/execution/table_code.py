"""What a table's own code got wrong, in a sentence."""

import re
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import ibis.expr.types as ir

from snowpipe_platform.errors import PipelineError, SnowpipeError, did_you_mean, openable
from snowpipe_platform.spec.table import Table

MISSING_COLUMN = re.compile(r"'Table' object has no attribute '(\w+)'|[Cc]olumn '(\w+)'")
"""How Ibis names a column that is not there."""
EXISTING_COLUMNS = re.compile(r"Existing columns: (.*?)\.?$")


@contextmanager
def code_errors(table: Table, inputs: Mapping[str, ir.Table], *, mend: str) -> Iterator[None]:
    """Whatever the table's own code raises becomes a PipelineError that names file, line, thing and mend."""
    try:
        yield
    except SnowpipeError:
        raise
    except Exception as error:
        columns = {name: rows.columns for name, rows in inputs.items()}
        raise code_error(table, error, columns, mend=mend) from error


def code_error(table: Table, error: Exception, columns: Mapping[str, Sequence[str]], *, mend: str) -> PipelineError:
    """The error with the columns there are, by input, and the nearest to the one that is missing."""
    where = f"{mend} {_place(table, error)}."
    asked = str(error.args[0]) if isinstance(error, KeyError) and error.args else ""
    if _names_table(asked, columns):
        msg = f"{table.name}: {asked!r} is not among its inputs ({', '.join(columns)}). Add it there, or"
        return PipelineError(f"{msg} {where[0].lower()}{where[1:]}")
    missing = MISSING_COLUMN.search(str(error))
    if missing is None:
        told = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
        return PipelineError(f"{table.name}: {told}. {where}")
    name = missing[1] or missing[2]
    present = _present(error)
    near = did_you_mean(name, present or sorted({column for names in columns.values() for column in names}))
    by_input = "; ".join(f"{one}: {', '.join(names)}" for one, names in columns.items())
    listed = f": {', '.join(present)}" if present else f" in {by_input}"
    hint = f"{near} " if near.startswith("Did") else ""
    return PipelineError(f"{table.name}: there is no column {name!r}. Found{listed}. {hint}{where}")


def _names_table(name: str, inputs: Iterable[str]) -> bool:
    """Whether what a mapping did not have was meant as a table, with its layer or without."""
    return "/" in name or any(known.partition("/")[2] == name for known in inputs)


def _present(error: Exception) -> list[str]:
    """Columns of the table that was asked for one it does not have, where the error tells; not the platform's own."""
    asked, listed = getattr(error, "obj", None), EXISTING_COLUMNS.search(str(error))
    names = asked.columns if isinstance(asked, ir.Table) else re.findall(r"'(\w+)'", listed[1]) if listed else ()
    return [name for name in names if not name.startswith("_")]


def _place(table: Table, error: Exception) -> str:
    """The table's file, and the line where that is known."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if openable(frame.filename) == table.defined_in]
    return f"{table.defined_in}:{lines[-1]}" if lines else table.defined_in

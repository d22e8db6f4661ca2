"""DuckDB's errors as one line a person can act on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from snowpipe_platform.errors import LakeError

RAISE_THE_LIMIT = "Raise memory_limit: set SNOWPIPE_MEMORY_LIMIT."
_DATA_FILE = re.compile(r"""(["'])([^\n]+?\.(?:parquet|jsonl?))\1""")
_OUT_OF_MEMORY = "Out of Memory Error: "
# What is wrong then is the machine, not the file.
_NOT_ITS_FAULT = re.compile(r"\bwrit|no space|permission denied|too many open", re.IGNORECASE)


@contextmanager
def lake_errors(*, out_of_memory: str = RAISE_THE_LIMIT) -> Iterator[None]:
    """Raises LakeError in place of DuckDB's errors and the system's. out_of_memory: what to do then."""
    try:
        yield
    except duckdb.InterruptException:
        raise
    except (duckdb.Error, OSError) as error:
        raise LakeError(_told(error, out_of_memory)) from error


def said(error: Exception) -> str:
    """The client's message in one line, without its echo of the SQL."""
    return " ".join(str(error).partition("\nLINE ")[0].split())


def _told(error: Exception, out_of_memory: str) -> str:
    """In the middle of a stream DuckDB's errors arrive as OSError, with the kind in front of the message."""
    reason = said(error)
    if reason.startswith(_OUT_OF_MEMORY):
        used = said(Exception(str(error).partition("\n\n")[0])).removeprefix(_OUT_OF_MEMORY)
        return f"the work does not fit in memory: {used}. {out_of_memory}"
    found = _DATA_FILE.search(reason)
    if isinstance(error, duckdb.IOException | duckdb.InvalidInputException) and found is not None:
        path = found[2]
        if not Path(path).exists():
            return f"{path} is missing. Restore it from a backup."
        if not _NOT_ITS_FAULT.search(reason.replace(path, "")):
            return f"{path} is damaged ({reason.rstrip('. ')}). Restore it from a backup."
    return reason

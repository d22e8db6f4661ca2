"""What a table's own code got wrong, in a sentence."""

import re
from collections.abc import Mapping, Sequence

from snowpipe_platform.errors import PipelineError, did_you_mean
from snowpipe_platform.spec.table import Table

MISSING_COLUMN = re.compile(r"(?:attribute|[Cc]olumn) '(\w+)'|^'(\w+)'$")
"""How Ibis and Python name a column that is not there."""


def code_error(table: Table, error: Exception, columns: Mapping[str, Sequence[str]], *, mend: str) -> PipelineError:
    """The error with the columns there are, by input, and the nearest to the one that is missing."""
    found = "; ".join(f"{name}: {', '.join(names)}" for name, names in columns.items())
    missing = MISSING_COLUMN.search(str(error))
    if missing is None:
        return PipelineError(f"{table.name}: {error}. Found in {found}. {mend} {table.defined_in}.")
    name = missing[1] or missing[2]
    known = sorted({column for names in columns.values() for column in names} | set(columns))
    near = did_you_mean(name, known)
    hint = near if near.startswith("Did") else ""
    return PipelineError(
        " ".join(f"{table.name}: {name!r} is not there. Found in {found}. {hint} {mend} {table.defined_in}.".split())
    )

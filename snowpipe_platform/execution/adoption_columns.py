"""Which columns a dropped file lands: the entity's, in bronze's types, and what the policy lets in besides."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa

from snowpipe_platform.errors import ArrivalError
from snowpipe_platform.execution.arrow_types import RESERVED_COLUMNS, RULE_PREFIX, bronze_type
from snowpipe_platform.execution.dropped import Dropped
from snowpipe_platform.spec.extraction import Query
from snowpipe_platform.spec.landed_columns import known_to_arrival
from snowpipe_platform.spec.manifest import Manifest
from snowpipe_platform.spec.schema_change import Diff, compare_schemas


def decide_columns(query: Query, file: Dropped, log: Sequence[Manifest]) -> tuple[pa.Schema, Diff]:
    """Bronze's columns of the file, in bronze's order, and what bronze did not have.

    Raises ArrivalError when one is missing, when the policy stops, or when nothing says what types its text has.
    """
    required, brought = known_to_arrival(log)
    _refuse_untyped(query, file, required)
    _refuse_reserved(file)
    _require(query, file, list(required) or _identifying(query))
    found = dict(required)
    for field in file.schema:
        found.setdefault(field.name, brought.get(field.name, own_type(field)))
    known = required | {name: dtype for name, dtype in brought.items() if name in found}
    decision = compare_schemas(known or None, found, policy=query.on_schema_change)
    if decision.breaking:
        raise ArrivalError(
            f"{file.name}: {'; '.join(decision.breaking)}, and on_schema_change of query {query.name!r} is "
            f"{query.on_schema_change!r}. Leave out of the file what bronze/{query.entity} does not have."
        )
    types = ibis.schema(decision.columns).to_pyarrow()
    return pa.schema([pa.field(field.name, field.type) for field in types]), decision.diff


def own_type(field: pa.Field) -> dt.DataType:
    """What bronze keeps for the file's own type, in Ibis' words."""
    return ibis.Schema.from_pyarrow(pa.schema([pa.field(field.name, bronze_type(field.type))]))[field.name]


def _refuse_untyped(query: Query, file: Dropped, required: Mapping[str, dt.DataType]) -> None:
    if not required and not file.has_types:
        raise ArrivalError(
            f"{file.name}: nothing was extracted for bronze/{query.entity} yet, so nothing says which types this text "
            f"has. Run 'snowpipe run bronze/{query.entity}' first, or write the file as Parquet."
        )


def _refuse_reserved(file: Dropped) -> None:
    taken = [name for name in file.schema.names if name in RESERVED_COLUMNS or name.startswith(RULE_PREFIX)]
    if taken:
        found = ", ".join(map(repr, taken))
        raise ArrivalError(f"{file.name}: {found}: such a column is the platform's own. Leave it out of the file.")


def _require(query: Query, file: Dropped, required: Collection[str]) -> None:
    found = file.schema.names
    missing = [name for name in required if name not in found]
    if not missing:
        return
    unknown = [name for name in found if name not in required]
    near = {name: get_close_matches(name, unknown, n=1) for name in missing}
    hints = "".join(f" Did you mean {match[0]!r}?" for match in near.values() if match)
    told = f"column {missing[0]!r} is" if len(missing) == 1 else f"columns {', '.join(map(repr, missing))} are"
    raise ArrivalError(
        f"{file.name}: {told} missing. Found: {', '.join(found) or 'none'}.{hints} "
        f"A file has every column of bronze/{query.entity}, empty where a row has no value."
    )


def _identifying(query: Query) -> list[str]:
    """The columns without which rows cannot be told from each other."""
    watermark = [query.watermark_column] if query.watermark_column and query.mode == "incremental" else []
    return [name.lower() for name in dict.fromkeys([*query.primary_key, *watermark])]

"""The columns of an entity, as its log has them. The source decides them; a dropped file may bring more."""

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.datatypes as dt

from snowpipe_platform.spec.bronze_log import standing
from snowpipe_platform.spec.manifest import EntryKind, Manifest

Columns = dict[str, dt.DataType]
OF_THE_SOURCE: tuple[EntryKind, ...] = ("extraction", "comparison")
"""Their columns are those the source had."""


def known_to_extraction(log: Sequence[Manifest], found: Mapping[str, dt.DataType]) -> Columns | None:
    """What the columns found at the source are compared with; None when nothing was landed yet.

    Columns that only dropped files brought need not be at the source; where they are, their types have to agree.
    """
    brought = _brought(log)
    latest = _of_kind(log, *OF_THE_SOURCE)
    if latest:
        return _types(latest[-1]) | {name: brought[name] for name in found if name in brought}
    return {name: brought.get(name, dtype) for name, dtype in found.items()} if brought else None


def known_to_arrival(log: Sequence[Manifest]) -> tuple[Columns, Columns]:
    """The columns a dropped file must have, in bronze's order, and those it may have; none of both when the log is
    empty. It must have the latest extraction's; where there is none, the first file's."""
    extractions, arrivals = _of_kind(log, *OF_THE_SOURCE), _of_kind(log, "arrival")
    required = _types(extractions[-1]) if extractions else _types(arrivals[0]) if arrivals else {}
    return required, {name: dtype for name, dtype in _brought(log).items() if name not in required}


def _brought(log: Sequence[Manifest]) -> Columns:
    """Columns of dropped files that the latest extraction does not have, in the types of the first file with them."""
    extractions = _of_kind(log, *OF_THE_SOURCE)
    own = _types(extractions[-1]) if extractions else {}
    brought: Columns = {}
    for arrival in _of_kind(log, "arrival"):
        brought |= {name: dtype for name, dtype in _types(arrival).items() if name not in own and name not in brought}
    return brought


def _of_kind(log: Sequence[Manifest], *kinds: EntryKind) -> list[Manifest]:
    return [entry for entry in standing(log) if entry.kind in kinds]


def _types(entry: Manifest) -> Columns:
    return {column.name: ibis.dtype(column.type) for column in entry.columns}

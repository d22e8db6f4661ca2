"""pandera's own checks as Ibis expressions: each is true, or null, where a value passes."""

from collections.abc import Callable, Mapping
from typing import Any

import ibis
import ibis.expr.types as ir

Arguments = Mapping[str, Any]


def _in_range(column: ir.Column, arguments: Arguments) -> ir.BooleanValue:
    low, high = arguments["min_value"], arguments["max_value"]
    above = column >= low if arguments.get("include_min", True) else column > low
    return above & (column <= high if arguments.get("include_max", True) else column < high)


def _length(column: ir.Column, arguments: Arguments) -> ir.BooleanValue:
    """Characters, as Python counts them: code points."""
    length = column.length()
    limits = {"min_value": length.__ge__, "max_value": length.__le__, "exact_value": length.__eq__}
    wanted = {name: arguments.get(name) for name in limits}
    return ibis.and_(*[limits[name](limit) for name, limit in wanted.items() if limit is not None])


def _in_order(values: Any) -> list[Any]:  # noqa: ANN401 - of the column's type
    """One order for a set, whatever the process; a null is no value, and has its own rule."""
    return sorted((value for value in values if value is not None), key=repr)


BUILTIN_CHECKS: dict[str, Callable[[ir.Column, Arguments], ir.BooleanValue]] = {
    "equal_to": lambda column, a: column == a["value"],
    "not_equal_to": lambda column, a: column != a["value"],
    "greater_than": lambda column, a: column > a["min_value"],
    "greater_than_or_equal_to": lambda column, a: column >= a["min_value"],
    "less_than": lambda column, a: column < a["max_value"],
    "less_than_or_equal_to": lambda column, a: column <= a["max_value"],
    "in_range": _in_range,
    "isin": lambda column, a: column.isin(_in_order(a["allowed_values"])),
    "notin": lambda column, a: column.notin(_in_order(a["forbidden_values"])),
    "str_matches": lambda column, a: column.re_search(f"\\A(?:{a['pattern']})"),
    "str_contains": lambda column, a: column.re_search(a["pattern"]),
    "str_startswith": lambda column, a: column.startswith(a["string"]),
    "str_endswith": lambda column, a: column.endswith(a["string"]),
    "str_length": _length,
}

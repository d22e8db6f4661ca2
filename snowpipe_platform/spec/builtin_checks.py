"""pandera's own checks as Ibis expressions, with the meaning they have on pandas."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from snowpipe_platform.spec.check_arguments import is_absent, typed

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class BuiltinCheck:
    """One of pandera's checks. passes: true, or null, where a present value passes.

    values: arguments that are values of the column. absent_passes: whether a null, or NaN, passes where the check does
    not ignore them: it equals nothing.
    """

    passes: Callable[[ir.Column, Arguments], ir.BooleanValue]
    values: tuple[str, ...] = ()
    absent_passes: Callable[[Arguments, dt.DataType], bool] = field(default=lambda _arguments, _dtype: False)

    def typed(self, arguments: Arguments, dtype: dt.DataType) -> dict[str, Any]:
        """Arguments as the column's type has them. Raises UnfitArgumentError."""
        return {name: typed(value, dtype) if name in self.values else value for name, value in arguments.items()}


def _in_range(column: ir.Column, arguments: Arguments) -> ir.BooleanValue:
    low, high = arguments["min_value"], arguments["max_value"]
    above = column >= low if arguments["include_min"] else column > low
    return above & (column <= high if arguments["include_max"] else column < high)


def _length(column: ir.Column, arguments: Arguments) -> ir.BooleanValue:
    """Characters, as Python counts them: code points."""
    length = column.length()
    limits = {"min_value": length.__ge__, "max_value": length.__le__, "exact_value": length.__eq__}
    wanted = {name: arguments.get(name) for name in limits}
    return ibis.and_(*[limits[name](limit) for name, limit in wanted.items() if limit is not None])


def _names_absent(values: Iterable[Any], dtype: dt.DataType) -> bool:
    """On pandas a number that is absent is a NaN, and anything else a None."""
    return any(is_absent(value) and (value is not None) == dtype.is_floating() for value in values)


BUILTIN_CHECKS: dict[str, BuiltinCheck] = {
    "equal_to": BuiltinCheck(lambda column, a: column == a["value"], ("value",)),
    "not_equal_to": BuiltinCheck(lambda column, a: column != a["value"], ("value",), lambda _a, _dtype: True),
    "greater_than": BuiltinCheck(lambda column, a: column > a["min_value"], ("min_value",)),
    "greater_than_or_equal_to": BuiltinCheck(lambda column, a: column >= a["min_value"], ("min_value",)),
    "less_than": BuiltinCheck(lambda column, a: column < a["max_value"], ("max_value",)),
    "less_than_or_equal_to": BuiltinCheck(lambda column, a: column <= a["max_value"], ("max_value",)),
    "in_range": BuiltinCheck(_in_range, ("min_value", "max_value")),
    "isin": BuiltinCheck(
        lambda column, a: column.isin(a["allowed_values"]),
        ("allowed_values",),
        lambda a, dtype: _names_absent(a["allowed_values"], dtype),
    ),
    "notin": BuiltinCheck(
        lambda column, a: column.notin(a["forbidden_values"]),
        ("forbidden_values",),
        lambda a, dtype: not _names_absent(a["forbidden_values"], dtype),
    ),
    "str_matches": BuiltinCheck(lambda column, a: column.re_search(f"\\A(?:{a['pattern']})")),
    "str_contains": BuiltinCheck(lambda column, a: column.re_search(a["pattern"])),
    "str_startswith": BuiltinCheck(lambda column, a: column.startswith(a["string"]), ("string",)),
    "str_endswith": BuiltinCheck(lambda column, a: column.endswith(a["string"]), ("string",)),
    "str_length": BuiltinCheck(_length),
}

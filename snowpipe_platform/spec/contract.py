"""Contracts: pandera models compiled to boolean Ibis expressions.

pandera's own Ibis backend gives wrong rows (`unique` ignored, `drop_invalid_rows` inverted), so its models are read as
declarations and run by the engine: a rule is an expression that is true where a row breaks it. Nulls break `nullable`
rules only, as in pandera on pandas; a NaN counts as a null there and here.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandera.ibis as pa
from pandera.api.checks import Check
from pandera.api.ibis.types import IbisData
from pandera.engines import ibis_engine

from snowpipe_platform.errors import ContractError

Severity = Literal["error", "warn"]

DEFAULT_WARN_ABOVE = 0.0
DEFAULT_ERROR_ABOVE = 0.02


@dataclass(frozen=True)
class Tolerance:
    """Shares of rows, 0 to 1: above `warn_above` a check warns, above `error_above` nothing is published."""

    warn_above: float = DEFAULT_WARN_ABOVE
    error_above: float = DEFAULT_ERROR_ABOVE


@dataclass(frozen=True)
class Rule:
    """One thing that holds for every row. `breaks(table)` is true, never null, where a row breaks it.

    scope "row" looks at one row, "table" at all rows (uniqueness, overlaps).
    columns: what it reads; a rule over key columns alone also holds for deletes.
    """

    id: str
    description: str
    severity: Severity
    scope: Literal["row", "table"]
    columns: tuple[str, ...]
    tolerance: Tolerance
    breaks: Callable[[ir.Table], ir.BooleanValue]


@ibis_engine.Engine.register_dtype(equivalents=[dt.Struct, dt.Array])
class _Nested(ibis_engine.DataType):
    """Structs and arrays, which pandera 0.35's Ibis engine does not know; remove when it does."""

    def __init__(self, dtype: dt.DataType | None = None) -> None:
        object.__setattr__(self, "type", dtype)

    @classmethod
    def from_parametrized_dtype(cls, dtype: dt.Struct | dt.Array) -> Any:  # noqa: ANN401 - pandera evaluates the hints
        return cls(dtype)


def contract_schema(model: type[pa.DataFrameModel]) -> ibis.Schema:
    """The contract's columns and types, in order."""
    return ibis.schema({name: column.dtype.type for name, column in model.to_schema().columns.items()})


def column_descriptions(model: type[pa.DataFrameModel]) -> dict[str, str]:
    """What the contract says about each column that has a description."""
    columns = model.to_schema().columns
    return {name: column.description for name, column in columns.items() if column.description}


def column_tolerance(model: type[pa.DataFrameModel], column: str) -> Tolerance:
    """What the contract tolerates in a column; the default for one it does not have."""
    declared = model.to_schema().columns.get(column)
    return _tolerance((declared.metadata or {}) if declared is not None else {})


def compile_rules(model: type[pa.DataFrameModel], *, where: str) -> tuple[Rule, ...]:
    """Every rule of the contract. Raises ContractError, naming `where` and the check, for one that has no
    meaning both engines share."""
    schema = model.to_schema()
    rules: list[Rule] = []
    for name, column in schema.columns.items():
        metadata = column.metadata or {}
        if not column.nullable:
            rules.append(_rule(f"{name}.not_null", f"{name} is present", (name,), metadata, _null(name)))
        if column.unique:
            rules.append(_unique((name,), metadata))
        rules.extend(_column_check(name, check, metadata, where) for check in column.checks)
    if schema.unique:
        names = [schema.unique] if isinstance(schema.unique, str) else list(schema.unique)
        rules.append(_unique(tuple(names), schema.metadata or {}))
    rules.extend(_table_check(check, tuple(schema.columns), where) for check in schema.checks)
    _refuse_duplicates(rules, where)
    _refuse_broken(rules, contract_schema(model), where)
    return tuple(rules)


def _rule(
    rule_id: str,
    description: str,
    columns: tuple[str, ...],
    metadata: dict[str, Any],
    breaks: Callable[[ir.Table], ir.BooleanValue],
    scope: Literal["row", "table"] = "row",
) -> Rule:
    severity = metadata.get("severity", "error")
    return Rule(rule_id, description, severity, scope, columns, _tolerance(metadata), breaks)


def _tolerance(metadata: dict[str, Any]) -> Tolerance:
    return Tolerance(
        float(metadata.get("warn_above", DEFAULT_WARN_ABOVE)), float(metadata.get("error_above", DEFAULT_ERROR_ABOVE))
    )


def _absent(column: ir.Column) -> ir.BooleanValue:
    return column.isnull() | column.isnan() if column.type().is_floating() else column.isnull()


def _null(name: str) -> Callable[[ir.Table], ir.BooleanValue]:
    return lambda table: _absent(table[name])


def _unique(names: tuple[str, ...], metadata: dict[str, Any]) -> Rule:
    def breaks(table: ir.Table) -> ir.BooleanValue:
        return table.count().over(ibis.window(group_by=[table[name] for name in names])) > 1

    label = ", ".join(names)
    return _rule(f"{'+'.join(names)}.unique", f"{label} is unique", names, metadata, breaks, scope="table")


def _column_check(name: str, check: Check, metadata: dict[str, Any], where: str) -> Rule:
    own = metadata | (check._check_kwargs if _is_custom(check) else {})  # noqa: SLF001 - pandera keeps them nowhere else
    holds = _custom(check, name) if _is_custom(check) else _builtin(check, name, where)

    def breaks(table: ir.Table) -> ir.BooleanValue:
        return ~_absent(table[name]) & ~holds(table).fill_null(False)  # noqa: FBT003 - ibis' signature

    description = check.description or check.title or f"{name}: {str(check.name).replace('_', ' ')}{_arguments(check)}"
    return _rule(f"{name}.{check.name}", description, (name,), own, breaks, scope=own.get("scope", "row"))


def _table_check(check: Check, columns: tuple[str, ...], where: str) -> Rule:
    if not _is_custom(check):
        msg = f"{where}: check {check.name!r} on the whole table is not supported. Write it as a @pa.dataframe_check."
        raise ContractError(msg)
    own = check._check_kwargs  # noqa: SLF001 - pandera keeps the declared arguments nowhere else
    holds = _custom(check, None)

    def breaks(table: ir.Table) -> ir.BooleanValue:
        return ~holds(table).fill_null(False)  # noqa: FBT003 - ibis' signature

    description = check.description or check.title or str(check.name).replace("_", " ")
    return _rule(str(check.name), description, columns, own, breaks, scope=own.get("scope", "row"))


def _is_custom(check: Check) -> bool:
    """Whether the function is the user's own; a registered check's is a dispatcher of pandera's."""
    return str(getattr(check._check_fn, "__qualname__", "")).startswith("BaseCheckInfo")  # noqa: SLF001


def _custom(check: Check, key: str | None) -> Callable[[ir.Table], ir.BooleanValue]:
    return lambda table: check._check_fn(IbisData(table, key))  # noqa: SLF001 - the user's own function


def _arguments(check: Check) -> str:
    if _is_custom(check):
        return ""
    known = {key: value for key, value in (check.statistics or {}).items() if value is not None}
    return f" ({', '.join(f'{key} {value}' for key, value in known.items())})" if known else ""


def _pattern(pattern: str | re.Pattern[str], where: str) -> str:
    """Python's pattern for RE2 and Java: `$` there also matches before a trailing newline; look-arounds and
    back-references have no RE2 form."""
    text = pattern if isinstance(pattern, str) else pattern.pattern
    if re.search(r"\(\?[=!<]|\\[1-9]|\(\?P[=>]", text):
        msg = f"{where}: pattern {text!r} uses a look-around or a back-reference, which DuckDB does not have. Split it."
        raise ContractError(msg)
    return re.sub(r"(?<!\\)\$(?=\)*$)", r"\\n?\\z", text)


def _in_range(column: ir.Column, arguments: dict[str, Any]) -> ir.BooleanValue:
    low, high = arguments["min_value"], arguments["max_value"]
    above = column >= low if arguments.get("include_min", True) else column > low
    return above & (column <= high if arguments.get("include_max", True) else column < high)


def _length(column: ir.Column, arguments: dict[str, Any]) -> ir.BooleanValue:
    length, (low, high, exact) = column.length(), (arguments.get(k) for k in ("min_value", "max_value", "exact_value"))
    holds = ibis.literal(True)  # noqa: FBT003 - ibis' signature
    for limit, compare in ((low, length.__ge__), (high, length.__le__), (exact, length.__eq__)):
        holds = holds if limit is None else holds & compare(limit)
    return holds


_BUILTIN: dict[str, Callable[[ir.Column, dict[str, Any]], ir.BooleanValue]] = {
    "equal_to": lambda column, a: column == a["value"],
    "not_equal_to": lambda column, a: column != a["value"],
    "greater_than": lambda column, a: column > a["min_value"],
    "greater_than_or_equal_to": lambda column, a: column >= a["min_value"],
    "less_than": lambda column, a: column < a["max_value"],
    "less_than_or_equal_to": lambda column, a: column <= a["max_value"],
    "in_range": _in_range,
    "isin": lambda column, a: column.isin(sorted(a["allowed_values"])),
    "notin": lambda column, a: column.notin(sorted(a["forbidden_values"])),
    "str_matches": lambda column, a: column.re_search(f"^(?:{a['pattern']})"),
    "str_contains": lambda column, a: column.re_search(a["pattern"]),
    "str_startswith": lambda column, a: column.startswith(a["string"]),
    "str_endswith": lambda column, a: column.endswith(a["string"]),
    "str_length": _length,
}


def _builtin(check: Check, name: str, where: str) -> Callable[[ir.Table], ir.BooleanValue]:
    compiled = _BUILTIN.get(str(check.name))
    if compiled is None:
        msg = (
            f"{where}: check {check.name!r} on column {name!r} cannot be compiled. Compiled: "
            f"{', '.join(sorted(_BUILTIN))}, and custom checks that return a boolean Ibis column."
        )
        raise ContractError(msg)
    arguments = dict(check.statistics or {})
    if "pattern" in arguments:
        arguments["pattern"] = _pattern(arguments["pattern"], f"{where}: column {name!r}")
    return lambda table: compiled(table[name], arguments)


def _duplicates(rules: list[Rule]) -> Iterator[str]:
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            yield rule.id
        seen.add(rule.id)


def _refuse_duplicates(rules: list[Rule], where: str) -> None:
    for rule_id in _duplicates(rules):
        msg = f"{where}: two rules are called {rule_id!r}. Give one of them a name."
        raise ContractError(msg)


def _refuse_broken(rules: list[Rule], schema: ibis.Schema, where: str) -> None:
    """A rule that cannot be an expression fails here, when definitions load, by name."""
    table = ibis.table(schema, name="rows")
    for rule in rules:
        try:
            is_boolean = rule.breaks(table).type().is_boolean()
        except Exception as error:
            msg = f"{where}: check {rule.id!r} cannot be compiled: {error}. It must return a boolean Ibis column."
            raise ContractError(msg) from error
        if not is_boolean:
            msg = f"{where}: check {rule.id!r} returns no boolean column."
            raise ContractError(msg)

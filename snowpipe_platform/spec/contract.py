"""Contracts: pandera models compiled to boolean Ibis expressions.

pandera's own Ibis backend gives wrong rows (`unique` ignored, `drop_invalid_rows` inverted), so its models are read as
declarations and run by the engine: a rule is an expression that is true where a row breaks it. Nulls break `nullable`
rules only, as in pandera on pandas; a NaN counts as a null there and here. In a key of several columns it is a value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pandera.ibis as pa
from pandera.api.checks import Check
from pandera.api.ibis.types import IbisData
from pandera.engines import ibis_engine

from snowpipe_platform.errors import ContractError, did_you_mean
from snowpipe_platform.spec.builtin_checks import BUILTIN_CHECKS
from snowpipe_platform.spec.pattern import UnsharedPatternError, shared_pattern

Severity = Literal["error", "warn"]

DEFAULT_WARN_ABOVE = 0.0
DEFAULT_ERROR_ABOVE = 0.02
OPTIONS = ("severity", "scope", "warn_above", "error_above")


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
    return _tolerance((declared.metadata or {}) if declared is not None else {}, f"{model.__name__}.{column}")


def compile_rules(model: type[pa.DataFrameModel], *, where: str) -> tuple[Rule, ...]:
    """Every rule of the contract. Raises ContractError, naming `where` and the check, for one that has no
    meaning both engines share."""
    schema = model.to_schema()
    rules = [rule for name, column in schema.columns.items() for rule in _column_rules(name, column, where)]
    if schema.unique:
        _refuse_unknown(schema.metadata or {}, f"{where}: metadata of Config")
        names = [schema.unique] if isinstance(schema.unique, str) else list(schema.unique)
        rules.append(_unique(tuple(names), schema.metadata or {}, where))
    rules.extend(_table_check(check, tuple(schema.columns), where) for check in schema.checks)
    _refuse_duplicates(rules, where)
    _refuse_broken(rules, contract_schema(model), where)
    return tuple(rules)


def _column_rules(name: str, column: Any, where: str) -> list[Rule]:  # noqa: ANN401 - pandera's class is not public
    if column.regex:
        raise ContractError(f"{where}: column {name!r} is a pattern for several columns. Name each column.")
    metadata = column.metadata or {}
    _refuse_unknown(metadata, f"{where}: metadata of column {name!r}")
    rules = []
    if not column.nullable:
        rules.append(_rule(f"{name}.not_null", f"{name} is present", (name,), metadata, _null(name), where))
    if column.unique:
        rules.append(_unique((name,), metadata, where))
    return rules + [_column_check(name, check, metadata, where) for check in column.checks]


def _rule(  # noqa: PLR0913, PLR0917 - one place makes rules
    rule_id: str,
    description: str,
    columns: tuple[str, ...],
    options: Mapping[str, Any],
    breaks: Callable[[ir.Table], ir.BooleanValue],
    where: str,
    scope: Literal["row", "table"] | None = None,
) -> Rule:
    about = f"{where}: check {rule_id!r}"
    severity = _option(options, "severity", ("error", "warn"), about)
    scope = scope or _option(options, "scope", ("row", "table"), about)
    return Rule(rule_id, description, severity, scope, columns, _tolerance(options, about), breaks)


def _option(options: Mapping[str, Any], name: str, allowed: tuple[str, ...], about: str) -> Any:  # noqa: ANN401
    if (value := options.get(name, allowed[0])) in allowed:
        return value
    raise ContractError(f"{about}: {name} is {value!r}. It is one of {', '.join(allowed)}.")


def _tolerance(options: Mapping[str, Any], about: str) -> Tolerance:
    warn, error = options.get("warn_above", DEFAULT_WARN_ABOVE), options.get("error_above", DEFAULT_ERROR_ABOVE)
    for name, share in (("warn_above", warn), ("error_above", error)):
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ContractError(f"{about}: {name} is {share!r}. It is a share of the rows, 0 to 1.")
    return Tolerance(float(warn), float(error))


def _absent(column: ir.Column) -> ir.BooleanValue:
    return column.isnull() | column.isnan() if column.type().is_floating() else column.isnull()


def _null(name: str) -> Callable[[ir.Table], ir.BooleanValue]:
    return lambda table: _absent(table[name])


def _unique(names: tuple[str, ...], metadata: Mapping[str, Any], where: str) -> Rule:
    def breaks(table: ir.Table) -> ir.BooleanValue:
        repeated = table.count().over(ibis.window(group_by=[table[name] for name in names])) > 1
        return repeated & ~_absent(table[names[0]]) if len(names) == 1 else repeated

    label = ", ".join(names)
    return _rule(f"{'+'.join(names)}.unique", f"{label} is unique", names, metadata, breaks, where, "table")


def _column_check(name: str, check: Check, metadata: Mapping[str, Any], where: str) -> Rule:
    options = {**metadata, **_own_options(check, f"{name}.{check.name}", where)}
    holds = _custom(check, name) if _is_custom(check) else _builtin(check, name, where)

    def breaks(table: ir.Table) -> ir.BooleanValue:
        passes = holds(table).fill_null(False)
        return ~_absent(table[name]) & ~passes if check.ignore_na else ~passes

    description = check.description or (check.title if _is_custom(check) else None) or _described(name, check)
    return _rule(f"{name}.{check.name}", description, (name,), options, breaks, where)


def _table_check(check: Check, columns: tuple[str, ...], where: str) -> Rule:
    if not _is_custom(check):
        raise ContractError(f"{where}: check {check.name!r} cannot be on the whole table. Write a @pa.dataframe_check.")
    holds = _custom(check, None)

    def breaks(table: ir.Table) -> ir.BooleanValue:
        return ~holds(table).fill_null(False)

    description = check.description or check.title or str(check.name).replace("_", " ")
    return _rule(str(check.name), description, columns, _own_options(check, str(check.name), where), breaks, where)


def _own_options(check: Check, rule_id: str, where: str) -> dict[str, Any]:
    """What is declared beside a custom check; pandera's `raise_warning` is a severity."""
    about = f"{where}: check {rule_id!r}"
    own: dict[str, Any] = {"severity": "warn"} if check.raise_warning else {}
    if check.element_wise or check.groupby:
        raise ContractError(f"{about} is element-wise or grouped. Return a boolean Ibis column instead.")
    if _is_custom(check):
        own |= check._check_kwargs  # noqa: SLF001 - pandera keeps them nowhere else
    _refuse_unknown(own, about)
    return own


def _refuse_unknown(options: Mapping[str, Any], about: str) -> None:
    """A misspelt tolerance would be none."""
    for name in options:
        if name not in OPTIONS:
            raise ContractError(f"{about}: there is no option {name!r}. {did_you_mean(name, list(OPTIONS))}")


def _is_custom(check: Check) -> bool:
    """Whether the function is the user's own; a registered check's is a dispatcher of pandera's."""
    return str(getattr(check._check_fn, "__qualname__", "")).startswith("BaseCheckInfo")  # noqa: SLF001


def _custom(check: Check, key: str | None) -> Callable[[ir.Table], ir.BooleanValue]:
    return lambda table: check._check_fn(IbisData(table, key))  # noqa: SLF001 - the user's own function


def _described(name: str, check: Check) -> str:
    known = {} if _is_custom(check) else {k: v for k, v in (check.statistics or {}).items() if v is not None}
    arguments = f" ({', '.join(f'{key} {value}' for key, value in known.items())})" if known else ""
    return f"{name}: {str(check.name).replace('_', ' ')}{arguments}"


def _builtin(check: Check, name: str, where: str) -> Callable[[ir.Table], ir.BooleanValue]:
    compiled = BUILTIN_CHECKS.get(str(check.name))
    if compiled is None:
        msg = (
            f"{where}: check {check.name!r} on column {name!r} cannot be compiled. Compiled: "
            f"{', '.join(sorted(BUILTIN_CHECKS))}, and custom checks that return a boolean Ibis column."
        )
        raise ContractError(msg)
    arguments = dict(check.statistics or {})
    if "pattern" in arguments:
        try:
            arguments["pattern"] = shared_pattern(arguments["pattern"])
        except UnsharedPatternError as error:
            msg = f"{where}: column {name!r}: pattern {arguments['pattern']!r} cannot be compiled: {error}. Split it."
            raise ContractError(msg) from error
    return lambda table: compiled(table[name], arguments)


def _refuse_duplicates(rules: list[Rule], where: str) -> None:
    ids = [rule.id for rule in rules]
    for rule_id in sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1}):
        raise ContractError(f"{where}: two rules are called {rule_id!r}. Give one of them a name.")


def _refuse_broken(rules: list[Rule], schema: ibis.Schema, where: str) -> None:
    """A rule that cannot be an expression fails here, when definitions load, by name."""
    table = ibis.table(schema, name="rows")
    for rule in rules:
        about = f"{where}: check {rule.id!r}"
        try:
            broken = rule.breaks(table)
            is_boolean = broken.type().is_boolean()
        except Exception as error:
            msg = f"{about} cannot be compiled: {error}. It must return a boolean Ibis column of: {', '.join(schema)}."
            raise ContractError(msg) from error
        if not is_boolean:
            raise ContractError(f"{about} returns no boolean column.")
        others = set(broken.op().find((ops.Reduction, ops.WindowFunction, ops.Relation))) - {table.op()}
        if rule.scope == "row" and others:
            raise ContractError(f"{about} looks at other rows than its own. Declare it with scope='table'.")

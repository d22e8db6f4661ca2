"""Rules that follow from checks: pandera's own, and a user's."""

from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
from pandera.api.checks import Check
from pandera.api.ibis.types import IbisData

from snowpipe_platform.errors import ContractError
from snowpipe_platform.spec.builtin_checks import BUILTIN_CHECKS
from snowpipe_platform.spec.check_arguments import UnfitArgumentError
from snowpipe_platform.spec.declared_rules import Column, absent, make_rule
from snowpipe_platform.spec.pattern import UnsharedPatternError, shared_pattern
from snowpipe_platform.spec.rule import Breaks, Rule, options_of, refuse_unknown_options


def column_check(column: Column, check: Check) -> Rule:
    name, where = column.name, column.where
    options = options_of(column.declared.metadata, str(check.name)) | _own_options(check, f"{name}.{check.name}", where)
    builtin = None if _is_custom(check) else _builtin(column, check)
    holds = builtin or _custom(check, name)

    def breaks(table: ir.Table) -> ir.BooleanValue:
        passes = holds(table).fill_null(False)
        return ~absent(table[name]) & ~passes if check.ignore_na else ~passes

    description = check.description or (check.title if builtin is None else None) or _described(name, check)
    return make_rule(f"{name}.{check.name}", description, (name,), options, breaks, where)


def table_check(check: Check, columns: Mapping[str, Any], where: str) -> Rule:
    """On the whole row. As in pandera, a row of nothing but nulls passes, unless a column must be present."""
    if not _is_custom(check):
        raise ContractError(f"{where}: check {check.name!r} cannot be on the whole table. Write a @pa.dataframe_check.")
    holds = _custom(check, None)
    may_be_empty = check.ignore_na and all(column.nullable for column in columns.values())

    def breaks(table: ir.Table) -> ir.BooleanValue:
        passes = holds(table).fill_null(False)
        return ~passes & ~ibis.and_(*[absent(table[name]) for name in columns]) if may_be_empty else ~passes

    description = check.description or check.title or str(check.name).replace("_", " ")
    options = _own_options(check, str(check.name), where)
    return make_rule(str(check.name), description, tuple(columns), options, breaks, where)


def _own_options(check: Check, rule_id: str, where: str) -> dict[str, Any]:
    """What is declared beside a custom check; pandera's `raise_warning` is a severity."""
    about = f"{where}: check {rule_id!r}"
    own: dict[str, Any] = {"severity": "warn"} if check.raise_warning else {}
    if check.element_wise or check.groupby:
        raise ContractError(f"{about} is element-wise or grouped. Return a boolean Ibis column instead.")
    if _is_custom(check):
        own |= check._check_kwargs  # noqa: SLF001 - pandera keeps them nowhere else
    refuse_unknown_options(own, about)
    return own


def _is_custom(check: Check) -> bool:
    """Whether the function is the user's own; a registered check's is a dispatcher of pandera's."""
    return str(getattr(check._check_fn, "__qualname__", "")).startswith("BaseCheckInfo")  # noqa: SLF001


def _custom(check: Check, key: str | None) -> Breaks:
    def holds(table: ir.Table) -> ir.BooleanValue:
        found = check._check_fn(IbisData(table, key))  # noqa: SLF001 - the user's own function
        if not isinstance(found, ir.BooleanValue):
            what = str(found.type()) if isinstance(found, ir.Value) else f"a {type(found).__name__}"
            raise ContractError(f"it returns {what}")
        return found

    return holds


def _described(name: str, check: Check) -> str:
    known = {} if _is_custom(check) else {k: v for k, v in (check.statistics or {}).items() if v is not None}
    arguments = f" ({', '.join(f'{key} {value}' for key, value in known.items())})" if known else ""
    return f"{name}: {str(check.name).replace('_', ' ')}{arguments}"


def _builtin(column: Column, check: Check) -> Breaks:
    """Where a value passes."""
    builtin = BUILTIN_CHECKS.get(str(check.name))
    about = f"{column.where}: check {check.name!r} on column {column.name!r} cannot be compiled"
    if builtin is None:
        compiled = f"{', '.join(sorted(BUILTIN_CHECKS))}, and custom checks that return a boolean Ibis column"
        raise ContractError(f"{about}. Compiled: {compiled}.")
    declared, dtype = dict(check.statistics or {}), column.declared.dtype.type
    try:
        arguments = builtin.typed(declared, dtype)
        if "pattern" in arguments:
            arguments["pattern"] = shared_pattern(arguments["pattern"])
    except UnsharedPatternError as error:
        raise ContractError(f"{about}: pattern {declared['pattern']!r}: {error}. Split it.") from error
    except UnfitArgumentError as error:
        raise ContractError(f"{about}: {error}.") from error
    absent_passes = ibis.literal(builtin.absent_passes(declared, dtype))

    def passes(table: ir.Table) -> ir.BooleanValue:
        value = table[column.name]
        found = builtin.passes(value, arguments)
        return found if check.ignore_na else absent(value).ifelse(absent_passes, found)

    return passes

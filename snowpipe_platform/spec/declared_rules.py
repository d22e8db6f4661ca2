"""Rules that follow from how columns and keys are declared: present, unique, one of another table's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from snowpipe_platform.errors import ContractError
from snowpipe_platform.spec.rule import (
    REFERENCES,
    Breaks,
    Rule,
    Scope,
    options_of,
    refuse_unknown,
    scope_of,
    severity_of,
    tolerance_of,
)


def make_rule(  # noqa: PLR0913, PLR0917 - one place makes rules
    rule_id: str,
    description: str,
    columns: tuple[str, ...],
    options: Mapping[str, Any],
    breaks: Breaks,
    where: str,
    scope: Scope | None = None,
) -> Rule:
    about = f"{where}: check {rule_id!r}"
    severity, tolerance = severity_of(options, about), tolerance_of(options, about)
    return Rule(rule_id, description, severity, scope or scope_of(options, about), columns, tolerance, breaks)


def absent(column: ir.Column) -> ir.BooleanValue:
    """A null, or a NaN."""
    return column.isnull() | column.isnan() if column.type().is_floating() else column.isnull()


def _is_repeated(table: ir.Table, names: tuple[str, ...]) -> ir.BooleanValue:
    """Another row has the same values; an absent one is a value too, and a NaN is absent."""
    keys = [
        table[name].isnan().ifelse(ibis.null(dtype), table[name]) if dtype.is_floating() else table[name]
        for name, dtype in ((name, table[name].type()) for name in names)
    ]
    return table.count().over(ibis.window(group_by=keys)) > 1


@dataclass(frozen=True)
class Column:
    """A column as pandera declares it, in the contract of the table `table`."""

    name: str
    declared: Any
    table: str
    where: str

    def rules(self) -> list[Rule]:
        """Those of COLUMN_RULES that it declares."""
        if self.declared.regex:
            msg = f"{self.where}: column {self.name!r} is a pattern for several columns. Name each column."
            raise ContractError(msg)
        made = [make(self) for make in COLUMN_RULES.values()]
        return [rule for rule in made if rule is not None]

    def rule(self, kind: str, description: str, breaks: Breaks, scope: Scope | None = None) -> Rule:
        options = options_of(self.declared.metadata, kind)
        return make_rule(f"{self.name}.{kind}", description, (self.name,), options, breaks, self.where, scope)


def _not_null(column: Column) -> Rule | None:
    if column.declared.nullable:
        return None
    return column.rule("not_null", f"{column.name} is present", lambda table: absent(table[column.name]))


def _unique(column: Column) -> Rule | None:
    if not column.declared.unique:
        return None

    def breaks(table: ir.Table) -> ir.BooleanValue:
        return _is_repeated(table, (column.name,)) & ~absent(table[column.name])

    return column.rule("unique", f"{column.name} is unique", breaks, "table")


def _references(column: Column) -> Rule | None:
    """The value is one of another table's column, or of another column of its own table."""
    target = (column.declared.metadata or {}).get(REFERENCES)
    if target is None:
        return None
    other, _, key = str(target).partition(".")
    if "/" not in other or not key:
        about = f"{column.where}: column {column.name!r}"
        raise ContractError(f"{about}: {REFERENCES} is {target!r}. Write it as 'silver/dim_customers.customer_key'.")

    def breaks(table: ir.Table) -> ir.BooleanValue:
        value = table[column.name]
        known = table[key] if other == column.table else ibis.table({key: value.type()}, name=other)[key]
        # Under its own name it would be all columns of a table of one, `SELECT *`, and there are more.
        return ~absent(value) & ~value.isin(known.name(f"known_{key}")).fill_null(False)

    return column.rule(REFERENCES, f"{column.name} is in {other}", breaks, "table")


COLUMN_RULES: dict[str, Callable[[Column], Rule | None]] = {
    "not_null": _not_null,
    "unique": _unique,
    REFERENCES: _references,
}
"""Rules that follow from how a column is declared, by kind; each is None for a column that does not declare it."""


def key_rules(declared: Sequence[Any], metadata: Mapping[str, Any], where: str) -> list[Rule]:
    """Keys over the whole table, as `Config` declares them: one, or several. metadata: its options."""
    keys = [tuple(declared)] if all(isinstance(name, str) for name in declared) else [tuple(key) for key in declared]
    refuse_unknown(metadata, {"unique"} if declared else (), f"{where}: Config.metadata")

    def key_rule(names: tuple[str, ...]) -> Rule:
        def breaks(table: ir.Table) -> ir.BooleanValue:
            return _is_repeated(table, names)

        rule_id, label = f"{'+'.join(names)}.unique", ", ".join(names)
        return make_rule(rule_id, f"{label} is unique", names, options_of(metadata, "unique"), breaks, where, "table")

    return [key_rule(names) for names in keys if names]

"""A rule, and what may be declared beside one: how severe it is, and which share of the rows may break it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

import ibis.expr.operations as ops
import ibis.expr.types as ir

from snowpipe_platform.errors import ContractError, did_you_mean

Severity = Literal["error", "warn"]
Scope = Literal["row", "table"]
Breaks = Callable[[ir.Table], ir.BooleanValue]

DEFAULT_WARN_ABOVE = 0.0
DEFAULT_ERROR_ABOVE = 0.02
OPTIONS = ("severity", "scope", "warn_above", "error_above")
REFERENCES = "references"
OF_ONE_RULE = "rules"
COLUMN_OPTIONS = (*OPTIONS, REFERENCES, OF_ONE_RULE)
"""What a column's metadata says: options of all its rules, the column it refers to, options of one rule by its kind."""
NEAR = 0.75
"""How like an option another key of the metadata must be to be a misspelt one: a user may keep keys of their own."""


@dataclass(frozen=True)
class Tolerance:
    """Shares of rows, 0 to 1: above `warn_above` a check warns, above `error_above` nothing is published."""

    warn_above: float = DEFAULT_WARN_ABOVE
    error_above: float = DEFAULT_ERROR_ABOVE


@dataclass(frozen=True)
class Rule:
    """One thing that holds for every row. `breaks(table)` is true, never null, where a row breaks it.

    scope "row" looks at one row, "table" at all rows (uniqueness, overlaps) or at another table's.
    columns: what it reads; a rule over key columns alone also holds for deletes.
    related: the other tables it looks at, as unbound tables with the columns it knows of.
    """

    id: str
    description: str
    severity: Severity
    scope: Scope
    columns: tuple[str, ...]
    tolerance: Tolerance
    breaks: Breaks
    related: tuple[ops.UnboundTable, ...] = ()

    @property
    def kind(self) -> str:
        """What is asked of the column: `not_null`, `unique`, the name of a check."""
        return self.id.rpartition(".")[2]


def severity_of(options: Mapping[str, Any], about: str) -> Severity:
    severity: Severity = _one_of(options, "severity", ("error", "warn"), about)
    return severity


def scope_of(options: Mapping[str, Any], about: str) -> Scope:
    scope: Scope = _one_of(options, "scope", ("row", "table"), about)
    return scope


def _one_of(options: Mapping[str, Any], name: str, allowed: tuple[str, ...], about: str) -> Any:  # noqa: ANN401
    if (value := options.get(name, allowed[0])) in allowed:
        return value
    raise ContractError(f"{about}: {name} is {value!r}. It is one of {', '.join(allowed)}.")


def tolerance_of(options: Mapping[str, Any], about: str) -> Tolerance:
    """Raises ContractError for what is no share, and for an error rule that would fail before it warns."""
    warn, error = options.get("warn_above", DEFAULT_WARN_ABOVE), options.get("error_above", DEFAULT_ERROR_ABOVE)
    for name, share in (("warn_above", warn), ("error_above", error)):
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ContractError(f"{about}: {name} is {share!r}. It is a share of the rows, 0 to 1.")
    if warn > error and severity_of(options, about) == "error":
        default = "" if "error_above" in options else ", the default"
        msg = (
            f"{about}: warn_above {warn} is more than error_above {error}{default}: it would fail before it warns. "
            "Raise error_above, or declare severity 'warn'."
        )
        raise ContractError(msg)
    return Tolerance(float(warn), float(error))


def options_of(metadata: Mapping[str, Any] | None, kind: str) -> dict[str, Any]:
    """The column's options with those of the one rule in their place."""
    declared = metadata or {}
    of_one = declared.get(OF_ONE_RULE, {})
    own = of_one.get(kind, {}) if isinstance(of_one, Mapping) else {}
    options = {name: declared[name] for name in OPTIONS if name in declared}
    return options | (dict(own) if isinstance(own, Mapping) else {})


def refuse_unknown(metadata: Mapping[str, Any] | None, kinds: Iterable[str], about: str) -> None:
    """Raises ContractError for a misspelt option, and for options of a rule the column does not have."""
    declared, known = metadata or {}, sorted(kinds)
    for name in declared.keys() - set(COLUMN_OPTIONS):
        if near := get_close_matches(str(name), COLUMN_OPTIONS, n=1, cutoff=NEAR):
            raise ContractError(f"{about}: there is no option {name!r}. Did you mean {near[0]!r}?")
    own = declared.get(OF_ONE_RULE, {})
    if not isinstance(own, Mapping) or not all(isinstance(options, Mapping) for options in own.values()):
        msg = f"{about}: {OF_ONE_RULE} is {own!r}. Write the options by rule: {{'not_null': {{'error_above': 0.0}}}}."
        raise ContractError(msg)
    for kind, options in own.items():
        if kind not in known:
            raise ContractError(f"{about} has no rule {kind!r}. {did_you_mean(str(kind), known)}")
        refuse_unknown_options(options, f"{about}: {OF_ONE_RULE}[{kind!r}]")


def refuse_unknown_options(options: Iterable[str], about: str) -> None:
    for name in sorted(set(options) - set(OPTIONS)):
        raise ContractError(f"{about}: there is no option {name!r}. {did_you_mean(name, list(OPTIONS))}")

"""Contracts: pandera models compiled to boolean Ibis expressions.

pandera's own Ibis backend gives wrong rows (`unique` ignored, `drop_invalid_rows` inverted), so its models are read as
declarations and run by the engine: a rule is an expression that is true where a row breaks it. Nulls break `nullable`
rules only, as in pandera on pandas; a NaN counts as a null there and here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
from pandera.engines import ibis_engine

from snowpipe_platform.errors import ContractError
from snowpipe_platform.spec.check_rules import column_check, table_check
from snowpipe_platform.spec.declared_rules import Column, key_rules
from snowpipe_platform.spec.rule import Rule, Tolerance, options_of, refuse_unknown, tolerance_of
from snowpipe_platform.spec.rule_trial import tried


@ibis_engine.Engine.register_dtype(equivalents=[dt.Struct, dt.Array])
class _Nested(ibis_engine.DataType):
    """Structs and arrays, which pandera 0.35's Ibis engine does not know; remove when it does."""

    def __init__(self, dtype: dt.DataType | None = None) -> None:
        object.__setattr__(self, "type", dtype)

    @classmethod
    def from_parametrized_dtype(cls, dtype: dt.Struct | dt.Array) -> Any:  # noqa: ANN401 - pandera evaluates the hints
        return cls(dtype)


def _declared(model: type[pa.DataFrameModel]) -> Any:  # noqa: ANN401 - pandera's class is not public
    """pandera's own reading of the model. Raises ContractError, naming its file, for what pandera refuses."""
    try:
        return model.to_schema()
    except Exception as error:
        file = model.__module__.replace(".", "/") + ".py"
        raise ContractError(f"{file}: contract {model.__name__} cannot be read: {error}") from error


def _config_metadata(model: type[pa.DataFrameModel]) -> Mapping[str, Any]:
    """`Config.metadata`, which pandera 0.35 does not hand on to the schema of an Ibis model."""
    return getattr(model.__config__, "metadata", None) or {}


def contract_schema(model: type[pa.DataFrameModel]) -> ibis.Schema:
    """The contract's columns and types, in order."""
    return ibis.schema({name: column.dtype.type for name, column in _declared(model).columns.items()})


def column_descriptions(model: type[pa.DataFrameModel]) -> dict[str, str]:
    """What the contract says about each column that has a description."""
    columns = _declared(model).columns
    return {name: column.description for name, column in columns.items() if column.description}


def column_tolerance(model: type[pa.DataFrameModel], column: str, kind: str) -> Tolerance:
    """What the contract tolerates of an error rule of a column; the default for one it does not have."""
    declared = _declared(model).columns.get(column)
    options = options_of(declared.metadata, kind) if declared is not None else {}
    return tolerance_of(options | {"severity": "error"}, f"{model.__name__}: check {f'{column}.{kind}'!r}")


def compile_rules(
    model: type[pa.DataFrameModel],
    *,
    where: str,
    table: str = "",
    conversions: Mapping[str, str] | None = None,
) -> tuple[Rule, ...]:
    """Every rule of the contract. Raises ContractError, naming `where` and the check, for one that has no
    meaning both engines share.

    table: whose contract it is; what refers to it looks at its own rows. conversions: kinds of the rules that the
    table itself adds, by column.
    """
    schema = _declared(model)
    _refuse_changing(model, schema, where)
    rules: list[Rule] = []
    for name, declared in schema.columns.items():
        column = Column(name, declared, table, where)
        own = [*column.rules(), *(column_check(column, check) for check in declared.checks)]
        kinds = {rule.kind for rule in own} | ({conversions[name]} if conversions and name in conversions else set())
        refuse_unknown(declared.metadata, kinds, f"{where}: column {name!r}")
        rules.extend(own)
    rules.extend(key_rules(schema.unique or [], _config_metadata(model), where))
    rules.extend(table_check(check, schema.columns, where) for check in schema.checks)
    _refuse_duplicates(rules, where)
    return tuple(tried(rule, contract_schema(model), where) for rule in rules)


def _refuse_changing(model: type[pa.DataFrameModel], schema: Any, where: str) -> None:  # noqa: ANN401
    """A contract says what holds; what changes rows belongs into the table's code, where its rows are made."""
    columns = schema.columns.items()
    found = [
        *(f"column {name!r} has a default" for name, column in columns if column.default is not None),
        *(f"column {name!r} has a parser" for name in model.__parsers__),
        *(["Config has a parser"] if model.__root_parsers__ else []),
        *(["Config has drop_invalid_rows"] if schema.drop_invalid_rows else []),
    ]
    for what in found:
        raise ContractError(f"{where}: {what}, which changes rows. Change them in clean() or build().")


def _refuse_duplicates(rules: Iterable[Rule], where: str) -> None:
    ids = [rule.id for rule in rules]
    for rule_id in sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1}):
        raise ContractError(f"{where}: two rules are called {rule_id!r}. Give one of them a name.")

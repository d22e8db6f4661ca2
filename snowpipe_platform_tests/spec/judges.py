"""Which rows break a contract: by the engine, and by pandera itself on pandas. One judge proves the other.

`judged_by_engine(contract, rows)` and `judged_by_pandera(contract, rows)` are positions of rows, lowest first. A
contract is a class body both models are made of: `Contract({"v": dt.int64}, {"v": {"ge": 0}})`.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pandera.ibis as pa
import pandera.pandas as pap
import pyarrow as arrow  # noqa: ICN001 - pa is pandera here

from snowpipe_platform.spec.contract import compile_rules
from snowpipe_platform.spec.rule import Rule

Row = Mapping[str, Any]
POSITION = "position"


@dataclass(frozen=True)
class OwnCheck:
    """A check of a user's, written for Ibis and, the same, for pandas. column None: on the whole row.

    ibis: from the contract's table and the column's name. pandas: from the Series, or from the DataFrame.
    """

    name: str
    column: str | None
    ibis: Callable[..., Any]
    pandas: Callable[..., Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    own_options: Mapping[str, Any] = field(default_factory=dict)
    """Those of the platform only: severity, scope, tolerances."""


@dataclass(frozen=True)
class Contract:
    """Columns, the arguments of their fields, checks, and keys; the same for both models."""

    columns: Mapping[str, Any]
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    checks: Sequence[OwnCheck] = ()
    unique: Any = None
    base: "Contract | None" = None
    known: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Of a column that refers to another table: the values that table has."""

    @property
    def all_columns(self) -> dict[str, Any]:
        return {**(self.base.all_columns if self.base else {}), **self.columns}


def engine_model(contract: Contract) -> type[pa.DataFrameModel]:
    """The contract as a user writes it."""
    body: dict[str, Any] = {"__annotations__": dict(contract.columns)}
    for name in contract.columns:
        declared = dict(contract.fields.get(name, {}))
        if name in contract.known:
            declared["metadata"] = {"references": f"silver/known_{name}.{name}"}
        body[name] = pa.Field(**{"nullable": True, **declared})
    for check in contract.checks:
        options = {"name": check.name, **check.options, **check.own_options}
        body[check.name] = _decorated(pa, check, options)(_for_ibis(check))
    return _model(pa.DataFrameModel, engine_model, contract, body)


def pandera_model(contract: Contract) -> type[pap.DataFrameModel]:
    """The same on pandas; a reference is a check of the values there are."""
    body: dict[str, Any] = {"__annotations__": {n: _annotation(t) for n, t in contract.columns.items()}}
    for name in contract.columns:
        body[name] = pap.Field(**{"nullable": True, **contract.fields.get(name, {})})
    for check in contract.checks:
        body[check.name] = _decorated(pap, check, {"name": check.name, **check.options})(_for_pandas(check))
    for name, known in contract.known.items():
        body[f"{name}_is_known"] = pap.check(name)(_among(known))
    return _model(pap.DataFrameModel, pandera_model, contract, body)


def _model(kind: type, make: Callable[[Contract], type], contract: Contract, body: dict[str, Any]) -> Any:
    if contract.unique is not None:
        body["Config"] = type("Config", (), {"unique": contract.unique})
    return type("Contract", (make(contract.base) if contract.base else kind,), body)


def _decorated(module: Any, check: OwnCheck, options: Mapping[str, Any]) -> Any:
    return module.dataframe_check(**options) if check.column is None else module.check(check.column, **options)


def _for_ibis(check: OwnCheck) -> Callable[..., Any]:
    def judge(cls, data):
        return check.ibis(data.table) if check.column is None else check.ibis(data.table, data.key)

    return judge


def _for_pandas(check: OwnCheck) -> Callable[..., Any]:
    def judge(cls, data):
        return check.pandas(data)

    return judge


def _among(known: tuple[Any, ...]) -> Callable[..., Any]:
    def judge(cls, series):
        return series.isin([value for value in known if value is not None])

    return judge


def _annotation(dtype: Any) -> Any:
    made = ibis.dtype(dtype)
    return (np.float32 if made.is_float32() else np.float64) if made.is_floating() else object


def rules_of(contract: Contract) -> tuple[Rule, ...]:
    return compile_rules(engine_model(contract), where="silver/judged (Contract)", table="silver/judged")


def judged_by_engine(session: Any, contract: Contract, rows: Sequence[Row]) -> list[int]:
    """session: an engine's."""
    judged = _bound(session, contract, rows)
    broken = [rule.breaks(judged) for rule in rules_of(contract)]
    found = session.fetch(judged.mutate(broken=ibis.or_(*broken, ibis.literal(False))).filter(ibis._.broken))
    return sorted(found[POSITION].to_pylist())


def judged_by_engine_each(session: Any, contract: Contract, rows: Sequence[Row]) -> dict[str, list[int]]:
    """Of columns with one rule each, by column; a column no row breaks is left out."""
    judged = _bound(session, contract, rows)
    broken = {rule.columns[0]: rule.breaks(judged) for rule in rules_of(contract)}
    found = session.fetch(judged.select(POSITION, **broken)).to_pylist()
    positions = {name: sorted(row[POSITION] for row in found if row[name]) for name in broken}
    return {name: failed for name, failed in positions.items() if failed}


def _bound(session: Any, contract: Contract, rows: Sequence[Row]) -> ibis.Table:
    schema = ibis.schema({POSITION: "int64", **contract.all_columns})
    numbered = [{POSITION: position, **row} for position, row in enumerate(rows)]
    session.bind("judged", arrow.Table.from_pylist(numbered, schema.to_pyarrow()))
    for name, known in contract.known.items():
        session.bind(f"silver/known_{name}", _known(name, contract.columns[name], known))
    return ibis.table(schema, name="judged")


def _known(name: str, dtype: Any, values: Sequence[Any]) -> arrow.Table:
    """With a column more than the rule knows of, as any table has."""
    schema = ibis.schema({"other": "string", name: dtype}).to_pyarrow()
    return arrow.Table.from_pylist([{"other": "x", name: value} for value in values], schema)


def judged_by_pandera(contract: Contract, rows: Sequence[Row]) -> list[int]:
    """Python objects, so that Python's own `re` and `==` decide; floats as pandas has them."""
    failures = _failures(contract, rows)
    return sorted({*_all_null_duplicates(contract, rows), *(int(position) for position in failures["index"])})


def judged_by_pandera_each(contract: Contract, rows: Sequence[Row]) -> dict[str, list[int]]:
    """By column; a column no row breaks is left out."""
    failures = _failures(contract, rows)
    return {str(name): sorted({int(i) for i in found["index"]}) for name, found in failures.groupby("column")}


def _failures(contract: Contract, rows: Sequence[Row]) -> pd.DataFrame:
    """pandera's failure cases; each is of one row."""
    try:
        pandera_model(contract).validate(frame_of(contract, rows), lazy=True)
    except pap.errors.SchemaErrors as errors:
        failures = errors.failure_cases
    else:
        failures = pd.DataFrame({"index": [], "column": []})
    assert failures["index"].notna().all(), failures.to_string()
    return failures


def warned_by_pandera(contract: Contract, rows: Sequence[Row]) -> bool:
    """Whether it warns, and raises nothing."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pandera_model(contract).validate(frame_of(contract, rows), lazy=True)
    return any(issubclass(one.category, pap.errors.SchemaWarning) for one in caught)


def frame_of(contract: Contract, rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: pd.Series([row[name] for row in rows], dtype=_annotation(dtype))
            for name, dtype in contract.all_columns.items()
        }
    )


def _all_null_duplicates(contract: Contract, rows: Sequence[Row]) -> list[int]:
    """pandera counts rows whose whole key is null as duplicates, but leaves them out of its failure cases."""
    declared, frame = contract.unique or [], frame_of(contract, rows)
    keys = [declared] if all(isinstance(name, str) for name in declared) else declared
    found: list[int] = []
    for key in (list(key) for key in keys if key):
        found += frame.index[frame.duplicated(key, keep=False) & frame[key].isna().all(axis="columns")].to_list()
    return found

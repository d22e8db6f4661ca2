"""What a contract declares becomes rules, and what cannot is refused by name.

Which rows the rules break is proven in test_contract_differential.py.
"""

from datetime import datetime

import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pandera.pandas as pap
import pytest

from snowpipe_platform.errors import ContractError
from snowpipe_platform.spec.contract import compile_rules, contract_schema


def model(dtype, arguments):
    """The same column as a contract of the platform."""
    namespace = {"__annotations__": {"v": dtype}, "v": pa.Field(**{"nullable": True, **arguments})}
    return type("Contract", (pa.DataFrameModel,), namespace)


def refused(contract) -> str:
    with pytest.raises(ContractError) as error:
        compile_rules(contract, where="silver/t (Contract)")
    assert str(error.value).startswith("silver/t (Contract)")
    return str(error.value)


@pytest.mark.parametrize(
    ("dtype", "arguments", "words"),
    [
        (dt.string, {"str_matches": "(?=a)"}, ["'v'", "(?=a)", "look-around", "Split it"]),
        (dt.int64, {"unique_values_eq": [1, 2]}, ["unique_values_eq", "'v'", "Compiled: equal_to"]),
        (
            dt.int64,
            {"metadata": {"severity": "warning"}, "nullable": False},
            ["v.not_null", "'warning'", "error, warn"],
        ),
        (dt.int64, {"metadata": {"error_above": 5}, "nullable": False}, ["v.not_null", "error_above is 5", "0 to 1"]),
        (dt.int64, {"metadata": {"warn_above": True}, "nullable": False}, ["warn_above is True"]),
        (dt.int64, {"str_length": {"min_value": 1}}, ["v.str_length", "boolean Ibis column"]),
        (
            dt.Decimal(9, 2),
            {"ge": 0.1},
            ["greater_than_or_equal_to", "'v'", "0.1 is no decimal(9, 2)", "Write Decimal"],
        ),
        (dt.date, {"eq": datetime(2024, 4, 1)}, ["equal_to", "is no date", "Write date(2024, 3, 1)"]),
        (dt.string, {"isin": ["a", 1]}, ["isin", "'v'", "1 is no string"]),
        (dt.string, {"str_startswith": "\x00"}, ["str_startswith", "NUL"]),
        (dt.Array(dt.string), {"isin": ["a"]}, ["isin", "array<string>", "Write a @pa.check"]),
        (dt.int64, {"default": 0}, ["column 'v' has a default", "changes rows", "clean() or build()"]),
    ],
    ids=[
        *("look-around", "unknown check", "severity", "tolerance", "boolean tolerance", "wrong type"),
        *("a float for a decimal", "an instant for a date", "a number for a text", "a NUL", "a list", "a default"),
    ],
)
def test_what_cannot_be_compiled_names_the_check_and_the_mend(dtype, arguments, words):
    message = refused(model(dtype, arguments))
    assert all(word in message for word in words), message


def test_custom_checks_are_judged_as_they_are_declared():
    class Contract(pa.DataFrameModel):
        v: dt.int64 = pa.Field(nullable=True)

        @pa.check("v", name="even", severity="warn", error_above=0.5)
        def even(cls, data):
            return data.table[data.key] % 2 == 0

        @pa.dataframe_check(name="alone", scope="table")
        def alone(cls, data):
            return data.table.count().over(ibis.window(group_by="v")) == 1

    even, alone = compile_rules(Contract, where="t")
    assert (even.id, even.severity, even.scope, even.tolerance.error_above) == ("v.even", "warn", "row", 0.5)
    assert (alone.id, alone.severity, alone.scope) == ("alone", "error", "table")
    rows = ibis.memtable({"v": [1, 2, 2, None]}, schema={"v": "int64"})
    shown = ibis.duckdb.connect().to_pyarrow(rows.mutate(even=even.breaks(rows), alone=alone.breaks(rows))).to_pylist()
    assert sorted((r["v"] or 0, r["even"], r["alone"]) for r in shown) == [
        (0, False, False), (1, True, False), (2, False, True), (2, False, True),
    ]  # fmt: skip


def test_a_key_of_several_columns_is_unique_when_no_two_rows_share_it_nulls_included():
    class Contract(pa.DataFrameModel):
        a: str = pa.Field(nullable=True)
        b: dt.int64 = pa.Field(nullable=True)

        class Config:
            unique = ("a", "b")

    (rule,) = compile_rules(Contract, where="t")
    rows = ibis.memtable({"a": ["x", "x", "x", None, None], "b": [1, 1, 2, 3, 3]}, schema={"a": "string", "b": "int64"})
    found = ibis.duckdb.connect().to_pyarrow(rows.mutate(broken=rule.breaks(rows)).filter(ibis._.broken)).to_pylist()
    assert sorted((r["a"] or "", r["b"]) for r in found) == [("", 3), ("", 3), ("x", 1), ("x", 1)]


def test_panderas_warning_is_a_severity():
    (rule,) = compile_rules(model(dt.int64, {"ge": 0, "raise_warning": True}), where="t")
    assert rule.severity == "warn"


def check_of(function, **options):
    namespace = {"__annotations__": {"v": dt.int64}, "v": pa.Field(nullable=True)}
    namespace["own"] = pa.dataframe_check(name="own", **options)(function)
    return type("Contract", (pa.DataFrameModel,), namespace)


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        (lambda _cls, data: data.table.v + 1, {}, ["'own'", "boolean"]),
        (lambda _cls, _data: True, {}, ["'own'", "boolean"]),
        (lambda _cls, data: data.table.w > 1, {}, ["'own'", "w", "v"]),
        (lambda _cls, data: data.table.v == data.table.v.max(), {}, ["'own'", "scope='table'"]),
        (lambda _cls, data: data.table.v > 1, {"sevrity": "warn"}, ["'own'", "'sevrity'", "severity"]),
        (lambda _cls, data: data.table.v > 1, {"scope": "rows"}, ["'own'", "scope is 'rows'", "row, table"]),
        (lambda _cls, data: data.table.v > 1, {"element_wise": True}, ["'own'", "boolean Ibis column"]),
    ],
    ids=["number", "python value", "unknown column", "other rows", "unknown option", "unknown scope", "element-wise"],
)
def test_a_custom_check_that_cannot_work_is_refused_by_name(function, options, words):
    message = refused(check_of(function, **options))
    assert all(word in message for word in words), message


def test_a_check_may_be_the_same_for_every_row():
    (rule,) = compile_rules(check_of(lambda _cls, _data: ibis.literal(True)), where="t")
    assert rule.scope == "row"


def test_two_rules_of_one_name_are_refused():
    class Contract(pa.DataFrameModel):
        v: dt.int64 = pa.Field(nullable=True)

        @pa.dataframe_check(name="same")
        def one(cls, data):
            return data.table.v > 1

        @pa.dataframe_check(name="same")
        def two(cls, data):
            return data.table.v > 2

    assert "two rules are called 'same'" in refused(Contract)


def test_a_column_named_by_a_pattern_is_refused():
    assert "Name each column" in refused(model(dt.int64, {"alias": "v.*", "regex": True}))


def test_structs_and_lists_are_types_of_columns():
    class Contract(pa.DataFrameModel):
        place: dt.Struct({"city": dt.string}) = pa.Field(nullable=True)
        tags: dt.Array(dt.string) = pa.Field(nullable=True)

    assert contract_schema(Contract) == ibis.schema({"place": "struct<city: string>", "tags": "array<string>"})


def test_what_changes_rows_is_refused():
    class Parsed(pa.DataFrameModel):
        v: dt.int64 = pa.Field(nullable=True)

        @pap.parser("v")
        def double(cls, rows):  # noqa: N805 - pandera's parsers are class methods
            return rows

    class Remade(pa.DataFrameModel):
        v: dt.int64 = pa.Field(nullable=True)

        @pap.dataframe_parser
        def double(cls, rows):  # noqa: N805 - pandera's parsers are class methods
            return rows

    class Dropped(pa.DataFrameModel):
        v: dt.int64 = pa.Field(nullable=True)

        class Config:
            drop_invalid_rows = True

    assert "column 'v' has a parser, which changes rows. Change them in clean() or build()." in refused(Parsed)
    assert "Config has a parser, which" in refused(Remade)
    assert "Config has drop_invalid_rows, which changes rows." in refused(Dropped)


def test_what_pandera_refuses_names_the_contract_and_its_file():
    class Contract(pa.DataFrameModel):
        v: dt.int64

        @pa.check("w")
        def even(cls, data):
            return data.table[data.key] % 2 == 0

    with pytest.raises(ContractError) as error:
        contract_schema(Contract)
    file = f"{__name__.replace('.', '/')}.py"
    assert str(error.value).startswith(f"{file}: contract Contract cannot be read: Check even is assigned to a non-")
    assert "'w'" in str(error.value)


def test_columns_of_a_class_and_of_the_class_it_extends_are_judged():
    class Base(pa.DataFrameModel):
        v: dt.int64 = pa.Field(ge=0)

    class Contract(Base):
        w: dt.int64 = pa.Field(nullable=True, unique=True)

    found = [rule.id for rule in compile_rules(Contract, where="t")]
    assert found == ["v.not_null", "v.greater_than_or_equal_to", "w.unique"]

"""Compiled rules break the rows that pandera itself fails on pandas, and what cannot be compiled is refused by name."""

from datetime import date, datetime
from decimal import Decimal

import ibis
import ibis.expr.datatypes as dt
import pandas as pd
import pandera.ibis as pa
import pandera.pandas as pap
import pyarrow as arrow  # noqa: ICN001 - pa is pandera here
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.errors import ContractError
from snowpipe_platform.spec.contract import compile_rules, contract_schema

TEXTS = ["", "a", "b", "ab", "abc", "a\n", "A", "ß", "é", "  ", "a b", None]
NUMBERS = [-1, 0, 1, 2, 10, None]
FLOATS = [-1.5, 0.0, 1.0, 2.5, float("nan"), float("inf"), None]
DECIMALS = [Decimal("-0.01"), Decimal("0.00"), Decimal("1.00"), Decimal("9.99"), None]
DATES = [date(1900, 1, 1), date(2024, 3, 1), date(9999, 12, 31), None]
INSTANTS = [datetime(1900, 1, 1), datetime(2024, 3, 1, 12), None]
LOW, HIGH = Decimal("0.00"), Decimal("5.00")

# column type, values, the field's arguments
RULES = {
    "equal_to": (dt.int64, NUMBERS, {"eq": 1}),
    "not_equal_to": (dt.string, TEXTS, {"ne": "a"}),
    "greater_than": (dt.float64, FLOATS, {"gt": 0.0}),
    "greater_than_or_equal_to": (dt.int64, NUMBERS, {"ge": 0}),
    "less_than": (dt.Decimal(9, 2), DECIMALS, {"lt": HIGH}),
    "less_than_or_equal_to": (dt.Timestamp(scale=6), INSTANTS, {"le": datetime(2000, 1, 1)}),
    "in_range": (dt.int64, NUMBERS, {"in_range": {"min_value": 0, "max_value": 2}}),
    "in_range_open": (
        dt.Decimal(9, 2),
        DECIMALS,
        {"in_range": {"min_value": LOW, "max_value": HIGH, "include_min": False, "include_max": False}},
    ),
    "isin": (dt.string, TEXTS, {"isin": ["a", "ß", ""]}),
    "isin_numbers": (dt.int64, NUMBERS, {"isin": [10, 2]}),
    "isin_dates": (dt.date, DATES, {"isin": [date(2024, 3, 1)]}),
    "notin": (dt.string, TEXTS, {"notin": ["a", "  "]}),
    "str_matches": (dt.string, TEXTS, {"str_matches": r"^\w+$"}),
    "str_matches_start": (dt.string, TEXTS, {"str_matches": "a|b"}),
    "str_contains": (dt.string, TEXTS, {"str_contains": r"b$"}),
    "str_startswith": (dt.string, TEXTS, {"str_startswith": "a"}),
    "str_endswith": (dt.string, TEXTS, {"str_endswith": "b"}),
    "str_length": (dt.string, TEXTS, {"str_length": {"min_value": 1, "max_value": 2}}),
    "str_length_exact": (dt.string, TEXTS, {"str_length": {"exact_value": 1}}),
    "unique": (dt.string, TEXTS, {"unique": True}),
    "unique_numbers": (dt.int64, NUMBERS, {"unique": True}),
    "not_null": (dt.string, TEXTS, {"nullable": False}),
    "not_null_nan": (dt.float64, FLOATS, {"nullable": False}),
    "no_nulls_ignored": (dt.int64, NUMBERS, {"ge": 0, "ignore_na": False}),
}


def model(dtype, arguments):
    """The same column as a contract of the platform."""
    namespace = {"__annotations__": {"v": dtype}, "v": pa.Field(**{"nullable": True, **arguments})}
    return type("Contract", (pa.DataFrameModel,), namespace)


def panderas_failures(values, arguments) -> list[int]:
    """Positions of the rows pandera fails on pandas. Python objects, so that Python's own `re` and `==` decide."""
    series = pd.Series(values, dtype=object)
    is_number = all(value is None or isinstance(value, int | float) for value in values)
    series = series.astype("float64") if is_number else series
    column = type("P", (pap.DataFrameModel,), {
        "__annotations__": {"v": float if is_number else object}, "v": pap.Field(**{"nullable": True, **arguments}),
    })  # fmt: skip
    try:
        column.validate(pd.DataFrame({"v": series}), lazy=True)
    except pap.errors.SchemaErrors as errors:
        return sorted({int(index) for index in errors.failure_cases["index"]})
    return []


def our_failures(dtype, values, arguments) -> list[int]:
    rules = compile_rules(model(dtype, arguments), where="t")
    schema = ibis.schema({"n": "int64", "v": dtype})
    rows = ibis.memtable(
        arrow.Table.from_pylist([{"n": n, "v": v} for n, v in enumerate(values)], schema.to_pyarrow()), schema=schema
    )
    broken = ibis.or_(*[rule.breaks(rows) for rule in rules], ibis.literal(False))
    found = ibis.duckdb.connect().to_pyarrow(rows.mutate(broken=broken).filter(ibis._.broken).n)
    return sorted(found.to_pylist())


@pytest.mark.case("A29")
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_breaks_the_rows_pandera_fails(rule: str):
    dtype, values, arguments = RULES[rule]
    rows = [*values, *values[:3]]
    expected = panderas_failures(rows, arguments)
    assert our_failures(dtype, rows, arguments) == expected
    assert expected, "the values show nothing"


@pytest.mark.case("A29")
@settings(max_examples=50, deadline=None)
@given(rule=st.sampled_from(sorted(RULES)), data=st.data())
def test_a_rule_breaks_the_rows_pandera_fails_in_any_data(rule: str, data):
    dtype, values, arguments = RULES[rule]
    more = st.text(max_size=3, alphabet="ab \n\tßé٣_A") if dtype == dt.string else st.sampled_from(values)
    rows = data.draw(st.lists(st.one_of(st.sampled_from(values), more), max_size=12))
    assert our_failures(dtype, rows, arguments) == (panderas_failures(rows, arguments) if rows else [])


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
    ],
    ids=["look-around", "unknown check", "severity", "tolerance", "boolean tolerance", "wrong type"],
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

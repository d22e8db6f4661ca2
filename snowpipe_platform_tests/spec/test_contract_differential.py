"""For every kind of rule the failing rows are those pandera itself fails on pandas: by position, in any data."""

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.spec.builtin_checks import BUILTIN_CHECKS
from snowpipe_platform.spec.declared_rules import COLUMN_RULES
from snowpipe_platform_tests.spec.judges import (
    Contract,
    OwnCheck,
    judged_by_engine,
    judged_by_engine_each,
    judged_by_pandera,
    judged_by_pandera_each,
    rules_of,
    warned_by_pandera,
)

pytestmark = pytest.mark.case("A29")

EXAMPLES = 3
"""Of each rule and type. Every example holds every value of the type's pool, whatever hypothesis adds."""

NAN, INFINITY = float("nan"), float("inf")
E_ACUTE, E_AND_ACCENT, FAMILY = "\u00e9", "e\u0301", "\U0001f468\u200d\U0001f469\u200d\U0001f467"
TEXTS = ["", " ", "a", "A", "ab", "abc", "a b", "a\n", "\n", "a\nb", "ß", "ss", "ẞ", E_ACUTE, E_AND_ACCENT, FAMILY,
         "😀", "٣", "3", "a\x00b", "%", "_", ".", "\\", "'", '"', "a|b", "İ", "i", "\ufeffa", "\u2028",
         None]  # fmt: skip
DOUBLES = [-INFINITY, -1.5, -0.0, 0.0, 5e-324, 0.1, 0.12254976625153513, 0.30000000000000004, 1.0, 1e308, INFINITY,
           NAN, None]  # fmt: skip
INSTANTS = [datetime(1900, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(2024, 3, 1, 12),
            datetime(2024, 3, 1, 12, 0, 0, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), None]  # fmt: skip
CENTS = [Decimal(text) for text in ("-9999999.99", "-0.01", "0.00", "0.10", "1.00", "5.00", "9999999.99")]
TYPES: dict[str, tuple[Any, list[Any]]] = {
    "string": (dt.string, TEXTS),
    "int8": (dt.int8, [-128, -1, 0, 1, 127, None]),
    "int64": (dt.int64, [-(2**63), -(2**53) - 1, -1, 0, 1, 2, 2**53, 2**53 + 1, 2**63 - 1, None]),
    "uint64": (dt.uint64, [0, 1, 2**53 + 1, 2**63, 2**64 - 1, None]),
    "float64": (dt.float64, DOUBLES),
    "float32": (dt.float32, [-INFINITY, -0.0, 0.0, 0.5, 1.0, 3.4028234663852886e38, INFINITY, NAN, None]),
    "decimal(9, 2)": (dt.Decimal(9, 2), [*CENTS, None]),
    "decimal(38, 10)": (
        dt.Decimal(38, 10),
        [Decimal("9" * 28 + "." + "9" * 10), Decimal("1E-10"), Decimal(0), Decimal("0.1000000001"), None],
    ),
    "decimal(38, 0)": (dt.Decimal(38, 0), [Decimal("1" + "0" * 36 + "1"), Decimal("-" + "9" * 38), Decimal(0), None]),
    "date": (dt.date, [date(1900, 1, 1), date(1970, 1, 1), date(2024, 2, 29), date(9999, 12, 31), None]),
    "timestamp": (dt.Timestamp(scale=6), INSTANTS),
    "boolean": (dt.boolean, [True, False, None]),
}
PATTERNS = [
    "a",
    "^a$",
    "a|b",
    r"^\w+$",
    r"\s",
    r"^\S*$",
    r"\d",
    "[^a]",
    "^.$",
    "^..$",
    "a.b",
    r"\Aa\Z",
    "",
    "^",
    "ß|SS",
]
"""Read by `re` on pandas and by the engine's own expressions here; spec/test_pattern.py has more."""
PIECES = ["", "a", "ab", "b", "\n", "ß", E_ACUTE, E_AND_ACCENT, "\u0301", "😀", "%", "_", ".", "\\", "A", "'"]

EVERY_TYPE = list(TYPES)
OPEN_TYPES = ["string", "int64", "float64", "decimal(9, 2)", "date", "timestamp"]
"""Types whose values a pool cannot list; of the others every value is compared with every other."""
TEXT = ["string"]


@pytest.fixture(scope="module")
def session():
    with DuckDBEngine(memory_limit="1GB").session() as opened:
        yield opened


def present(type_name: str) -> list[Any]:
    """Values of the pool that are present, and may be compared with: no SQL holds a NUL."""
    values = [v for v in TYPES[type_name][1] if v is not None and not (isinstance(v, float) and math.isnan(v))]
    return [v for v in values if not (isinstance(v, str) and "\x00" in v)]


ARGUMENTS = ("eq", "ne", "gt", "ge", "lt", "le")


@pytest.mark.parametrize("ignore_na", [True, False], ids=["nulls ignored", "nulls judged"])
@pytest.mark.parametrize("type_name", TYPES)
def test_every_value_is_compared_with_every_other(type_name, ignore_na, session):
    """A column for each check and value, so that both judge all of them at once."""
    dtype, pool = TYPES[type_name]
    values = present(type_name)[:: 4 if type_name == "string" else 1]
    fields = {f"{name}_{n}": {name: value} for name in ARGUMENTS for n, value in enumerate(values)}
    fields |= {f"{name}_{n}": {name: [value]} for name in ("isin", "notin") for n, value in enumerate(values)}
    contract = Contract(
        dict.fromkeys(fields, dtype), {name: {**declared, "ignore_na": ignore_na} for name, declared in fields.items()}
    )
    rows = [dict.fromkeys(fields, value) for value in pool]
    expected = judged_by_pandera_each(contract, rows)
    assert judged_by_engine_each(session, contract, rows) == expected
    assert len(expected) > len(fields) / 2, "the values show little"


def test_every_text_is_searched_for_every_pattern(session):
    wanted = {"str_matches": PATTERNS, "str_contains": PATTERNS, "str_startswith": PIECES, "str_endswith": PIECES}
    wanted["str_length"] = [{"exact_value": 1}, {"min_value": 2}, {"max_value": 0}, {"min_value": 1, "max_value": 2}]
    fields = {f"{name}_{n}": {name: value} for name, values in wanted.items() for n, value in enumerate(values)}
    contract = Contract(dict.fromkeys(fields, dt.string), fields)
    rows = [dict.fromkeys(fields, value) for value in TEXTS]
    assert judged_by_engine_each(session, contract, rows) == judged_by_pandera_each(contract, rows)


@st.composite
def bound(draw, type_name, argument):
    return {argument: draw(st.sampled_from(present(type_name)))}


@st.composite
def bounds(draw, type_name):
    low, high = sorted(draw(st.tuples(*[st.sampled_from(present(type_name))] * 2)))
    return {
        "in_range": {
            "min_value": low,
            "max_value": high,
            # pandera refuses a range that nothing is in.
            "include_min": low == high or draw(st.booleans()),
            "include_max": low == high or draw(st.booleans()),
        }
    }


@st.composite
def several(draw, type_name, argument):
    """Sometimes with what is absent in the type, as a user who lists what a column holds would write."""
    values = draw(st.lists(st.sampled_from(present(type_name)), max_size=4))
    absent = NAN if type_name.startswith("float") else None
    return {argument: [*values, *draw(st.sampled_from([[], [absent]]))]}


@st.composite
def lengths(draw, _type_name):
    low, high = sorted(draw(st.tuples(st.integers(0, 4), st.integers(0, 4))))
    choices = [{"min_value": low, "max_value": high}, {"min_value": low}, {"max_value": high}, {"exact_value": low}]
    return {"str_length": draw(st.sampled_from(choices))}


def arguments(argument, make=bound):
    return lambda type_name: make(type_name, argument)


def pieces(argument, values):
    return lambda _type_name: st.sampled_from(values).map(lambda value: {argument: value})


# kind of rule: the types it makes sense for, and how its field is declared
CHECKS: dict[str, tuple[list[str], Any]] = {
    "equal_to": (OPEN_TYPES, arguments("eq")),
    "not_equal_to": (OPEN_TYPES, arguments("ne")),
    "greater_than": (OPEN_TYPES, arguments("gt")),
    "greater_than_or_equal_to": (OPEN_TYPES, arguments("ge")),
    "less_than": (OPEN_TYPES, arguments("lt")),
    "less_than_or_equal_to": (OPEN_TYPES, arguments("le")),
    "in_range": (EVERY_TYPE, bounds),
    "isin": (EVERY_TYPE, arguments("isin", several)),
    "notin": (EVERY_TYPE, arguments("notin", several)),
    "str_matches": (TEXT, pieces("str_matches", PATTERNS)),
    "str_contains": (TEXT, pieces("str_contains", PATTERNS)),
    "str_startswith": (TEXT, pieces("str_startswith", PIECES)),
    "str_endswith": (TEXT, pieces("str_endswith", PIECES)),
    "str_length": (TEXT, lengths),
    "not_null": (EVERY_TYPE, lambda _type_name: st.just({"nullable": False})),
    "unique": (EVERY_TYPE, lambda _type_name: st.just({"unique": True})),
    "references": (EVERY_TYPE, lambda _type_name: st.just({})),
}
EVERY_CHECK = [(kind, name) for kind, (names, _) in CHECKS.items() for name in names]


def test_every_kind_of_rule_is_compared():
    assert set(CHECKS) == {*BUILTIN_CHECKS, *COLUMN_RULES}


def more(type_name: str):
    """Values beyond the pool, where there are any that a pool may lack."""
    _, pool = TYPES[type_name]
    drawn = {
        "string": st.text(max_size=3, alphabet="ab \n\tßé٣_A\u0301😀\\%"),
        "int64": st.integers(-(2**63), 2**63 - 1),
        "float64": st.floats(),
        "decimal(9, 2)": st.decimals("-9999999.99", "9999999.99", places=2),
        "date": st.dates(date(1900, 1, 1)),
        "timestamp": st.datetimes(datetime(1900, 1, 1)),
    }
    return st.lists(st.one_of(st.sampled_from(pool), drawn.get(type_name, st.nothing())), max_size=6)


@st.composite
def column_and_rows(draw, kind, type_name):
    """A contract of one column, and rows that have every value of the type's pool, some of them twice."""
    dtype, pool = TYPES[type_name]
    declared = draw(CHECKS[kind][1](type_name)) | {"ignore_na": draw(st.booleans())}
    values = draw(st.permutations([*pool, *draw(more(type_name))]))
    known = {"v": tuple(draw(st.lists(st.sampled_from(pool), max_size=4)))} if kind == "references" else {}
    return Contract({"v": dtype}, {"v": declared}, known=known), [{"v": value} for value in values]


@pytest.mark.parametrize(("kind", "type_name"), EVERY_CHECK, ids=[f"{kind}-{name}" for kind, name in EVERY_CHECK])
def test_a_rule_on_a_column_breaks_the_rows_pandera_fails(kind, type_name, session):
    @settings(max_examples=EXAMPLES, deadline=None, database=None)
    @given(drawn=column_and_rows(kind, type_name))
    def compare(drawn):
        contract, rows = drawn
        assert kind in {rule.kind for rule in rules_of(contract)}
        assert judged_by_engine(session, contract, rows) == judged_by_pandera(contract, rows)

    compare()


# --- checks of a user's own

EVEN = OwnCheck("even", "n", lambda table, key: table[key] % 2 == 0, lambda series: series.astype("int64") % 2 == 0)
NULLS_FAIL = OwnCheck(
    "even_and_there",
    "n",
    lambda table, key: table[key] % 2 == 0,
    lambda series: series.map(lambda value: value is not None and value % 2 == 0).astype(bool),
    {"ignore_na": False},
)
SHORTER = OwnCheck(
    "text_is_shorter_than_the_number",
    None,
    lambda table: table.s.length() < table.n,
    lambda frame: frame.s.str.len().astype("float64") < frame.n.astype("float64"),
)
A_NULL_FAILS = OwnCheck(
    "nothing_may_be_empty",
    None,
    lambda table: table.s.length() < table.n,
    lambda frame: frame.s.str.len().astype("float64") < frame.n.astype("float64"),
    {"ignore_na": False},
)
MOST_OF_ITS_TEXT = OwnCheck(
    "most_of_its_text",
    None,
    lambda table: table.n.identical_to(table.n.max().over(ibis.window(group_by="s"))),
    lambda frame: [
        number == max((other for text, other in zip(frame.s, frame.n, strict=True)
                       if other is not None and text == own), default=None)
        for own, number in zip(frame.s, frame.n, strict=True)
    ],
    own_options={"scope": "table"},
)  # fmt: skip
TABLE_CHECKS = (SHORTER, A_NULL_FAILS, MOST_OF_ITS_TEXT)


def numbers_and_texts(draw):
    small, texts = st.sampled_from([-1, 0, 1, 2, 3, 4, None]), st.sampled_from(["", "a", "ab", "é😀", None])
    return draw(st.lists(st.fixed_dictionaries({"n": small, "s": texts}), max_size=10))


def ordered(check: OwnCheck) -> OwnCheck:
    """pandas checks may give a list; pandera wants what it gave out."""
    return OwnCheck(
        check.name,
        check.column,
        check.ibis,
        lambda data: pd.Series(check.pandas(data), index=data.index, dtype=bool),
        check.options,
        check.own_options,
    )


@pytest.mark.parametrize("check", [EVEN, NULLS_FAIL, *TABLE_CHECKS], ids=lambda check: check.name)
def test_a_check_of_ones_own_breaks_the_rows_pandera_fails(check, session):
    @settings(max_examples=12, deadline=None)
    @given(data=st.data())
    def compare(data):
        rows = numbers_and_texts(data.draw)
        contract = Contract({"n": dt.int64, "s": dt.string}, checks=(ordered(check),))
        assert judged_by_engine(session, contract, rows) == judged_by_pandera(contract, rows)

    compare()


# --- keys of several columns

KEYS = [("s", "n"), ["n", "x"], [["s"], ["n", "x"]], "n", ("s", "n", "x", "d")]


@pytest.mark.parametrize("unique", KEYS, ids=str)
def test_a_key_breaks_the_rows_pandera_fails(unique, session):
    columns = {"s": dt.string, "n": dt.int64, "x": dt.float64, "d": dt.date}
    pools = {
        "s": ["", "a", "A", "ß", None],
        "n": [0, 1, None],
        "x": [0.0, -0.0, 1.5, NAN, None],
        "d": [date(9999, 12, 31), None],
    }
    row = st.fixed_dictionaries({name: st.sampled_from(pool) for name, pool in pools.items()})

    @settings(max_examples=12, deadline=None)
    @given(rows=st.lists(row, max_size=12))
    def compare(rows):
        contract = Contract(columns, unique=unique)
        keys = [unique] if isinstance(unique, str) or isinstance(unique[0], str) else unique
        by_key = [Contract(columns, unique=key if isinstance(key, str) else list(key)) for key in keys]
        # pandera reports the first key that is broken and no other, so each is compared by itself.
        expected = sorted({position for one in by_key for position in judged_by_pandera(one, rows)})
        assert judged_by_engine(session, contract, rows) == expected

    compare()


# --- contracts of several parts

BASE = Contract({"n": dt.int64}, {"n": {"ge": 0, "nullable": False}}, checks=(ordered(EVEN),))
CHILD = Contract(
    {"s": dt.string, "x": dt.float64},
    {"s": {"str_matches": "^a", "isin": ["a", "ab"]}, "x": {"in_range": (0.0, 1.0), "unique": True}},
    checks=(ordered(SHORTER),),
    unique=["n", "s"],
    base=BASE,
)
OVERRIDING = Contract({"n": dt.int64}, {"n": {"ge": 2}}, base=BASE)


@pytest.mark.parametrize("contract", [BASE, CHILD, OVERRIDING], ids=["base", "with more columns", "with another field"])
def test_a_contract_made_of_another_breaks_the_rows_pandera_fails(contract, session):
    @settings(max_examples=8, deadline=None)
    @given(data=st.data())
    def compare(data):
        numbers = st.sampled_from([0.0, 0.5, 1.5, NAN, None])
        rows = [{**row, "x": data.draw(numbers)} for row in numbers_and_texts(data.draw)]
        assert judged_by_engine(session, contract, rows) == judged_by_pandera(contract, rows)

    compare()


@pytest.mark.parametrize("contract", [BASE, CHILD, OVERRIDING], ids=["base", "with more columns", "with another field"])
def test_an_empty_table_breaks_nothing(contract, session):
    assert judged_by_engine(session, contract, []) == judged_by_pandera(contract, []) == []


@pytest.mark.parametrize("values", [[1, -1, None], [1, None]], ids=["broken", "kept"])
def test_a_warning_of_panderas_is_a_rule_that_warns(values, session):
    contract = Contract({"n": dt.int64}, {"n": {"ge": 0, "raise_warning": True}})
    rows = [{"n": value} for value in values]
    broken = judged_by_engine(session, contract, rows)
    assert bool(broken) == warned_by_pandera(contract, rows)
    assert {rule.severity for rule in rules_of(contract)} == {"warn"}
    assert broken == judged_by_pandera(Contract({"n": dt.int64}, {"n": {"ge": 0}}), rows)

"""Text that is no such type breaks the rule `is_<type>`: the rows pandera fails, by Python's own parsers."""

import re
import string
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation, localcontext
from math import isinf
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pandera.ibis as pa
import pandera.pandas as pap
import pyarrow as arrow  # noqa: ICN001 - pa is pandera here
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.execution.change_rows import bronze_table, change_rows
from snowpipe_platform.spec.manifest import ROW_NUMBER
from snowpipe_platform.spec.table import FAILED_RULES, SOURCE_ROW, ChangesTable

BLANKS = " \t\n\r\v\f"
FULL_WIDTH, ARABIC, NO_BREAK_SPACE = "\uff11", "\u0663", "\u00a0"


# --- the judge: docs/rules.md, "What text converts to", in Python


def whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        _refuse(not low <= (value := int(text)) <= high)
        return value

    return parse


def fixed(precision: int, scale: int) -> Callable[[str], Decimal]:
    def parse(text: str) -> Decimal:
        _refuse("e" in text.lower() or not (value := Decimal(text)).is_finite())
        with localcontext(prec=200):
            _refuse(value != round(value, scale) or abs(value) >= 10 ** (precision - scale))
        return value

    return parse


def floating(kind: type) -> Callable[[str], float]:
    def parse(text: str) -> float:
        with np.errstate(over="ignore"):
            value = float(kind(float(text)))
        _refuse(isinf(value) and "inf" not in text.lower())
        return value

    return parse


def truth(text: str) -> bool:
    return {"true": True, "t": True, "yes": True, "y": True, "1": True,
            "false": False, "f": False, "no": False, "n": False, "0": False}[text.lower()]  # fmt: skip


def day(text: str) -> date:
    _refuse(any(blank in text for blank in BLANKS))
    return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007


def instant(text: str) -> datetime:
    """Digits below a microsecond are cut; an offset is taken off."""
    _refuse(re.search(r"\s\s|[\t-\r]|[a-z]", text) is not None)
    text = re.sub(r"(\.\d{6})\d{1,3}(?!\d)", r"\1", text)
    text = re.sub(r"(:\d+(?:\.\d+)? ?[+-]\d\d)$", r"\g<1>00", text)
    for form in ("", *(f"{mark}%H:%M{rest}" for mark in " T" for rest in ("", ":%S", ":%S.%f"))):
        for offset in ("", "%z", " %z") if form else ("",):
            try:
                found = datetime.strptime(text, f"%Y-%m-%d{form}{offset}")  # noqa: DTZ007
            except ValueError:
                continue
            return found.replace(tzinfo=None) - (found.utcoffset() or timedelta())
    raise ValueError(text)


def _refuse(condition: object) -> None:
    if condition:
        raise ValueError


def parsed(parse: Callable[[str], Any], text: str) -> Any:
    """Raises an error of Python's for what is none. Python takes digits of any script and underscores; nobody else."""
    _refuse(parse is not str and (not text.isascii() or "_" in text))
    return parse(text)


def fails(parse: Callable[[str], Any], text: str) -> bool:
    try:
        parsed(parse, text)
    except (ValueError, InvalidOperation, OverflowError, KeyError):
        return True
    return False


def failed_by_pandera(parse: Callable[[str], Any], texts: list[str | None]) -> list[int]:
    """A text of blanks is nothing, and nothing breaks no rule but not_null."""

    def converts(series: pd.Series) -> pd.Series:
        trimmed = series.map(lambda text: text.strip(BLANKS))
        return trimmed.map(lambda text: text == "" or not fails(parse, text)).astype(bool)

    schema = pap.DataFrameSchema({"v": pap.Column(object, pap.Check(converts), nullable=True)})
    try:
        schema.validate(pd.DataFrame({"v": pd.Series(texts, dtype=object)}), lazy=True)
    except pap.errors.SchemaErrors as errors:
        return sorted(int(position) for position in errors.failure_cases["index"])
    return []


# --- texts

NUMBERS = ["7", "-7", "+5", " 7", "7\n", "\t7 ", "007", "-0", "2.0", "2.5", "1e3", "1E-3", ".5", "5.", ".0", ".", "-",
           "+", "--1", "1,5", "1 000", "1_000", "0x1F", "1e", "NaN", "nan", "inf", "-Infinity", "infinit", "1d", "7;8",
           "7\x00", FULL_WIDTH, ARABIC, NO_BREAK_SPACE + "7"]  # fmt: skip
EDGES = [str(2**bits + more) for bits in (7, 8, 31, 32, 63, 64) for more in (-1, 0)]
EDGES += [f"-{2**bits + more}" for bits in (7, 31, 63) for more in (0, 1)]
FRACTIONS = ["12.5", "12.50", "12.500", "12.555", "12.545", "-.25", "0.001", "9999999999999999.99",
             "9999999999999999.994", "9999999999999999.995", "10000000000000000", "-10000000000000000", "1" + "0" * 40,
             "0." + "0" * 40, "1e16", "1.5e1", "0.0000000001", "0.00000000001", "9" * 28, "1" + "0" * 28]  # fmt: skip
FLOATS = ["1e308", "1e309", "-1e999", "1e-999", "3.4e38", "3.5e38", "1e39", "5e-324", "16777217", "0.1", "+nan", "+inf"]
WORDS = ["true", "FALSE", "T", "f", "yes", "No", "y", "n", "1", "0", "2", "on", "off", "ja", "tr ue", "null", "None"]
DAYS = ["2024-02-29", "2024-02-30", "2023-02-29", "2024-2-9", "2024-13-01", "2024-00-10", "24-02-01", "2024/02/01",
        "20240201", "01/02/2024", "2024-02", "2024-02-01 ", "2024-02-01\n", "2024-02-01abc", "2024-02-01 BC",
        "-0001-01-01", "0000-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "infinity", "epoch", "today",
        "2024-W05-4", f"{FULL_WIDTH}024-01-01"]  # fmt: skip
TIMES = [f"2024-02-01{rest}" for rest in (
    " 10:00", "T10:00:00", "t10:00", " 10:00:00.5", " 10:00:00.123456789", " 10:00:00.9999999", " 10:00:00.1234567890",
    " 10:00:00.", " 10", "T", " 24:00:00", " 23:59:60", " 10:60", " 1:2:3", "  10:00", " 10:00:00Z", " 10:00:00 Z",
    " 10:00:00+02", " 10:00:00+02:00", " 10:00:00 -0530", " 10:00+24:00", " 10:00:00 UTC", " 10:00:00 PM",
    " 10:00:00,5", " 10:00:00 Europe/Paris", "\n10:00",
)]  # fmt: skip
TIMES += ["0001-01-01 00:00+02:00", "9999-12-31 23:00-02:00", "9999-12-31 23:59:59.999999", "1706781600", "now"]
TIMES += ["2024-02-01-05", "2024-02-01Z", "2024-02-01 +02:00"]
POOL: list[str | None] = [None, "", " ", "\n", "abc", *NUMBERS, *EDGES, *FRACTIONS, *FLOATS, *WORDS, *DAYS, *TIMES]

PARSERS: dict[str, Callable[[str], Any]] = {
    **{f"int{bits}": whole(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": whole(0, 2**bits - 1) for bits in (8, 32, 64)},
    "float32": floating(np.float32),
    "float64": floating(float),
    "decimal(18, 2)": fixed(18, 2),
    "decimal(38, 10)": fixed(38, 10),
    "decimal(9, 0)": fixed(9, 0),
    "boolean": truth,
    "date": day,
    "timestamp": instant,
    "timestamp(6)": instant,
    "string": str,
}
CHARACTERS = st.sampled_from([*string.digits, *"+-.:eEnaifTZ _,\n\x00", FULL_WIDTH, NO_BREAK_SPACE])


@st.composite
def nearly(draw) -> str:
    """A text of the pool with a character more, less, or another one."""
    text = draw(st.sampled_from([text for text in POOL if text]))
    place = draw(st.integers(0, len(text)))
    return text[:place] + draw(st.one_of(st.just(""), CHARACTERS)) + text[place + draw(st.integers(0, 1)) :]


ANY_TEXT = st.lists(st.one_of(nearly(), st.text(CHARACTERS, max_size=8)), max_size=60)


@pytest.fixture(scope="module")
def session():
    with DuckDBEngine(memory_limit="1GB").session() as opened:
        yield opened


def judged(session: Any, dtype: str, texts: list[str | None]) -> tuple[list[int], list[Any]]:
    """Positions of the rows that break the rule, and every row's value."""
    contract = type(
        "Contract", (pa.DataFrameModel,), {"__annotations__": {"v": ibis.dtype(dtype)}, "v": pa.Field(nullable=True)}
    )
    table = ChangesTable(
        name="silver/item_changes", description="x", contract=contract, source="items", key=("v",),
        types={"v": dtype}, clean=lambda _rows: {}, defined_in="shop/item_changes.py",
    )  # fmt: skip
    bronze = bronze_table(table, ibis.schema({"v": "string"}))
    full = [
        {**dict.fromkeys(bronze.columns), "v": text, ROW_NUMBER: n, "_operation": "upsert"}
        for n, text in enumerate(texts)
    ]
    session.bind("bronze/items", arrow.Table.from_pylist(full, bronze.schema().to_pyarrow()))
    rows = sorted(session.fetch(change_rows(table, bronze)).to_pylist(), key=lambda row: row[SOURCE_ROW])
    rule = f"v.is_{dtype.partition('(')[0]}"
    return [row[SOURCE_ROW] for row in rows if rule in row[FAILED_RULES]], [row["v"] for row in rows]


@pytest.mark.case("A29")
@pytest.mark.parametrize("dtype", PARSERS)
def test_text_of_another_type_breaks_the_rows_pandera_fails(dtype, session):
    parse = PARSERS[dtype]

    # Without shrinking: a difference is told by its text.
    @settings(max_examples=6, deadline=None, phases=[Phase.generate])
    @given(texts=ANY_TEXT)
    def compare(texts):
        everything = [*POOL, *texts]
        failed, values = judged(session, dtype, everything)
        told = {position: everything[position] for position in {*failed} ^ {*failed_by_pandera(parse, everything)}}
        assert told == {}
        for position, text in enumerate(everything):
            trimmed = (text or "").strip(BLANKS)
            expected = None if trimmed == "" or position in failed else parsed(parse, trimmed)
            assert is_same(values[position], expected), (text, values[position])

    compare()


def is_same(found: Any, expected: Any) -> bool:
    """Of one kind and equal; NaN is NaN, and -0.0 is not 0.0."""
    equal = repr(found) == repr(expected) if isinstance(expected, float) else found == expected
    return type(found) is type(expected) and equal

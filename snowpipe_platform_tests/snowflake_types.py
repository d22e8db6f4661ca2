"""Every type of Snowflake with its extreme values: as the connector hands them over, and as bronze keeps them.

What arrives was found by giving the converter of snowflake-connector-python 4.8.1 the bytes a server sends, with
`arrow_number_to_decimal=True`. docs/types.md shows this table.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from snowpipe_platform_tests.snowflake import column

ZONE = "America/Los_Angeles"
"""The session's; the connector gives it to every instant that has a zone."""
NINES = int("9" * 38)
FIRST_MICRO, LAST_MICRO = -62_135_596_800_000_000, 253_402_300_799_999_999
"""0001-01-01 00:00:00 and 9999-12-31 23:59:59.999999."""
FIRST_NANO, LAST_NANO = -9_223_286_400_000_000_001, 9_223_372_036_854_775_807
"""1677-09-21 23:59:59.999999999, and the last there is, in 2262."""


@dataclass(frozen=True)
class Kind:
    """A column of one type. first, second: its values in two batches of one result. kept: all of them as texts, as
    bronze and silver have them; binary as bytes. arrives, extremes, lost: for the page."""

    declared: str
    field: pa.Field
    first: pa.Array
    second: pa.Array
    bronze: str
    kept: tuple[Any, ...]
    arrives: str
    extremes: str
    lost: str = ""

    @property
    def name(self) -> str:
        return str(self.field.name)


def _number(precision: int, scale: int, first: pa.Array, second: pa.Array, kept: tuple[str, ...], **told: str) -> Kind:
    bronze = "int64" if scale == 0 and precision <= 18 else f"decimal({precision}, {scale})"
    field = column(f"number_{precision}_{scale}", "FIXED", pa.int64(), precision=precision, scale=scale)
    return Kind(told.pop("declared", f"NUMBER({precision},{scale})"), field, first, second, bronze, kept, **told)


def _instant(logical: str, scale: int, first: pa.Array, second: pa.Array, kept: tuple[str, ...], **told: str) -> Kind:
    field = column(f"{logical.lower()}_{scale}", logical, pa.timestamp("ns"), scale=scale)
    return Kind(f"{logical}({scale})", field, first, second, "timestamp(6)", kept, **told)


def _text(declared: str, logical: str, first: list[Any], second: list[Any], **told: str) -> Kind:
    """What arrives as text stays as it is."""
    name = declared.lower().replace("(", "_").replace(")", "").replace(" ", "_")
    both = (pa.array(first, pa.string()), pa.array(second, pa.string()))
    field = column(name, logical, pa.string())
    return Kind(declared, field, *both, "string", (*first, *second), **{"arrives": "string", **told})


def _stamps(unit: str, *values: int | None, zone: str | None = None) -> pa.Array:
    return pa.array(values, pa.int64()).cast(pa.timestamp(unit, zone))


def _scaled(precision: int, scale: int, *values: str) -> pa.Array:
    return pa.array([Decimal(value) for value in values], pa.decimal128(precision, scale))


NUMBERS = (
    _number(
        38,
        0,
        pa.array([1, -128, None], pa.int8()),
        _scaled(38, 0, str(NINES), str(-NINES), str(10**37 + 1)),
        ("1", "-128", None, str(NINES), str(-NINES), str(10**37 + 1)),
        declared="NUMBER(38,0), INT, BIGINT, …",
        arrives="int8, int16, int32, int64 or decimal128(38, 0), as a batch's values need",
        extremes="±(10^38 - 1)",
    ),
    _number(
        19,
        0,
        pa.array([2**63 - 1, -(2**63)], pa.int64()),
        _scaled(19, 0, "9999999999999999999", "-9999999999999999999"),
        (str(2**63 - 1), str(-(2**63)), "9999999999999999999", "-9999999999999999999"),
        declared="NUMBER(19..37,0)",
        arrives="the same",
        extremes="±(10^19 - 1)",
    ),
    _number(
        18,
        0,
        pa.array([0, 127], pa.int8()),
        pa.array([10**18 - 1, -(10**18) + 1], pa.int64()),
        ("0", "127", "9" * 18, "-" + "9" * 18),
        declared="NUMBER(1..18,0)",
        arrives="int8, int16, int32 or int64, as a batch's values need",
        extremes="±(10^18 - 1)",
    ),
    _number(
        10,
        2,
        _scaled(38, 2, "1.25", "-0.01"),
        _scaled(10, 2, "99999999.99", "-99999999.99"),
        ("1.25", "-0.01", "99999999.99", "-99999999.99"),
        arrives="decimal128(38, 2) or decimal128(10, 2), as a batch's values need",
        extremes="±99999999.99",
    ),
    _number(
        38,
        8,
        _scaled(38, 8, "0.00000001", "-0.00000001"),
        _scaled(38, 8, f"{'9' * 30}.{'9' * 8}", f"-{'9' * 30}.{'9' * 8}"),
        ("1E-8", "-1E-8", f"{'9' * 30}.{'9' * 8}", f"-{'9' * 30}.{'9' * 8}"),
        arrives="decimal128(38, 8)",
        extremes="38 nines; ±10^-8",
    ),
    _number(
        38,
        37,
        _scaled(38, 37, "0." + "0" * 36 + "1"),
        _scaled(38, 37, f"9.{'9' * 37}", f"-9.{'9' * 37}"),
        ("1E-37", f"9.{'9' * 37}", f"-9.{'9' * 37}"),
        arrives="decimal128(38, 37)",
        extremes="38 nines; 10^-37",
    ),
    Kind(
        "FLOAT, DOUBLE, REAL",
        column("real", "REAL", pa.float64()),
        pa.array([0.1, None]),
        pa.array([float("nan"), float("inf"), float("-inf"), -0.0, 5e-324, 1.7976931348623157e308]),
        "float64",
        ("0.1", None, "nan", "inf", "-inf", "-0", "5e-324", "1.7976931348623157e+308"),
        arrives="double",
        extremes="NaN, ±inf, -0.0, 5e-324, 1.7976931348623157e308",
    ),
    _text(
        "DECFLOAT",
        "TEXT",
        ["0.1"],
        ["1.2345678901234567890123456789012345678e16384", "-1e-16383"],
        arrives="nothing: the connector refuses the type. `TO_VARCHAR` in the query's SQL: string",
        extremes="38 digits, e16384, e-16383",
    ),
)
TEXTS = (
    _text(
        "VARCHAR",
        "TEXT",
        ["", " ", None],
        ["😀 ß İ", "two\nlines\r\n", "\x00", 'a "quote", a \\', "\u2028"],
        extremes="empty text, 4-byte characters, line ends, NUL",
    ),
    _text("CHAR(1)", "TEXT", ["a"], ["😀", "\n"], extremes="a 4-byte character"),
    Kind(
        "BINARY",
        column("binary", "BINARY", pa.binary()),
        pa.array([b"", None], pa.binary()),
        pa.array([b"\x00\xff", b"\n"], pa.binary()),
        "binary",
        (b"", None, b"\x00\xff", b"\n"),
        arrives="binary",
        extremes="empty, any byte",
    ),
    _text(
        "UUID", "TEXT", [None], ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], extremes="", arrives="`TO_VARCHAR`: string"
    ),
    Kind(
        "BOOLEAN",
        column("boolean", "BOOLEAN", pa.bool_()),
        pa.array([True, None]),
        pa.array([False]),
        "boolean",
        ("true", None, "false"),
        arrives="bool",
        extremes="",
    ),
)
DIGITS_LOST = "digits below a microsecond: the connector cuts them off"
NANOS_LOST = "digits below a microsecond, but of the watermark, which keeps nine in `_nanoseconds`"
TIMES = (
    Kind(
        "DATE",
        column("date", "DATE", pa.date64()),
        pa.array([date(1970, 1, 1), None]),
        pa.array([date(1, 1, 1), date(9999, 12, 31), date(1582, 10, 4)]),
        "date",
        ("1970-01-01", None, "0001-01-01", "9999-12-31", "1582-10-04"),
        arrives="date32",
        extremes="0001-01-01, 9999-12-31",
    ),
    *(
        Kind(
            declared,
            column(f"time_{scale}", "TIME", pa.time64("ns"), scale=scale),
            pa.array([0, None], storage).cast(dtype),
            pa.array([last], storage).cast(dtype),
            "string",
            (first_text, None, last_text),
            arrives=str(dtype).replace("[", "(").replace("]", ")"),
            extremes=last_text,
            lost=lost,
        )
        for declared, scale, storage, dtype, last, first_text, last_text, lost in (
            ("TIME(0)", 0, pa.int32(), pa.time32("s"), 86_399, "00:00:00", "23:59:59", ""),
            ("TIME(1..3)", 3, pa.int32(), pa.time32("ms"), 86_399_999, "00:00:00.000", "23:59:59.999", ""),
            ("TIME(4..6)", 6, pa.int64(), pa.time64("us"), 86_399_999_999, "00:00:00.000000", "23:59:59.999999", ""),
            (
                "TIME(7..9)",
                9,
                pa.int64(),
                pa.time64("us"),
                86_399_999_999,
                "00:00:00.000000",
                "23:59:59.999999",
                DIGITS_LOST,
            ),
        )
    ),
)
FIRST_TEXT, LAST_TEXT = "0001-01-01 00:00:00.000000", "9999-12-31 23:59:59.999999"
FIRST_NANO_TEXT, LAST_NANO_TEXT = "1677-09-21 23:59:59.999999", "2262-04-11 23:47:16.854775"
INSTANTS = (
    _instant(
        "TIMESTAMP_NTZ",
        0,
        _stamps("s", -1, None),
        _stamps("s", FIRST_MICRO // 10**6, LAST_MICRO // 10**6),
        ("1969-12-31 23:59:59.000000", None, FIRST_TEXT, "9999-12-31 23:59:59.000000"),
        arrives="timestamp(s)",
        extremes="0001-01-01, 9999-12-31 23:59:59",
    ),
    _instant(
        "TIMESTAMP_NTZ",
        3,
        _stamps("ms", -1, None),
        _stamps("ms", FIRST_MICRO // 10**3, LAST_MICRO // 10**3),
        ("1969-12-31 23:59:59.999000", None, FIRST_TEXT, "9999-12-31 23:59:59.999000"),
        arrives="timestamp(ms)",
        extremes="the same, .999",
    ),
    _instant(
        "TIMESTAMP_NTZ",
        6,
        _stamps("us", -1, None),
        _stamps("us", FIRST_MICRO, LAST_MICRO),
        ("1969-12-31 23:59:59.999999", None, FIRST_TEXT, LAST_TEXT),
        arrives="timestamp(us)",
        extremes="the same, .999999",
    ),
    _instant(
        "TIMESTAMP_NTZ",
        9,
        _stamps("ns", -1, FIRST_NANO, LAST_NANO, None),
        _stamps("us", FIRST_MICRO, LAST_MICRO),
        ("1969-12-31 23:59:59.999999", FIRST_NANO_TEXT, LAST_NANO_TEXT, None, FIRST_TEXT, LAST_TEXT),
        arrives="timestamp(ns), or timestamp(us) where a value of the batch lies outside 1677 to 2262",
        extremes="0001-01-01, 1677, 2262, 9999-12-31",
        lost=NANOS_LOST,
    ),
    _instant(
        "TIMESTAMP_LTZ",
        9,
        _stamps("ns", -1, FIRST_NANO, LAST_NANO, None, zone=ZONE),
        _stamps("us", FIRST_MICRO, LAST_MICRO, zone=ZONE),
        ("1969-12-31 23:59:59.999999", FIRST_NANO_TEXT, LAST_NANO_TEXT, None, FIRST_TEXT, LAST_TEXT),
        arrives="the same, with the session's zone",
        extremes="the same",
        lost=NANOS_LOST,
    ),
    _instant(
        "TIMESTAMP_TZ",
        9,
        # 00:00 +05:30, 00:00 -08:00
        _stamps("ns", -19_800 * 10**9, 28_800 * 10**9, None, zone=ZONE),
        _stamps("us", FIRST_MICRO, LAST_MICRO, zone=ZONE),
        (
            "1969-12-31 18:30:00.000000",
            "1970-01-01 08:00:00.000000",
            None,
            FIRST_TEXT,
            LAST_TEXT,
        ),
        arrives="the same, with the session's zone",
        extremes="the same, mixed offsets",
        lost=f"the offset; {NANOS_LOST}",
    ),
)
_ITEM = column("element", "FIXED", pa.int8(), precision=38, scale=0)
_WIDE = column("element", "FIXED", pa.decimal128(38, 0), precision=38, scale=0)
_OBJECT = pa.struct(
    [("a", pa.int64()), ("price", pa.decimal128(38, 2)), ("at", pa.timestamp("us", ZONE)), ("raw", pa.binary())]
)
_MAP = pa.map_(pa.string(), pa.int64())
NESTED = (
    _text(
        "VARIANT",
        "VARIANT",
        ["null", None, "1"],
        ['{\n  "big": 12345678901234567890123456789012345678,\n  "😀": [undefined]\n}', '"text"'],
        arrives="string, as Snowflake writes it",
        extremes="JSON null beside SQL null; numbers of 38 digits",
    ),
    _text(
        "OBJECT", "OBJECT", ["{}", None], ['{\n  "a": null\n}'], arrives="string, as Snowflake writes it", extremes=""
    ),
    _text(
        "ARRAY",
        "ARRAY",
        ["[]", None],
        ["[\n  1,\n  undefined\n]"],
        arrives="string, as Snowflake writes it",
        extremes="",
    ),
    Kind(
        "ARRAY(NUMBER)",
        column("array_of_number", "ARRAY", pa.list_(pa.int64())),
        pa.array([[1, None], [], None], pa.list_(_ITEM)),
        pa.array([[NINES]], pa.list_(_WIDE)),
        "string",
        ("[1, null]", "[]", None, f"[{NINES}]"),
        arrives="list; the items as wide as a batch needs",
        extremes="38 digits",
    ),
    Kind(
        "OBJECT(…)",
        column("object_of", "OBJECT", _OBJECT),
        pa.array([None], _OBJECT),
        pa.array([{"a": 1, "price": Decimal("1.50"), "at": 0, "raw": b"\xff"}, {"a": None}], _OBJECT),
        "string",
        (
            None,
            '{"a": 1, "price": "1.50", "at": "1970-01-01 00:00:00", "raw": "ff"}',
            '{"a": null, "price": null, "at": null, "raw": null}',
        ),
        arrives="struct",
        extremes="",
    ),
    Kind(
        "MAP(VARCHAR, NUMBER)",
        column("map", "MAP", _MAP),
        pa.array([[], None], _MAP),
        pa.array([[("a", 1), ("😀", None)]], _MAP),
        "string",
        ("{}", None, '{"a": 1, "\\ud83d\\ude00": null}'),
        arrives="map",
        extremes="",
    ),
    Kind(
        "VECTOR(FLOAT, n)",
        column("vector_float", "VECTOR", pa.list_(pa.float32(), 2)),
        pa.array([[1.5, -0.0], None], pa.list_(pa.float32(), 2)),
        pa.array([[float("nan"), float("inf")]], pa.list_(pa.float32(), 2)),
        "string",
        ("[1.5, -0.0]", None, '["nan", "inf"]'),
        arrives="fixed_size_list",
        extremes="NaN, inf as JSON text",
    ),
    Kind(
        "VECTOR(INT, n)",
        column("vector_int", "VECTOR", pa.list_(pa.int32(), 2)),
        pa.array([[0, None], None], pa.list_(pa.int32(), 2)),
        pa.array([[2**31 - 1, -(2**31)]], pa.list_(pa.int32(), 2)),
        "string",
        ("[0, null]", None, "[2147483647, -2147483648]"),
        arrives="fixed_size_list",
        extremes="±2^31",
    ),
    _text(
        "GEOGRAPHY",
        "OBJECT",
        [None],
        ['{"coordinates": [180, -90], "type": "Point"}'],
        extremes="",
        arrives="string: GeoJSON",
    ),
    _text(
        "GEOMETRY",
        "OBJECT",
        [None],
        ['{"coordinates": [1e300, 0], "type": "Point"}'],
        extremes="",
        arrives="string: GeoJSON",
    ),
    _text("FILE", "OBJECT", [None], ['{"STAGE": "@s", "RELATIVE_PATH": "a.png"}'], extremes="", arrives="string: JSON"),
    Kind(
        "INTERVAL YEAR TO MONTH",
        column("interval_months", "INTERVAL_YEAR_MONTH", pa.int64(), scale=0, precision=9),
        pa.array([14, None], pa.int64()),
        pa.array([-11_999_999_999], pa.int64()),
        "int64",
        ("14", None, "-11999999999"),
        arrives="int64: months",
        extremes="±999,999,999 years",
    ),
    Kind(
        "INTERVAL DAY TO SECOND",
        column("interval_nanoseconds", "INTERVAL_DAY_TIME", pa.int64(), scale=9, precision=9),
        pa.array([1, None], pa.duration("ns")),
        pa.array([2**63 - 1, -(2**63)], pa.int64()).cast(pa.duration("ns")),
        "int64",
        ("1", None, str(2**63 - 1), str(-(2**63))),
        arrives="duration(ns)",
        extremes="±292 years",
        lost="beyond 292 years the connector wraps around without an error: `TO_VARCHAR` in the query's SQL",
    ),
)
KINDS: tuple[Kind, ...] = (*NUMBERS, *TEXTS, *TIMES, *INSTANTS, *NESTED)

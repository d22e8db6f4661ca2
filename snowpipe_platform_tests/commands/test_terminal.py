"""Aligned lines and rows, at any width."""

import math
from decimal import Decimal

import pytest

from snowpipe_platform.commands.terminal import Line, print_json, print_lines, print_rows, shown, size
from snowpipe_platform_tests.kit import moment

LINES = [
    Line(("silver/customer_changes", "12,408", "310", "7", "9/9", "0.8 s"), "ok"),
    Line(("silver/dim_customers", "11,950", "301", "-", "5/6", "0.5 s"), "FAILED", "versions overlap: 2 customers"),
]
TITLES = ("table", "rows", "new", "quarantined", "rules", "took")


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        pytest.param(
            "120",
            "table                       rows   new   quarantined   rules    took\n"
            "silver/customer_changes   12,408   310             7     9/9   0.8 s   ok\n"
            "silver/dim_customers      11,950   301             -     5/6   0.5 s   FAILED"
            "  versions overlap: 2 customers\n",
            id="a note stands beside its line where it fits",
        ),
        pytest.param(
            "80",
            "table                       rows   new   quarantined   rules    took\n"
            "silver/customer_changes   12,408   310             7     9/9   0.8 s   ok\n"
            "silver/dim_customers      11,950   301             -     5/6   0.5 s   FAILED\n"
            "    versions overlap: 2 customers\n",
            id="and below it where it does not",
        ),
        pytest.param(
            "70",
            "table                     rows new quarantined rules  took\n"
            "silver/customer_changes 12,408 310           7   9/9 0.8 s ok\n"
            "silver/dim_customers    11,950 301           -   5/6 0.5 s FAILED\n"
            "    versions overlap: 2 customers\n",
            id="columns move together on a narrow terminal",
        ),
    ],
)
def test_lines_are_aligned_at_any_width(capsys, monkeypatch, width, expected):
    monkeypatch.setenv("COLUMNS", width)
    print_lines(TITLES, LINES)
    assert capsys.readouterr().out == expected


def test_status_words_have_a_colour_only_where_colours_are_wanted(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_lines(TITLES, LINES)
    assert "\x1b[" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    print_lines(TITLES, LINES)
    assert "\x1b[3" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "NULL"),
        (Decimal("1.50"), "1.50"),
        (moment("2024-03-01 10:00"), "2024-03-01 10:00:00"),
        (moment("2024-03-01 10:00:00.000001"), "2024-03-01 10:00:00.000001"),
        ({"a": [1]}, '{"a": [1]}'),
        ("two\nlines", "two lines"),
        ("x" * 40, "x" * 27 + "…"),
    ],
)
def test_a_value_is_shown_in_one_cell(value, expected):
    assert shown(value) == expected


def test_rows_show_the_columns_that_fit_and_name_the_others(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    print_rows(["n", "name", "remark"], [(1, "Ada", "a remark of some length"), (10, None, "")])
    assert capsys.readouterr().out == " n  name\n 1  Ada\n10  NULL\n    1 more column: remark\n"


def test_json_has_no_number_that_json_does_not_have(capsys):
    print_json({"x": math.nan, "y": Decimal("1.10")})
    assert capsys.readouterr().out == '{\n  "x": "nan",\n  "y": "1.10"\n}\n'


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (5_000_000_000, "5.0 GB"),
        (7_200_000_000_000_000, "7,200.0 TB"),
    ],
)
def test_a_size_is_short_and_has_its_unit(size_bytes, expected):
    assert size(size_bytes) == expected

"""Patterns mean on DuckDB what they mean in Python."""

import re

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.spec.pattern import UnsharedPatternError, shared_pattern

PATTERNS = [
    r"^\S+$",
    r"^a$|^b$",
    r"[^\s\d$]{2,}",
    r"a|b$",
    r"(?P<x>a)+?b*",
    r"^.$",
    r"\u00e9",
    r"[\w-]+\Z",
    r"^[a-z0-9._%+'-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}$",
    r"",
    r"[^a]",
    r"^\W\D$",
    r"(ab|c)*d$",
    r"\$\\\.",
    r"[]^\]-]",
    r"^",
    r"(^)",
    r"()()",
    r"^()a{0}",
    r"(a|)*",
]
TEXTS = ["", "a", "a\n", "\na", "b\n", "ab\n\n", "é", "٣", "²", "x@y.de", "x@y.de\n", "a\u2028b", "\x1c", "\u00a0",
         "abcd", "\n", "a_b-", "$\\.", "]", "^", "ß", "a\r"]  # fmt: skip


def matches(pattern: str, text: str) -> bool:
    sql = "SELECT regexp_matches(?, ?, 's')"
    return bool(duckdb.execute(sql, [text, shared_pattern(pattern)]).fetchone()[0])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_finds_what_python_finds(pattern: str):
    assert [text for text in TEXTS if matches(pattern, text)] == [text for text in TEXTS if re.search(pattern, text)]


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="aB1 _-\n\t\réß٣²\u2028\x85$.", max_size=4), pattern=st.sampled_from(PATTERNS))
def test_a_pattern_finds_what_python_finds_in_any_text(text: str, pattern: str):
    assert matches(pattern, text) is bool(re.search(pattern, text))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_begins_what_python_matches(pattern: str):
    """As the check str_matches anchors it; over a column, where DuckDB rewrites what it can."""
    sql = "SELECT v FROM (SELECT unnest(?) AS v) WHERE regexp_matches(v, ?, 's')"
    found = duckdb.execute(sql, [TEXTS, f"\\A(?:{shared_pattern(pattern)})"]).fetchall()
    assert sorted(text for (text,) in found) == sorted(text for text in TEXTS if re.match(pattern, text))


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        (r"(?=a)b", "assert"),
        (r"(?<!a)b", "assert not"),
        (r"(a)\1", "groupref"),
        (r"(?i)a", "flags"),
        (r"(?i:a)", "flags"),
        (re.compile("a", re.IGNORECASE), "flags"),
        (r"\bfoo", "word boundary"),
        (r"a{2000}", "1000"),
        (r"[\S\n]", "complement"),
        (r"a$\nb", "before the end"),
        (r"(?>a)", "atomic group"),
        (r"(a", "no regular expression"),
    ],
    ids=str,
)
def test_a_pattern_without_a_shared_meaning_is_refused_and_the_part_named(pattern, part: str):
    with pytest.raises(UnsharedPatternError, match=part):
        shared_pattern(pattern)

"""The source decides an entity's columns; a dropped file may bring more."""

import ibis
import pytest

from snowpipe_platform.spec.landed_columns import known_to_arrival, known_to_extraction
from snowpipe_platform.spec.manifest import ColumnSpec
from snowpipe_platform_tests.contracts.bronze_store import manifest


def log(*entries):
    """Entries by kind and columns; of a withdrawal, the number of the entry it withdraws."""
    found = []
    for number, (kind, about) in enumerate(entries, start=1):
        columns = {} if kind == "withdrawal" else about
        facts = {"kind": kind, "columns": tuple(ColumnSpec(name=n, type=t) for n, t in columns.items())}
        found.append(manifest(number).model_copy(update=facts | ({"withdraws": about} if kind == "withdrawal" else {})))
    return found


def types(**columns):
    return {name: ibis.dtype(dtype) for name, dtype in columns.items()}


def test_nothing_landed_is_nothing_to_compare_with():
    assert known_to_extraction([], types(id="int64")) is None
    assert known_to_arrival([]) == ({}, {})


def test_the_latest_extraction_that_counts_decides():
    entries = log(
        ("extraction", {"id": "int64"}), ("extraction", {"id": "int64", "a": "string"}), ("extraction", {"x": "int64"})
    )
    withdrawn = [*entries, *log(*[("arrival", {})] * 3, ("withdrawal", 3))[3:]]
    expected = types(id="int64", a="string")
    assert known_to_extraction(withdrawn, expected) == expected
    assert known_to_arrival(withdrawn) == (expected, {})


def test_a_comparison_saw_the_sources_columns_as_an_extraction_does():
    entries = log(("extraction", {"id": "int64"}), ("comparison", {"id": "int64", "a": "string"}))
    assert known_to_extraction(entries, types(id="int64")) == types(id="int64", a="string")
    assert known_to_arrival(entries) == (types(id="int64", a="string"), {})


ENTRIES = log(
    ("extraction", {"id": "int64"}), ("arrival", {"id": "int64", "note": "string"}), ("arrival", {"id": "int64"})
)


def test_a_column_only_a_file_brought_is_not_missed_anywhere():
    assert known_to_extraction(ENTRIES, types(id="int64")) == types(id="int64")
    assert known_to_arrival(ENTRIES) == (types(id="int64"), types(note="string"))


def test_a_column_a_file_brought_keeps_its_type_when_the_source_has_it_too():
    assert known_to_extraction(ENTRIES, types(id="int64", note="int64")) == types(id="int64", note="string")


@pytest.mark.parametrize("found", [{"id": "int64"}, {"id": "int64", "more": "date"}])
def test_a_first_extraction_is_only_held_to_the_types_of_files(found):
    entries = log(("arrival", {"id": "string", "note": "string"}))
    assert known_to_extraction(entries, types(**found)) == types(**found) | types(id="string")


def test_without_an_extraction_the_first_file_says_what_the_next_must_have():
    entries = log(("arrival", {"id": "int64"}), ("arrival", {"id": "int64", "note": "string"}))
    assert known_to_arrival(entries) == (types(id="int64"), types(note="string"))

"""An export goes through a spreadsheet and comes back as it was, but for what a person changed."""

import csv
from datetime import date

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from snowpipe_platform.commands.quarantine_file import _lines, read_edited
from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.edits import changed_texts
from snowpipe_platform.execution.quarantine import QuarantinedRow
from snowpipe_platform.spec.origins import Origin
from snowpipe_platform_tests.ledger import CHANGES

HEADER = "quarantine_id,quarantine_day,quarantine_rules,id,amount\n"
texts = st.none() | st.lists(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from([*"=+-@'\",;\n\r\t0", "\r\n"]), max_size=6
).map("".join)


def row(number=0, **payload):
    return QuarantinedRow(Origin(12, number), date(2024, 3, 1), None, ("amount.is_int64",), payload)


def write(path, rows):
    text = "".join(_lines(CHANGES, rows, ["id", "amount"], path.suffix))
    path.write_bytes(text.encode("utf-8-sig" if path.suffix == ".csv" else "utf-8"))
    return path


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(texts, texts), min_size=1, max_size=3))
def test_what_nobody_edited_is_read_as_it_was_extracted(tmp_path, ending, rows):
    waiting = [row(number, id=key, amount=amount) for number, (key, amount) in enumerate(rows)]
    found = read_edited(write(tmp_path / f"bad{ending}", waiting))
    assert {one.origin for one in waiting} == found.keys()
    assert [changed_texts(found[one.origin], one.payload) for one in waiting] == [{}] * len(rows)


def test_a_spreadsheet_takes_neither_an_id_for_a_time_nor_a_text_for_a_formula(tmp_path):
    path = write(tmp_path / "bad.csv", [row(5, id="=1+1", amount="-5"), row(6, id="+44 1", amount="'=x")])
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = list(csv.reader(file))
    assert cells == [
        ["quarantine_id", "quarantine_day", "quarantine_rules", "id", "amount"],
        ["#12:5", "2024-03-01", "amount is an int64", "'=1+1", "-5"],
        ["#12:6", "2024-03-01", "amount is an int64", "'+44 1", "''=x"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "quarantine_id;amount\n#12:5;7\n;\n\n",
        "amount\tquarantine_id\r\n7\t12:5\r\n",
        '\ufeffquarantine_id,amount\n"#12:5","7"\n',
        "quarantine_id;amount\r#12:5;7\r",
    ],
    ids=["semicolons and empty lines", "tabs and columns moved", "byte order mark and quotes", "old line ends"],
)
def test_a_file_may_come_from_any_spreadsheet(tmp_path, text):
    path = tmp_path / "bad.csv"
    path.write_bytes(text.encode())
    assert read_edited(path) == {Origin(12, 5): {"amount": "7"}}


def test_json_lines_may_have_numbers_and_truth_values(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"quarantine_id": "12:5", "a": 7, "b": 1.50, "c": true, "d": null, "e": ""}\n\n')
    assert read_edited(path) == {Origin(12, 5): {"a": "7", "b": "1.50", "c": "true", "d": None, "e": ""}}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("bad.csv", "", ":1: the first line names the columns"),
        ("bad.csv", "id,amount\n1,2\n", ":1: the first line names the columns"),
        ("bad.csv", "quarantine_id,a,a\n12:5,1,2\n", ":1: the first line names the columns"),
        ("bad.csv", HEADER + "12:5,,,a\n", ":2: 4 values for 5 columns."),
        ("bad.csv", HEADER + ",,,a,1\n", ":2: no quarantine_id. Keep the column as it was exported."),
        ("bad.csv", HEADER + "12:05:00,,,a,1\n", ":2: '12:05:00' is no row id."),
        ("bad.csv", HEADER + "12:5,,,a,1\n#12:5,,,b,1\n", ":3: row 12:5 is there twice. Keep one."),
        ("bad.csv", HEADER + '12:5,,,"a,1\n', ":2: no CSV: unexpected end of data."),
        (
            "bad.csv",
            HEADER.encode() + b"12:5,,,\xe9,1\n",
            " cannot be read: it is no UTF-8 text; save it as CSV UTF-8.",
        ),
        ("bad.jsonl", '{"quarantine_id": "12:5"\n', ":1: no JSON: "),
        ("bad.jsonl", "[1]\n", ":1: an object with the columns is wanted."),
        ("bad.jsonl", '{"quarantine_id": "12:5", "a": [1]}\n', ":1: 'a' is a list or an object. Write it as text."),
    ],
)
def test_a_damaged_file_is_answered_with_the_line(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as told:
        read_edited(path)
    assert str(told.value).startswith(f"{path}{message}")

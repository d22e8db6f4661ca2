"""Files of each form, read as they are or refused with the place and the mend."""

import gzip
import io
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snowpipe_platform.errors import ArrivalError
from snowpipe_platform.execution.dropped_files import open_dropped


def opened(name, content):
    return open_dropped(name, lambda: io.BytesIO(content))


def rows(file, columns=None):
    return [row for batch in file.batches(columns) for row in batch.rows.to_pylist()]


def numbers(file):
    return [number for batch in file.batches() for number in batch.numbers]


# --- CSV


def test_csv_keeps_quotes_commas_line_breaks_and_every_letter():
    file = opened("a.csv", 'ID,Text\n1,"a ""b"", c\r\nß"\n2,\'x\n'.encode())
    assert (file.schema.names, file.has_types, file.counted) == (["id", "text"], False, "row")
    assert rows(file) == [{"id": "1", "text": 'a "b", c\r\nß'}, {"id": "2", "text": "'x"}]
    assert numbers(file) == [1, 2]


def test_csv_tells_nothing_from_an_empty_text():
    assert rows(opened("a.csv", b'a,b\n,""\nx,\n')) == [{"a": None, "b": ""}, {"a": "x", "b": None}]


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfa,b\r\n1,2\r\n", b"a,b\n\n1,2\n\n", b"a,b\n1,2"])
def test_csv_may_begin_with_a_byte_order_mark_and_end_its_lines_as_it_likes(content):
    assert rows(opened("a.csv", content)) == [{"a": "1", "b": "2"}]


def test_columns_may_be_read_alone_and_in_another_order():
    for name, content in [
        ("a.csv", b"A,b,c\n1,2,3\n"),
        ("a.jsonl", b'{"A": 1, "b": 2, "c": 3}\n'),
        ("a.parquet", parquet(A=["1"], b=["2"], c=["3"])),
    ]:
        assert rows(opened(name, content), ["c", "a"]) == [{"c": "3", "a": "1"}]


def test_a_header_without_rows_is_a_file_without_rows():
    assert rows(opened("a.csv", b"a,b\n")) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", r"a\.csv: the file is empty"),
        (b"a,b\n1,2\n3\n", r"row that begins in line 3 has 1 fields, the header 2"),
        (b'a,b\n"1\n\n",2\n3,4,5\n', r"row that begins in line 5 has 3 fields, the header 2"),
        (b'a,b\n1,2\n3,"4\n5,6\n', r"row that begins in line 3 is no CSV: unexpected end of data"),
        (b'a,b\n1,"2"x\n', r"row that begins in line 2 is no CSV: ',' expected after '\"'"),
        (b"a,b\n1,\xe9\n", r"is not UTF-8, in line 1 or soon after it"),
        (b"a,,b\n1,2,3\n", r"column 2 has no name"),
        (b"a;b\n1;2,5\n", r"a\.csv: the header has semicolons between its columns\. Separate values by commas"),
        (b"a\tb\n1\t2\n", r"a\.csv: the header has tabs between its columns"),
        (b"a,b,A\n1,2,3\n", r"column 'a' is there 2 times"),
    ],
)
def test_csv_of_another_form_is_refused_with_the_line(content, told):
    with pytest.raises(ArrivalError, match=told):
        opened("a.csv", content)


@pytest.mark.case("A15")
@pytest.mark.parametrize("content", [b"a,b\n4111,x,y\n", b'a,b\n"4111\n', b"a,b\n\xe9,4111\n"])
def test_a_refusal_never_quotes_a_row(content):
    with pytest.raises(ArrivalError) as raised:
        opened("a.csv", content)
    assert "4111" not in str(raised.value)


# --- JSON lines


def test_json_numbers_keep_their_digits_wherever_they_stand():
    line = b'{"id": 12345678901234567890, "x": 0.1234567890123456789, "n": {"b": [1.50, "1", null, true]}, '
    assert rows(opened("a.jsonl", line + b'"t": "\\u00df"}\n')) == [
        {
            "id": "12345678901234567890",
            "x": "0.1234567890123456789",
            "n": '{"b": [1.50, "1", null, true]}',
            "t": "ß",
        }
    ]


def test_json_columns_are_the_keys_of_all_lines_in_any_case():
    file = opened("a.json", b'{"A": 1}\n\n{"b": false, "a": null}\r\n{}\n')
    assert (file.schema.names, file.counted) == (["a", "b"], "line")
    assert rows(file) == [{"a": "1", "b": None}, {"a": None, "b": "false"}, {"a": None, "b": None}]
    assert numbers(file) == [1, 3, 4]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b' [{"a": 1}]', r"is one JSON array\. Write one object a line"),
        (b'{"a": 1}\n{"a": \n', r"line 2 is no JSON object: Expecting value"),
        (b'{"a": 1}\n5\n', r"line 2 is no JSON object: it is another value"),
        (b'{"a": 1, "A": 2}\n', r"line 1 is no JSON object: two keys differ in case only"),
        (b'{"a": "\xe9"}\n', r"line 1 is not UTF-8"),
        (b"[" * 5 + b"\n", r"is one JSON array"),
        (b'{"a": ' + b"[" * 100_000 + b"\n", r"line 1 is no JSON object: maximum recursion"),
        (b'{" ": 1}\n', r"column 1 has no name"),
        (b'{"a": "x"}\n{"a": "\\ud800"}\n', r"line 2 is no JSON object: it spells half of a surrogate pair"),
        (b'{"\\uDC00": 1}\n', r"line 1 is no JSON object: it spells half of a surrogate pair"),
        (b"", r"a\.ndjson: the file is empty\. Write one object a line\."),
        (b"\n \n", r"a\.ndjson: the file is empty\."),
    ],
)
def test_json_of_another_form_is_refused_with_the_line(content, told):
    with pytest.raises(ArrivalError, match=told):
        opened("a.ndjson", content)


def test_a_whole_surrogate_pair_is_a_letter():
    assert rows(opened("a.jsonl", b'{"a": "\\ud83d\\ude00"}\n')) == [{"a": "\U0001f600"}]


# --- Parquet


def parquet(**columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, row_group_size=2)
    return buffer.getvalue()


def test_parquet_brings_its_types():
    content = parquet(ID=pa.array([1, 2, 3], pa.int16()), paid=[Decimal("1.50")] * 3, at=[datetime(2024, 3, 1)] * 3)
    file = opened("folder/a.PARQUET", content)
    assert (file.schema.field("id").type, file.has_types) == (pa.int16(), True)
    assert [row["id"] for row in rows(file)] == [1, 2, 3]
    assert numbers(file) == [1, 2, 3]


@pytest.mark.parametrize(
    "content",
    [b"", b"PAR1 nothing of the kind", parquet(a=["x" * 100] * 50)[:-20], parquet(a=[1])[:4] + parquet(a=[1])[40:]],
    ids=["empty", "another form", "cut short", "damaged"],
)
def test_parquet_of_another_form_is_refused(content):
    with pytest.raises(ArrivalError, match=r"bronze/orders/arrivals/a\.parquet cannot be read: .*Write the file again"):
        rows(opened("bronze/orders/arrivals/a.parquet", content))


# --- by the ending


@pytest.mark.parametrize("name", ["a.csv.gz", "a.CSV.GZ", "b.jsonl.gz"])
def test_text_may_be_packed(name):
    content = b"a\n1\n" if "csv" in name.lower() else b'{"a": 1}\n'
    assert rows(opened(name, gzip.compress(content))) == [{"a": "1"}]


@pytest.mark.parametrize(
    "content", [b"a\n1\n", gzip.compress(b"a\n" + b"1\n" * 10_000)[:-20]], ids=["plain", "cut short"]
)
def test_what_is_not_packed_as_it_says_is_refused(content):
    with pytest.raises(ArrivalError, match=r"a\.csv\.gz cannot be read"):
        opened("a.csv.gz", content)


@pytest.mark.parametrize("name", ["a.txt", "a", "csv", "a.xlsx", "a.csv.zip", "a.parquet.gz", "a.csv/b"])
def test_another_ending_is_refused_with_those_there_are(name):
    with pytest.raises(
        ArrivalError, match=r"its ending does not say how to read it\. Write it as one of \.parquet, \.csv"
    ):
        opened(name, b"a\n1\n")


def test_what_was_opened_is_closed(monkeypatch):
    handed_out = []

    def fresh():
        handed_out.append(io.BytesIO(gzip.compress(b"a\n1\n")))
        return handed_out[-1]

    rows(open_dropped("a.csv.gz", fresh))
    assert len(handed_out) == 2
    assert all(file.closed for file in handed_out)

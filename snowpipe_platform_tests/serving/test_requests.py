"""What a request may look like, and what it is told otherwise."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snowpipe_platform.serving.requests import CSV, JSON, LINES, MAX_ROWS, AskedRow, RequestRefusedError, asked_rows
from snowpipe_platform.spec.keys import key_of

ROWS = [{"orders": 1, "spend": 2.5}, {"orders": 3, "spend": None}]


def asked(body, content_type=JSON):
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return asked_rows(raw, content_type)


def refused(body, content_type=JSON):
    with pytest.raises(RequestRefusedError) as error:
        asked(body, content_type)
    return error.value.status, str(error.value)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (ROWS, "application/json"),
        (ROWS, 'Application/JSON; charset="UTF-8"'),
        (ROWS, "application/json; charset=utf-8; x=1"),
        (ROWS, 'application/json; x="a; charset=latin-1"; charset = utf8'),
        (b"\xef\xbb\xbf" + json.dumps(ROWS).encode(), "application/json"),
        ("\n".join(map(json.dumps, ROWS)) + "\n", "application/jsonlines"),
        ("\r\n".join(map(json.dumps, ROWS)), "application/x-ndjson"),
        ("\n\n".join(map(json.dumps, ROWS)), "application/jsonl"),
    ],
)
def test_json_in_its_forms_is_the_same_rows(body, content_type):
    assert [row.fields for row in asked(body, content_type)] == ROWS


def test_one_object_is_one_row():
    assert asked(ROWS[0]) == [AskedRow(number=1, customer_key=None, fields=ROWS[0])]


def test_csv_has_a_header_and_texts():
    assert asked('orders, spend\r\n1,2.5\r\n\r\n3,""\r\n', CSV) == [
        AskedRow(number=1, customer_key=None, fields={"orders": "1", "spend": "2.5"}, is_text=True),
        AskedRow(number=2, customer_key=None, fields={"orders": "3", "spend": ""}, is_text=True),
    ]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ({"customer_id": "C000001"}, JSON),
        ({"customer_key": key_of("C000001")}, JSON),
        ({"customer_key": str(key_of("C000001"))}, JSON),
        ({"customer_key": key_of("C000001"), "customer_id": None}, JSON),
        (f"customer_key,customer_id\n{key_of('C000001')},", CSV),
        ("customer_id\nC000001", CSV),
    ],
)
def test_a_customer_is_named_by_id_or_key(body, content_type):
    (row,) = asked(body, content_type)
    assert (row.customer_key, row.fields) == (key_of("C000001"), {})


def test_a_customer_may_stand_beside_the_features():
    (row,) = asked({"customer_key": 7, "orders": 1})
    assert (row.customer_key, row.fields) == (7, {"orders": 1})


@pytest.mark.parametrize(
    ("body", "content_type", "status", "told"),
    [
        pytest.param(ROWS, "", 415, "The content type is 'missing'. Send one of application/json,", id="no type"),
        pytest.param(ROWS, "text/plain", 415, "The content type is 'text/plain'. Send one of", id="another type"),
        pytest.param(ROWS, "text/csv; charset=latin-1", 415, "The text has to be UTF-8.", id="another encoding"),
        pytest.param(
            ROWS, JSON + "; x=1; charset=latin-1", 415, "The text has to be UTF-8.", id="encoding after another"
        ),
        pytest.param(
            ROWS, JSON + "; charset=utf-8; charset=latin-1", 415, "The text has to be UTF-8.", id="two encodings"
        ),
        pytest.param(ROWS, JSON + "; x*; x*0", 415, "The content type's parameters cannot be read.", id="parameters"),
        pytest.param(ROWS, JSON + "; charset*=x''latin-1", 415, "The text has to be UTF-8.", id="an extended encoding"),
        pytest.param(b"\xff{}", JSON, 400, "The body is not UTF-8 text (byte 0).", id="no UTF-8"),
        pytest.param("", JSON, 400, "The body is no JSON: Expecting value at line 1, column 1.", id="nothing"),
        pytest.param("[]", JSON, 400, "The request has no row.", id="no row"),
        pytest.param("\n \n", LINES[0], 400, "The request has no row.", id="no line"),
        pytest.param("orders\n", CSV, 400, "The request has no row.", id="a header alone"),
        pytest.param("", CSV, 400, "The request has no row.", id="an empty CSV"),
        pytest.param('{"a": 1}\n{"a" 1}', LINES[0], 400, "Line 2 is no JSON: Expecting ':' delimiter", id="a line"),
        pytest.param('{"a": 1, "a": 2}', JSON, 400, "The body cannot be read: 'a' stands twice", id="twice"),
        pytest.param('{"a": NaN}', JSON, 400, "The body cannot be read: NaN is no JSON number; write null", id="NaN"),
        pytest.param(
            '{"\\ud800": 1}', JSON, 400, "The body cannot be read: '\\ud800' is half a character", id="half a name"
        ),
        pytest.param(
            '{"customer_id": "C\\ud800"}', LINES[0], 400, "Line 1 cannot be read: '\\ud800' is half", id="half an id"
        ),
        pytest.param("[" * 100_000, JSON, 400, "The body is nested too deeply.", id="deep"),
        pytest.param('{"a": ' + "9" * 5000 + "}", JSON, 400, "The body cannot be read: Exceeds the limit", id="digits"),
        pytest.param([1], JSON, 400, "row 1: is no object. Write a row as", id="a number"),
        pytest.param([ROWS[0], {}], JSON, 400, "row 2: is empty. Give customer_id,", id="an empty row"),
        pytest.param({"customer_id": 7}, JSON, 400, "row 1, customer_id: is not a text.", id="id"),
        pytest.param({"customer_key": 2**60}, JSON, 400, "row 1, customer_key: is not a whole number from", id="key"),
        pytest.param({"customer_key": True}, JSON, 400, "row 1, customer_key: is not a whole number from", id="truth"),
        pytest.param({"customer_key": "7x"}, JSON, 400, "row 1, customer_key: is not a whole number from", id="text"),
        pytest.param(
            {"customer_key": 7, "customer_id": "C"},
            JSON,
            400,
            "row 1, customer_id and customer_key: are two ways to name one customer. Give one of the two.",
            id="two",
        ),
        pytest.param("a,b\n1\n", CSV, 400, "row 1: has 1 values, the header has 2. Give as many.", id="short"),
        pytest.param("a,a\n1,2\n", CSV, 400, "The CSV's header names 'a' twice.", id="a column twice"),
        pytest.param('a\n"1\n', CSV, 400, "Line 2 is no CSV: unexpected end of data.", id="a quote"),
        pytest.param([{"a": 1}] * (MAX_ROWS + 1), JSON, 413, "The request has more than 1,000 rows.", id="many"),
        pytest.param('{"a": 1}\n' * (MAX_ROWS + 1), LINES[0], 413, "The request has more than 1,000", id="many lines"),
        pytest.param(
            "a\n" + "1\n" * (MAX_ROWS + 1), CSV, 413, "The request has more than 1,000 rows.", id="a long CSV"
        ),
    ],
)
def test_what_is_refused_says_why_and_what_to_do(body, content_type, status, told):
    found, message = refused(body, content_type)
    assert found == status
    assert message.startswith(told)


@given(
    st.text(st.characters(max_codepoint=255)) | st.from_regex(r"(; ?[cx]\*?[0-9]?\*?=[\"'%a;]*){1,3}", fullmatch=True)
)
def test_any_content_type_is_taken_or_refused(parameters):
    with suppress(RequestRefusedError):
        assert [row.fields for row in asked(ROWS, f"{JSON}{parameters}")] == ROWS


def test_as_many_rows_as_there_may_be_are_taken():
    assert len(asked([{"a": 1}] * MAX_ROWS)) == MAX_ROWS

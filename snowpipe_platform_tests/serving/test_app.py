"""The contract over HTTP: statuses, headers, limits, and never a traceback."""

import http.client
import json
import socket

import pytest

from snowpipe_platform.serving import app
from snowpipe_platform.serving.answering import Answering
from snowpipe_platform.serving.app import MAX_BODY_BYTES, build_app
from snowpipe_platform.serving.deployed import Refusal
from snowpipe_platform.serving.served import FixedModel
from snowpipe_platform_tests.artefacts import ROW, running


@pytest.fixture(scope="module")
def client(model):
    with running(build_app(FixedModel(model), Answering(features=None, log=None))) as client:
        yield client


def test_ping_says_what_serves(client):
    answer = client.get("/ping")
    assert answer.status == 200
    assert answer.json == {"status": "ok", "model": "churn", "version": 1, "trouble": None}


def test_an_answer_is_json_lines_and_names_version_and_request(client):
    answer = client.post([ROW, ROW])
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/jsonlines"
    assert answer.headers["x-model-version"] == "1"
    assert len(answer.headers["x-request-id"]) == 16
    assert [line["version"] for line in answer.lines] == [1, 1]


def test_a_refusal_names_row_field_problem_and_mend(client):
    answer = client.post(ROW | {"orders": "3"})
    assert answer.status == 400
    assert answer.json == {
        "error": "row 1, orders: is a text. Write a whole number.",
        "problems": [{"row": 1, "field": "orders", "problem": "is a text", "mend": "Write a whole number."}],
    }


def test_problems_beyond_twenty_are_counted(client):
    told = client.post([{"order": 1}] * 10).json["problems"]
    assert (len(told), told[-1]) == (21, {"more": 20})


@pytest.mark.parametrize(
    ("ask", "status", "told"),
    [
        pytest.param(lambda c: c.post(ROW, None), 415, "The content type is 'missing'.", id="no type"),
        pytest.param(lambda c: c.post(ROW, "text/html"), 415, "The content type is 'text/html'.", id="type"),
        pytest.param(
            lambda c: c.post(ROW, Content_Encoding="gzip"), 415, "The content encoding is 'gzip'. Send", id="encoding"
        ),
        pytest.param(lambda c: c.post(b""), 400, "The body is no JSON:", id="nothing"),
        pytest.param(
            lambda c: c.post(b" " * (MAX_BODY_BYTES + 1)), 413, "The body is larger than 1,000,000", id="large"
        ),
        pytest.param(lambda c: c.post('{"\\ud800": 1}'), 400, "The body cannot be read: ", id="half a character"),
        pytest.param(lambda c: c.post({"customer_id": "x"}), 400, "This endpoint has no online store", id="customer"),
        pytest.param(lambda c: c.get("/"), 404, "There is no GET /. There are GET /ping and POST", id="address"),
        pytest.param(lambda c: c.get("/invocations"), 405, "There is no GET /invocations.", id="method"),
    ],
)
def test_what_is_refused_is_json_with_a_mend(client, ask, status, told):
    answer = ask(client)
    assert answer.status == status
    assert answer.json["error"].startswith(told)


def test_a_body_that_says_nothing_of_its_length_is_read_no_further_than_the_limit(client):
    connection = http.client.HTTPConnection(*client._address, timeout=20)
    parts = (b" " * 100_000 for _ in range(11))
    connection.request("POST", "/invocations", parts, {"Content-Type": "application/json"}, encode_chunked=True)
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["error"].startswith("The body is larger than 1,000,000 bytes.")
    connection.close()


def test_a_body_that_does_not_come_is_not_waited_for_without_end(client, monkeypatch):
    monkeypatch.setattr(app, "BODY_SECONDS", 0.0)
    connection = http.client.HTTPConnection(*client._address, timeout=20)
    connection.putrequest("POST", "/invocations")
    connection.putheader("Content-Length", "7")
    connection.endheaders(b"{")
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]) == (408, "The body was not sent within 0 s. Send it.")
    connection.close()


def test_a_client_that_goes_away_is_no_failure_of_the_server(client, capfd):
    with socket.create_connection(client._address) as connection:
        connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{")
    assert client.get("/ping").status == 200
    assert capfd.readouterr().err == ""


def test_what_nobody_foresaw_is_told_without_a_traceback(model, capfd):
    class Broken(Answering):
        def answer(self, *_args, **_more):
            raise ZeroDivisionError("in secret.py")

    with running(build_app(FixedModel(model), Broken(features=None, log=None))) as client:
        answer = client.post(ROW)
    assert (answer.status, answer.json) == (
        500,
        {"error": "The prediction failed (ZeroDivisionError). The server's output says where.", "path": "/invocations"},
    )
    assert "in secret.py" in capfd.readouterr().err


class Nothing:
    def current(self):
        return None

    def trouble(self):
        return "nothing is deployed yet"

    def refused(self):
        return Refusal(number=2, version=3, reason="torn")


def test_a_server_without_a_model_is_not_healthy_and_says_why():
    with running(build_app(Nothing(), Answering(features=None, log=None))) as client:
        ping, asked = client.get("/ping"), client.post(ROW)
    assert (ping.status, ping.json) == (
        503,
        {
            "status": "no model",
            "model": None,
            "version": None,
            "trouble": "nothing is deployed yet",
            "refused": {"version": 3, "reason": "torn"},
        },
    )
    assert (asked.status, asked.json) == (503, {"error": "No model is served: nothing is deployed yet"})

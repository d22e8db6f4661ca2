"""A request's bytes to an answer's, without HTTP."""

import json
import math

import pytest

from snowpipe_platform.serving.answering import Answering, OnlineFeatures
from snowpipe_platform.serving.request_log import RequestLog
from snowpipe_platform.serving.requests import CSV, JSON, RequestRefusedError
from snowpipe_platform.spec.keys import key_of
from snowpipe_platform_tests.artefacts import GROUP, ROW, Customers

ADA, GRACE = key_of("ada"), key_of("grace")


@pytest.fixture
def customers(tmp_path):
    def customers(rows):
        return OnlineFeatures(Customers(tmp_path / "online.db", rows), {"churn": GROUP})

    return customers


@pytest.fixture
def known(customers):
    return customers({ADA: ROW | {"tenure": 5}, GRACE: ROW | {"spend": "7.25", "recency": None}})


@pytest.fixture
def ask(model):
    def ask(body, content_type=JSON, *, features=None, log=None, model=model):
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        answering = Answering(features=features, log=log)
        return [json.loads(line) for line in answering.answer(raw, content_type, model, request_id="r1").splitlines()]

    return ask


def refused(ask, *asked, **more):
    with pytest.raises(RequestRefusedError) as error:
        ask(*asked, **more)
    return error.value.status, str(error.value)


def assert_adds_up(line):
    """Contributions, from the base to the log-odds of the probability."""
    assert line["base_log_odds"] + sum(line["contributions"].values()) == pytest.approx(line["log_odds"], abs=1e-9)
    assert 1 / (1 + math.exp(-line["log_odds"])) == pytest.approx(line["probability"], abs=1e-12)


def test_an_answer_has_the_probability_where_it_comes_from_and_its_version(ask, model):
    (line,) = ask(ROW)
    assert line["probability"] == model.probabilities(model.matrix([(3.0, 20.5, 10.0)]))[0]
    assert (line["model"], line["version"], line["method"]) == ("churn", 1, "shapley")
    assert line["base_log_odds"] == model.base
    assert list(line["contributions"]) == ["orders", "spend", "recency"]
    assert_adds_up(line)
    assert "customer_key" not in line
    assert "warnings" not in line


def test_many_rows_are_answered_in_their_order_as_each_alone(ask):
    rows = [ROW | {"orders": n} for n in range(5)]
    assert ask(rows) == [line for row in rows for line in ask(row)]


def test_every_form_is_the_same_answer(ask):
    texts = "recency,orders,spend\n10,3,20.5\n"
    assert ask(texts, CSV) == ask(json.dumps(ROW), "application/jsonlines") == ask([ROW]) == ask(ROW)


def test_a_customers_features_come_from_the_online_store_with_their_time(ask, known):
    by_id, by_key = ask([{"customer_id": "ada"}, {"customer_key": ADA}], features=known)
    assert by_id == by_key == {"customer_key": ADA, "features_as_of": "2024-03-02T00:00:00"} | ask(ROW)[0]


def test_customers_and_features_stand_in_one_request(ask, known):
    first, second = ask([{"customer_id": "grace"}, ROW | {"customer_key": 7}], features=known)
    assert (first["customer_key"], second["customer_key"]) == (GRACE, 7)
    assert first["probability"] == ask(ROW | {"spend": 7.25, "recency": None})[0]["probability"]
    assert "features_as_of" not in second
    assert second["probability"] == ask(ROW)[0]["probability"]


def test_what_is_unusual_is_a_warning_not_an_error(ask):
    (line,) = ask(ROW | {"orders": 40, "spend": None})
    assert line["warnings"] == {
        "orders": "above 9, the most seen in training",
        "spend": "null; the default 0 was used",
    }


def test_one_wrong_row_answers_none_and_all_problems_are_told(ask):
    with pytest.raises(RequestRefusedError) as error:
        ask([ROW, ROW | {"orders": "3"}, {"order": 1}])
    assert (error.value.status, str(error.value)) == (400, "row 2, orders: is a text. Write a whole number. (4 more)")
    assert [(one.row, one.field) for one in error.value.problems] == [
        (2, "orders"),
        (3, "order"),
        (3, "orders"),
        (3, "spend"),
        (3, "recency"),
    ]


def test_a_customer_there_is_not_is_named_by_row(ask, known):
    status, message = refused(ask, [{"customer_id": "ada"}, {"customer_id": "nobody"}], features=known)
    assert status == 404
    assert message == (
        "row 2: the online store has no such customer. Look whether the customer_id is right, or give the features."
    )


def test_a_store_that_no_run_has_filled_yet_is_not_the_callers_mistake(ask, tmp_path):
    empty = OnlineFeatures(Customers(tmp_path / "empty.db", {}, reached=None), {"churn": GROUP})
    status, message = refused(ask, {"customer_id": "ada"}, features=empty)
    assert status == 503
    assert message == (
        "The online store holds no features/customer_activity yet. Bring it up: snowpipe run features/customer_activity"
    )


def test_a_store_that_is_being_filled_answers_for_those_it_has(ask, tmp_path):
    filling = OnlineFeatures(Customers(tmp_path / "filling.db", {ADA: ROW}, reached=None), {"churn": GROUP})
    assert ask({"customer_id": "ada"}, features=filling)[0]["customer_key"] == ADA
    assert refused(ask, {"customer_id": "grace"}, features=filling)[0] == 503


def test_without_an_online_store_customers_cannot_be_named(ask):
    status, message = refused(ask, {"customer_id": "ada"})
    assert status == 400
    assert message == "This endpoint has no online store to read a customer's features from. Give the features."


def test_a_store_that_cannot_be_read_is_not_the_callers_mistake(ask, known):
    known.store._path.unlink()
    status, message = refused(ask, {"customer_id": "ada"}, features=known)
    assert (status, message.partition(" (")[0]) == (503, "The online store cannot be read: online.db cannot be read")


def test_a_store_that_does_not_fit_the_model_is_not_the_callers_mistake(ask, customers):
    status, message = refused(ask, {"customer_id": "ada"}, features=customers({ADA: {"orders": 1, "spend": True}}))
    assert status == 503
    assert message == (
        "The online store does not fit model churn: spend is true or false; recency is missing. "
        "Deploy a version trained on its features."
    )


def test_each_prediction_is_logged_with_nothing_of_a_person_but_the_key(ask, known, tmp_path):
    log = RequestLog(tmp_path / "requests")
    ask([{"customer_id": "ada"}, ROW | {"orders": 40}], features=known, log=log)
    log._write()
    first, second = map(json.loads, (tmp_path / "requests" / "requests-00000001.jsonl").read_text().splitlines())
    assert first == {
        "at": first["at"],
        "request": "r1",
        "latency_ms": first["latency_ms"],
        "model": "churn",
        "version": 1,
        "row": 1,
        "customer_key": ADA,
        "inputs": {"orders": 3.0, "spend": 20.5, "recency": 10.0},
        "probability": ask(ROW)[0]["probability"],
        "warned": [],
    }
    assert (second["row"], second["customer_key"], second["warned"]) == (2, None, ["orders"])
    assert first["latency_ms"] > 0


def test_what_is_refused_is_not_logged(ask):
    log = RequestLog(None)
    refused(ask, {"order": 1}, log=log)
    assert not log._queue


def test_a_text_feature_is_answered_too(ask, regional):
    (line,) = ask(ROW | {"region": "south"}, model=regional)
    assert_adds_up(line)

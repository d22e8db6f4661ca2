"""`snowpipe serve` as a process: what it prints, what it serves, and how it ends."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

import pytest

from snowpipe_platform.backends.sqlite_features import SqliteFeatures
from snowpipe_platform.commands.serve import _is_loopback, groups_of
from snowpipe_platform.records import FeatureRow
from snowpipe_platform.serving.deployed import read_standing
from snowpipe_platform.spec.keys import key_of
from snowpipe_platform.spec.pipeline import load_pipeline
from snowpipe_platform_tests.artefacts import GROUP, REACHED, ROW, Client, deploy, make_artefact
from snowpipe_platform_tests.model_shop import ModelShop

SNOWPIPE = (sys.executable, "-c", "from snowpipe_platform.cli import main; main()")


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    return make_artefact(tmp_path_factory.mktemp("models") / "1")


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@contextmanager
def serving(home, *words):
    """The process, its first line on stdout once it is there, and a client."""
    environment = os.environ | {"SNOWPIPE_HOME": str(home), "PYTHONPATH": ":".join(filter(None, sys.path))}
    process = subprocess.Popen(
        [*SNOWPIPE, "serve", "--port", "0", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        host, port = re.search(r"http://([\d.]+):(\d+)", line).groups()
        yield process, line, Client(host, int(port))
    finally:
        process.kill()
        process.communicate()


def test_it_says_where_it_answers_and_what_it_prints_to_try_works(home, artefact):
    deploy(home / "endpoint", artefact, 1)
    with serving(home) as (process, line, client):
        assert re.fullmatch(r"churn version 1 answers at http://127\.0\.0\.1:\d+; Ctrl\+C ends it\n", line)
        words = shlex.split(process.stdout.readline())
        assert words[:2] == ["try:", "curl"]
        assert words[2] == line.split()[5].rstrip(";") + "/invocations"
        answer = client.post(words[-1])
        assert answer.status == 200
        assert "warnings" not in answer.lines[0]
        process.send_signal(signal.SIGINT)
        assert (process.wait(20), process.stderr.read()) == (0, "")


def test_a_server_follows_what_is_deployed_and_one_that_starts_again_serves_the_same(home, artefact, tmp_path):
    with serving(home, "--json") as (process, line, client):
        told = json.loads(line)
        assert (told["model"], told["version"]) == (None, None)
        assert told["trouble"].startswith("nothing is deployed yet")
        assert client.get("/ping").status == 503
        deploy(home / "endpoint", artefact, 1)
        while client.get("/ping").status == 503:
            pass
        assert client.post(ROW).lines[0]["version"] == 1
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    (log,) = (home / "endpoint" / "requests").iterdir()
    logged = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(one["version"], one["inputs"]["orders"]) for one in logged] == [(1, 3.0)]
    with serving(home, "--json") as (process, line, _client):
        assert json.loads(line)["version"] == 1
        second = subprocess.run(
            [*SNOWPIPE, "serve", "--port", "0"],
            env=os.environ | {"SNOWPIPE_HOME": str(home), "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (second.returncode, second.stdout) == (1, "")
        assert re.match(rf"error: another server of \S+ runs \(process {process.pid}, http://", second.stderr)
    assert read_standing(home / "endpoint") is None, "the server was killed, and nobody is told that it runs"


def test_a_customer_is_answered_from_the_online_store_and_an_unknown_one_is_refused(home, artefact):
    deploy(home / "endpoint", artefact, 1)
    known_at = datetime(2024, 3, 2)
    values = {"orders": 3, "spend": Decimal("20.50"), "recency": 10, "not_taken": 1}
    row = FeatureRow(key_of("C000001"), known_at, known_at, values)
    online = SqliteFeatures(home / "online.db")
    online.put(GROUP, [row])
    online.set_reached(GROUP, REACHED)
    with serving(home) as (process, _line, client):
        known = client.post({"customer_id": "C000001"})
        assert (known.status, known.lines[0]["features_as_of"]) == (200, "2024-03-02T00:00:00")
        assert known.lines[0]["probability"] == client.post(ROW).lines[0]["probability"]
        assert client.post({"customer_key": key_of("C000001")}).lines == known.lines
        unknown = client.post({"customer_id": "C000002"})
        assert unknown.status == 404
        assert "row 1: the online store has no such customer" in unknown.text
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_a_group_of_anything_but_customers_is_not_asked_for_customers(tmp_path, monkeypatch):
    shop = ModelShop(tmp_path, monkeypatch)
    assert groups_of(load_pipeline(shop.package)) == {}
    assert groups_of(load_pipeline("snowpipe_platform.pipeline")) == {"churn": "features/customer_activity"}


def test_a_port_that_is_taken_is_a_usage_error(shop):
    from snowpipe_platform.serving.server import listen  # noqa: PLC0415 - a missing library fails this test alone

    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        done = shop.type("serve", "--port", str(port))
    assert done.exit_code == 2
    assert done.stderr == (
        f"error: cannot listen on 127.0.0.1:{port} (Address already in use). Give another --host or --port.\n"
        "next: snowpipe serve --help\n"
    )


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.168.0.7", False),
        ("me", False),
    ],
)
def test_an_address_others_reach_is_told_apart(host, is_loopback):
    assert _is_loopback(host) is is_loopback

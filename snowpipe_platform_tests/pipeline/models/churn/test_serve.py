"""The serving script in a container's place: its variables, its port, and its check."""

import os
import socket
import subprocess
import sys

import pytest

from snowpipe_platform_tests.artefacts import ROW, Client, make_artefact

SCRIPT = "snowpipe_platform.pipeline.models.churn.serve"


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    return make_artefact(tmp_path_factory.mktemp("models") / "1")


def start(*words, **variables):
    environment = os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))} | variables
    command = [sys.executable, "-m", SCRIPT, *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def test_it_serves_the_containers_model_on_the_containers_port(artefact):
    port = free_port()
    process = start(SM_MODEL_DIR=str(artefact), SAGEMAKER_BIND_TO_PORT=str(port), MODEL_VERSION="7")
    try:
        client = Client("127.0.0.1", port)
        while process.poll() is None and not answers(client):
            pass
        assert client.get("/ping").json == {"status": "ok", "model": "churn", "version": 7, "trouble": None}
        (line,) = client.post(ROW).lines
        assert line["version"] == 7
    finally:
        process.terminate()
        process.communicate()


def answers(client):
    try:
        return client.get("/ping").status == 200
    except ConnectionRefusedError:
        return False


def test_without_a_model_where_the_contract_says_it_ends_with_the_reason(tmp_path):
    process = start("--check", SM_MODEL_DIR=str(tmp_path))
    output, errors = process.communicate(timeout=60)
    told = f"{tmp_path}: {tmp_path}/signature.json is missing. Restore it from a backup, or train again.\n"
    assert (process.returncode, output, errors) == (1, "", told)

"""The endpoint of one machine: what is written down, who is asked before, and what a running server says."""

import json
import shutil
import threading
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpipe_platform.backends import local_endpoint
from snowpipe_platform.backends.local_endpoint import LocalEndpoint
from snowpipe_platform.errors import ModelError, ServingError
from snowpipe_platform.serving.artefact import folder_hash
from snowpipe_platform.serving.deployed import Standing, only_server, write_deployments, write_standing
from snowpipe_platform.serving.loaded import load_model
from snowpipe_platform.serving.served import DeployedModel
from snowpipe_platform_tests.artefacts import make_artefact
from snowpipe_platform_tests.contracts.endpoint import EndpointContract

PIPELINE = "snowpipe_platform.pipeline"


@pytest.fixture(scope="session")
def versions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("churn")
    made = {version: make_artefact(folder / str(version), seed=version) for version in (1, 2, 3, 4)}
    (made[3] / "model.joblib").write_bytes(b"torn")
    return made


@pytest.fixture
def real(tmp_path, versions):
    """Asks the model's own script."""
    return LocalEndpoint(tmp_path / "endpoint", artefact_of=lambda _model, n: versions[n], pipeline=PIPELINE)


@pytest.fixture
def endpoint(real, monkeypatch):
    """Loads the model in this process: the script takes seconds to start."""

    def check(wanted):
        try:
            load_model(Path(wanted.artefact), version=wanted.version)
        except ServingError as error:
            raise ServingError(f"churn version {wanted.version} was not deployed: {error}") from error

    monkeypatch.setattr(real, "_check", check)
    return real


class TestLocalEndpoint(EndpointContract):
    pass


@pytest.fixture
def server(endpoint):
    """A server's part: the lock, and a thread that follows what is deployed."""
    with only_server(endpoint._folder):
        served = DeployedModel(endpoint._folder, url="http://127.0.0.1:1")
        served.start()
        yield served
        served.close()


def test_the_models_own_script_loads_it_before_it_is_deployed(real):
    real.deploy("churn", 1)
    with pytest.raises(ServingError) as error:
        real.deploy("churn", 3)
    assert str(error.value).startswith("churn version 3 was not deployed: version 3 in ")
    assert "\n" not in str(error.value)
    assert [one.version for one in real.history()] == [1]


def test_files_changed_since_they_were_deployed_do_not_come_back(tmp_path, versions):
    """The model's own script would load them: they are refused before it is asked."""
    own = {n: shutil.copytree(versions[n], tmp_path / str(n)) for n in (1, 2)}
    endpoint = LocalEndpoint(tmp_path / "endpoint", artefact_of=lambda _model, n: own[n], pipeline=PIPELINE)
    for version in (1, 2):
        endpoint.deploy("churn", version)
    shutil.copy(own[2] / "model.joblib", own[1])
    with pytest.raises(ServingError, match=r"churn version 1 was not deployed: version 1 in .* has other files than"):
        endpoint.rollback()
    assert endpoint.current().version == 2


def test_what_was_deployed_without_a_hash_is_deployed_again_with_one(endpoint):
    first = endpoint.deploy("churn", 1)
    write_deployments(endpoint._folder, [replace(first, artefact_hash=None)])
    again = endpoint.deploy("churn", 1)
    assert (again.number, again.artefact_hash, again.before) == (2, first.artefact_hash, None)


def test_a_model_without_a_serving_script_is_refused(real):
    with pytest.raises(ServingError, match=r"churm version 1 was not deployed: .*No module named .*churm"):
        real.deploy("churm", 1)


def test_deploying_returns_when_the_running_server_serves_it(endpoint, server):
    for version in (1, 2):
        endpoint.deploy("churn", version)
        assert server.current().version == version
    endpoint.rollback()
    assert server.current().version == 1


def test_what_the_running_server_refuses_is_not_deployed_and_the_caller_hears_why(endpoint, server, monkeypatch):
    endpoint.deploy("churn", 1)
    monkeypatch.setattr(endpoint, "_check", lambda _wanted: None)
    with pytest.raises(ServingError) as error:
        endpoint.deploy("churn", 3)
    told = "churn version 3 was not deployed; churn version 1 stays deployed. version 3 in "
    assert str(error.value).startswith(told)
    assert (endpoint.current().version, server.current().version, server.refused().version) == (1, 1, 3)
    refused = endpoint.history()[-1]
    assert (refused.number, refused.version) == (2, 3)
    assert refused.refused.startswith("version 3 in")
    assert endpoint.deploy("churn", 2).before == 1


def test_a_first_version_that_the_server_refuses_leaves_nothing_deployed(endpoint, server, monkeypatch):
    monkeypatch.setattr(endpoint, "_check", lambda _wanted: None)
    with pytest.raises(ServingError, match="churn version 3 was not deployed; nothing is deployed"):
        endpoint.deploy("churn", 3)
    assert endpoint.current() is None
    assert endpoint.deploy("churn", 1).number == 2
    assert server.current().version == 1


def test_a_server_that_does_not_answer_is_not_waited_for_without_end(endpoint, monkeypatch):
    monkeypatch.setattr(local_endpoint, "SETTLE_SECONDS", 0.0)
    endpoint.deploy("churn", 1)
    with only_server(endpoint._folder):
        write_standing(endpoint._folder, Standing(pid=7, url="x", number=1, version=1))
        with pytest.raises(ServingError, match="The server did not take it within 0 s"):
            endpoint.deploy("churn", 2)
    assert endpoint.current().version == 1


def test_what_is_deployed_but_not_served_is_deployed_again(endpoint):
    """As when a server started while the artefact was damaged; a rollback still leads to the one before."""
    for version in (1, 2):
        endpoint.deploy("churn", version)
    failures = [ServingError("damaged")]

    def load(folder, *, version):
        if failures:
            raise failures.pop()
        return load_model(folder, version=version)

    with only_server(endpoint._folder):
        served = DeployedModel(endpoint._folder, url="x", load=load)
        served.start()
        assert served.current() is None
        deployed = endpoint.deploy("churn", 2)
        served.close()
    assert served.current().version == 2
    assert (deployed.number, deployed.before) == (3, 1)
    assert endpoint.rollback().version == 1


def test_deployments_at_once_take_turns(endpoint):
    versions = (1, 2, 4) * 3
    threads = [threading.Thread(target=endpoint.deploy, args=("churn", version)) for version in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = endpoint.history()
    assert [one.number for one in history] == list(range(1, len(history) + 1))
    assert set(Counter(one.version for one in history)) == {1, 2, 4}


@given(st.lists(st.sampled_from([1, 2, 4, 3, "rollback"]), max_size=12))
@settings(max_examples=20, deadline=None)
def test_any_deployments_and_rollbacks_stand_as_on_a_stack(tmp_path_factory, versions, actions):
    """3 is refused by the check; what is on top of the stack is current."""
    endpoint = LocalEndpoint(tmp_path_factory.mktemp("any"), artefact_of=lambda _model, n: versions[n], pipeline="x")

    def check(wanted):
        if wanted.version == 3:
            raise ServingError("torn")

    endpoint._check = check
    stack = []
    for action in actions:
        fails = action == 3 or (action == "rollback" and len(stack) < 2)
        with pytest.raises(ServingError) if fails else nullcontext():
            endpoint.rollback() if action == "rollback" else endpoint.deploy("churn", action)
        if action == "rollback":
            stack = stack[:-1] if len(stack) > 1 else stack
        elif action != 3 and stack[-1:] != [action]:
            stack.append(action)
        current = endpoint.current()
        assert (None if current is None else current.version) == (stack[-1] if stack else None)


def test_what_is_deployed_is_a_file_a_person_can_read(endpoint, versions):
    endpoint.deploy("churn", 1)
    read = json.loads((endpoint._folder / "deployed.json").read_text())
    (one,) = read["deployments"]
    assert one == {
        "number": 1,
        "action": "deploy",
        "model": "churn",
        "version": 1,
        "artefact": str(versions[1]),
        "artefact_hash": folder_hash(versions[1]),
        "deployed_at": one["deployed_at"],
        "before": None,
        "refused": None,
    }
    assert [path.name for path in endpoint._folder.iterdir() if path.name.startswith(".")] == []


def test_a_file_that_was_damaged_names_itself_and_the_mend(endpoint):
    endpoint.deploy("churn", 1)
    (endpoint._folder / "deployed.json").write_text("{}")
    with pytest.raises(ServingError, match=r"deployed\.json is damaged .*Restore it from a backup, or remove it"):
        endpoint.current()


def test_a_version_that_may_not_serve_any_more_once_it_is_loaded_is_not_deployed(endpoint, versions, monkeypatch):
    endpoint.deploy("churn", 1)
    answers = iter([versions[2]])

    def artefact_of(_model, _number):
        found = next(answers, None)
        if found is None:
            raise ModelError("churn version 2 is rejected")
        return found

    monkeypatch.setattr(endpoint, "_artefact_of", artefact_of)
    with pytest.raises(ModelError, match="rejected"):
        endpoint.deploy("churn", 2)
    assert endpoint.current().version == 1
    assert [one.version for one in endpoint.history()] == [1]

"""The swap: the next model takes the place of the one that serves, or does not."""

import json
import shutil
import threading
from dataclasses import replace

import pytest

from snowpipe_platform.serving import deployed
from snowpipe_platform.serving.answering import Answering
from snowpipe_platform.serving.app import build_app
from snowpipe_platform.serving.deployed import read_deployments, read_standing, write_deployments
from snowpipe_platform.serving.served import DeployedModel
from snowpipe_platform_tests.artefacts import ROW, deploy, running


@pytest.fixture
def endpoint(tmp_path):
    return tmp_path / "endpoint"


@pytest.fixture
def served(endpoint):
    return DeployedModel(endpoint, url="http://127.0.0.1:1")


@pytest.fixture
def standing(endpoint):
    """What the server last wrote, whether or not its lock is held."""
    return lambda: json.loads((endpoint / deployed.SERVING).read_text())


def test_before_the_first_deployment_nothing_serves_and_the_mend_is_told(served):
    served.look()
    assert served.current() is None
    assert served.trouble().endswith("deploy a version: snowpipe models deploy MODEL VERSION")


def test_what_is_deployed_is_served_and_what_is_deployed_next_takes_its_place(
    served, endpoint, artefact, other, standing
):
    deploy(endpoint, artefact, 1)
    served.look()
    assert (served.current().version, served.trouble(), standing()["number"]) == (1, None, 1)
    deploy(endpoint, other, 2)
    served.look()
    assert (served.current().version, standing()["number"], standing()["version"]) == (2, 2, 2)


def test_what_is_served_is_not_loaded_again(endpoint, artefact):
    deploy(endpoint, artefact, 1)
    loads = []
    served = DeployedModel(endpoint, url="x", load=lambda folder, version: loads.append((folder, version)) or "model")
    served.look()
    served.look()
    assert loads == [(artefact, 1)]


def test_a_version_that_cannot_be_loaded_leaves_the_one_that_serves_and_says_so(
    served, endpoint, artefact, tmp_path, standing
):
    deploy(endpoint, artefact, 1)
    served.look()
    first = served.current()
    deploy(endpoint, tmp_path / "nowhere", 2)
    served.look()
    assert served.current() is first
    assert served.trouble().startswith("churn version 2 is deployed and cannot be served: version 2 in")
    assert (served.refused().version, standing()["refused"]["number"], standing()["number"]) == (2, 2, 1)


@pytest.fixture
def own(artefact, tmp_path):
    """A copy of the artefact that a test may change."""
    return shutil.copytree(artefact, tmp_path / "own")


def test_files_that_are_not_those_deployed_are_never_read(endpoint, own, other):
    deploy(endpoint, own, 1)
    shutil.copy(other / "model.joblib", own)
    loads = []
    served = DeployedModel(endpoint, url="x", load=lambda folder, **_more: loads.append(folder))
    served.look()
    assert (loads, served.current()) == ([], None)
    told = f"version 1 in {own} has other files than were deployed. Restore it from a backup, or train again."
    assert served.refused().reason == told


def test_what_was_deployed_without_a_hash_is_refused_with_the_command_that_deploys_it_again(served, endpoint, artefact):
    deploy(endpoint, artefact, 1)
    file = endpoint / "deployed.json"
    (written,) = json.loads(file.read_text())["deployments"]
    del written["artefact_hash"]
    file.write_text(json.dumps({"deployments": [written]}))
    served.look()
    assert served.current() is None
    told = 'was deployed without the hash of its files. Deploy it again: snowpipe models deploy churn 1 --reason "..."'
    assert served.refused().reason == f"version 1 in {artefact} {told}"


def test_when_the_refused_one_is_withdrawn_all_is_well_again(served, endpoint, artefact, other, tmp_path):
    deploy(endpoint, artefact, 1)
    served.look()
    deploy(endpoint, tmp_path / "nowhere", 2)
    served.look()
    first, second = read_deployments(endpoint)
    write_deployments(endpoint, [first, replace(second, refused="torn")])
    served.look()
    assert (served.current().version, served.trouble(), served.refused().version) == (1, None, 2)
    deploy(endpoint, other, 3)
    served.look()
    assert (served.current().version, served.trouble(), served.refused()) == (3, None, None)


def test_a_damaged_file_leaves_the_one_that_serves(served, endpoint, artefact):
    deploy(endpoint, artefact, 1)
    served.look()
    (endpoint / "deployed.json").write_text("{")
    served.look()
    assert served.current().version == 1
    assert "deployed.json is damaged" in served.trouble()
    (endpoint / "deployed.json").unlink()
    deploy(endpoint, artefact, 1)
    served.look()
    assert (served.current().version, served.trouble()) == (1, None)


def test_a_server_that_starts_again_serves_the_same(endpoint, artefact, other):
    deploy(endpoint, artefact, 1)
    deploy(endpoint, other, 2)
    for _ in range(2):
        again = DeployedModel(endpoint, url="x")
        again.start()
        again.close()
        assert again.current().version == 2


def test_only_one_server_serves_an_endpoint_and_a_reader_knows_whether_one_does(endpoint):
    assert read_standing(endpoint) is None
    with deployed.only_server(endpoint):
        assert read_standing(endpoint) is None
        told = deployed.Standing(pid=7, url="http://127.0.0.1:9", number=3, version=2)
        deployed.write_standing(endpoint, told)
        assert read_standing(endpoint) == told
        with (
            pytest.raises(deployed.ServingError, match=r"runs \(process 7, http://127.0.0.1:9\)\. Ask that one"),
            deployed.only_server(endpoint),
        ):
            pass
    assert read_standing(endpoint) is None


def test_no_request_fails_or_mixes_versions_while_versions_are_swapped(endpoint, artefact, other):
    """Each answer's probability is the one its own version gives."""
    deploy(endpoint, artefact, 1)
    served = DeployedModel(endpoint, url="x")
    served.look()
    expected = {}
    answers, ends = [], threading.Event()
    with running(build_app(served, Answering(features=None, log=None))) as client:

        def ask():
            while not ends.is_set():
                answers.append(client.post(ROW))

        askers = [threading.Thread(target=ask) for _ in range(3)]
        for version in range(1, 7):
            if version > 1:
                deploy(endpoint, other if version % 2 == 0 else artefact, version)
                served.look()
            (line,) = client.post(ROW).lines
            expected[version] = line["probability"]
            if version == 1:
                for one in askers:
                    one.start()
        ends.set()
        for one in askers:
            one.join()
    assert {answer.status for answer in answers} == {200}
    lines = [line for answer in answers for line in answer.lines]
    assert all(line["probability"] == expected[line["version"]] for line in lines)
    assert expected[1] == expected[3] != expected[2] == expected[4]
    assert len({line["version"] for line in lines}) > 1

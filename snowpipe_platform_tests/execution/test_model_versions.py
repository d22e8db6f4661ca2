"""What may be approved, rejected, deployed and rolled back, and what is written down of it."""

import json
from dataclasses import replace

import pytest

from snowpipe_platform.backends.sqlite_registry import SqliteRegistry
from snowpipe_platform.errors import ConfigurationError, GatesFailedError, ModelError
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.model_versions import (
    approve,
    champion_of,
    deploy,
    find_version,
    gates_now,
    reconcile,
    reject,
    rollback,
)
from snowpipe_platform.pipeline.features.customer_activity import TABLE as GROUP
from snowpipe_platform.pipeline.models.churn.model import MODEL
from snowpipe_platform.spec.gates import AtLeast, NotWorseThanChampion
from snowpipe_platform_tests.evaluating import GOOD, WORSE, MemoryEndpoint, candidate, evaluation

IDENTITY = RunIdentity(run_id="r", job="j")
ANN = Author(by="ann", reason="looks well", identity=IDENTITY)
BOB = Author(by="bob", reason="too few orders", identity=IDENTITY)
CHURN = replace(MODEL, gates=(AtLeast("roc_auc", 0.6), NotWorseThanChampion("roc_auc", by=0.01)))
SIGNATURE = {
    "model": "churn",
    "label": "churned",
    "features": [{"name": "orders_30d", "type": "int64", "default": 0}],
}


@pytest.fixture
def registry(tmp_path):
    return SqliteRegistry(tmp_path / "models")


@pytest.fixture
def endpoint():
    return MemoryEndpoint()


@pytest.fixture
def register(registry, tmp_path):
    """Register a version with this evaluation."""

    def make(found=None):
        folder = tmp_path / "artefact"
        folder.mkdir(exist_ok=True)
        (folder / "model.joblib").touch()
        (folder / "signature.json").write_text(json.dumps(SIGNATURE))
        made_of = str(len(registry.versions("churn")))
        return registry.register(candidate(evaluation=found or evaluation(), training_set=made_of), artefact=folder)

    return make


@pytest.fixture
def serve(register, registry, endpoint):
    """Register, approve and deploy a version."""

    def make(found=None):
        version = approve(CHURN, register(found), registry, ANN, override="in a test")
        deploy(version, registry, endpoint, ANN, group=GROUP)
        return version

    return make


def test_a_version_that_passes_is_approved_with_the_gates_as_they_stood(register, registry):
    version = approve(CHURN, register(), registry, ANN, override="not needed")
    (decision,) = version.decisions
    assert (version.stage, decision.by, decision.reason, decision.override) == ("approved", "ann", "looks well", "")
    assert [(gate.gate, gate.passed) for gate in decision.gates] == [
        ("roc_auc at least 0.6", True),
        ("roc_auc within 0.01 of the champion", True),
    ]
    assert registry.versions("churn") == [version]


@pytest.mark.case("A42")
def test_a_worse_version_is_stopped_by_its_gate_and_the_override_is_kept(register, registry, serve):
    serve()
    worse = register(evaluation(model=WORSE, champion=(1, GOOD)))
    with pytest.raises(GatesFailedError) as told:
        approve(CHURN, worse, registry, ANN)
    assert str(told.value) == (
        "churn version 2 is not approved, it failed 1 gate.\n"
        "roc_auc within 0.01 of the champion: 0.620, the champion, version 1, has 0.800 on the same rows"
    )
    assert find_version("churn", 2, registry).stage == "registered"
    approved = approve(CHURN, worse, registry, ANN, override="the champion's data was withdrawn")
    assert approved.decisions[-1].override == "the champion's data was withdrawn"
    assert [gate.passed for gate in approved.decisions[-1].gates] == [True, False]


@pytest.mark.case("A42")
def test_one_that_was_compared_with_a_champion_of_yesterday_is_not_approved(register, registry, serve):
    serve()
    waiting = register(evaluation(champion=(1, GOOD)))
    serve(evaluation(champion=(1, GOOD)))
    with pytest.raises(GatesFailedError, match="measured against version 1, and version 3 is the champion now"):
        approve(CHURN, waiting, registry, ANN)


def test_the_champions_own_gates_stand_as_when_it_was_trained(registry, serve):
    version = serve()
    assert all(gate.passed for gate in gates_now(CHURN, version, registry))


@pytest.mark.case("A42")
@pytest.mark.parametrize("stage", ["registered", "rejected"])
def test_only_what_is_approved_reaches_the_endpoint(register, registry, endpoint, stage):
    version = register()
    if stage == "rejected":
        version = reject(CHURN, version, registry, BOB, endpoint=endpoint)
    with pytest.raises(ModelError, match=rf"^churn version 1 is {stage}, and only what is approved serves\. See: "):
        deploy(version, registry, endpoint, ANN, group=GROUP)
    assert (endpoint.deployments, registry.served("churn")) == ([], [])


def test_what_was_rejected_while_somebody_looked_at_it_is_not_deployed(register, registry, endpoint):
    seen = approve(CHURN, register(), registry, ANN)
    reject(CHURN, seen, registry, BOB, endpoint=endpoint)
    with pytest.raises(ModelError, match=r"^churn version 1 is rejected"):
        deploy(seen, registry, endpoint, ANN, group=GROUP)


def test_a_version_whose_files_changed_is_neither_approved_nor_deployed(register, registry, endpoint):
    waiting, approved = register(), approve(CHURN, register(), registry, ANN)
    for version in (waiting, approved):
        (registry.artefact(version) / "model.joblib").write_text("other")
    with pytest.raises(ModelError, match="has other files than were registered"):
        approve(CHURN, waiting, registry, ANN)
    with pytest.raises(ModelError, match="has other files than were registered"):
        deploy(approved, registry, endpoint, ANN, group=GROUP)
    assert endpoint.deployments == []


def test_what_an_endpoint_cannot_load_is_not_written_down_as_served(register, registry, endpoint, serve):
    serve()
    endpoint.refuses = 2
    with pytest.raises(ModelError, match="cannot be loaded"):
        deploy(approve(CHURN, register(), registry, ANN, override="x"), registry, endpoint, ANN, group=GROUP)
    assert [one.version for one in registry.served("churn")] == [1]


def test_deploying_again_makes_up_for_a_process_that_died_before_it_wrote_it_down(register, registry, endpoint):
    version = approve(CHURN, register(), registry, ANN)
    endpoint.deploy("churn", 1)
    for _ in range(2):
        deploy(version, registry, endpoint, ANN, group=GROUP)
    assert [(one.version, one.action, one.by) for one in registry.served("churn")] == [(1, "deploy", "ann")]
    assert len(endpoint.deployments) == 1


@pytest.mark.case("A42")
def test_a_rollback_brings_the_one_before_back_and_it_is_the_champion_again(registry, endpoint, serve):
    serve()
    serve()
    assert champion_of("churn", registry) == 2
    rollback("churn", registry, endpoint, BOB, group=GROUP)
    assert (endpoint.current().version, champion_of("churn", registry)) == (1, 1)
    assert [(one.version, one.action, one.by, one.reason) for one in registry.served("churn")][-1] == (
        *(1, "rollback", "bob", "too few orders"),
    )


def test_a_rollback_to_what_was_rejected_since_is_refused(registry, endpoint, serve):
    first = serve()
    serve()
    reject(CHURN, first, registry, BOB, endpoint=endpoint)
    with pytest.raises(ModelError, match=r"^churn version 1, which served before, was rejected by bob: too few orders"):
        rollback("churn", registry, endpoint, ANN, group=GROUP)
    assert endpoint.current().version == 2


def test_without_a_version_before_there_is_no_rollback(registry, endpoint, serve):
    with pytest.raises(ModelError, match=r"^model 'churn' does not serve, nothing does"):
        rollback("churn", registry, endpoint, ANN, group=GROUP)
    serve()
    with pytest.raises(ModelError, match=r"^churn version 1 was the first to serve: there is none to go back to"):
        rollback("churn", registry, endpoint, ANN, group=GROUP)
    with pytest.raises(ModelError, match=r"^model 'value' does not serve, model 'churn' does"):
        rollback("value", registry, endpoint, ANN, group=GROUP)


def test_what_serves_cannot_be_rejected(registry, serve, endpoint):
    with pytest.raises(ModelError, match=r"^churn version 1 serves\. Deploy another, or roll back"):
        reject(CHURN, serve(), registry, BOB, endpoint=endpoint)


def test_a_decision_is_made_once_and_may_be_turned_round(register, registry, endpoint):
    rejected = reject(CHURN, register(), registry, BOB, endpoint=endpoint)
    with pytest.raises(ModelError, match="churn version 1 is rejected already, by bob"):
        reject(CHURN, rejected, registry, ANN, endpoint=endpoint)
    approved = approve(CHURN, rejected, registry, ANN)
    with pytest.raises(ModelError, match="churn version 1 is approved already, by ann"):
        approve(CHURN, approved, registry, BOB)
    assert [decision.stage for decision in approved.decisions] == ["rejected", "approved"]


@pytest.mark.parametrize(
    ("model", "number", "message"),
    [
        ("churn", 3, "model 'churn' has no version 3. Versions: 1 to 1."),
        ("chrn", 1, "model 'chrn' has no version yet. Did you mean 'churn'?"),
    ],
)
def test_a_version_that_is_not_there_is_answered_with_those_that_are(register, registry, model, number, message):
    register()
    with pytest.raises(ConfigurationError) as told:
        find_version(model, number, registry)
    assert str(told.value) == message


@pytest.mark.case("A41")
def test_a_version_trained_on_other_features_is_neither_deployed_nor_rolled_back_to(registry, endpoint, serve):
    first, second = serve(), serve()
    grown = replace(GROUP, version=2)
    why = "its features differ: it was trained on version 1 of features/customer_activity, which is version 2 now"
    with pytest.raises(ModelError, match=f"churn version 1 is not deployed, {why}. Train on the features there are"):
        deploy(first, registry, endpoint, ANN, group=grown)
    with pytest.raises(ModelError, match=f"churn version 1 is not deployed, {why}"):
        rollback("churn", registry, endpoint, ANN, group=grown)
    assert endpoint.current().version == second.number


@pytest.mark.case("A41")
def test_a_version_without_a_signature_is_not_deployed(registry, endpoint, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.joblib").touch()
    version = approve(CHURN, registry.register(candidate(), artefact=tmp_path / "other"), registry, ANN)
    with pytest.raises(ModelError, match=r"churn version 1 has no signature\.json"):
        deploy(version, registry, endpoint, ANN, group=GROUP)


def test_what_was_found_to_serve_is_written_down_and_is_the_champion(registry, endpoint, register):
    """Whoever rolled back died between the endpoint and the registry."""
    for number in (1, 2):
        approve(CHURN, register(), registry, ANN, override="in a test")
        deploy(find_version("churn", number, registry), registry, endpoint, ANN, group=GROUP)
    endpoint.rollback()
    assert champion_of("churn", registry) == 2
    reconcile("churn", registry, endpoint)
    last = registry.served("churn")[-1]
    assert (champion_of("churn", registry), last.by, last.action) == (1, "unknown", "rollback")
    reconcile("churn", registry, endpoint)
    assert len(registry.served("churn")) == 3

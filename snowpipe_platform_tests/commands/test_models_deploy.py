"""What `snowpipe models deploy` and `rollback` print, write down and refuse."""

import getpass
import json

import pytest

from snowpipe_platform.commands.models_deploy import Typed, deploy, rollback
from snowpipe_platform.commands.models_project import open_models
from snowpipe_platform.errors import ConfigurationError, ModelError
from snowpipe_platform_tests.evaluating import MemoryEndpoint
from snowpipe_platform_tests.model_shop import SIGNATURE, ModelShop


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Versions 1 and 2 are approved, 3 waits."""
    shop = ModelShop(tmp_path, monkeypatch)
    for number in (1, 2, 3):
        shop.register()
        if number != 3:
            shop.type("models", "approve", "churn", str(number), "--reason", "good", "--override", "in a test")
    return shop


@pytest.fixture
def endpoint():
    return MemoryEndpoint()


@pytest.fixture
def typed(shop, endpoint, capsys):
    """Exit code and stdout of `deploy` or `rollback`, as typed."""

    def work(command, number=None, **options):
        code = command(open_models(), endpoint, Typed("churn", "in a test", number, **options))
        return code, capsys.readouterr().out

    return work


@pytest.mark.case("A42")
def test_the_version_before_comes_back_with_one_command(typed, shop, endpoint):
    assert typed(deploy, 1) == (0, "churn version 1 serves, in place of nothing\n")
    back = 'next: snowpipe models rollback churn --reason "..."\n'
    assert typed(deploy, 2) == (0, f"churn version 2 serves, in place of churn version 1\n{back}")
    assert typed(rollback) == (0, "churn version 1 serves, in place of churn version 2\n")
    assert endpoint.current().version == 1
    assert [(one.version, one.action, one.by, one.reason) for one in shop.registry.served("churn")] == [
        (1, "deploy", getpass.getuser(), "in a test"),
        (2, "deploy", getpass.getuser(), "in a test"),
        (1, "rollback", getpass.getuser(), "in a test"),
    ]


def test_the_same_again_changes_nothing(typed, endpoint):
    typed(deploy, 1)
    assert typed(deploy, 1) == (0, "churn version 1 serves already\n")
    assert len(endpoint.deployments) == 1


def test_in_json_the_keys_are_stable(typed):
    assert json.loads(typed(deploy, 1, as_json=True)[1]) == {
        "model": "churn",
        "version": 1,
        "was": None,
        "written": True,
    }
    typed(deploy, 2)
    assert json.loads(typed(rollback, as_json=True)[1])["was"] == 2


@pytest.mark.case("A42")
def test_what_is_not_approved_reaches_no_endpoint(typed, endpoint):
    with pytest.raises(ModelError, match="churn version 3 is registered, and only what is approved serves"):
        typed(deploy, 3)
    with pytest.raises(ModelError, match="model 'churn' does not serve, nothing does"):
        typed(rollback)
    assert endpoint.deployments == []


def test_a_no_changes_nothing(typed, endpoint, shop, monkeypatch):
    typed(deploy, 1)
    typed(deploy, 2)
    monkeypatch.setattr(
        "snowpipe_platform.commands.models_deploy.agreed", lambda question, **_: bool(asked.append(question))
    )
    asked = []
    assert typed(deploy, 1) == (1, "nothing was written\n")
    assert typed(rollback) == (1, "nothing was written\n")
    assert json.loads(typed(rollback, as_json=True)[1]) == {
        "model": "churn",
        "version": None,
        "was": 2,
        "written": False,
    }
    assert asked[:2] == [
        "Deploy churn version 1 in place of churn version 2?",
        "Go back to churn version 1 in place of churn version 2?",
    ]
    assert (endpoint.current().version, len(shop.registry.served("churn"))) == (2, 2)


def test_a_reason_is_asked_for(shop, endpoint):
    for command in (deploy, rollback):
        with pytest.raises(ConfigurationError, match="--reason takes why"):
            command(open_models(), endpoint, Typed("churn", " ", 1))


@pytest.mark.case("A41")
@pytest.mark.parametrize(
    ("signed", "difference"),
    [
        ({"name": "total", "type": "int64"}, "feature 'total' is none of features/orders"),
        (
            {"name": "amount", "type": "float64"},
            "feature 'amount' was float64, and is decimal(18, 2) in features/orders",
        ),
    ],
    ids=["name", "type"],
)
def test_a_version_that_the_online_features_do_not_fit_is_refused_with_the_difference(shop, signed, difference):
    shop.register(signature={**SIGNATURE, "features": [{**signed, "default": None}]})
    shop.type("models", "approve", "churn", "4", "--reason", "good", "--override", "in a test")
    answer = shop.type("models", "deploy", "churn", "4", "--reason", "newest", "--yes")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert f"error: churn version 4 is not deployed, its features differ: {difference}" in answer.stderr
    assert shop.registry.served("churn") == []

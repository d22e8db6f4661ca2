"""`snowpipe models`: what it prints, answers with and refuses."""

import getpass
import json

import pytest

from snowpipe_platform_tests.evaluating import GOOD, WORSE, evaluation, group
from snowpipe_platform_tests.model_shop import LINEAGE, ModelShop
from snowpipe_platform_tests.tiny import TinyShop


@pytest.fixture
def shop(tmp_path, monkeypatch):
    return ModelShop(tmp_path, monkeypatch)


@pytest.fixture
def serving(shop):
    """Version 1 serves; version 2 is worse and waits."""
    shop.register()
    shop.type("models", "approve", "churn", "1", "--reason", "the first")
    shop.serve(1)
    shop.register(evaluation(model=WORSE, champion=(1, GOOD)))
    return shop


def test_before_a_training_there_is_no_version_and_no_file(shop):
    assert shop.type("models", "list").stdout == "no version yet of churn\n"
    assert shop.json("models", "list") == {"models": ["churn"], "versions": []}
    assert not shop.home.exists()


def test_a_pipeline_without_models_says_so(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch)
    assert shop.type("models", "list").stdout == "no version yet of any model: none is declared\n"


def test_list_has_a_line_for_each_version_with_what_it_failed(serving):
    answer = serving.type("models", "list")
    lines = answer.stdout.splitlines()
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert lines[0].split() == ["version", "ROC", "AUC", "Brier", "gates", "registered", "(UTC)"]
    assert [lines[1].split()[:5], lines[1].split()[-1]] == [["churn", "1", "0.800", "0.150", "2/2"], "serves"]
    assert [lines[2].split()[:5], lines[2].split()[-1]] == [["churn", "2", "0.620", "0.220", "1/2"], "registered"]
    assert lines[3:] == ["    failed: roc_auc within 0.01 of the champion", "next: snowpipe models show churn 2"]
    assert max(len(line) for line in lines) <= 80


def test_list_in_json_has_stable_keys(serving):
    found = serving.json("models", "list", "churn")["versions"]
    assert set(found[1]) == {
        *("model", "version", "stage", "serves", "registered_at", "metrics", "gates", "decisions"),
        *("training_set", "code_version", "parameters", "run_id"),
    }
    assert [(one["version"], one["stage"], one["serves"]) for one in found] == [
        (1, "approved", True),
        (2, "registered", False),
    ]


def test_a_version_serves_as_long_as_the_endpoint_says_so(serving):
    """Two models on one endpoint take each other's place, and the registry knows of one at a time."""
    file = serving.home / "endpoint" / "deployed.json"
    file.write_text(file.read_text().replace('"churn"', '"value"'))
    assert serving.type("models", "list").stdout.splitlines()[1].split()[-1] == "approved"
    assert [one["serves"] for one in serving.json("models", "list")["versions"]] == [False, False]
    assert serving.type("models", "reject", "churn", "1", "--reason", "old").exit_code == 0


def test_show_says_what_it_was_made_from_how_good_it_is_and_what_to_do(serving):
    answer = serving.type("models", "show", "churn")
    lines = answer.stdout.splitlines()
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert lines[0] == "churn version 2: registered"
    told = " ".join(answer.stdout.split())
    assert f"training set {2:064x}" in told
    assert "models/churn/2/card.html" in told
    assert "champion, version 1 0.800" in told
    assert "lowest ROC AUC: 0.750, region North (1,000 rows)" in told
    assert "0.620, the champion, version 1, has 0.800 on the same rows" in told
    assert lines[-1] == 'next: snowpipe models reject churn 2 --reason "..."'
    assert max(len(line) for line in lines if "card.html" not in line) <= 80


def test_show_has_who_decided_and_when_it_served(serving):
    lines = serving.type("models", "show", "churn", "1").stdout.splitlines()
    assert lines[0] == "churn version 1: serves"
    approved = next(line for line in lines if line.startswith("approved 2"))
    assert approved.endswith(f"by {getpass.getuser()}: the first")
    assert "deployed 2024-03-02 09:00 by ann: the first" in lines
    assert lines[-1] == "next: snowpipe models list churn"


def test_show_in_json_has_the_lineage_and_every_group(serving):
    found = serving.json("models", "show", "churn", "2")
    assert found["lineage"] == LINEAGE
    assert (found["champion"], found["contenders"]["champion"]) == (1, GOOD)
    assert [one["name"] for one in found["groups"]] == ["North", "South"]
    assert [one["passed"] for one in found["gates"]] == [True, False]


@pytest.mark.case("A42")
def test_a_version_that_fails_its_gate_is_not_approved_and_says_why(serving):
    answer = serving.type("models", "approve", "churn", "2", "--reason", "it is newer")
    lines = answer.stdout.splitlines()
    assert (answer.exit_code, answer.stderr) == (1, "")
    failed = next(line for line in lines if "FAILED" in line)
    assert failed.split()[:-1] == ["roc_auc", "within", "0.01", "of", "the", "champion", "0.620", "0.790"]
    assert "    0.620, the champion, version 1, has 0.800 on the same rows" in lines
    assert lines[-2] == "not approved: a gate failed. To approve it all the same, say why with --override"
    assert lines[-1] == "next: snowpipe models reject churn 2 --reason 'it fails its gates'"
    assert serving.json("models", "show", "churn", "2")["stage"] == "registered"
    told = serving.type("models", "approve", "churn", "2", "--reason", "it is newer", "--json")
    assert (told.exit_code, json.loads(told.stdout)["error"]) == (1, "GatesFailedError")


@pytest.mark.case("A42")
def test_an_override_is_kept_with_the_gates_as_they_stood(serving):
    words = ["approve", "churn", "2", "--reason", "it is newer", "--override", "version 1 reads a lost column"]
    answer = serving.type("models", *words)
    assert (answer.exit_code, answer.stdout.splitlines()[-2]) == (0, "override kept: version 1 reads a lost column")
    (decision,) = serving.json("models", "show", "churn", "2")["decisions"]
    assert (decision["stage"], decision["by"], decision["reason"]) == ("approved", getpass.getuser(), "it is newer")
    assert [gate["passed"] for gate in decision["gates"]] == [True, False]
    shown = serving.type("models", "show", "churn", "2").stdout
    assert "    although gates failed: version 1 reads a lost column" in shown.splitlines()


def test_on_a_terminal_it_asks_and_a_no_writes_nothing(shop, monkeypatch):
    shop.register()
    monkeypatch.setattr("snowpipe_platform.commands.deciding._is_asked", lambda: True)
    for word, question in (("approve", "Approve churn version 1?"), ("reject", "Reject churn version 1?")):
        answer = shop.type("models", word, "churn", "1", "--reason", "sure")
        assert (answer.exit_code, answer.stdout.splitlines()[-1].strip()) == (1, "nothing was written")
        assert question in answer.stderr
    assert shop.json("models", "show", "churn")["decisions"] == []
    assert shop.type("models", "approve", "churn", "1", "--reason", "sure", "--yes").exit_code == 0


def test_a_rejection_is_kept_with_its_reason(shop):
    shop.register()
    answer = shop.type("models", "reject", "churn", "1", "--reason", "worse for new customers")
    assert answer.stdout.splitlines() == [
        f"rejected: churn version 1, by {getpass.getuser()}: worse for new customers",
        "next: snowpipe models list churn",
    ]
    assert shop.json("models", "list")["versions"][0]["stage"] == "rejected"


def test_compare_says_which_is_better_and_what_they_were_made_from(shop):
    holdout = {"first": "2023-10-02", "last": "2023-10-30"}
    shop.register(evaluation(split={"holdout": holdout}))
    better = evaluation(model={**GOOD, "roc_auc": 0.83, "brier": 0.16}, split={"holdout": holdout})
    shop.register(better, parameters={"seed": 8}, training_set=f"{1:064x}", code_version="ne3")
    lines = shop.type("models", "compare", "churn", "1", "2").stdout.splitlines()
    assert lines[0] == "churn 2 against 1"
    assert [line.split() for line in lines[2:6]] == [
        ["roc_auc", "0.800", "0.830", "0.030", "better"],
        ["average_precision", "0.700", "0.700", "0.000", "same"],
        ["brier", "0.150", "0.160", "0.010", "worse"],
        ["calibration_error", "0.020", "0.020", "0.000", "same"],
    ]
    assert lines[6:] == [
        *("code: c0de", "      ne3", "seed: 7", "      8"),
        *("gates of version 1: all passed", "gates of version 2: all passed"),
    ]


def test_compare_warns_where_they_were_measured_on_different_rows(serving):
    answer = serving.type("models", "compare", "churn", "1", "2")
    assert "    measured on different rows: the change is of the rows too, not of the model" in answer.stdout
    assert "gates of version 2: failed roc_auc within 0.01 of the champion" in answer.stdout.splitlines()
    found = serving.json("models", "compare", "churn", "1", "2")
    assert (found["same_holdout"], found["metrics"][0]["is"]) == (False, "worse")
    assert found["differs"]["training set"] == [f"{1:064x}", f"{2:064x}"]


def test_a_metric_that_was_not_measured_is_neither_better_nor_worse(shop):
    shop.register(evaluation(model={**GOOD, "roc_auc": None}, groups=(group("North", None),)))
    shop.register()
    lines = shop.type("models", "compare", "churn", "1", "2").stdout.splitlines()
    assert lines[2].split() == ["roc_auc", "-", "0.800", "-"]
    assert shop.type("models", "show", "churn", "1").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message", "command"),
    [
        (["show", "chrn"], "there is no model 'chrn'. Did you mean 'churn'?", "snowpipe models show --help"),
        (["show", "churn"], "model 'churn' has no version yet. Known: none.", "snowpipe models show --help"),
        (["show", "churn", "0"], "Invalid value for 'VERSION'", "snowpipe models show --help"),
        (["approve", "churn", "1"], "Missing option '--reason'.", "snowpipe models approve --help"),
        (["approve", "churn", "1", "--reason", " "], "--reason takes why, in a few words", "snowpipe models approve"),
    ],
)
def test_what_was_typed_wrongly_is_answered_in_a_line(shop, words, message, command):
    answer = shop.type("models", *words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert message in answer.stderr.splitlines()[0]
    assert answer.stderr.splitlines()[-1].startswith(f"next: {command}")


def test_the_version_that_serves_is_not_rejected(serving):
    answer = serving.type("models", "reject", "churn", "1", "--reason", "old")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr.splitlines() == [
        "error: churn version 1 serves. Deploy another, or roll back: snowpipe models rollback churn",
        "next: snowpipe models list",
    ]


def test_names_and_numbers_are_completed(serving):
    from snowpipe_platform.cli.words import complete_model  # noqa: PLC0415 - imported as the shell does
    from snowpipe_platform.commands.completion import model_versions  # noqa: PLC0415

    assert (complete_model("ch"), complete_model("x")) == (["churn"], [])
    assert model_versions("churn") == [("2", "registered"), ("1", "approved")]
    assert model_versions("value") == []


def test_nothing_is_coloured_where_no_colour_is_wanted(serving, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[3" not in serving.type("models", "list").stdout

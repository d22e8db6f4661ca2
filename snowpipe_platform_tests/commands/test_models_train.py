"""`snowpipe models train`: what it prints, registers and tells Dagster."""

import json

import dagster as dg
import pytest

from snowpipe_platform.commands.instance import ensure_instance
from snowpipe_platform.settings import read_settings
from snowpipe_platform_tests.model_shop import ModelShop


@pytest.fixture(scope="module")
def trained_home(tmp_path_factory):
    """A home with four days of orders."""
    monkeypatch = pytest.MonkeyPatch()
    try:
        shop = ModelShop(tmp_path_factory.mktemp("trained"), monkeypatch)
        done = shop.days()
        assert done.exit_code == 0, done.stdout + done.stderr
        yield shop
    finally:
        monkeypatch.undo()


@pytest.fixture
def shop(trained_home, tmp_path, monkeypatch):
    """The tables are shared; models, jobs and the instance are of a test."""
    for folder in ("models", "training_jobs", "endpoint", "dagster"):
        target = tmp_path / folder
        monkeypatch.setattr(f"snowpipe_platform.settings.Settings.{_SETTING[folder]}", property(lambda _s, t=target: t))
    return trained_home


_SETTING = {
    "models": "models_folder",
    "training_jobs": "training_jobs_folder",
    "endpoint": "endpoint_folder",
    "dagster": "dagster_home",
}


def events(name):
    """Materializations, latest first, and evaluations of checks, of the instance in the home."""
    key = dg.AssetKey(name.split("/"))
    with dg.DagsterInstance.from_config(str(read_settings().dagster_home)) as instance:
        made = [record.asset_materialization for record in instance.fetch_materializations(key, limit=5).records]
        seen = [record.asset_observation for record in instance.fetch_observations(key, limit=5).records]
        checks = instance.event_log_storage.get_asset_check_summary_records(
            [dg.AssetCheckKey(key, name) for name in ("roc_auc_at_least_0_6", "roc_auc_within_0_01_of_the_champion")]
        )
        last = [one.last_check_execution_record for one in checks.values()]
        return made, seen, {one.evaluation.check_name: one.evaluation.passed for one in last if one is not None}


def test_a_dry_run_says_which_labels_there_are_and_writes_nothing(shop):
    answer = shop.type("models", "train", "churn", "--dry-run")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout.splitlines() == [
        # Of each midnight the orders there were, 1 + 2 + 3; that after the second day is followed by a change of o1.
        "churn would be trained on 6 rows, 83.3% churned",
        "labels: 3, from 2024-03-02 00:00 to 2024-03-04 00:00 UTC",
        "compared with: nothing, it is the first",
        "dry run: nothing was written",
        "next: snowpipe models train churn",
    ]
    assert shop.json("models", "train", "churn", "--dry-run") == {
        "model": "churn",
        "labels": 3,
        "first_label_at": "2024-03-02T00:00:00",
        "last_label_at": "2024-03-04T00:00:00",
        "rows": 6,
        "positive": 5,
        "champion": None,
        "written": False,
    }
    assert not (shop.home / "training").exists()
    assert not read_settings().models_folder.exists()


def test_a_version_is_registered_and_printed_with_its_gates_and_the_next_step(shop):
    answer = shop.type("models", "train", "churn")
    lines = answer.stdout.splitlines()
    assert answer.exit_code == 0
    assert answer.stderr.splitlines() == ["fitting on 6 rows"]
    assert lines[0] == "churn version 1: registered"
    told = [line.split() for line in lines]
    assert ["this", "version", "0.800", "0.700", "0.150", "-"] in told
    assert ["baseline", "0.610", "0.700", "0.150", "-"] in told
    assert next(line[-1] for line in told if line[:1] == ["roc_auc"]) == "ok"
    assert lines[-1] == 'next: snowpipe models approve churn 1 --reason "..."'
    assert max(len(line) for line in lines if not line.startswith("card")) <= 80
    (version,) = shop.registry.versions("churn")
    assert version.candidate.lineage["feature_group_version"] == 1


@pytest.mark.case("A42")
def test_a_worse_version_is_registered_says_which_gate_it_failed_and_exits_with_1(shop):
    shop.type("models", "train", "churn")
    shop.type("models", "approve", "churn", "1", "--reason", "the first")
    assert "compared with: version 1, the champion" in shop.type("models", "train", "churn", "--dry-run").stdout
    shop.worsen(0.62)
    try:
        answer = shop.type("models", "train", "churn", "--json")
    finally:
        shop.worsen(0.8)
    found = json.loads(answer.stdout)
    assert (answer.exit_code, found["version"], found["stage"], found["champion"]) == (1, 2, "registered", 1)
    assert [gate["passed"] for gate in found["gates"]] == [True, False]
    assert (found["contenders"]["champion"]["roc_auc"], found["is_new"]) == (0.8, True)
    assert found["next"] == "snowpipe models show churn 2"
    assert answer.stderr == "fitting on 6 rows\n"


def test_the_same_tables_give_the_version_there_is(shop):
    shop.type("models", "train", "churn")
    answer = shop.type("models", "train", "churn")
    told = " ".join(answer.stdout.split())
    assert "no new version: the same training set, code and parameters gave the same files" in told
    assert len(shop.registry.versions("churn")) == 1


def test_dagster_is_told_of_every_step(shop):
    ensure_instance(read_settings())
    shop.type("models", "train", "churn")
    (made,), _, _ = events("models/churn_training_set")
    (version,) = shop.registry.versions("churn")
    assert made.tags["dagster/data_version"] == version.candidate.training_set
    (trained,), _, checks = events("models/churn")
    assert trained.metadata["summary"].value == "version 1: ROC AUC 0.800, passed 2 of 2 gates"
    assert trained.tags["dagster/data_version"] == version.artefact_hash
    assert trained.tags["dagster/input_data_version/models/churn_training_set"] == version.candidate.training_set
    assert checks == {"roc_auc_at_least_0_6": True, "roc_auc_within_0_01_of_the_champion": True}

    shop.type("models", "approve", "churn", "1", "--reason", "the first")
    _, (approval,), _ = events("models/churn_approved")
    assert approval.tags["dagster/data_version"].startswith("version 1, approved ")
    assert approval.metadata["reason"].value == "the first"

    for _ in range(2):
        deployed = shop.type("models", "deploy", "churn", "1", "--reason", "now")
        assert (deployed.exit_code, deployed.stderr) == (0, "")
    (serves,), _, _ = events("models/churn_endpoint")
    assert serves.metadata["summary"].value == "churn version 1 serves, in place of nothing"
    made_of = "dagster/input_data_version/models/churn_approved"
    assert serves.tags[made_of] == approval.tags["dagster/data_version"]

    shop.register()
    shop.type("models", "approve", "churn", "2", "--reason", "x", "--override", "in a test")
    shop.type("models", "deploy", "churn", "2", "--reason", "now")
    shop.type("models", "rollback", "churn", "--reason", "alarms")
    (back, *_), _, _ = events("models/churn_endpoint")
    assert (back.metadata["version"].value, back.metadata["action"].value) == (1, "rollback")
    assert back.tags[made_of] == approval.tags["dagster/data_version"]
    assert back.metadata["summary"].value == "churn version 1 serves, in place of churn version 2"


def test_an_instance_that_takes_nothing_is_a_note_and_what_was_done_stays(shop):
    home = ensure_instance(read_settings())
    (home / "dagster.yaml").write_text("no: such key\n")
    answer = shop.type("models", "train", "churn")
    assert answer.exit_code == 0
    assert "note: churn version 1 is registered, but not reported to Dagster: " in answer.stderr
    assert len(shop.registry.versions("churn")) == 1


def test_without_a_label_or_a_table_the_error_names_what_makes_them(tmp_path, monkeypatch):
    shop = ModelShop(tmp_path, monkeypatch)
    missing = shop.type("models", "train", "churn")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "no commit yet of features/orders silver/order_changes. Run: snowpipe run features/orders" in missing.stderr
    shop.one_day()
    shop.type("run", "--from", "2024-03-01", "--to", "2024-03-01")
    for more in ([], ["--dry-run"]):
        answer = shop.type("models", "train", "churn", *more)
        assert (answer.exit_code, answer.stdout) == (1, "")
        assert "training set churn: no label yet. features/orders: its dates end between 2024-03-02" in answer.stderr
        # The only date ends on the 2nd at midnight; a label of then would be known a day later.
        mend = "snowpipe run gold/order_states features/orders --from 2023-03-02 --to 2024-02-29 --every 7"
        assert f"Make earlier dates: {mend}" in answer.stderr

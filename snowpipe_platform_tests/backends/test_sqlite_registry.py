"""The registry on a disk."""

import subprocess
import sys

import pytest

from snowpipe_platform.backends.sqlite_registry import SqliteRegistry
from snowpipe_platform.errors import LakeError
from snowpipe_platform_tests.contracts.model_registry import APPROVED, ModelRegistryContract
from snowpipe_platform_tests.evaluating import candidate


@pytest.fixture
def registry(tmp_path):
    return SqliteRegistry(tmp_path / "home" / "models")


@pytest.fixture
def artefact(tmp_path):
    folder = tmp_path / "job" / "model"
    folder.mkdir(parents=True)
    (folder / "model.joblib").write_bytes(b"a model")
    (folder / "card.md").write_bytes(b"# card")
    return folder


class TestSqliteRegistry(ModelRegistryContract):
    pass


def test_looking_makes_no_file(registry, tmp_path):
    assert (registry.models(), registry.versions("churn"), registry.served("churn")) == ([], [], [])
    assert not (tmp_path / "home").exists()


def test_a_home_that_is_moved_keeps_its_versions(registry, artefact, tmp_path):
    found = registry.register(candidate(), artefact=artefact)
    (tmp_path / "home").rename(tmp_path / "moved")
    moved = SqliteRegistry(tmp_path / "moved" / "models")
    assert moved.versions("churn") == [found]
    assert moved.artefact(found) == tmp_path / "moved/models/churn/1"


@pytest.mark.parametrize("killed_at", ["copytree", "rename"])
def test_a_killed_registration_leaves_no_version_and_the_next_gets_its_number(registry, artefact, killed_at, tmp_path):
    script = f"""
import os, pathlib, shutil, sys
from snowpipe_platform.backends.sqlite_registry import SqliteRegistry
from snowpipe_platform_tests.evaluating import candidate
owner = shutil if {killed_at!r} == "copytree" else pathlib.Path
real = getattr(owner, {killed_at!r})
def killed(*given, **more):
    real(*given, **more)
    os._exit(9)
setattr(owner, {killed_at!r}, killed)
SqliteRegistry(pathlib.Path(sys.argv[1])).register(candidate(training_set="lost"), artefact=pathlib.Path(sys.argv[2]))
"""
    folder = tmp_path / "home" / "models"
    done = subprocess.run([sys.executable, "-c", script, folder, artefact], check=False)
    assert done.returncode == 9
    assert registry.versions("churn") == []
    (artefact / "model.joblib").write_bytes(b"the next")
    found = registry.register(candidate(), artefact=artefact)
    assert (found.number, (registry.artefact(found) / "model.joblib").read_bytes()) == (1, b"the next")
    assert [path.name for path in (folder / "churn").iterdir()] == ["1"]


def test_a_damaged_registry_is_not_to_be_deleted(registry, artefact, tmp_path):
    registry.decide(registry.register(candidate(), artefact=artefact), APPROVED)
    (tmp_path / "home/models/registry.db").write_bytes(b"not a database" * 1_000)
    with pytest.raises(LakeError, match=r"is not readable as the model registry .* Restore it from a backup"):
        registry.versions("churn")

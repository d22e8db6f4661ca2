"""Artefacts that several suites ask for; none changes them."""

import pytest

from snowpipe_platform.serving.loaded import load_model
from snowpipe_platform_tests.artefacts import make_artefact


@pytest.fixture(scope="session")
def artefact(tmp_path_factory):
    return make_artefact(tmp_path_factory.mktemp("models") / "1")


@pytest.fixture(scope="session")
def other(tmp_path_factory):
    return make_artefact(tmp_path_factory.mktemp("models") / "2", seed=2)


@pytest.fixture(scope="session")
def model(artefact):
    return load_model(artefact, version=1)


@pytest.fixture(scope="session")
def regional(tmp_path_factory):
    """A model that takes a text."""
    return load_model(make_artefact(tmp_path_factory.mktemp("models") / "3", with_region=True), version=3)

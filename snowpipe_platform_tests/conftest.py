"""Fixtures every suite may ask for; see kit.py."""

import pytest

from snowpipe_platform_tests.kit import World, query


@pytest.fixture
def make_world(tmp_path):
    """Make a World with one query: `make_world(primary_key="id")`."""

    def make(**keys):
        return World(tmp_path, query(**keys))

    return make


@pytest.fixture(params=["parquet", "json"])
def file_format(request):
    return request.param

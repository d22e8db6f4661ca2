import pytest

from snowpipe_platform_tests.tiny import TinyShop


@pytest.fixture
def shop(tmp_path, monkeypatch):
    return TinyShop(tmp_path, monkeypatch)

"""The embedded engine."""

import pytest

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform_tests.contracts.engine import EngineContract


@pytest.fixture
def engine():
    return DuckDBEngine(memory_limit="500MB", threads=2)


class TestDuckDBEngine(EngineContract):
    pass


def test_a_session_leaves_no_spill_folder(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with engine.session():
        pass
    assert list(tmp_path.iterdir()) == []

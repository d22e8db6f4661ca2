"""The embedded engine."""

import os

import ibis
import pyarrow as pa
import pytest

from snowpipe_platform.backends.duckdb_engine import DuckDBEngine
from snowpipe_platform.errors import LakeError
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


def test_a_session_names_its_spill_folder_for_its_process_while_it_runs(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with engine.session():
        (folder,) = tmp_path.iterdir()
        assert folder.name.startswith(f"snowpipe-spill-{os.getpid()}-")


def test_work_above_the_memory_limit_names_the_setting():
    numbers = ibis.range(8_000_000).unnest().name("n").as_table()
    with (
        DuckDBEngine(memory_limit="40MB", threads=1).session() as session,
        pytest.raises(
            LakeError, match=r"does not fit in memory: .*MiB.*memory_limit.*SNOWPIPE_MEMORY_LIMIT\.$"
        ) as told,
    ):
        session.fetch(numbers.aggregate(all=numbers.n.collect()))
    assert "\n" not in str(told.value)


def test_a_value_that_cannot_be_cast_is_told_in_one_line(engine):
    with engine.session() as session:
        session.bind("t", pa.table({"t": ["abc"]}))
        with pytest.raises(LakeError) as told:
            session.fetch(ibis.table({"t": "string"}, name="t").select(n=ibis._.t.cast("int32")))
    assert (
        str(told.value) == "Conversion Error: Could not convert string 'abc' to INT32 when casting from source column t"
    )

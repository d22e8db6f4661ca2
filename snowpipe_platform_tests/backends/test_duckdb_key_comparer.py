from pathlib import Path

import pytest

from snowpipe_platform.backends import duckdb_key_comparer
from snowpipe_platform.backends.duckdb_key_comparer import DuckDBKeyComparer
from snowpipe_platform.errors import LakeError
from snowpipe_platform.records import KeyCounts, Landed
from snowpipe_platform.spec.ranges import NO_RANGE
from snowpipe_platform_tests.contracts.key_comparer import NOON, SCHEMA, KeyComparerContract, images, source
from snowpipe_platform_tests.contracts.recognizer import Log


@pytest.fixture(scope="module")
def make_comparer():
    return DuckDBKeyComparer


class TestDuckDBKeyComparer(KeyComparerContract):
    pass


OPTIONS = {"schema": SCHEMA, "key": ["id"], "watermark": "at", "at": NOON, "unread": NO_RANGE, "with_nulls": True}


def test_many_buckets_say_what_one_says(tmp_path, monkeypatch):
    monkeypatch.setattr(duckdb_key_comparer, "BUCKET_ROWS", 7)
    log = Log(tmp_path)
    log.land(images(*((key, 1, "delete" if key % 3 == 0 else "upsert") for key in range(60))))
    comparer = DuckDBKeyComparer(**OPTIONS, landed=log.landed)
    comparer.add(source(*((key, 1, "upsert") for key in range(30, 90))))
    assert comparer.compare() == KeyCounts(at_source=60, open=40, gone=20, back=10)
    assert [key for batch in comparer.gone() for key in batch["id"].to_pylist()] == [k for k in range(30) if k % 3]
    comparer.close()


def test_a_landed_file_that_is_missing_is_named_and_nothing_is_left_open(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    log = Log(tmp_path / "bronze")
    log.land(images((1, 1, "upsert")))
    (file,) = log.manifests[0].files
    path = log.store.locate(file)
    Path(path).unlink()
    with pytest.raises(LakeError) as told:
        DuckDBKeyComparer(**OPTIONS, landed=Landed(tuple(log.manifests), {file.path: path}))
    assert str(told.value) == f"{path} is missing. Restore it from a backup."
    assert list((tmp_path / "tmp").iterdir()) == []

import itertools
import sqlite3
from contextlib import closing

import pytest

from snowpipe_platform.backends.sqlite_features import SqliteFeatures
from snowpipe_platform.errors import ConfigurationError, LakeError
from snowpipe_platform_tests.contracts.feature_store import GROUP, FeatureStoreContract, row


@pytest.fixture
def make_store(tmp_path):
    numbers = itertools.count()
    return lambda: SqliteFeatures(tmp_path / f"home{next(numbers)}" / "online.db")


@pytest.fixture
def store(make_store):
    return make_store()


class TestSqliteFeatures(FeatureStoreContract):
    pass


def test_looking_makes_no_file(tmp_path):
    store = SqliteFeatures(tmp_path / "home" / "online.db")
    assert (store.get(GROUP, [1]), store.reached(GROUP), store.count(GROUP)) == ({}, None, 0)
    assert not (tmp_path / "home").exists()


def test_a_reader_sees_what_was_there_while_a_writer_is_at_work(tmp_path):
    store = SqliteFeatures(tmp_path / "online.db")
    store.put(GROUP, [row(1, n=1)])
    with sqlite3.connect(tmp_path / "online.db", isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM latest")
        assert store.get(GROUP, [1])[1].values == {"n": 1}
        writer.execute("ROLLBACK")
    writer.close()


def test_a_damaged_file_is_named_with_the_way_out(tmp_path):
    (tmp_path / "online.db").write_text("no database, for more than one hundred bytes" * 10)
    store = SqliteFeatures(tmp_path / "online.db")
    told = (
        r"online.db cannot be used as the online store .* delete it, online.db-wal and online.db-shm, and the next run"
    )
    with pytest.raises(LakeError, match=told):
        store.get(GROUP, [1])


def test_a_folder_that_takes_no_new_file_is_named(tmp_path):
    (tmp_path / "online.db.lock").mkdir()
    with pytest.raises(ConfigurationError, match=rf"{tmp_path} cannot be made or written"):
        SqliteFeatures(tmp_path / "online.db").put(GROUP, [row(1)])


def test_what_a_killed_process_left_beside_a_file_that_was_deleted_does_not_come_back(tmp_path):
    path = tmp_path / "online.db"
    store = SqliteFeatures(path)
    store.put(GROUP, [row(1, n=1)])
    with closing(sqlite3.connect(path)) as open_still:
        open_still.execute("SELECT * FROM latest").fetchall()
        store.put(GROUP, [row(2, n=2)])
        left = {beside: beside.read_bytes() for beside in tmp_path.glob("online.db-*")}
    assert len(left) == 2
    path.unlink()
    for beside, content in left.items():
        beside.write_bytes(content)
    store.put(GROUP, [row(3, n=3)])
    assert store.get(GROUP, [1, 2, 3]) == {3: row(3, n=3)}
    assert store.count(GROUP) == 1

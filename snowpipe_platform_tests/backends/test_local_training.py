import pytest

from snowpipe_platform.backends.local_training import LocalTraining
from snowpipe_platform.errors import LakeError
from snowpipe_platform_tests.contracts.training_set_store import RECORD, TrainingSetStoreContract


@pytest.fixture
def store(tmp_path):
    return LocalTraining(tmp_path / "training")


class TestLocalTraining(TrainingSetStoreContract):
    pass


def test_a_file_whose_record_was_never_written_gets_one(store, tmp_path):
    folder = tmp_path / "training" / "churn"
    folder.mkdir(parents=True)
    (folder / f"{RECORD.hash}.parquet").write_bytes(b"rows")
    assert store.all("churn") == []
    assert store.put(RECORD, b"rows") == RECORD


def test_nothing_of_a_write_that_failed_is_left(store, tmp_path):
    with pytest.raises(TypeError):
        store.put(RECORD, "text is no file")
    assert list((tmp_path / "training" / "churn").iterdir()) == []


def test_a_damaged_record_is_named_with_the_way_out(store, tmp_path):
    store.put(RECORD, b"rows")
    (tmp_path / "training" / "churn" / f"{RECORD.hash}.json").write_text("{}")
    with pytest.raises(LakeError, match=r"is no record of a training set .* Remove it and make the set again"):
        store.all("churn")

import os
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snowpipe_platform.backends import local_bronze
from snowpipe_platform.backends.local_bronze import LocalBronze
from snowpipe_platform.errors import ArrivalError, LakeError
from snowpipe_platform_tests.contracts.bronze_store import ROWS, BronzeStoreContract, begin, manifest


@pytest.fixture
def store(tmp_path):
    return LocalBronze(tmp_path / "bronze")


@pytest.fixture
def drop(tmp_path):
    def write(path, content, modified_at):
        file = tmp_path / "bronze" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        nanoseconds = (modified_at - datetime(1970, 1, 1)) // timedelta(microseconds=1) * 1000
        os.utime(file, ns=(nanoseconds, nanoseconds))

    return write


class TestLocalBronze(BronzeStoreContract):
    pass


def test_parquet_is_open_to_any_tool(store):
    file = begin(store).write(ROWS, watermark_min=None, watermark_max=None)
    with pq.ParquetFile(store.locate(file)) as found:
        assert found.read().equals(ROWS)


def test_json_lines_hold_text_booleans_and_nothing_for_null(store):
    file = begin(store, file_format="json").write(ROWS, watermark_min=None, watermark_max=None)
    assert Path(store.locate(file)).read_text(encoding="utf8") == (
        '{"id": "1", "paid": true, "text": "a\\nb"}\n{"id": "2", "text": "ß"}\n'
    )


def test_a_missing_manifest_is_named(store, tmp_path):
    for number in (1, 2, 3):
        store.commit(manifest(number))
    (tmp_path / "bronze/orders/_log/000000002.json").unlink()
    with pytest.raises(LakeError, match=r"bronze/orders: manifest 2 is missing from .*_log"):
        store.log("orders")


def test_a_damaged_manifest_is_named(store, tmp_path):
    store.commit(manifest(1))
    (tmp_path / "bronze/orders/_log/000000001.json").write_text("{", encoding="utf8")
    with pytest.raises(LakeError, match=r"000000001\.json is no manifest"):
        store.log("orders")


def test_a_listing_that_lacks_a_number_while_another_run_commits_is_taken_again(store, monkeypatch):
    for number in (1, 2):
        store.commit(manifest(number))
    real, listings = local_bronze._committed, []

    def hasty(folder):
        listings.append(real(folder))
        return listings[-1][1:] if len(listings) == 1 else listings[-1]

    monkeypatch.setattr(local_bronze, "_committed", hasty)
    assert [entry.number for entry in store.log("orders")] == [1, 2]


@pytest.mark.case("A52")
def test_a_draft_that_was_never_linked_is_no_manifest(store, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        store.commit(manifest(1))
    assert store.log("orders") == []
    assert list((tmp_path / "bronze/orders/_log").iterdir()) == []


def test_a_file_is_never_written_over(store, tmp_path):
    attempt, again = begin(store), begin(store)
    attempt.write(ROWS, watermark_min=None, watermark_max=None)
    with pytest.raises(FileExistsError):
        again.write(pa.table({"id": [9]}), watermark_min=None, watermark_max=None)


def test_a_link_to_a_file_counts_as_the_file_and_what_is_no_file_is_left_alone(store, tmp_path):
    folder = tmp_path / "bronze/orders/arrivals"
    (folder / "inner").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.csv").write_bytes(b"1")
    (folder / "linked.csv").symlink_to(tmp_path / "elsewhere/a.csv")
    (folder / "folder").symlink_to(tmp_path / "elsewhere")
    (folder / "broken.csv").symlink_to(tmp_path / "nowhere")
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    os.mkfifo(folder / "pipe.csv")
    (folder / os.fsdecode(b"latin-\xe9.csv")).write_bytes(b"1")
    assert [one.path for one in store.arrivals("orders")] == ["linked.csv"]
    with pytest.raises(ArrivalError, match=r"linked\.csv is a link to a file outside .*arrivals\. Put the file itself"):
        store.open_arrival("orders", "linked.csv")
    (folder / "inner/b.csv").write_bytes(b"2")
    (folder / "near.csv").symlink_to(folder / "inner/b.csv")
    with store.open_arrival("orders", "near.csv") as file:
        assert file.read() == b"2"
    assert store.arrival("orders", "inner") is None
    assert store.arrival("orders", "linked.csv/more") is None


def test_a_folder_of_arrivals_that_may_not_be_looked_into_is_named(store, tmp_path, monkeypatch):
    (tmp_path / "bronze/orders/arrivals/locked").mkdir(parents=True)
    real = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(LakeError, match=r"arrivals/locked cannot be listed \(Permission denied\)"):
        store.arrivals("orders")

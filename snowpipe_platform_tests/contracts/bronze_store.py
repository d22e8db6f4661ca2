"""What every BronzeStore promises. A backend's test inherits the suite and gives the fixtures `store` and `drop`, which
puts a file as others do: `drop(path, content, modified_at)`, path `entity/arrivals/...`."""

import threading
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest

from snowpipe_platform.errors import CommitConflictError, LakeError
from snowpipe_platform.spec.manifest import BronzeFile, Manifest

MODIFIED, HOUR = datetime(2024, 3, 1, 12, 0, 0, 123456), timedelta(hours=1)
ROWS = pa.table({"id": pa.array([1, 2], pa.int64()), "paid": [True, None], "text": ["a\nb", "ß"]})


def manifest(number, *files, entity="orders", extraction_id="x1"):
    return Manifest(
        entity=entity,
        number=number,
        extraction_id=extraction_id,
        query=entity,
        query_fingerprint="f",
        mode="incremental",
        source_system="shop",
        load_day=date(2024, 3, 1),
        extracted_at=datetime(2024, 3, 2),
        run_id="r",
        file_format="parquet",
        columns=(),
        files=files,
        rows_read=2,
        rows_landed=2,
        rows_known=0,
    )


def begin(store, extraction_id="x1", *, folder="year=2024/month=03/day=01", file_format="parquet"):
    return store.begin("orders", folder=folder, extraction_id=extraction_id, file_format=file_format)


class BronzeStoreContract:
    def test_an_entity_without_a_log_is_empty(self, store):
        assert (store.entities(), store.log("orders")) == ([], [])

    @pytest.mark.parametrize("file_format", ["parquet", "json"])
    def test_a_file_is_described_and_found(self, store, file_format):
        file = begin(store, file_format=file_format).write(ROWS, watermark_min="1", watermark_max="2")
        assert file.path.startswith("orders/year=2024/month=03/day=01/extraction=x1/")
        assert (file.rows, file.watermark_min, file.watermark_max) == (2, "1", "2")
        assert file.size_bytes > 0
        assert store.locate(file).endswith(file.path)

    @pytest.mark.parametrize("file_format", ["parquet", "json"])
    def test_damage_is_told_in_words(self, store, file_format):
        file = begin(store, file_format=file_format).write(ROWS, watermark_min=None, watermark_max=None)
        path = Path(store.locate(file))
        content = path.read_bytes()
        assert (file.sha256, store.damage(file)) == (sha256(content).hexdigest(), None)
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert store.damage(file) == "has other bytes than were written"
        assert store.damage(file.model_copy(update={"sha256": None})) is None
        path.write_bytes(content[:-1])
        assert store.damage(file) == f"has {len(content) - 1} bytes where {len(content)} were written"
        path.unlink()
        assert store.damage(file) == "is missing"

    def test_files_of_one_attempt_have_names_of_their_own(self, store):
        attempt = begin(store)
        paths = [attempt.write(ROWS, watermark_min=None, watermark_max=None).path for _ in range(3)]
        assert len(set(paths)) == 3

    def test_an_attempt_is_invisible_until_its_manifest_is_committed(self, store):
        file = begin(store).write(ROWS, watermark_min=None, watermark_max=None)
        assert store.log("orders") == []
        store.commit(manifest(1, file))
        assert store.log("orders") == [manifest(1, file)]
        assert store.entities() == ["orders"]

    def test_a_number_is_given_once_and_the_loser_changes_nothing(self, store):
        store.commit(manifest(1))
        with pytest.raises(CommitConflictError, match="orders: another extraction committed number 1 first"):
            store.commit(manifest(1, extraction_id="x2"))
        assert [entry.extraction_id for entry in store.log("orders")] == ["x1"]

    def test_of_many_writers_of_one_number_one_wins(self, store):
        outcomes = []

        def write(number):
            try:
                store.commit(manifest(1, extraction_id=f"x{number}"))
                outcomes.append("won")
            except CommitConflictError:
                outcomes.append("lost")

        writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert sorted(outcomes) == ["lost"] * 7 + ["won"]
        assert len(store.log("orders")) == 1

    def test_a_discarded_attempt_may_be_discarded_again(self, store):
        attempt = begin(store)
        attempt.write(ROWS, watermark_min=None, watermark_max=None)
        attempt.discard()
        attempt.discard()
        begin(store, "x2").discard()
        assert store.remove_abandoned("orders") == []

    @pytest.mark.parametrize("folder", ["", "year=2024/month=03", "year=2024/month=03/day=01/hour=07"])
    def test_what_no_manifest_names_is_removed_wherever_it_lies(self, store, folder):
        kept = begin(store, folder=folder).write(ROWS, watermark_min=None, watermark_max=None)
        store.commit(manifest(1, kept))
        lost = begin(store, "dead", folder=folder).write(ROWS, watermark_min=None, watermark_max=None)
        ((abandoned, size),) = store.abandoned("orders").items()
        assert (Path(abandoned).name, size) == ("extraction=dead", lost.size_bytes)
        assert store.remove_abandoned("orders") == [abandoned]
        assert (store.abandoned("orders"), store.remove_abandoned("orders")) == ({}, [])
        assert begin(store, "x1", folder=folder).__class__  # the kept attempt's folder is still in use
        assert store.log("orders")[0].files == (kept,)

    def test_other_entities_are_left_alone(self, store):
        begin(store, "dead").write(ROWS, watermark_min=None, watermark_max=None)
        assert (store.abandoned("customers"), store.remove_abandoned("customers")) == ({}, [])
        assert len(store.remove_abandoned("orders")) == 1

    def test_without_arrivals_there_is_none(self, store):
        assert (store.arrival_entities(), store.arrivals("orders")) == ([], [])
        assert store.arrival("orders", "a.csv") is None

    @pytest.mark.case("A20")
    def test_arrivals_are_listed_oldest_first_then_by_path(self, store, drop):
        drop("orders/arrivals/2024/new.csv", b"new", MODIFIED + HOUR)
        drop("orders/arrivals/b.csv", b"bb", MODIFIED)
        drop("orders/arrivals/a.csv", b"a", MODIFIED)
        drop("customers/arrivals/c.csv", b"c", MODIFIED)
        found = [(one.path, one.size_bytes, one.modified_at) for one in store.arrivals("orders")]
        assert found == [("a.csv", 1, MODIFIED), ("b.csv", 2, MODIFIED), ("2024/new.csv", 3, MODIFIED + HOUR)]
        assert store.arrival_entities() == ["customers", "orders"]
        assert store.entities() == []

    @pytest.mark.case("A20")
    def test_a_version_stays_until_the_file_is_written_again(self, store, drop):
        drop("orders/arrivals/a.csv", b"1", MODIFIED)
        first = store.arrival("orders", "a.csv")
        assert store.arrivals("orders") == [first]
        drop("orders/arrivals/b.csv", b"1", MODIFIED)
        assert store.arrival("orders", "a.csv") == first
        drop("orders/arrivals/a.csv", b"2", MODIFIED)  # of the same size, and at the same time as the first
        assert store.arrival("orders", "a.csv").version != first.version

    @pytest.mark.parametrize(
        "path", [".a.csv", "_a.csv", "a.csv.tmp", "a.csv.PART", "a.crdownload", "_temporary/a.csv", ".git/a.csv"]
    )
    def test_a_file_that_is_being_written_is_not_listed(self, store, drop, path):
        drop(f"orders/arrivals/{path}", b"1", MODIFIED)
        drop("orders/arrivals/done_.tmp.csv", b"1", MODIFIED)
        assert [one.path for one in store.arrivals("orders")] == ["done_.tmp.csv"]

    def test_an_arrival_is_read_as_often_as_it_is_asked_for(self, store, drop):
        drop("orders/arrivals/2024/a.csv", b"one\ntwo", MODIFIED)
        for _ in range(2):
            with store.open_arrival("orders", "2024/a.csv") as file:
                assert file.read() == b"one\ntwo"

    @pytest.mark.parametrize("path", ["../_log/000000001.json", "/etc/hostname", "a/../../../x", ""])
    def test_a_path_that_leads_elsewhere_is_refused(self, store, path):
        store.commit(manifest(1))
        for read in (store.arrival, store.open_arrival):
            with pytest.raises(LakeError, match="is no path inside"):
                read("orders", path)

    def test_what_others_dropped_is_never_removed(self, store, drop):
        drop("orders/arrivals/extraction=dead/part-00000.parquet", b"1", MODIFIED)
        begin(store, "dead", folder="").write(ROWS, watermark_min=None, watermark_max=None)
        assert store.remove_abandoned("orders") == ["orders/extraction=dead"]
        assert [one.path for one in store.arrivals("orders")] == ["extraction=dead/part-00000.parquet"]


__all__ = ["BronzeFile", "BronzeStoreContract", "begin", "manifest"]

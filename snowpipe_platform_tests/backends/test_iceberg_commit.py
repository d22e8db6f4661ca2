"""What a commit costs, and what other Iceberg readers see of it."""

import time

import pytest
from pyiceberg.manifest import ManifestFile
from pyiceberg.table.snapshots import Operation

from snowpipe_platform.backends.iceberg_commit import MANIFESTS
from snowpipe_platform.backends.iceberg_lake import IcebergLake
from snowpipe_platform_tests.backends.test_iceberg_lake import opened
from snowpipe_platform_tests.contracts.lake import NAME, Writer, things


@pytest.fixture
def lake(tmp_path):
    return IcebergLake(tmp_path / "lake")


@pytest.fixture
def reads(monkeypatch):
    """Manifests that were opened."""
    opened_manifests, read = [], ManifestFile.fetch_manifest_entry

    def counted(manifest, *args, **kwargs):
        opened_manifests.append(manifest.manifest_path)
        return read(manifest, *args, **kwargs)

    monkeypatch.setattr(ManifestFile, "fetch_manifest_entry", counted)
    return opened_manifests


def manifests(table):
    return table.current_snapshot().manifests(table.io)


def test_an_append_opens_no_manifest_and_says_it_is_one(lake, reads):
    writer = Writer(lake)
    for number in range(3):
        writer.commit(things(number), str(number))
    assert reads == []
    assert opened(lake).current_snapshot().summary.operation is Operation.APPEND


@pytest.mark.case("A19")
def test_however_many_commits_there_were_a_table_has_few_manifests(lake):
    writer = Writer(lake)
    base = None
    for number in range(MANIFESTS + 5):
        base = writer.commit(things(number), str(number), base=base)
    assert len(manifests(opened(lake))) <= MANIFESTS
    assert writer.ids() == list(range(MANIFESTS + 5))
    assert sorted(opened(lake).scan().to_arrow()["id"].to_pylist()) == list(range(MANIFESTS + 5))


def test_a_manifest_without_a_live_file_is_not_carried_on(lake):
    writer = Writer(lake)
    for number in range(6):
        writer.commit(things(number), str(number), remove=writer.files() if number else ())
    found = manifests(opened(lake))
    assert len(found) == 2
    assert sum(len(one.fetch_manifest_entry(opened(lake).io, discard_deleted=True)) for one in found) == 1
    assert writer.ids() == [5]


def test_rewritten_files_are_a_replace_to_other_readers_and_the_totals_hold(lake):
    writer = Writer(lake)
    for number in range(3):
        writer.commit(things(number), str(number))
    writer.rewrite(things(0, 1, 2), remove=writer.files())
    table = opened(lake)
    summary = table.current_snapshot().summary
    assert summary.operation is Operation.REPLACE
    assert {key: summary[key] for key in ("total-records", "total-data-files", "snowpipe.maintenance")} == {
        "total-records": "3",
        "total-data-files": "1",
        "snowpipe.maintenance": "test",
    }
    assert len(manifests(table)) == 1
    assert sorted(table.scan().to_arrow()["id"].to_pylist()) == [0, 1, 2]
    (old,) = [snapshot for snapshot in table.metadata.snapshots if snapshot.summary["snowpipe.commit-number"] == "2"]
    assert sorted(table.scan(snapshot_id=old.snapshot_id).to_arrow()["id"].to_pylist()) == [0, 1]


def test_commits_stay_in_order_when_the_clock_was_set_back(lake, monkeypatch):
    """Iceberg for Java, Rust and Go opens no table whose log goes back by more than a minute."""
    writer = Writer(lake)
    first = writer.commit(things(1), "one")
    an_hour_ago = time.time() - 3600
    monkeypatch.setattr("pyiceberg.table.snapshots.time.time", lambda: an_hour_ago)
    second, held = writer.commit(things(2), "two"), writer.commit(things(3), "bad", branch="held")
    merged = writer.rewrite(things(1, 2), remove=writer.files())
    assert first.committed_at < second.committed_at < held.committed_at
    log = [entry.timestamp_ms for entry in opened(lake).metadata.snapshot_log]
    assert (len(log), log) == (3, sorted(log))
    left = {one.snapshot_id: one.left_at for one in lake.snapshots(NAME)}
    assert left[first.snapshot_id] == second.committed_at
    assert left[second.snapshot_id] > held.committed_at
    assert left[merged.snapshot_id] is None

"""Maintenance beside other tools: what they compact, edit, rename, tag and leave lying about."""

import os
from pathlib import Path

import ibis
import pytest
from pyiceberg.manifest import DataFile
from pyiceberg.table.update.snapshot import ExpireSnapshots

from snowpipe_platform.backends.iceberg_commit import Change, write_rewrite
from snowpipe_platform.backends.iceberg_lake import IcebergLake
from snowpipe_platform.errors import CommitConflictError, LakeError
from snowpipe_platform_tests.backends.test_iceberg_lake import opened
from snowpipe_platform_tests.contracts.lake import EARLIER, LATER, NAME, PLAIN, Writer, things


@pytest.fixture
def lake(tmp_path):
    return IcebergLake(tmp_path / "lake")


def compact_elsewhere(lake):
    """As another tool does: the same rows in another snapshot, without our properties."""
    write_rewrite(opened(lake), Change(remove=(), add=(), properties={}))


def expire_elsewhere(lake):
    """Every snapshot but the last, as another tool does that knows nothing of ours."""
    table = opened(lake)
    current = table.current_snapshot().snapshot_id
    old = [one.snapshot_id for one in table.metadata.snapshots if one.snapshot_id != current]
    table.maintenance.expire_snapshots().by_ids(old).commit()


def test_another_tools_compaction_is_the_same_rows_and_its_edit_is_not(lake):
    writer = Writer(lake)
    ours = writer.commit(things(1, 2), "one")
    compact_elsewhere(lake)
    compacted = lake.state(NAME)
    assert (compacted.content_id, compacted.is_own) == (ours.content_id, False)
    opened(lake).delete("id = 2")
    edited = lake.state(NAME)
    assert (edited.commit_id, edited.number) == ("one", 1)
    assert edited.content_id == f"one+{edited.snapshot_id}" != ours.content_id
    compact_elsewhere(lake)
    assert lake.state(NAME).content_id == edited.content_id
    assert [one.content_id for one in lake.snapshots(NAME)] == ["one", "one", edited.content_id, edited.content_id]
    assert writer.commit(things(3), "two").content_id == "two"


def test_a_rewrite_after_another_tools_edit_is_still_the_edited_rows(lake):
    writer = Writer(lake)
    writer.commit(things(1, 2), "one")
    opened(lake).delete("id = 2")
    edited = lake.state(NAME)
    rewritten = writer.rewrite(things(1), remove=writer.files())
    assert (rewritten.content_id, rewritten.is_own, writer.ids()) == (edited.content_id, True, [1])
    expire_elsewhere(lake)
    assert lake.state(NAME) == rewritten


def test_our_last_commit_stays_while_another_tools_snapshots_have_no_record_of_their_own(lake):
    writer = Writer(lake)
    ours = writer.commit(things(1), "one", **{"snowpipe.consumed": "1-3"})
    for _ in range(2):
        compact_elsewhere(lake)
    assert [one.left_at for one in lake.snapshots(NAME)] == [None, None, None]
    with pytest.raises(CommitConflictError):
        lake.expire(NAME, [ours.snapshot_id])
    writer.rewrite([], remove=())
    assert [one.left_at is None for one in lake.snapshots(NAME)] == [False, False, False, True]
    expire_elsewhere(lake)
    state = lake.state(NAME)
    assert (state.number, state.commit_id, state.properties["snowpipe.consumed"]) == (1, "one", "1-3")
    assert state.committed_at == ours.committed_at


def test_a_tagged_snapshot_and_another_tools_branch_are_needed(lake):
    writer = Writer(lake)
    first, second = writer.commit(things(1), "one"), writer.commit(things(2), "two")
    writer.commit(things(3), "three")
    opened(lake).manage_snapshots().create_tag(first.snapshot_id, "june").create_branch(
        second.snapshot_id, "experiment"
    ).commit()
    assert [one.left_at for one in lake.snapshots(NAME)] == [None, None, None]
    for needed in (first, second):
        with pytest.raises(CommitConflictError):
            lake.expire(NAME, [needed.snapshot_id])
    assert writer.ids(first) == [1]


def test_a_tag_that_somebody_makes_while_snapshots_are_expired_wins(lake, monkeypatch):
    """PyIceberg would remove the tag together with the snapshot."""
    writer = Writer(lake)
    first = writer.commit(things(1), "one")
    writer.commit(things(2), "two")
    expire = ExpireSnapshots.by_ids

    def tag_then_expire(expiry, ids):
        opened(lake).manage_snapshots().create_tag(first.snapshot_id, "june").commit()
        return expire(expiry, ids)

    monkeypatch.setattr(ExpireSnapshots, "by_ids", tag_then_expire)
    with pytest.raises(CommitConflictError):
        lake.expire(NAME, [first.snapshot_id])
    assert "june" in opened(lake).refs()
    assert writer.ids(first) == [1]


def test_a_snapshot_that_was_rolled_back_was_left_at_the_rollback(lake):
    writer = Writer(lake)
    first, second = writer.commit(things(1), "one"), writer.commit(things(2), "two")
    opened(lake).manage_snapshots().rollback_to_snapshot(first.snapshot_id).commit()
    kept, left = lake.snapshots(NAME)
    assert (kept.left_at, left.snapshot_id) == (None, second.snapshot_id)
    assert left.left_at > second.committed_at
    assert not [one for one in lake.leftovers(NAME, before=LATER) if one.path.endswith(".parquet")]


def _readded(table):
    table.update_schema(allow_incompatible_changes=True).delete_column("name").commit()
    table.update_schema().add_column("name", table.schema().find_type("id")).commit()


def _repartitioned(table):
    table.update_spec().add_identity("name").commit()
    table.update_spec().remove_field("name").commit()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.update_schema().rename_column("name", "title").commit(), "renamed or replaced column"),
        (_readded, "renamed or replaced column 'name'"),
        (lambda table: table.update_spec().add_identity("name").commit(), None),
        (_repartitioned, "changed the partitions"),
    ],
    ids=["renamed", "dropped and added again", "partitioned by a column", "partitioned by another"],
)
def test_files_that_cannot_be_read_by_name_are_not_for_rewriting(lake, change, words):
    Writer(lake).commit(things(1), "one")
    change(opened(lake))
    if words is None:
        assert lake.rewritable(NAME).partition_columns == ("name",)
        return
    with pytest.raises(LakeError, match=words):
        lake.rewritable(NAME)


def test_columns_and_types_of_our_own_do_not_stand_in_the_way(lake):
    writer = Writer(lake, PLAIN)
    writer.commit(things(1), "one")
    writer.evolve(ibis.schema({**dict(PLAIN.items()), "more": "struct<a: string>"}))
    assert lake.rewritable(NAME).schema.names == ("id", "name", "more")


def test_metadata_of_failed_commits_is_left_over_and_that_of_the_table_is_not(lake):
    writer = Writer(lake)
    for number in range(30):
        writer.commit(things(number), str(number))
    folder = Path(lake.location(NAME)) / "metadata"
    versions = sorted(folder.glob("*.metadata.json"))
    assert len(versions) == 21, "the table's own, and 20 before it"
    lost = [folder / name for name in ("00031-lost.metadata.json", "lost-m0.avro", "snap-1-0-lost.avro")]
    for path in lost:
        path.write_text("{}")
    assert [left.path for left in lake.leftovers(NAME, before=LATER)] == sorted(map(str, lost))


def test_files_that_iceberg_does_not_write_are_nobodys_leftovers(lake):
    Writer(lake).commit(things(1), "one")
    place = Path(lake.location(NAME))
    for path in ("data/notes.txt", "metadata/version-hint.text", "README.parquet", "data/_SUCCESS"):
        (place / path).write_text("mine")
    assert lake.leftovers(NAME, before=LATER) == []


def test_a_leftover_is_as_old_as_its_file(lake):
    writer = Writer(lake)
    writer.commit(things(1), "one")
    (old,) = writer.stage(things(2), "old")
    writer.stage(things(3), "young")
    os.utime(old, (EARLIER.timestamp(), EARLIER.timestamp()))
    assert [left.path for left in lake.leftovers(NAME, before=lake.state(NAME).committed_at)] == [old]


def test_paths_written_as_other_tools_write_them_are_the_same_files(lake, monkeypatch):
    """Hadoop's file system writes `file:/…`; taken for another file, the table's own would be swept."""
    writer = Writer(lake)
    writer.commit(things(1), "one")
    path = DataFile.file_path.fget
    monkeypatch.setattr(DataFile, "file_path", property(lambda file: path(file).replace("file:///", "file:/")))
    assert lake.leftovers(NAME, before=LATER) == []

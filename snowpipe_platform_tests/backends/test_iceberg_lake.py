"""The laptop's lake: the contract of lakes, and what an independent Iceberg reader sees."""

import multiprocessing
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.serializers import FromInputFile

from snowpipe_platform.backends import sqlite_file
from snowpipe_platform.backends.iceberg_lake import IcebergLake
from snowpipe_platform.errors import CommitConflictError, ConfigurationError, LakeError
from snowpipe_platform.records import Commit, TableLayout
from snowpipe_platform_tests.contracts.lake import NAME, PLAIN, WIDE, WIDE_ROWS, LakeContract, Writer, things


@pytest.fixture
def lake(tmp_path):
    return IcebergLake(tmp_path / "a lake")


def opened(lake):
    """The table through a PyIceberg catalog of the test's own."""
    root = lake._root
    return SqlCatalog("snowpipe", uri=f"sqlite:///{root / 'catalog.db'}", warehouse=f"file://{root}").load_table(
        tuple(NAME.split("/"))
    )


class TestIcebergLake(LakeContract):
    pass


def test_an_independent_reader_reads_the_rows_back_equal(lake):
    Writer(lake, WIDE, ("part",)).commit(WIDE_ROWS, "one")
    assert sorted(opened(lake).scan().to_arrow().to_pylist(), key=repr) == sorted(WIDE_ROWS, key=repr)


def test_an_independent_reader_finds_columns_by_id_after_one_is_renamed(lake):
    """Files carry field ids, structs' and lists' too; without them a rename would read as nulls."""
    Writer(lake, WIDE, ("part",)).commit(WIDE_ROWS[1:2], "one")
    table = opened(lake)
    with table.update_schema() as update:
        update.rename_column("exact", "precise")
        update.rename_column(("place", "city"), "town")
    (row,) = opened(lake).scan().to_arrow().to_pylist()
    assert (row["precise"], row["place"]["town"]) == (WIDE_ROWS[1]["exact"], WIDE_ROWS[1]["place"]["city"])


def test_types_on_disk_are_those_declared(lake):
    writer = Writer(lake, WIDE, ("part",))
    writer.commit(WIDE_ROWS, "one")
    schema = pq.read_schema(writer.files()[0].path)
    assert schema.field("small").type == pa.int32()
    assert schema.field("exact").type == pa.decimal128(38, 2)
    assert schema.field("day").type == pa.date32()
    assert schema.field("moment").type == pa.timestamp("us")
    assert schema.field("place").type == pa.struct({"city": pa.string(), "zip": pa.string()})


def test_delete_files_of_another_tool_are_refused(lake, monkeypatch):
    writer = Writer(lake)
    writer.commit(things(1, 2), "one")
    planned = type(opened(lake).scan()).plan_files

    def with_delete_files(scan):
        tasks = list(planned(scan))
        for task in tasks:
            task.delete_files.add(task.file)
        return tasks

    monkeypatch.setattr("pyiceberg.table.DataScan.plan_files", with_delete_files)
    with pytest.raises(LakeError, match=r"delete files.*copy-on-write"):
        writer.files()


@pytest.mark.case("A19")
def test_a_snapshot_of_another_tool_keeps_what_our_last_commit_recorded(lake):
    writer = Writer(lake)
    ours = writer.commit(things(1, 2), "one", consumed="1-3")
    opened(lake).overwrite(opened(lake).scan().to_arrow())
    state = lake.state(NAME)
    assert state.snapshot_id != ours.snapshot_id
    assert (state.number, state.commit_id, state.properties["consumed"]) == (1, "one", "1-3")
    assert [found.commit_id for found in lake.history(NAME)] == ["one"]
    assert writer.commit(things(3), "two").number == 2
    assert writer.ids() == [1, 2, 3]


def test_a_table_rolled_back_is_as_it_was(lake):
    writer = Writer(lake)
    first = writer.commit(things(1), "one")
    writer.commit(things(2), "two")
    opened(lake).manage_snapshots().rollback_to_snapshot(first.snapshot_id).commit()
    assert lake.state(NAME) == first
    assert [state.commit_id for state in lake.history(NAME)] == ["one"]
    assert writer.commit(things(3), "three").number == 2
    assert writer.ids() == [1, 3]


def test_branches_and_tags_of_other_people_are_left_alone(lake):
    writer = Writer(lake)
    state = writer.commit(things(1), "one")
    opened(lake).manage_snapshots().create_tag(state.snapshot_id, "june").create_branch(
        state.snapshot_id, "experiment"
    ).commit()
    assert lake.held(NAME) == {}
    with pytest.raises(LakeError, match="held"):
        writer.commit(things(2), "two", branch="experiment")


@pytest.mark.parametrize(
    ("branch", "release"), [(None, ()), (None, ("held",)), ("held", ()), ("held-new", ())], ids=str
)
def test_a_commit_that_slips_in_after_the_check_is_a_conflict_too(lake, monkeypatch, branch, release):
    """On top of it, rows computed from the old base would be there twice, or be published so later."""
    writer = Writer(lake)
    base = writer.commit(things(1), "one")
    held = writer.commit(things(3), "bad", branch="held")
    mine = writer.stage(things(2), "mine")
    rival = Writer(IcebergLake(lake._root))
    check = lake._refuse_stale

    def check_then_lose(*read):
        check(*read)
        rival.commit(things(2), "rival")

    monkeypatch.setattr(lake, "_refuse_stale", check_then_lose)
    with pytest.raises(CommitConflictError):
        lake.commit(Commit(NAME, "mine", base, (), mine, {}, branch, release))
    assert writer.ids() == [1, 2]
    assert lake.held(NAME) == {"held": held}
    assert [state.commit_id for state in lake.history(NAME)] == ["one", "rival"]


def create(root, name, barrier):
    barrier.wait()
    IcebergLake(root).ensure(TableLayout(name, PLAIN, (), "x"))


@pytest.mark.slow
def test_processes_that_open_a_new_lake_at_once_each_create_their_table(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    names = [f"silver/t{n}" for n in range(3)]
    processes = [context.Process(target=create, args=(tmp_path / "lake", name, barrier)) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert IcebergLake(tmp_path / "lake").tables() == names


def test_a_table_appears_with_its_partitions_or_not_at_all(lake, monkeypatch):
    monkeypatch.setattr("pyiceberg.table.update.spec.UpdateSpec.add_identity", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Writer(lake, PLAIN, ("name",))
    assert lake.tables() == []


def test_the_layout_survives_in_the_table(lake):
    Writer(lake, ibis.schema({"id": "int64", "year": "int32"}), ("year",))
    table = opened(lake)
    assert [field.name for field in table.spec().fields] == ["year"]
    assert table.properties["comment"] == "Things."


CALLS = {
    "state": lambda lake: lake.state(NAME),
    "history": lambda lake: lake.history(NAME),
    "files": lambda lake: lake.files(NAME, snapshot_id=1),
    "ensure": lambda lake: lake.ensure(TableLayout(NAME, PLAIN, (), "Things.")),
    "staging": lambda lake: lake.staging(NAME, attempt="x"),
}


@pytest.mark.parametrize("call", sorted(CALLS))
@pytest.mark.parametrize("carry", [shutil.copytree, shutil.move], ids=["copied", "moved"])
def test_a_lake_in_another_place_is_refused(lake, tmp_path, carry, call):
    """A copy would be written into the original."""
    Writer(lake).commit(things(1), "one")
    place = Path(lake.location(NAME))
    new = tmp_path / "new"
    carry(lake._root, new)
    with pytest.raises(LakeError) as told:
        CALLS[call](IcebergLake(new))
    assert str(told.value) == (
        f"{NAME} lies in {place}, not in this home's lake ({new}): a home cannot be moved or copied. "
        "Move it back, or delete the lake folder and run again; bronze is kept."
    )


def test_a_lake_reached_through_a_link_is_the_same_lake(lake, tmp_path):
    state = Writer(lake).commit(things(1), "one")
    (tmp_path / "link").symlink_to(lake._root)
    assert IcebergLake(tmp_path / "link").state(NAME) == state


@pytest.mark.parametrize("pattern", ["*.metadata.json", "*.avro"])
def test_a_metadata_file_that_is_gone_is_named(lake, pattern):
    writer = Writer(lake)
    writer.commit(things(1), "one")
    gone = list((Path(lake.location(NAME)) / "metadata").glob(pattern))
    for path in gone:
        path.unlink()
    with pytest.raises(LakeError, match=r"is missing\. Restore it from a backup, or delete the lake folder") as told:
        writer.files()
    assert any(str(path) in str(told.value) for path in gone)


def test_a_lake_folder_that_cannot_be_made_names_the_setting(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"file/lake .*Not a directory.*SNOWPIPE_HOME"):
        IcebergLake(tmp_path / "file" / "lake").ensure(TableLayout(NAME, PLAIN, (), "Things."))


def test_looking_at_a_lake_nobody_wrote_to_makes_nothing(tmp_path):
    lake = IcebergLake(tmp_path / "lake")
    assert (lake.tables(), lake.state(NAME), lake.history(NAME), lake.held(NAME)) == ([], None, [], {})
    assert not (tmp_path / "lake").exists()


def test_a_reader_too_slow_for_the_metadata_it_was_told_of_looks_again(lake, monkeypatch):
    """Twenty commits later the file is gone."""
    writer = Writer(lake)
    writer.commit(things(1), "one")
    read, rivals = FromInputFile.table_metadata, [f"rival {number}" for number in range(21)]

    def read_late(file):
        commits, rivals[:] = rivals[:], []
        for commit_id in commits:
            Writer(IcebergLake(lake._root)).commit([], commit_id)
        return read(file)

    monkeypatch.setattr(FromInputFile, "table_metadata", staticmethod(read_late))
    assert lake.state(NAME).number == 22
    assert writer.ids() == [1]


def test_a_catalog_that_another_process_keeps_to_itself_is_named(lake, monkeypatch):
    """As one does that was stopped in the middle of a swap."""
    monkeypatch.setattr(sqlite_file, "BUSY_TIMEOUT_SECONDS", 0.0)
    writer = Writer(lake)
    writer.commit(things(1), "one")
    staged = writer.stage(things(2), "two")
    commit = Commit(NAME, "two", lake.state(NAME), (), staged, {})
    with closing(sqlite3.connect(lake._catalog_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert writer.ids() == [1], "readers go on"
        with pytest.raises(LakeError) as told:
            lake.commit(commit)
        assert str(told.value) == f"{lake._catalog_path} was locked for 0 s. Try again when the other process is done."
        assert writer.ids() == [1]
        other.execute("ROLLBACK")
    assert lake.commit(commit).number == 2
    assert writer.ids() == [1, 2]

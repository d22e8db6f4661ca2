"""Load days held against their files, the source and silver; what bronze lacks read again."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snowpipe_platform.execution.corrections import discard
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.quarantine import Selection, quarantined_rows
from snowpipe_platform.execution.watermark_moves import carry_out as move_watermark
from snowpipe_platform.execution.watermark_moves import plan_set
from snowpipe_platform.execution.withdrawal import carry_out as withdraw
from snowpipe_platform_tests.kit import query
from snowpipe_platform_tests.reconciling import CHANGES, IDENTITY, Reconciling

CREATE = "CREATE TABLE orders (id VARCHAR, content VARCHAR, updated_at TIMESTAMP)"
LAST = "INSERT INTO orders VALUES ('o5', 'a', '2024-03-03 09:00', NULL)"
"""Whose tie the next run reads again in any case."""
DAY, NEXT, THIRD = "2024-03-01", "2024-03-02", "2024-03-03"
AT_SOURCE = "at the source and not in bronze"
ANN = Author(by="ann", reason="a test", identity=IDENTITY)
DELETED = "deleted at the source and not closed"


def world_of(folder, **keys):
    world = Reconciling(folder, query(**{"primary_key": "id", **keys}))
    world.source.run(CREATE)
    world.source.insert("orders", [("o1", "apple", "2024-03-01 10:00"), ("o2", "pear", "2024-03-01 11:00")])
    return world


@pytest.fixture
def landed(tmp_path):
    """Two orders of the first day, one of the second; in bronze."""
    world = world_of(tmp_path)
    world.source.insert("orders", [("o3", "a", "2024-03-02 09:00")])
    world.run(DAY)
    world.run(NEXT)
    return world


@pytest.fixture
def world(landed):
    """And in silver."""
    landed.changes()
    return landed


def test_a_day_that_was_landed_agrees(world):
    found = world.reconcile(DAY).found
    assert (found.differences, found.pending, found.unconsumed, found.notes) == ((), 0, 0, ())
    assert (found.files, found.rows, found.source_rows) == (1, 2, 2)
    assert world.reconcile(NEXT).agrees


def test_a_late_row_years_before_the_first_day_is_named_and_mended(world):
    world.source.insert("orders", [("o9", "late", "2019-05-05 05:00")])
    before = world.ground.state.watermark("orders")

    (difference,) = world.reconcile(DAY).found.differences
    assert (difference.what, difference.rows, difference.keys) == (AT_SOURCE, 1, ("id=o9",))
    assert difference.where == "[beginning, 2024-03-02T00:00:00.000000)"
    assert difference.mend == "snowpipe reconcile bronze/orders --day 2024-03-01 --mend"
    assert world.found(NEXT) == []

    (result,) = world.mend(DAY)
    assert result.manifest is not None
    entry = world.manifests()[-1]
    assert (entry["coverage"]["lower"], entry["coverage"]["upper"]) == (
        "2019-05-05T05:00:00.000000",
        "2019-05-05T05:00:00.000001",
    )
    assert (entry["rows_read"], entry["rows_landed"], entry["moves_watermark"]) == (1, 1, False)
    assert world.ground.state.watermark("orders") == before
    assert world.reconcile(DAY).found.unconsumed == 1
    world.changes()
    assert world.reconcile(DAY).found.unconsumed == 0
    assert world.column("id") == ["o1", "o2", "o3", "o9"]
    assert world.mend(DAY) == []


def test_a_row_that_the_next_run_reads_is_pending(tmp_path):
    world = world_of(tmp_path, lookback="1h")
    world.run(DAY)
    world.source.insert("orders", [("o5", "a", "2024-03-01 23:30"), ("o6", "a", "2024-03-01 10:30")])
    found = world.reconcile(DAY).found
    # The newest row is of 11:00: the next run begins there, as its tie may have grown.
    assert (found.pending, [one.keys for one in found.differences]) == (1, [("id=o6",)])


def test_a_row_edited_in_place_without_moving_its_watermark_is_named_and_mended(landed):
    landed.source.run("UPDATE orders SET content = 'changed' WHERE id = 'o1'")
    assert landed.found(DAY) == [(AT_SOURCE, 1, ("id=o1",))]
    landed.mend(DAY)
    assert landed.found(DAY) == []
    assert landed.counted("id", "content") == [("o1", "apple"), ("o1", "changed"), ("o2", "pear"), ("o3", "a")]


def test_a_new_column_is_compared_of_the_rows_that_landed_with_it(landed):
    landed.source.run("ALTER TABLE orders ADD COLUMN note VARCHAR", "UPDATE orders SET note = 'late'")
    landed.source.run("INSERT INTO orders VALUES ('o4', 'a', '2024-03-03 08:00', 'first')", LAST)
    landed.run(THIRD)
    assert landed.found(THIRD) == landed.found(DAY) == []
    landed.source.run("UPDATE orders SET note = 'second' WHERE id IN ('o1', 'o4')")
    assert landed.found(DAY) == []
    assert landed.found(THIRD) == [(AT_SOURCE, 1, ("id=o4",))]


def test_a_row_edited_in_place_and_back_is_named_as_silver_would_show_what_was_between(landed):
    landed.source.run("UPDATE orders SET content = 'changed' WHERE id = 'o1'")
    landed.mend(DAY)
    landed.source.run("UPDATE orders SET content = 'apple' WHERE id = 'o1'")
    assert landed.found(DAY) == [(AT_SOURCE, 1, ("id=o1",))]
    landed.mend(DAY)
    assert landed.found(DAY) == []


def test_a_deletion_at_the_source_is_named(landed):
    landed.source.run("DELETE FROM orders WHERE id = 'o2'")
    (difference,) = landed.reconcile(DAY).found.differences
    assert (difference.what, difference.rows, difference.keys) == (DELETED, 1, ("id=o2",))
    assert difference.mend == "snowpipe compare orders"
    assert landed.mend(DAY) == []


def test_a_row_moved_to_a_later_watermark_is_pending_until_it_is_extracted(landed):
    landed.source.run("UPDATE orders SET content = 'again', updated_at = '2024-03-03 08:00' WHERE id = 'o1'")
    found = landed.reconcile(DAY).found
    assert (found.differences, found.pending) == ((), 1)
    landed.run(THIRD)
    found = landed.reconcile(DAY).found
    assert (found.differences, found.pending) == ((), 0)


def test_a_row_moved_to_an_earlier_watermark_is_missing_in_the_window_it_moved_to(landed):
    landed.source.run("UPDATE orders SET updated_at = '2024-03-01 06:00' WHERE id = 'o3'")
    assert landed.found(DAY) == [(AT_SOURCE, 1, ("id=o3",))]
    found = landed.reconcile(NEXT).found
    assert (found.differences, found.elsewhere) == ((), 1)


def test_a_key_that_is_null_or_odd_is_looked_up_like_any_other(tmp_path):
    world = world_of(tmp_path, primary_key=["id", "content"])
    odd = [(None, "a", "2024-03-01 01:00"), ('it\'s "ü"', None, "2024-03-01 02:00")]
    world.source.insert("orders", [*odd, ("gone", None, "2024-03-01 03:00")])
    world.run(DAY)
    world.run(NEXT)
    world.source.run(
        "UPDATE orders SET updated_at = '2024-03-09 01:00' WHERE id IS NULL OR content IS NULL",
        "DELETE FROM orders WHERE id = 'gone'",
    )
    found = world.reconcile(DAY).found
    assert [(one.rows, one.keys) for one in found.differences] == [(1, ("id=gone content=None",))]
    assert found.pending == 2


def test_more_keys_than_one_statement_asks_for_are_all_looked_up(tmp_path, monkeypatch):
    monkeypatch.setattr("snowpipe_platform.execution.reconciliation_source.KEYS_AT_ONCE", 2)
    world = world_of(tmp_path)
    world.source.run("INSERT INTO orders SELECT 'k' || i, 'a', TIMESTAMP '2024-03-01 05:00' FROM range(7) AS r(i)")
    world.run(DAY)
    world.source.run("DELETE FROM orders WHERE id IN ('k1', 'k3', 'k4', 'k5', 'k6', 'o1')")
    assert world.found(DAY) == [(DELETED, 6, ("id=k1", "id=k3", "id=k4", "id=k5", "id=k6"))]


def test_without_a_key_copies_are_counted_and_a_lost_one_is_named_by_its_row(tmp_path):
    world = world_of(tmp_path, primary_key=None)
    world.source.insert("orders", [("o1", "apple", "2024-03-01 10:00")])
    world.run(DAY)
    assert world.found(DAY) == []
    world.source.insert("orders", [("o1", "apple", "2024-03-01 10:00")])
    row = '{"content": "apple", "id": "o1", "updated_at": "2024-03-01 10:00:00.000000"}'
    assert world.found(DAY) == [(AT_SOURCE, 1, (row,))]
    world.mend(DAY)
    assert world.found(DAY) == []
    assert world.column("id") == ["o1", "o1", "o1", "o2"]
    world.source.run("DELETE FROM orders WHERE id = 'o1'")
    found = world.reconcile(DAY).found
    assert (found.differences, found.gone) == ((), 3)


def test_rows_without_a_watermark_are_held_against_the_source_too(tmp_path):
    world = world_of(tmp_path, on_null_watermark="include")
    world.source.insert("orders", [("n1", "a", None), ("n2", "a", None)])
    world.run(DAY)
    found = world.reconcile(DAY).found
    assert (found.differences, found.source_rows) == ((), 4)
    world.source.run("DELETE FROM orders WHERE id = 'n1'")
    world.source.insert("orders", [("n3", "a", None)])
    reconciled = world.reconcile(DAY)
    assert [(one.what, one.keys, one.where) for one in reconciled.found.differences] == [
        (DELETED, ("id=n1",), "rows without a watermark")
    ]
    assert reconciled.found.pending == 1  # every live run reads them all


@pytest.mark.parametrize(
    ("dtype", "values", "late", "interval"),
    [
        pytest.param("DATE", ["2024-02-28", "2024-02-29"], "2020-02-02", ("2020-02-02", "2020-02-03"), id="dates"),
        pytest.param("BIGINT", [10, 20], 5, ("5", "6"), id="whole numbers"),
        pytest.param("DECIMAL(38, 2)", ["-1.5", "10.25"], "-7.25", ("-7.25", "-7.24"), id="decimals"),
    ],
)
def test_every_kind_of_watermark_has_windows(tmp_path, dtype, values, late, interval):
    world = Reconciling(tmp_path, query(primary_key="id"))
    world.source.run(f"CREATE TABLE orders (id VARCHAR, content VARCHAR, updated_at {dtype})")
    world.source.insert("orders", [(f"o{n}", "a", value) for n, value in enumerate(values)])
    world.run(DAY)
    watermark = world.ground.state.watermark("orders")
    world.source.insert("orders", [("late", "a", late)])
    assert world.found(DAY) == [(AT_SOURCE, 1, ("id=late",))]
    world.mend(DAY)
    coverage = world.manifests()[-1]["coverage"]
    assert (coverage["lower"], coverage["upper"]) == interval
    assert world.found(DAY) == []
    assert world.ground.state.watermark("orders") == watermark


def test_rows_that_a_rule_keeps_out_are_in_the_dead_letters_or_named(tmp_path):
    rule = {"name": "ripe", "expression": "content <> 'pear'", "on_violation": "dead_letter"}
    world = world_of(tmp_path, rules=[rule])
    world.run(DAY)
    found = world.reconcile(DAY).found
    assert (found.differences, found.kept_out) == ((), 1)
    world.source.insert("orders", [("o8", "pear", "2024-03-01 04:00")])
    assert world.found(DAY) == [("kept out by a rule and in no dead letter", 1, ("id=o8",))]
    world.mend(DAY)
    found = world.reconcile(DAY).found
    assert (found.differences, found.kept_out) == ((), 2)


def test_what_a_person_skipped_is_not_looked_for(tmp_path):
    world = world_of(tmp_path)
    world.run(DAY)

    world.source.insert("orders", [("s1", "a", "2024-03-02 10:00")])
    world.clock(NEXT)
    move = plan_set(world.query, "2024-03-02T12:00", world.ground)
    move_watermark(world.query, move, ANN, world.ground)
    world.run(NEXT)
    assert world.found(NEXT) == []
    assert world.column("id") == ["o1", "o2"]


def test_a_day_cut_short_is_run_first(tmp_path):
    world = world_of(tmp_path, batch_size=1, max_batches=1)
    world.run(DAY)
    reconciled = world.reconcile(DAY)
    assert reconciled.agrees
    assert reconciled.found.notes == (
        "more rows of the day wait, as max_batches ended its last run: run the day first",
    )
    world.source.insert("orders", [("o0", "a", "2024-03-01 02:00")])
    assert world.mend(DAY) == []


def test_a_withdrawn_window_is_pending_until_it_is_read_again(landed):

    withdraw("orders", 1, ANN, landed.ground)
    reconciled = landed.reconcile(DAY)
    assert (reconciled.agrees, reconciled.window.entries) == (True, ())
    assert landed.reconcile(NEXT).agrees
    landed.run(DAY)
    found = landed.reconcile(DAY).found
    assert (found.differences, found.source_rows) == ((), 2)


class TestFiles:
    def test_a_flipped_byte(self, landed):
        path = landed.file()
        damaged = bytearray(path.read_bytes())
        damaged[10] ^= 1
        path.write_bytes(damaged)
        reconciled = landed.reconcile(DAY)
        (difference,) = [one for one in reconciled.found.differences if one.part == "files"]
        assert difference.what == "of entry 1 in a file that has other bytes than were written"
        assert difference.where == landed.manifests()[0]["files"][0]["path"]
        assert "snowpipe bronze withdraw orders 1" in difference.mend
        assert reconciled.mendable == ()

    @pytest.mark.parametrize("file_format", ["parquet", "json"])
    def test_a_truncated_file(self, tmp_path, file_format):
        world = world_of(tmp_path, output_format=file_format)
        world.run(DAY)
        assert world.found(DAY) == []
        size = world.file().stat().st_size
        world.file().write_bytes(world.file().read_bytes()[:-20])
        ((what, rows, _),) = world.found(DAY)
        assert (what, rows) == (
            f"of entry 1 in a file that has {size - 20:,} bytes where {size:,} were written",
            2,
        )

    def test_a_deleted_file(self, world):
        world.file().unlink()
        reconciled = world.reconcile(DAY)
        assert [one.what for one in reconciled.found.differences] == ["of entry 1 in a file that is missing"]
        assert reconciled.found.notes == (
            "[beginning, 2024-03-02T00:00:00.000000) was not compared with the source: mend the damaged files first",
            "silver/order_changes was not compared: mend the damaged files first",
        )

    @pytest.mark.parametrize("is_known", [True, False], ids=["digest known", "written before digests were kept"])
    def test_one_changed_value_is_named_by_its_key(self, landed, is_known):
        path = landed.file()
        rows = pq.read_table(path)
        changed = rows.set_column(rows.schema.get_field_index("content"), "content", pa.array(["apple", "PEAR"]))
        pq.write_table(changed, path, compression="zstd")
        log = landed.bronze_folder / "orders" / "_log" / "000000001.json"
        if not is_known:
            entry = landed.manifests()[0]["files"][0]
            text = log.read_text().replace(entry["sha256"], "").replace('"sha256": ""', '"sha256": null')
            log.write_text(text.replace(f'"size_bytes": {entry["size_bytes"]}', f'"size_bytes": {path.stat().st_size}'))
        (difference,) = [one for one in landed.reconcile(DAY).found.differences if one.part == "files"]
        assert difference.keys == ("id=o2",)
        if not is_known:
            assert difference.what.endswith("a file that has 1 rows that are not what their content hash says")

    def test_a_damaged_file_of_another_day_that_holds_rows_of_the_window_is_named_with_it(self, tmp_path):
        world = world_of(tmp_path, lookback="1d")
        world.source.insert("orders", [("o3", "a", "2024-03-02 09:00")])
        world.run(DAY)
        world.run(NEXT)
        world.file(1).unlink()
        assert world.found(NEXT) == [("of entry 1 in a file that is missing", 2, ())]

    def test_tombstones_and_nanoseconds_are_what_their_hashes_say(self, tmp_path):
        world = Reconciling(
            tmp_path, query(primary_key="id", mode="full", sql="SELECT * FROM orders", watermark_column=None)
        )
        world.source.run(CREATE)
        world.source.insert("orders", [("o1", "a", "2024-03-01 10:00"), ("o2", "a", None)])
        world.run(DAY)
        world.source.run("DELETE FROM orders WHERE id = 'o2'")
        world.run(NEXT)
        assert (world.found(DAY), world.found(NEXT)) == ([], [])
        assert world.manifests()[1]["rows_deleted"] == 1

    def test_digits_below_a_microsecond_are_part_of_the_content(self, tmp_path):
        world = Reconciling(tmp_path, query(primary_key="id"))
        world.source.run("CREATE TABLE orders (id VARCHAR, content VARCHAR, updated_at TIMESTAMP_NS)")
        world.source.insert("orders", [("o1", "a", "2024-03-01 10:00:00.123456789")])
        world.run(DAY)
        assert world.found(DAY) == []
        world.source.run("UPDATE orders SET updated_at = '2024-03-01 10:00:00.123456780'")
        world.run(NEXT)
        world.source.insert("orders", [("o2", "a", "2024-03-01 08:00:00.000000001")])
        assert world.found(DAY) == [(AT_SOURCE, 1, ("id=o2",))]
        world.mend(DAY)
        assert world.found(DAY) == []


class TestSilver:
    def test_quarantined_and_discarded_rows_are_there(self, tmp_path):
        world = world_of(tmp_path)
        world.source.insert("orders", [("q1", "bitter", "2024-03-01 12:00")])
        world.days(DAY)
        assert world.found(DAY) == []

    def test_a_row_removed_by_hand_is_named(self, world):
        world.opened().delete("id == 'o1'")
        (difference,) = world.reconcile(DAY).found.differences
        assert (difference.what, difference.rows, difference.keys) == (
            "of bronze and not in silver/order_changes",
            1,
            ("id=o1",),
        )
        assert difference.mend == "snowpipe run silver/order_changes --rebuild"
        assert world.found(NEXT) == []
        world.changes(rebuild=True)
        assert world.found(DAY) == []

    def test_a_row_that_is_there_twice_or_is_of_no_row_is_named(self, world):
        table = world.opened()
        rows = table.scan(row_filter="id == 'o2'").to_arrow()
        stray = rows.set_column(rows.schema.get_field_index("source_row"), "source_row", pa.array([77], pa.int64()))
        table.append(rows.cast(table.schema().as_arrow()))
        table.append(stray.cast(table.schema().as_arrow()))
        assert world.found(DAY) == [
            ("of bronze and in silver/order_changes more than once", 1, ("id=o2",)),
            ("of silver/order_changes and of no row of bronze that counts", 1, ("row 1:77",)),
        ]

    @pytest.mark.case("A53")
    def test_a_commit_rolled_back_is_pending(self, world):
        table = world.opened()
        before = table.metadata.snapshots[0].snapshot_id
        world.source.insert("orders", [("o7", "a", "2024-03-03 09:00")])
        world.days(THIRD)
        table = world.opened()
        table.manage_snapshots().set_current_snapshot(snapshot_id=before).commit()
        found = world.reconcile(THIRD).found
        assert (found.differences, found.unconsumed) == ((), 1)

    def test_a_row_given_up_is_there(self, tmp_path):

        world = world_of(tmp_path)
        world.source.insert("orders", [("q1", "bitter", "2024-03-01 12:00")])
        world.days(DAY)
        table = world.pipeline.table(CHANGES)
        waiting = list(quarantined_rows(table, world.ground, Selection()))
        discard(table, waiting, ANN, world.ground)
        world.changes()
        assert world.found(DAY) == []

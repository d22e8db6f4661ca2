"""A comparison of keys closes what is gone at the source and opens what is back: each once, and nothing else."""

from datetime import datetime

import pytest

from snowpipe_platform.errors import ConfigurationError, LeaseHeldError, TooManyDeletesError, TransientSourceError
from snowpipe_platform.execution import comparison_landing
from snowpipe_platform.execution.comparison import preview
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.withdrawal import carry_out
from snowpipe_platform.records import KeyCounts
from snowpipe_platform_tests.comparing import COMPARER, compared, last_landed, open_keys, request
from snowpipe_platform_tests.dropping import adopt, csv_text, drop
from snowpipe_platform_tests.kit import Faulty

ORDERS = "CREATE TABLE orders (id INTEGER, note TEXT, updated_at TIMESTAMP)"
FIVE = "INSERT INTO orders SELECT i, 'n', TIMESTAMP '2024-03-01' + INTERVAL (i) MINUTE FROM range(5) r(i)"
KEEP = "CREATE OR REPLACE TABLE kept AS SELECT * FROM orders"
NOON = datetime(2024, 3, 2, 12)


@pytest.fixture
def start(make_world):
    """A world whose five orders, 0 to 4, of the first minutes of March were extracted on the 1st."""

    def make(**keys):
        world = make_world(primary_key="id", **keys)
        world.source.run(ORDERS, FIVE)
        world.run("2024-03-01")
        return world

    return make


@pytest.mark.case("A24")
def test_a_deleted_row_becomes_one_tombstone_however_often_keys_are_compared(start, file_format):
    world = start(output_format=file_format)
    world.source.run("DELETE FROM orders WHERE id IN (1, 3)")
    first = compared(world, NOON)
    assert first.counts == KeyCounts(at_source=3, open=5, gone=2, back=0)
    assert (first.gone, first.back) == (({"id": 1}, {"id": 3}), ())
    assert last_landed(world) == [(1, "delete", NOON), (3, "delete", NOON)]
    assert [compared(world, f"2024-03-02 1{hour}:00").manifest for hour in (3, 4)] == [None, None]
    assert open_keys(world) == [0, 2, 4]


def test_it_is_one_entry_of_the_log_that_covers_nothing_and_moves_no_watermark(start):
    world = start()
    world.source.run("DELETE FROM orders WHERE id = 1")
    compared(world, NOON)
    entry = world.manifests()[-1]
    assert (len(world.manifests()), entry["kind"], entry["load_day"]) == (2, "comparison", "2024-03-02")
    assert (entry["rows_read"], entry["rows_landed"], entry["rows_deleted"]) == (0, 1, 1)
    assert (entry["coverage"], entry["moves_watermark"]) == (None, False)
    assert world.ground.state.watermark("orders") == "2024-03-02T00:00:00.000000"
    assert compared(world, NOON).manifest is None
    assert len(world.files()) == 2


@pytest.mark.case("A57")
@pytest.mark.parametrize("lookback", ["0s", "5d"])
@pytest.mark.parametrize("extract_first", [False, True])
def test_a_row_restored_with_its_old_updated_at_opens_again(start, lookback, extract_first):
    world = start(lookback=lookback)
    world.source.run(KEEP, "DELETE FROM orders WHERE id = 1")
    compared(world, NOON)
    world.source.run("INSERT INTO orders SELECT * FROM kept WHERE id = 1")
    if extract_first:
        world.run("2024-03-02")
        assert open_keys(world) == [0, 2, 3, 4]
    result = compared(world, "2024-03-03 10:00")
    assert result.counts == KeyCounts(at_source=5, open=4, gone=0, back=1)
    assert last_landed(world) == [(1, "upsert", datetime(2024, 3, 3, 10))]
    assert open_keys(world) == [0, 1, 2, 3, 4]
    entries = len(world.manifests())
    assert compared(world, "2024-03-03 11:00").manifest is None
    assert world.run("2024-03-03").manifest.rows_landed == 0
    assert len(world.manifests()) == entries + 1


@pytest.mark.case("A57")
def test_a_comparison_while_inserts_run_makes_no_false_tombstone(start):
    world, whole = start(lookback="1h"), None
    numbers, refused = iter(range(100, 200)), []

    class Busy:
        """Rows are committed, and a run tries to extract them, before and after every answer of the source."""

        dialect = "duckdb"

        def __getattr__(self, name):
            def call(*args):
                self.commit()
                found = getattr(whole.warehouse, name)(*args)
                found = iter(list(found)) if name == "stream" else found
                self.commit()
                return found

            return call

        def commit(self):
            for late in (0, 30):
                at = f"TIMESTAMP '2024-03-02 12:00' - INTERVAL {late} MINUTE"
                world.source.run(f"INSERT INTO orders SELECT {next(numbers)}, 'busy', {at}")
            busy, world.ground = world.ground, whole
            try:
                world.run("2024-03-02", at=NOON)
            except LeaseHeldError:
                refused.append(1)
            world.ground = busy

    whole = world.ground
    world.swap(warehouse=Busy())
    for _ in range(3):
        assert compared(world, NOON).manifest is None
    world.ground = whole
    assert refused
    world.run("2024-03-02")
    assert open_keys(world) == [*range(5), *range(100, next(numbers))]


def test_a_key_inserted_again_later_is_left_to_the_next_extraction(start):
    world = start()
    world.source.run("DELETE FROM orders WHERE id = 1")
    compared(world, NOON)
    world.source.run("INSERT INTO orders VALUES (1, 'again', '2024-03-02 15:00')")
    assert compared(world, "2024-03-02 16:00").manifest is None
    world.run("2024-03-02")
    assert last_landed(world) == [(1, "upsert", datetime(2024, 3, 2, 15))]
    assert open_keys(world) == [0, 1, 2, 3, 4]


def test_where_the_source_is_ahead_a_tombstone_stands_at_the_keys_newest_instant_and_wins(start):
    world = start()
    world.source.run("INSERT INTO orders VALUES (9, 'ahead', '2024-03-05 08:00')")
    world.run("2024-03-05")
    world.source.run(KEEP, "DELETE FROM orders WHERE id = 9")
    compared(world, NOON)
    ahead = datetime(2024, 3, 5, 8)
    assert last_landed(world) == [(9, "delete", ahead)]
    assert compared(world, "2024-03-02 13:00").manifest is None
    world.source.run("INSERT INTO orders SELECT * FROM kept WHERE id = 9")
    compared(world, "2024-03-02 14:00")
    assert last_landed(world) == [(9, "upsert", ahead)]
    assert open_keys(world) == [0, 1, 2, 3, 4, 9]


def test_a_row_never_landed_is_not_its_business(start):
    world = start()
    world.source.run("INSERT INTO orders VALUES (7, 'late', '2024-02-01')")
    assert compared(world, NOON).counts == KeyCounts(at_source=6, open=5, gone=0, back=0)
    assert open_keys(world) == [0, 1, 2, 3, 4]


def test_a_key_whose_watermark_became_null_is_not_gone(start):
    world = start()
    world.source.run("UPDATE orders SET updated_at = NULL WHERE id = 1")
    assert compared(world, NOON).counts == KeyCounts(at_source=5, open=5, gone=0, back=0)


@pytest.mark.parametrize(("policy", "expected"), [("exclude", [0, 2, 3, 4]), ("include", [0, 1, 2, 3, 4])])
def test_a_key_that_is_back_without_a_watermark_follows_the_policy(start, policy, expected):
    world = start(on_null_watermark=policy)
    world.source.run("DELETE FROM orders WHERE id = 1")
    compared(world, NOON)
    world.source.run("INSERT INTO orders VALUES (1, 'n', NULL)")
    compared(world, "2024-03-02 13:00")
    assert open_keys(world) == expected
    assert world.run("2024-03-02").manifest.rows_landed == 0
    assert open_keys(world) == expected


def test_a_key_that_is_back_without_a_watermark_stops_a_query_that_says_fail(start):
    world = start(on_null_watermark="fail")
    world.source.run("DELETE FROM orders WHERE id = 1")
    compared(world, NOON)
    world.source.run("INSERT INTO orders VALUES (1, 'n', NULL)")
    with pytest.raises(Exception, match="are back without a updated_at, and on_null_watermark is 'fail'") as raised:
        compared(world, "2024-03-02 13:00")
    assert "SourceError" in type(raised.value).__name__
    assert (len(world.manifests()), len(world.files())) == (2, 2)


def test_more_than_the_share_is_refused_unless_a_person_says_so(start):
    world = start(max_deleted_share=0.4)
    world.source.run("DELETE FROM orders WHERE id < 3")
    with pytest.raises(TooManyDeletesError) as refused:
        compared(world, NOON, confirmed=False)
    assert str(refused.value) == (
        "bronze/orders: 3 of 5 open keys (60.0%) are not at the source any more, and max_deleted_share of query "
        "'orders' is 40.0%. Nothing was landed. Look whether the source shows all its rows; if they are deleted, run "
        "'snowpipe compare orders --yes'."
    )
    assert (len(world.manifests()), len(world.files())) == (1, 1)
    assert compared(world, NOON).tombstones == 3


@pytest.mark.parametrize(("gone", "passes"), [(2, True), (3, False), (5, False)])
def test_the_share_itself_is_let_through(start, gone, passes):
    world = start(max_deleted_share=0.4)
    world.source.run(f"DELETE FROM orders WHERE id < {gone}")
    if passes:
        assert compared(world, NOON, confirmed=False).tombstones == gone
    else:
        with pytest.raises(TooManyDeletesError):
            compared(world, NOON, confirmed=False)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            {"mode": "full", "primary_key": "id", "sql": "SELECT * FROM orders"},
            "query 'orders' reads every key in each run and finds deletes itself (mode 'full').",
        ),
        ({}, "query 'orders' has no primary_key: its values are what is compared."),
    ],
)
def test_a_query_without_keys_to_compare_is_refused(make_world, keys, told):
    world = make_world(**keys)
    world.source.run(ORDERS)
    with pytest.raises(ConfigurationError) as refused:
        compared(world, NOON)
    assert str(refused.value) == told


def test_a_preview_finds_the_same_and_writes_nothing(start):
    world = start()
    world.source.run("DELETE FROM orders")
    world.source.set_clock(NOON)
    found = preview(request(world, confirmed=False), world.ground)
    assert (found.counts.gone, found.is_too_many, found.manifest) == (5, True, None)
    assert len(world.manifests()) == 1


def test_a_key_that_only_a_dropped_file_brought_is_not_the_sources_to_delete(start):
    world = start()
    rows = [{"id": key, "note": "file", "updated_at": "2024-03-01 09:00"} for key in (4, 50)]
    drop(world.bronze_folder, "orders", "old.csv", csv_text(rows))
    adopt(world, "old.csv")
    world.source.run("DELETE FROM orders WHERE id = 4")
    assert compared(world, NOON).counts == KeyCounts(at_source=4, open=5, gone=1, back=0)
    assert open_keys(world) == [0, 1, 2, 3, 50]


def test_what_a_withdrawn_comparison_said_is_said_again_by_the_next(start):
    world = start()
    world.source.run("DELETE FROM orders WHERE id = 1")
    compared(world, NOON)
    carry_out("orders", 2, Author(by="ann", reason="a replica that lagged", identity=COMPARER), world.ground)
    assert open_keys(world) == [0, 1, 2, 3, 4]
    assert world.ground.state.watermark("orders") == "2024-03-02T00:00:00.000000"
    compared(world, "2024-03-02 13:00")
    assert open_keys(world) == [0, 2, 3, 4]


def test_rules_of_the_query_hold_for_a_row_that_is_back(start):
    world = start(rules=[{"name": "has_note", "expression": "note <> ''", "on_violation": "dead_letter"}])
    world.source.run(KEEP, "DELETE FROM orders WHERE id IN (1, 2)")
    compared(world, NOON)
    world.source.run("INSERT INTO orders SELECT id, if(id = 1, '', note), updated_at FROM kept WHERE id IN (1, 2)")
    result = compared(world, "2024-03-02 13:00")
    assert (result.counts.back, result.opened, result.manifest.rows_dropped) == (2, 1, 1)
    assert open_keys(world) == [0, 2, 3, 4]
    assert [letter.kind for letter in world.ground.dead_letters.all()] == ["rows"]


def test_keys_that_are_back_are_read_in_portions(start, monkeypatch):
    monkeypatch.setattr(comparison_landing, "KEYS_PER_STATEMENT", 2)
    world = start(batch_size=3)
    world.source.run(KEEP, "DELETE FROM orders")
    compared(world, NOON)
    world.source.run("INSERT INTO orders SELECT * FROM kept")
    assert compared(world, "2024-03-02 13:00").opened == 5
    assert open_keys(world) == [0, 1, 2, 3, 4]
    rows = [row["_row_number"] for row in world.rows(platform=True)][-5:]
    assert sorted(rows) == [0, 1, 2, 3, 4]


def test_a_lost_connection_is_tried_again(start):
    world = start()
    world.source.run("DELETE FROM orders WHERE id = 1")
    whole = world.ground
    lost = TransientSourceError("the connection was reset")
    world.swap(warehouse=Faulty(whole.warehouse, lost, {"stream": [1, 2]}))
    assert compared(world, NOON).tombstones == 1
    world.swap(warehouse=Faulty(whole.warehouse, lost, {"stream": range(1, 9)}))
    with pytest.raises(TransientSourceError, match="query 'orders': the connection was reset"):
        compared(world, NOON)


def test_a_run_that_extracts_the_entity_is_waited_for_by_nobody(start):
    world = start()
    with world.ground.state.lease("bronze/orders", holder="another run"), pytest.raises(LeaseHeldError):
        compared(world, NOON)

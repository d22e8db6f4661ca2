"""Dropped files land in the entity's log, each row once, whatever else brings it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from snowpipe_platform.errors import LakeError, LeaseHeldError, SchemaChangedError
from snowpipe_platform.execution.adoption import adopt as adopt_files
from snowpipe_platform.execution.adoption import preview
from snowpipe_platform.execution.arrivals import look
from snowpipe_platform.execution.decisions import Author, decision, record
from snowpipe_platform_tests.dropping import (
    ADOPTER,
    WRITERS,
    adopt,
    csv_text,
    drop,
    fates,
    json_text,
    parquet_bytes,
    request,
)
from snowpipe_platform_tests.kit import moment

CREATE = "CREATE TABLE orders (id INTEGER, amount DECIMAL(38, 8), note VARCHAR, updated_at TIMESTAMP)"
BIG = Decimal("123456789012345678901234567890.12345678")
ROWS = [
    {"id": 1, "amount": BIG, "note": 'say "ß",\nplease', "updated_at": moment("2024-03-01 10:00")},
    {"id": 2, "amount": None, "note": "", "updated_at": moment("2024-03-01 11:00")},
    {"id": 3, "amount": Decimal("0.00000001"), "note": None, "updated_at": moment("2024-03-01 10:00")},
]


def order(key, at="2024-03-01 10:00", *, amount="1.00000000", note="n"):
    return {"id": key, "amount": Decimal(amount), "note": note, "updated_at": moment(at)}


@pytest.fixture(params=["id", None], ids=["with key", "without key"])
def world(request, make_world):
    """A source with one order of its own, which was extracted."""
    return started(make_world(primary_key=request.param, lookback="1d", batch_size=2))


@pytest.fixture
def keyed(make_world):
    return started(make_world(primary_key="id", lookback="1d"))


def started(world, *, day="2024-03-01"):
    world.source.run(CREATE, "INSERT INTO orders VALUES (0, 5, 'source', '2024-03-01 09:00')")
    world.run(day)
    return world


def put(world, name, rows, writer=csv_text, **options):
    return drop(world.bronze_folder, "orders", name, writer(rows), **options)


def brought(world):
    return [row for row in world.rows() if row["id"] != 0]


# --- what lands


@pytest.mark.parametrize("ending", WRITERS)
def test_rows_land_exactly_from_every_form_of_file_and_once(world, ending):
    put(world, f"2024/a.{ending}", ROWS, WRITERS[ending])
    assert fates(adopt(world, f"2024/a.{ending}")) == {f"2024/a.{ending}": ("adopted", 3, 0)}
    assert sorted(brought(world), key=lambda row: row["id"]) == ROWS
    put(world, f"b.{ending}", ROWS[::-1], WRITERS[ending])
    assert fates(adopt(world, f"b.{ending}")) == {f"b.{ending}": ("adopted", 0, 3)}
    assert len(brought(world)) == 3


@pytest.mark.case("A54")
@pytest.mark.case("A20")
def test_dropped_again_with_one_change_only_the_changed_row_lands(world):
    put(world, "a.csv", [order(1), order(2), order(3)])
    adopt(world, "a.csv")
    put(world, "a.csv", [order(1), order(2, note="changed"), order(3)])
    assert fates(adopt(world, "a.csv")) == {"a.csv": ("adopted", 1, 2)}
    assert [row["note"] for row in brought(world)] == ["n", "n", "n", "changed"]


def test_a_file_that_goes_back_to_what_it_was_is_news_again(keyed):
    for note in ("first", "second", "first"):
        put(keyed, "a.csv", [order(1, note=note)])
        assert fates(adopt(keyed, "a.csv")) == {"a.csv": ("adopted", 1, 0)}


def test_repeats_in_one_file_land_once_with_a_key_however_far_apart(keyed, monkeypatch):
    monkeypatch.setattr("snowpipe_platform.execution.dropped_json.BATCH_ROWS", 2)
    rows = [order(key % 3 + 1, f"2024-03-01 1{key % 3}:00") for key in range(9)]
    put(keyed, "a.jsonl", rows, json_text)
    assert fates(adopt(keyed, "a.jsonl")) == {"a.jsonl": ("adopted", 3, 6)}


def test_repeats_without_a_key_are_as_many_as_the_file_with_the_most_has(make_world):
    world = started(make_world())
    for name, copies, landed in [("a.csv", 2, 2), ("b.csv", 1, 0), ("c.csv", 3, 1)]:
        put(world, name, [order(1)] * copies)
        assert fates(adopt(world, name)) == {name: ("adopted", landed, copies - landed)}


def test_the_entry_says_which_file_it_is_of_and_counts_every_row(keyed):
    put(keyed, "a.csv", [order(0), order(1), order(1), order(2)])
    version = keyed.ground.bronze.arrival("orders", "a.csv").version
    (entry,) = adopt(keyed, "a.csv").manifests
    assert (entry.kind, entry.arrived.path, entry.arrived.version, entry.number) == ("arrival", "a.csv", version, 2)
    assert (entry.rows_read, entry.rows_landed, entry.rows_known, entry.rows_dropped) == (4, 3, 1, 0)
    assert (entry.coverage, entry.moves_watermark, entry.complete) == (None, False, True)
    assert (entry.query, entry.mode, entry.watermark_column) == ("orders", "incremental", "updated_at")
    assert (entry.load_day, entry.extracted_at) == (date(2024, 3, 1), moment("2024-03-02"))
    assert keyed.ground.bronze.log("orders")[-1] == entry


def test_rows_are_numbered_as_in_their_file_and_happened_when_they_say(keyed):
    rows = [order(1, "2024-02-28 07:00"), {**order(2), "updated_at": None}, order(3, "2024-02-29 08:00")]
    put(keyed, "a.csv", rows)
    (entry,) = adopt(keyed, "a.csv").manifests
    found = [(row["id"], row["_row_number"], row["_instant"]) for row in keyed.rows(platform=True) if row["id"] != 0]
    adopted_at = moment("2024-03-02")
    assert sorted(found) == [
        (1, 0, moment("2024-02-28 07:00")),
        (2, 1, adopted_at),
        (3, 2, moment("2024-02-29 08:00")),
    ]
    assert (entry.null_rows_landed, entry.rows_null_watermark) == (1, 1)
    assert [(f.rows, f.watermark_min) for f in entry.files] == [(2, "2024-02-28T07:00:00.000000"), (1, None)]


def test_digits_below_a_microsecond_of_the_watermark_are_kept(keyed):
    drop(keyed.bronze_folder, "orders", "a.csv", "id,amount,note,updated_at\n1,1,n,2024-03-01T10:00:00.123456789\n")
    for _ in range(2):
        adopt(keyed, "a.csv")
    (row,) = [row for row in keyed.rows(platform=True) if row["id"] == 1]
    assert (row["updated_at"], row["_nanoseconds"]) == (moment("2024-03-01 10:00:00.123456"), 789)


def test_local_time_is_converted_as_the_query_declares(make_world):
    world = make_world(primary_key="id", time_zones={"ordered_at": "Europe/London"})
    world.source.run("CREATE TABLE orders (id INTEGER, ordered_at TIMESTAMP, updated_at TIMESTAMP)")
    world.run("2024-07-01")
    drop(world.bronze_folder, "orders", "a.csv", "id,ordered_at,updated_at\n1,2024-07-01 12:00,2024-07-01 12:00\n")
    adopt(world, "a.csv")
    (row,) = world.rows()
    assert (row["ordered_at"], row["updated_at"]) == (moment("2024-07-01 11:00"), moment("2024-07-01 12:00"))


@pytest.mark.parametrize("bronze_format", ["parquet", "json"])
def test_bronze_keeps_the_format_of_the_query(make_world, bronze_format):
    world = started(make_world(primary_key="id", output_format=bronze_format))
    put(world, "a.csv", ROWS)
    for _ in range(2):
        adopt(world, "a.csv")
    assert sorted(brought(world), key=lambda row: row["id"]) == ROWS
    assert world.manifests()[-1]["file_format"] == bronze_format


# --- together with extraction


def test_rows_that_were_extracted_are_known_to_a_file_and_the_other_way_round(world):
    put(world, "a.csv", [{"id": 0, "amount": 5, "note": "source", "updated_at": "2024-03-01 09:00"}, order(1)])
    assert fates(adopt(world, "a.csv")) == {"a.csv": ("adopted", 1, 1)}
    world.source.insert("orders", [(1, 1, "n", moment("2024-03-01 10:00")), (2, 1, "n", moment("2024-03-01 10:00"))])
    result = world.run("2024-03-02")
    assert (result.manifest.rows_landed, result.manifest.rows_known) == (1, 2)
    assert world.column("id") == [0, 1, 2]


@pytest.mark.case("A1")
def test_a_file_with_later_rows_hides_no_late_tie_of_the_source(make_world):
    world = started(make_world(primary_key="id"))
    put(world, "a.csv", [order(9, "2024-03-01 23:00")])
    adopt(world, "a.csv")
    world.source.insert("orders", [(1, 1, "late", moment("2024-03-01 09:00"))])
    world.run("2024-03-02")
    assert world.column("id") == [0, 1, 9]


def test_a_file_moves_no_watermark(keyed):
    before = keyed.ground.state.watermark("orders")
    put(keyed, "a.csv", [order(1, "2024-03-09 10:00")])
    adopt(keyed, "a.csv")
    keyed.source.insert("orders", [(2, 1, "n", moment("2024-03-02 10:00"))])
    assert keyed.ground.state.watermark("orders") == before
    result = keyed.run("2024-03-02")
    assert result.plan.interval.lower == moment("2024-03-01")
    assert keyed.column("id") == [0, 1, 2]


def test_rows_without_a_watermark_land_once_from_file_and_source(make_world):
    world = make_world(primary_key="id", on_null_watermark="include")
    world.source.run(CREATE, "INSERT INTO orders VALUES (1, 1, 'n', NULL)")
    world.run("2024-03-01")
    rows = [{**order(key), "updated_at": None} for key in (1, 2)]
    put(world, "a.csv", [*rows, order(3)])
    assert fates(adopt(world, "a.csv")) == {"a.csv": ("adopted", 2, 1)}
    world.source.run("INSERT INTO orders VALUES (2, 1, 'n', NULL)")
    world.run("2024-03-02")
    assert world.column("id") == [1, 2, 3]


def test_rows_without_a_watermark_are_refused_where_the_query_fails_on_them(make_world):
    world = started(make_world(primary_key="id", on_null_watermark="fail"))
    put(world, "a.csv", [order(1), {**order(2), "updated_at": None}])
    (file,) = adopt(world, "a.csv").files
    told = "a.csv: 1 rows have no updated_at, and on_null_watermark of query 'orders' is 'fail'"
    assert told in str(file.error)
    assert brought(world) == []


@pytest.fixture
def snapshots(make_world):
    """A query without a watermark: rows 1 and 2 were in the first snapshot."""
    world = make_world(sql="SELECT * FROM orders", mode="full", primary_key="id", watermark_column=None)
    world.source.run("CREATE TABLE orders (id INTEGER, note VARCHAR)", "INSERT INTO orders VALUES (1, 'a'), (2, 'b')")
    world.run("2024-03-01")
    return world


def test_a_snapshot_deletes_no_key_that_only_a_file_brought(snapshots):
    put(snapshots, "a.csv", [{"id": 1, "note": "a"}, {"id": 7, "note": "by hand"}])
    assert fates(adopt(snapshots, "a.csv")) == {"a.csv": ("adopted", 1, 1)}
    for day in ("2024-03-02", "2024-03-03"):
        assert snapshots.run(day).manifest is None
    snapshots.source.run("DELETE FROM orders WHERE id = 2")
    snapshots.run("2024-03-04")
    deleted = [row["id"] for row in snapshots.rows(platform=True) if row["_operation"] == "delete"]
    assert deleted == [2]
    assert {row["_instant"] for row in snapshots.rows(platform=True) if row["id"] == 7} == {moment("2024-03-02")}


def test_what_a_file_says_of_a_key_stands_until_the_source_says_something_new(snapshots):
    put(snapshots, "a.csv", [{"id": 1, "note": "by hand"}])
    adopt(snapshots, "a.csv")
    assert snapshots.run("2024-03-02").manifest is None
    snapshots.source.run("UPDATE orders SET note = 'new' WHERE id = 1")
    snapshots.run("2024-03-03")
    assert [row["note"] for row in snapshots.rows() if row["id"] == 1] == ["a", "by hand", "new"]


@pytest.fixture
def numbered(make_world):
    world = make_world(sql="SELECT * FROM orders WHERE seq > ?", watermark_column="seq", primary_key="id", lookback=2)
    world.source.run("CREATE TABLE orders (id INTEGER, seq BIGINT)", "INSERT INTO orders VALUES (1, 10), (2, 11)")
    world.run("2024-03-01")
    return world


def test_a_numeric_watermark_compares_files_and_says_nothing_of_time(numbered):
    put(numbered, "a.csv", [{"id": 2, "seq": 11}, {"id": 3, "seq": 99}])
    assert fates(adopt(numbered, "a.csv")) == {"a.csv": ("adopted", 1, 1)}
    assert [r["_instant"] for r in numbered.rows(platform=True) if r["id"] == 3] == [moment("2024-03-02")]
    numbered.source.run("INSERT INTO orders VALUES (4, 12), (3, 99)")
    numbered.run("2024-03-02")
    assert numbered.column("id") == [1, 2, 3, 4]


def test_a_file_of_today_does_not_make_yesterday_a_backfill(numbered):
    numbered.source.set_clock("2024-03-03 00:30")
    put(numbered, "a.csv", [{"id": 3, "seq": 5}])
    assert adopt(numbered, "a.csv").manifests[0].load_day == date(2024, 3, 3)
    numbered.source.run("INSERT INTO orders VALUES (4, 12)")
    numbered.run("2024-03-02", at="2024-03-03 00:45")
    assert numbered.column("id") == [1, 2, 3, 4]


# --- columns


def test_a_missing_column_is_named_with_the_nearest(keyed):
    drop(keyed.bronze_folder, "orders", "a.csv", "id,amuont,updated_at\n1,2,2024-03-01\n")
    (file,) = adopt(keyed, "a.csv").files
    assert str(file.error) == (
        "bronze/orders/arrivals/a.csv: columns 'amount', 'note' are missing. Found: id, amuont, updated_at. "
        "Did you mean 'amuont'? A file has every column of bronze/orders, empty where a row has no value."
    )


def test_columns_come_in_any_order_and_case(keyed):
    drop(keyed.bronze_folder, "orders", "a.csv", "NOTE,Updated_At,ID,amount\nn,2024-03-01 10:00,1,1\n")
    adopt(keyed, "a.csv")
    assert brought(keyed) == [order(1)]


WITH_COLOUR = "id,amount,note,updated_at,colour\n1,1,n,2024-03-01 10:00,red\n"


def test_evolve_lands_a_new_column_as_text_and_the_source_need_not_have_it(keyed):
    drop(keyed.bronze_folder, "orders", "a.csv", WITH_COLOUR)
    (entry,) = adopt(keyed, "a.csv").manifests
    assert entry.schema_changes == ("colour is new (string)",)
    assert brought(keyed) == [{**order(1), "colour": "red"}]
    assert keyed.run("2024-03-02").manifest.schema_changes == ()
    put(keyed, "b.csv", [order(2)])
    assert fates(adopt(keyed, "b.csv")) == {"b.csv": ("adopted", 1, 0)}


def test_a_source_that_gets_a_files_column_in_another_type_is_told(keyed):
    drop(keyed.bronze_folder, "orders", "a.csv", WITH_COLOUR)
    adopt(keyed, "a.csv")
    keyed.source.run("ALTER TABLE orders ADD COLUMN colour INTEGER")
    with pytest.raises(SchemaChangedError, match="colour became int32, was string"):
        keyed.run("2024-03-02")


def test_discard_leaves_a_new_column_out_and_says_so(make_world):
    world = started(make_world(primary_key="id", on_schema_change="discard"))
    drop(world.bronze_folder, "orders", "a.csv", WITH_COLOUR)
    (entry,) = adopt(world, "a.csv").manifests
    assert entry.schema_changes == ("colour is new (string); left out",)
    assert brought(world) == [order(1)]


def test_freeze_refuses_a_new_column(make_world):
    world = started(make_world(primary_key="id", on_schema_change="freeze"))
    drop(world.bronze_folder, "orders", "a.csv", WITH_COLOUR)
    (file,) = adopt(world, "a.csv").files
    assert str(file.error) == (
        "bronze/orders/arrivals/a.csv: colour is new (string), and on_schema_change of query 'orders' is 'freeze'. "
        "Leave out of the file what bronze/orders does not have."
    )


def test_a_name_of_the_platforms_own_columns_is_refused(keyed):
    drop(keyed.bronze_folder, "orders", "a.csv", "id,amount,note,updated_at,_instant\n")
    (file,) = adopt(keyed, "a.csv").files
    assert "'_instant': such a column is the platform's own. Leave it out" in str(file.error)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "a.csv",
            csv_text([order(1), {**order(2), "amount": "4111x"}]),
            "row 2, column 'amount': text that is no decimal",
        ),
        (
            "a.jsonl",
            json_text([order(1)]) + "\n" + json_text([{**order(2), "id": 1.5}]),
            "line 3, column 'id': text that",
        ),
        (
            "a.parquet",
            parquet_bytes([order(1), {**order(2), "id": 2**40}]),
            "row 2, column 'id': int64 that is no int32",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_place_and_never_shown(keyed, name, content, told):
    drop(keyed.bronze_folder, "orders", name, content)
    (file,) = adopt(keyed, name).files
    assert f"bronze/orders/arrivals/{name}: {told}" in str(file.error)
    assert "4111" not in str(file.error)
    assert brought(keyed) == []


def test_parquet_types_are_held_to_bronzes(keyed):
    schema = pa.schema(
        [
            ("id", pa.int64()),
            ("amount", pa.float64()),
            ("note", pa.int8()),
            ("updated_at", pa.timestamp("ns", "Asia/Tokyo")),
        ]
    )
    at = datetime(2024, 3, 1, 10, tzinfo=UTC)
    content = parquet_bytes([{"id": 1, "amount": 1.5, "note": 7, "updated_at": at}], schema)
    drop(keyed.bronze_folder, "orders", "a.parquet", content)
    adopt(keyed, "a.parquet")
    assert brought(keyed) == [order(1, amount="1.50000000", note="7")]


# --- before anything was extracted


def test_before_any_extraction_parquet_says_what_the_columns_are(make_world):
    world = make_world(primary_key="id")
    world.source.run(CREATE)
    world.source.set_clock("2024-03-02")
    put(world, "a.csv", [order(1)])
    (refused,) = adopt(world, "a.csv").files
    assert "nothing was extracted for bronze/orders yet, so nothing says which types this text has" in str(
        refused.error
    )
    assert "Run 'snowpipe run bronze/orders' first, or write the file as Parquet." in str(refused.error)
    schema = pa.schema(
        [
            ("id", pa.int32()),
            ("amount", pa.decimal128(38, 8)),
            ("note", pa.string()),
            ("updated_at", pa.timestamp("us")),
        ]
    )
    drop(world.bronze_folder, "orders", "a.parquet", parquet_bytes([order(1)], schema))
    assert fates(adopt(world, "a.parquet")) == {"a.parquet": ("adopted", 1, 0)}
    put(world, "b.csv", [order(1), order(2)])
    assert fates(adopt(world, "b.csv")) == {"b.csv": ("adopted", 1, 1)}
    world.source.insert("orders", [(2, 1, "n", moment("2024-03-01 10:00")), (3, 1, "n", moment("2024-03-01 10:00"))])
    first = world.run("2024-03-01")
    assert (first.plan.interval.lower, first.manifest.rows_landed) == (None, 1)
    assert world.column("id") == [1, 2, 3]


def test_the_first_file_has_the_columns_that_tell_rows_apart(make_world):
    world = make_world(primary_key="id")
    world.source.run(CREATE)
    drop(world.bronze_folder, "orders", "a.parquet", parquet_bytes([{"key": 1, "updated": 1}]))
    (file,) = adopt_files(request(world, "a.parquet", day=date(2024, 3, 1)), world.ground).files
    assert "columns 'id', 'updated_at' are missing. Found: key, updated. Did you mean 'updated'?" in str(file.error)


def test_the_first_files_watermark_has_an_order(make_world):
    world = make_world(primary_key="id")
    world.source.run(CREATE)
    drop(world.bronze_folder, "orders", "a.parquet", parquet_bytes([{"id": 1, "updated_at": "yesterday"}]))
    (file,) = adopt_files(request(world, "a.parquet", day=date(2024, 3, 1)), world.ground).files
    assert "a.parquet: watermark column 'updated_at' has type string; a watermark is" in str(file.error)


# --- rules of the query


@pytest.fixture
def ruled(make_world):
    def make(on_violation, expression="amount >= 0"):
        rule = {"name": "not_negative", "expression": expression, "on_violation": on_violation}
        world = started(make_world(primary_key="id", rules=[rule]))
        put(world, "a.csv", [order(1), order(2, amount="-1"), order(3)])
        return world, adopt(world, "a.csv")

    return make


def test_a_rule_that_lands_counts(ruled):
    world, result = ruled("land")
    (entry,) = result.manifests
    assert (entry.rule_failures, entry.rows_landed) == ({"not_negative": 1}, 3)
    assert len(brought(world)) == 3


def test_a_rule_that_keeps_rows_out_makes_them_dead_letters(ruled):
    world, result = ruled("dead_letter")
    (entry,) = result.manifests
    assert (entry.rows_read, entry.rows_landed, entry.rows_dropped, entry.rule_failures) == (
        3,
        2,
        1,
        {"not_negative": 1},
    )
    (letter,) = world.ground.dead_letters.all()
    assert (letter.kind, '"id": "2"' in letter.rows[0]) == ("rows", True)


def test_a_rule_that_fails_refuses_the_file(ruled):
    world, result = ruled("fail")
    (file,) = result.files
    assert "a.csv: query 'orders': 1 rows break the rule 'not_negative' (amount >= 0)" in str(file.error)
    assert (brought(world), len(world.files())) == ([], 1)


def test_a_rule_that_says_null_is_broken(make_world):
    rule = {"name": "short", "expression": "length(note) < 9", "on_violation": "dead_letter"}
    world = started(make_world(primary_key="id", rules=[rule]))
    put(world, "a.csv", [order(1), order(2, note="long enough"), order(3, note=None)])
    (entry,) = adopt(world, "a.csv").manifests
    assert (entry.rows_landed, entry.rows_dropped) == (1, 2)


def test_a_rule_that_only_the_warehouse_knows_is_named(make_world):
    rule = {"name": "ours", "expression": "our_function(amount)"}
    world = make_world(primary_key="id", rules=[rule])
    world.source.run(CREATE)
    drop(world.bronze_folder, "orders", "a.parquet", parquet_bytes([order(1)]))
    (file,) = adopt_files(request(world, "a.parquet", day=date(2024, 3, 1)), world.ground).files
    assert "a rule of query 'orders' cannot be applied to a dropped file: ours: " in str(file.error)
    assert "our_function" in str(file.error)


# --- once


def test_a_file_with_nothing_new_is_not_looked_into_again(keyed):
    put(keyed, "a.csv", [order(0, "2024-03-01 09:00", amount="5", note="source")])
    assert fates(adopt(keyed, "a.csv")) == {"a.csv": ("adopted", 0, 1)}
    assert fates(adopt(keyed, "a.csv")) == {"a.csv": ("before", 0, 0)}
    assert len(keyed.manifests()) == 2


def test_the_original_stays_and_deleting_it_later_loses_nothing(keyed):
    original = put(keyed, "a.csv", [order(1)])
    before = original.read_bytes(), original.stat().st_mtime_ns
    adopt(keyed, "a.csv")
    assert (original.read_bytes(), original.stat().st_mtime_ns) == before
    original.unlink()
    assert brought(keyed) == [order(1)]
    assert fates(adopt(keyed, "a.csv")) == {"a.csv": ("gone", 0, 0)}


def test_a_withdrawn_file_comes_back_when_it_is_written_again_and_not_before(keyed):
    put(keyed, "a.csv", [order(1)])
    adopt(keyed, "a.csv")
    author = Author(by="somebody", reason="wrong file", identity=ADOPTER)
    record(
        "orders",
        keyed.ground,
        author,
        lambda log: [decision(log, "withdrawal", author, load_day=date(2024, 3, 1), withdraws=2)],
    )
    assert fates(adopt(keyed, "a.csv")) == {"a.csv": ("before", 0, 0)}
    put(keyed, "a.csv", [order(1)])
    assert fates(adopt(keyed, "a.csv")) == {"a.csv": ("adopted", 1, 0)}


def test_a_file_that_cannot_be_adopted_stops_no_other_and_waits_in_the_dead_letters(keyed):
    drop(keyed.bronze_folder, "orders", "bad/a.csv", "id\n1\n")
    put(keyed, "b.csv", [order(1)])
    result = adopt(keyed, "bad/a.csv", "b.csv")
    assert fates(result) == {"bad/a.csv": ("failed", 0, 0), "b.csv": ("adopted", 1, 0)}
    assert result.summary == "1 file adopted: 1 rows new, 0 landed before; 1 in the dead letters"
    (letter,) = keyed.ground.dead_letters.all()
    version = keyed.ground.bronze.arrival("orders", "bad/a.csv").version
    assert dict(letter.request) == {"entity": "orders", "path": "bad/a.csv", "version": version}
    assert (letter.kind, letter.subject, letter.error) == ("arrival", "orders", str(result.files[0].error))


def test_a_second_failure_of_a_file_replaces_the_first(keyed):
    for content in ("id\n1\n", "id,amount\n1,2\n"):
        drop(keyed.bronze_folder, "orders", "a.csv", content)
        adopt(keyed, "a.csv")
    (letter,) = keyed.ground.dead_letters.all()
    assert "columns 'note', 'updated_at' are missing" in letter.error


def test_a_file_of_which_the_reader_knows_nothing_makes_a_dead_letter_too(keyed, monkeypatch):
    put(keyed, "a.csv", [order(1)])
    monkeypatch.setattr("snowpipe_platform.execution.adoption_file.open_dropped", lambda *_: 1 / 0)
    (file,) = adopt(keyed, "a.csv").files
    told = "bronze/orders/arrivals/a.csv cannot be adopted: division by zero. Mend the file and write it again."
    assert (file.fate.value, str(file.error)) == ("failed", told)
    assert len(keyed.ground.dead_letters.all()) == 1


def test_while_another_run_writes_the_entity_nothing_is_adopted(keyed):
    put(keyed, "a.csv", [order(1)])
    with keyed.ground.state.lease("bronze/orders", holder="other"), pytest.raises(LeaseHeldError, match="run other"):
        adopt(keyed, "a.csv")
    assert fates(adopt(keyed, "a.csv")) == {"a.csv": ("adopted", 1, 0)}


def test_a_path_outside_the_arrivals_is_refused(keyed):
    with pytest.raises(LakeError, match="is no path inside"):
        adopt(keyed, "../_log/000000001.json")


def test_a_preview_counts_and_keeps_nothing(ruled):
    world, _ = ruled("dead_letter")
    put(world, "b.csv", [order(1), order(4), order(5, amount="-5")])
    drop(world.bronze_folder, "orders", "c.csv", "id\n1\n")
    before = world.files(), world.manifests(), world.ground.dead_letters.all()
    result = preview(request(world, "a.csv", "b.csv", "c.csv", "d.csv"), world.ground)
    assert fates(result) == {
        "a.csv": ("before", 0, 0),
        "b.csv": ("adopted", 1, 1),
        "c.csv": ("failed", 0, 0),
        "d.csv": ("gone", 0, 0),
    }
    assert (world.files(), world.manifests(), world.ground.dead_letters.all()) == before


# --- how files stand


def test_files_stand_by_the_log_and_the_dead_letters(keyed):
    now = datetime.now(UTC).replace(tzinfo=None)
    put(keyed, "old.csv", [order(1)])
    drop(keyed.bronze_folder, "orders", "bad.csv", "id\n1\n")
    adopt(keyed, "old.csv", "bad.csv")
    put(keyed, "new.csv", [order(2)], age=60)
    put(keyed, "newer.csv", [order(2)], age=30)
    put(keyed, "fresh.csv", [order(3)], age=0)
    put(keyed, "ahead.csv", [order(3)], age=-3600)
    found = look("orders", keyed.ground, now=now)
    assert [one.path for one in found.ready] == ["new.csv", "newer.csv", "ahead.csv"]
    assert [[one.path for one in files] for files in (found.unsettled, found.failed, found.adopted)] == [
        ["fresh.csv"],
        ["bad.csv"],
        ["old.csv"],
    ]
    assert look("orders", keyed.ground, now=now + timedelta(seconds=10)).unsettled == ()
    drop(keyed.bronze_folder, "orders", "bad.csv", "id\n2\n")
    put(keyed, "old.csv", [order(1)])
    assert {"bad.csv", "old.csv"} <= {one.path for one in look("orders", keyed.ground, now=now).ready}

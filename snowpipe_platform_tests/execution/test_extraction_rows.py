"""Which rows reach bronze: nulls, snapshots, rules, changed columns, time zones and types."""

import json
from datetime import date
from decimal import Decimal

import pytest

from snowpipe_platform.errors import ConfigurationError, SchemaChangedError, SourceError
from snowpipe_platform_tests.kit import SmallBatches, bronze_rows, moment, query

ORDERS = "CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP)"
SOME_NULLS = (
    "INSERT INTO orders SELECT i, CASE WHEN i % 10 < 7 THEN TIMESTAMP '2024-03-01 10:00' END FROM range(20) r(i)"
)


@pytest.mark.case("A5")
@pytest.mark.parametrize("key", ["id", None])
@pytest.mark.parametrize(("policy", "landed"), [("exclude", 14), ("include", 20)])
def test_rows_without_a_watermark_follow_the_policy_and_are_counted(make_world, file_format, key, policy, landed):
    world = make_world(
        on_null_watermark=policy, primary_key=key, output_format=file_format, batch_size=3, max_batches=4
    )
    world.source.run(ORDERS, SOME_NULLS)
    first = world.run("2024-03-01")
    assert (first.manifest.rows_landed, first.manifest.rows_null_watermark) == (landed, 6)
    assert first.manifest.null_rows_landed == landed - 14
    world.run("2024-03-02")
    assert len(world.column("id")) == landed
    instants = {row["_instant"] for row in world.rows(platform=True) if row["updated_at"] is None}
    assert instants == ({moment("2024-03-02")} if policy == "include" else set())


@pytest.mark.case("A5")
def test_the_policy_fail_stops_the_run_and_names_the_count(make_world):
    world = make_world(on_null_watermark="fail")
    world.source.run(ORDERS, SOME_NULLS)
    with pytest.raises(SourceError, match="query 'orders': 6 rows have no updated_at, and on_null_watermark is 'fail'"):
        world.run("2024-03-01")
    assert world.manifests() == []
    world.source.run("DELETE FROM orders WHERE updated_at IS NULL")
    assert world.run("2024-03-01").manifest.rows_landed == 14


@pytest.mark.case("A5")
def test_nulls_that_the_sql_hides_are_not_counted(make_world):
    world = make_world(sql="SELECT * FROM (SELECT * FROM orders WHERE updated_at > ?) AS inner_query")
    world.source.run(ORDERS, SOME_NULLS)
    assert world.run("2024-03-01").manifest.rows_null_watermark is None


@pytest.mark.case("A49")
@pytest.mark.parametrize("key", ["id", None])
def test_a_row_without_a_watermark_lands_once_under_many_backfills(make_world, key):
    world = make_world(on_null_watermark="include", primary_key=key)
    world.source.run(ORDERS, "INSERT INTO orders VALUES (1, NULL), (2, '2024-03-05 10:00')")
    world.run("2024-03-05")
    for day in range(1, 5):
        assert world.run(f"2024-03-0{day}", at="2024-03-06").manifest is None
    assert world.column("id") == [1, 2]


CUSTOMERS = "CREATE TABLE customers (id INTEGER, part TEXT, name TEXT)"
FULL = {"name": "customers", "sql": "SELECT * FROM customers", "watermark_column": None, "primary_key": ["id", "part"]}


@pytest.fixture
def customers(make_world, file_format):
    world = make_world(**FULL, output_format=file_format)
    world.source.run(CUSTOMERS, "INSERT INTO customers VALUES (1, 'a', 'Ann'), (1, NULL, 'Bob'), (2, 'a', NULL)")
    return world


def changes(world):
    return [(row["id"], row["part"], row["name"], row["_operation"]) for row in world.rows(platform=True)]


def test_a_snapshot_lands_what_changed_and_a_tombstone_for_what_is_gone(customers):
    customers.run("2024-03-01")
    assert customers.run("2024-03-02").manifest is None
    customers.source.run("UPDATE customers SET name = 'Cid' WHERE part IS NULL", "DELETE FROM customers WHERE id = 2")
    second = customers.run("2024-03-03").manifest
    assert (second.rows_read, second.rows_landed, second.rows_known, second.rows_deleted) == (2, 2, 1, 1)
    assert changes(customers)[3:] == [(1, None, "Cid", "upsert"), (2, "a", None, "delete")]
    deleted = customers.rows(platform=True)[-1]
    assert deleted["_instant"] == moment("2024-03-04")


@pytest.mark.case("A24")
def test_a_deleted_key_has_one_tombstone_however_often_it_is_looked_for_and_may_come_back(customers):
    customers.run("2024-03-01")
    customers.source.run("DELETE FROM customers WHERE id = 2")
    for day in (2, 3, 4):
        customers.run(f"2024-03-0{day}")
    assert [change for change in changes(customers) if change[3] == "delete"] == [(2, "a", None, "delete")]
    customers.source.run("INSERT INTO customers VALUES (2, 'a', NULL)")
    customers.run("2024-03-05")
    customers.run("2024-03-06")
    assert [change[3] for change in changes(customers) if change[0] == 2] == ["upsert", "delete", "upsert"]
    customers.source.run("DELETE FROM customers WHERE id = 2")
    customers.run("2024-03-07")
    assert [change[3] for change in changes(customers) if change[0] == 2] == ["upsert", "delete", "upsert", "delete"]


def test_a_snapshot_value_that_goes_back_to_what_it_was_lands_again(customers):
    for day, name in enumerate(("Ann", "Eve", "Ann"), start=1):
        customers.source.run(f"UPDATE customers SET name = '{name}' WHERE id = 1 AND part = 'a'")
        customers.run(f"2024-03-0{day}")
    assert [change[2] for change in changes(customers) if change[:2] == (1, "a")] == ["Ann", "Eve", "Ann"]


def test_a_key_twice_in_a_snapshot_lands_twice_once(customers):
    customers.source.run("INSERT INTO customers VALUES (1, 'a', 'Zoe')")
    customers.swap(warehouse=SmallBatches(customers.ground.warehouse, 1))
    customers.run("2024-03-01")
    assert customers.run("2024-03-02").manifest is None
    assert len(changes(customers)) == 4


def test_a_snapshot_is_read_whole_whatever_max_batches_says(make_world):
    world = make_world(**FULL, batch_size=1, max_batches=1)
    world.source.run(CUSTOMERS, "INSERT INTO customers SELECT i, 'a', 'x' FROM range(5) r(i)")
    assert world.run("2024-03-01").manifest.complete
    assert len(world.rows()) == 5


def test_a_snapshot_with_a_watermark_column_still_finds_deletes(make_world):
    world = make_world(mode="full", sql="SELECT * FROM orders", primary_key="id")
    world.source.run(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-01'), (2, '2024-03-01')")
    world.run("2024-03-01")
    world.source.run("DELETE FROM orders WHERE id = 2")
    assert world.run("2024-03-02").manifest.rows_deleted == 1


TOTALS = "CREATE TABLE orders (id INTEGER, total INTEGER, updated_at TIMESTAMP)"
POSITIVE = {"name": "positive", "expression": "total >= 0 -- or so", "on_violation": "dead_letter"}
ROUND = {"name": "round", "expression": "total % 10 = 0 OR false", "on_violation": "land"}


@pytest.mark.case("A30")
@pytest.mark.parametrize("key", ["id", None])
def test_rows_read_are_landed_known_or_dropped_on_every_run(make_world, key):
    world = make_world(rules=[POSITIVE, ROUND], lookback="1d", primary_key=key, batch_size=2, max_batches=2)
    rows = [(0, 10), (1, -1), (2, 5), (3, None), (4, 20), (5, -2), (6, 30), (7, 40), (8, 50), (9, 60)]
    world.source.run(TOTALS)
    world.source.insert("orders", [(i, total, moment(f"2024-03-01 1{i}:00")) for i, total in rows])
    world.swap(warehouse=SmallBatches(world.ground.warehouse, 4))
    first, second = (result.manifest for result in world.run_until_complete("2024-03-01"))
    again = world.run("2024-03-02").manifest
    assert world.column("id") == [0, 2, 4, 6, 7, 8, 9]
    assert (first.rows_read, first.rows_landed, first.rows_known, first.rows_dropped) == (7, 4, 0, 3)
    assert first.rule_failures == {"positive": 3, "round": 4}
    assert (second.rows_read, second.rows_landed, second.rows_known, second.rows_dropped) == (10, 3, 4, 3)
    assert (again.rows_read, again.rows_landed, again.rows_known, again.rows_dropped) == (10, 0, 7, 3)
    letters = world.ground.dead_letters.all()
    assert sorted(json.loads(letter.rows[0])["id"] for letter in letters) == ["1", "3", "5"]


@pytest.mark.parametrize("key", ["id", None])
def test_a_row_that_is_landed_is_no_dead_letter_when_a_rule_is_tightened(make_world, key):
    world = make_world(lookback="1d", primary_key=key)
    world.source.run(TOTALS, "INSERT INTO orders VALUES (1, -1, '2024-03-01')")
    world.run("2024-03-01")
    world.source.run("INSERT INTO orders VALUES (2, -2, '2024-03-01')")
    tightened = query(rules=[POSITIVE], lookback="1d", primary_key=key)
    again = world.run("2024-03-02", query=tightened).manifest
    assert (again.rows_read, again.rows_landed, again.rows_known, again.rows_dropped) == (2, 0, 1, 1)
    assert [json.loads(letter.rows[0])["id"] for letter in world.ground.dead_letters.all()] == ["2"]


def test_a_row_of_a_snapshot_that_a_rule_keeps_out_is_not_gone(customers):
    customers.run("2024-03-01")
    customers.source.run("UPDATE customers SET name = 'Cid' WHERE part IS NULL")
    named = {"name": "short", "expression": "length(name) < 3", "on_violation": "dead_letter"}
    second = customers.run("2024-03-02", query=query(**FULL, rules=[named])).manifest
    assert second is None
    assert [change[3] for change in changes(customers)] == ["upsert"] * 3
    assert [json.loads(letter.rows[0])["name"] for letter in customers.ground.dead_letters.all()] == ["Cid"]


def test_a_rule_that_fails_stops_before_anything_is_landed(make_world):
    world = make_world(rules=[{**POSITIVE, "on_violation": "fail"}])
    world.source.run(TOTALS, "INSERT INTO orders VALUES (1, -1, '2024-03-01'), (2, 1, '2024-03-01')")
    with pytest.raises(SourceError, match=r"query 'orders': 1 rows break the rule 'positive' \(total >= 0"):
        world.run("2024-03-01")
    assert (world.manifests(), world.files()) == ([], [])


@pytest.mark.case("A51")
@pytest.mark.parametrize("key", ["id", None])
@pytest.mark.parametrize("filled", ["NULL", "'gift'"])
def test_a_column_added_under_lookback_lands_no_row_again(make_world, file_format, key, filled):
    world = make_world(lookback="9d", primary_key=key, output_format=file_format)
    world.source.run(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-01'), (2, '2024-03-01')")
    world.run("2024-03-01")
    world.source.run("ALTER TABLE orders ADD COLUMN note TEXT", f"UPDATE orders SET note = {filled}")
    assert world.run("2024-03-02").manifest.rows_known == 2
    world.source.run("INSERT INTO orders VALUES (3, '2024-03-03', 'new')")
    world.run("2024-03-03")
    world.run("2024-03-04")
    assert world.column("id") == [1, 2, 3]


@pytest.mark.case("A11")
def test_evolve_adds_and_widens_and_records_it(make_world, file_format):
    world = make_world(lookback="9d", primary_key="id", output_format=file_format)
    world.source.run(
        "CREATE TABLE orders (id INTEGER, price FLOAT, day DATE, total DECIMAL(5,1), updated_at TIMESTAMP)"
    )
    world.source.run("INSERT INTO orders VALUES (1, 0.1, '2024-03-01', 2.5, '2024-03-01')")
    world.run("2024-03-01")
    world.source.run(
        "ALTER TABLE orders ALTER id TYPE BIGINT",
        "ALTER TABLE orders ALTER price TYPE DOUBLE",
        "ALTER TABLE orders ALTER day TYPE TIMESTAMP",
        "ALTER TABLE orders ALTER total TYPE DECIMAL(9,3)",
        "ALTER TABLE orders ADD COLUMN note TEXT",
        "INSERT INTO orders VALUES (2, 0.2, '2024-03-02', 7.125, '2024-03-02', 'x')",
    )
    second = world.run("2024-03-02").manifest
    assert (second.rows_landed, second.rows_known) == (1, 1)
    assert second.schema_changes == (
        "id widened to int64, was int32",
        "price widened to float64, was float32",
        "day widened to timestamp(6), was date",
        "total widened to decimal(9, 3), was decimal(5, 1)",
        "note is new (string)",
    )


@pytest.mark.case("A11")
@pytest.mark.parametrize(
    ("policy", "change", "message"),
    [
        ("evolve", "ALTER TABLE orders DROP COLUMN total", "total is gone"),
        ("evolve", "ALTER TABLE orders RENAME COLUMN total TO sum", "total is gone"),
        ("evolve", "ALTER TABLE orders ALTER total TYPE TEXT", "total became string, was int32"),
        ("freeze", "ALTER TABLE orders ADD COLUMN note TEXT", "note is new"),
        ("freeze", "ALTER TABLE orders ALTER total TYPE BIGINT", "total widened to int64"),
        ("discard", "ALTER TABLE orders DROP COLUMN total", "total is gone"),
    ],
)
def test_a_breaking_change_stops_before_anything_is_written(make_world, policy, change, message):
    world = make_world(on_schema_change=policy)
    world.source.run(TOTALS, "INSERT INTO orders VALUES (1, 1, '2024-03-01')")
    world.run("2024-03-01")
    before = (world.manifests(), world.files())
    world.source.run(change, "INSERT INTO orders BY NAME SELECT 2 AS id, TIMESTAMP '2024-03-02' AS updated_at")
    with pytest.raises(SchemaChangedError, match=f"query 'orders': the source's columns changed: .*{message}"):
        world.run("2024-03-02")
    assert (world.manifests(), world.files()) == before


@pytest.mark.case("A11")
def test_discard_leaves_new_columns_out_and_says_so(make_world):
    world = make_world(on_schema_change="discard")
    world.source.run(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-01')")
    world.run("2024-03-01")
    world.source.run("ALTER TABLE orders ADD COLUMN note TEXT", "INSERT INTO orders VALUES (2, '2024-03-02', 'x')")
    assert world.run("2024-03-02").manifest.schema_changes == ("note is new (string); left out",)
    assert world.rows()[-1] == {"id": 2, "updated_at": moment("2024-03-02")}


@pytest.mark.case("A3")
def test_instants_do_not_depend_on_the_time_zone_of_the_machine(make_world, monkeypatch):
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    world = make_world()
    world.source.run("CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP, seen_at TIMESTAMPTZ)")
    world.source.run(
        "INSERT INTO orders VALUES (1, '2024-03-01 23:30', '2024-03-01 12:00:00+05:30'), "
        "(2, '2024-03-01 09:00', '2024-03-01 01:00:00-08:00')"
    )
    world.run("2024-03-01")
    assert [row["seen_at"] for row in world.rows()] == [moment("2024-03-01 09:00"), moment("2024-03-01 06:30")]


@pytest.mark.case("A7")
def test_a_watermark_with_an_offset_compares_as_an_instant(make_world):
    world = make_world()
    world.source.run("CREATE TABLE orders (id INTEGER, updated_at TIMESTAMPTZ)")
    world.source.run("INSERT INTO orders VALUES (1, '2024-03-02 01:00:00+02:00'), (2, '2024-03-01 20:00:00-05:00')")
    world.run("2024-03-01", at="2024-03-02")
    assert world.rows() == [{"id": 1, "updated_at": moment("2024-03-01 23:00")}]


def test_local_time_becomes_utc_by_its_declared_zone(make_world):
    world = make_world(time_zones={"ORDERED_AT": "Europe/London"})
    world.source.run("CREATE TABLE orders (ordered_at TIMESTAMP, updated_at TIMESTAMP)")
    local = ["2024-01-15 12:00", "2024-07-15 12:00", "2024-03-31 01:30", "2024-10-27 01:30"]
    world.source.insert("orders", [(moment(text), moment(f"2024-11-0{i + 1}")) for i, text in enumerate(local)])
    world.run("2024-11-05")
    utc = ["2024-01-15 12:00", "2024-07-15 11:00", "2024-03-31 01:00", "2024-10-27 00:30"]
    assert [row["ordered_at"] for row in world.rows()] == [moment(text) for text in utc]


@pytest.mark.parametrize(("column", "message"), [("updated_at", "repeats an hour a year"), ("id", "is no timestamp")])
def test_a_zone_for_the_watermark_or_for_no_timestamp_is_refused(make_world, column, message):
    world = make_world(time_zones={column: "Europe/London"})
    world.source.run(ORDERS)
    with pytest.raises(ConfigurationError, match=message):
        world.run("2024-03-01")


@pytest.mark.parametrize("name", ["source_system", "_instant", "load_day", "_rule_x"])
def test_a_name_of_the_platform_is_refused(make_world, name):
    world = make_world()
    world.source.run(f'CREATE TABLE orders (updated_at TIMESTAMP, "{name}" TEXT)')
    with pytest.raises(SourceError, match=f"query 'orders': .*'{name}'"):
        world.run("2024-03-01")


def test_names_of_the_engine_are_free(make_world, file_format):
    world = make_world(primary_key="key", lookback="1d", output_format=file_format)
    names = ["key", "hash", "mark", "filename", "newest", "deleted", "number", "path", "content", "copies", "_key"]
    world.source.run(f"CREATE TABLE orders ({', '.join(f'{name} TEXT' for name in names)}, updated_at TIMESTAMP)")
    world.source.insert("orders", [(*names, moment("2024-03-01"))])
    world.run("2024-03-01")
    world.run("2024-03-02")
    (row,) = world.rows()
    assert all(row[name] == name for name in names)


# Column, its type, and its value in each of four rows.
TYPED = [
    ("id", "INTEGER", 1, 2, 3, 4),
    ("big", "DECIMAL(38,0)", 10**37 + 1, -(10**37) - 1, None, 0),
    ("small", "DECIMAL(38,8)", "0.00000001", "-1234567890.12345678", None, "0"),
    ("tiny", "TINYINT", -128, 127, None, 0),
    ("wide", "UBIGINT", 2**64 - 1, 0, None, 1),
    ("real", "FLOAT", 0.1, float("inf"), None, 1e38),
    ("price", "DOUBLE", 0.1, float("nan"), -0.0, 1.7976931348623157e308),
    ("paid", "BOOLEAN", True, False, None, True),
    ("day", "DATE", "9999-12-31", "0001-01-01", None, "1900-01-01"),
    ("noon", "TIMESTAMP", "9999-12-31 23:59:59.999999", "0001-01-01 00:00:00", None, "1969-12-31 23:59:59.999999"),
    ("raw", "BLOB", b"\x00\xff", b"", None, b"\n"),
    ("text", "TEXT", 'ß İ 😀 "quoted" \\ \x00', "line\nbreak\r\n\u2028tab\t", "", " "),
    ("tags", "INTEGER[]", [1, 2], [], None, [None]),
    ("shape", "STRUCT(a INTEGER, b TEXT)", {"a": 1, "b": "x"}, {"a": None, "b": ""}, None, {"a": 2**31 - 1, "b": None}),
    ("clock", "TIME", "10:00:00", "00:00:00", None, "23:59:59.999999"),
    ("ident", "UUID", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000", None, None),
    ("huge", "HUGEINT", -(10**37), 0, None, 5),
]


@pytest.mark.case("A6")
def test_types_survive_and_are_the_same_in_parquet_and_json_lines(make_world):
    world = make_world(primary_key="id", lookback="9d")
    columns = ", ".join(f"{name} {dtype}" for name, dtype, *_ in TYPED)
    values = {name: column for name, _, *column in TYPED}
    world.source.run(f"CREATE TABLE orders ({columns}, updated_at TIMESTAMP)")
    rows = zip(*values.values(), strict=True)
    world.source.insert("orders", [(*row, moment(f"2024-03-01 0{row[0]}:00")) for row in rows])
    world.run("2024-03-01")
    as_json = query(name="copies", output_format="json", primary_key="id", lookback="9d")
    world.run("2024-03-01", query=as_json)
    in_parquet, in_json = world.rows(platform=True), bronze_rows(world.bronze_folder, "copies")
    assert [list(map(repr, row.items())) for row in in_json] == [list(map(repr, row.items())) for row in in_parquet]
    first, second, third, _ = in_parquet
    assert (first["big"], first["small"], first["wide"]) == (
        Decimal(10**37 + 1),
        Decimal("0.00000001"),
        Decimal(2**64 - 1),
    )
    assert (first["day"], first["noon"]) == (date(9999, 12, 31), moment("9999-12-31 23:59:59.999999"))
    assert (first["raw"], first["text"], first["paid"]) == (b"\x00\xff", values["text"][0], True)
    assert (json.loads(first["tags"]), json.loads(first["shape"])) == ([1, 2], {"a": 1, "b": "x"})
    assert (second["text"], str(second["price"]), second["huge"]) == (values["text"][1], "nan", Decimal(0))
    assert {name for name, value in third.items() if value is not None and not name.startswith("_")} >= {"id", "text"}
    for declared in (world.query, as_json):
        again = world.run("2024-03-02", query=declared).manifest
        assert (again.rows_landed, again.rows_known) == (0, 4), "a type is not read back as it was written"


@pytest.mark.case("A6")
def test_a_column_has_one_parquet_type_whatever_a_batch_holds(make_world):
    world = make_world(batch_size=1)
    world.source.run("CREATE TABLE orders (n DECIMAL(38,0), updated_at TIMESTAMP)")
    world.source.insert("orders", [(1, moment("2024-03-01 01:00")), (10**37 + 1, moment("2024-03-01 02:00"))])
    world.run("2024-03-01")
    assert world.column("n") == [Decimal(1), Decimal(10**37 + 1)]
    (manifest,) = world.manifests()
    assert manifest["columns"][0] == {"name": "n", "type": "decimal(38, 0)"}


def test_an_empty_snapshot_commits_its_columns_once(make_world):
    world = make_world(mode="full", watermark_column=None, primary_key="id", sql="SELECT * FROM orders")
    world.source.run(ORDERS)
    world.run("2024-03-01")
    world.run("2024-03-02")
    assert [(manifest["number"], manifest["rows_landed"]) for manifest in world.manifests()] == [(1, 0)]


@pytest.mark.case("A51")
@pytest.mark.parametrize("key", ["id", None])
def test_of_a_row_that_landed_with_the_new_column_its_change_lands(make_world, file_format, key):
    world = make_world(lookback="9d", primary_key=key, output_format=file_format)
    world.source.run(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-01')")
    world.run("2024-03-01")
    world.source.run("ALTER TABLE orders ADD COLUMN note TEXT", "INSERT INTO orders VALUES (2, '2024-03-02', 'one')")
    world.run("2024-03-02")
    world.source.run("UPDATE orders SET note = 'two' WHERE id = 2")
    assert world.run("2024-03-03").manifest.rows_landed == 1
    assert sorted((row["id"], row.get("note")) for row in world.rows()) == [(1, None), (2, "one"), (2, "two")]
    world.run("2024-03-04")
    assert len(world.rows()) == 3


@pytest.mark.case("A51")
def test_without_a_key_copies_are_counted_among_those_that_landed_with_the_column_and_before_it(make_world):
    world = make_world(lookback="9d", primary_key=None)
    world.source.run(ORDERS, "INSERT INTO orders VALUES (1, '2024-03-01'), (1, '2024-03-01')")
    world.run("2024-03-01")
    world.source.run(
        "ALTER TABLE orders ADD COLUMN note TEXT",
        "INSERT INTO orders VALUES (1, '2024-03-01', 'x'), (1, '2024-03-01', 'x'), (1, '2024-03-01', 'y')",
    )
    world.run("2024-03-02")
    world.run("2024-03-03")
    assert len(world.rows()) == 5
    world.source.run("INSERT INTO orders VALUES (1, '2024-03-01', 'y')")
    assert world.run("2024-03-04").manifest.rows_landed == 1


@pytest.mark.case("A11")
def test_a_snapshots_new_column_lands_with_every_row_that_has_a_value_and_its_changes_afterwards(
    make_world, file_format
):
    world = make_world(
        sql="SELECT * FROM orders", watermark_column=None, primary_key="id", mode="full", output_format=file_format
    )
    world.source.run("CREATE TABLE orders (id INTEGER)", "INSERT INTO orders VALUES (1), (2)")
    world.run("2024-03-01")
    world.source.run("ALTER TABLE orders ADD COLUMN price INTEGER")
    added = world.run("2024-03-02").manifest
    assert (added.rows_landed, added.files, added.column_names) == (0, (), ("id", "price"))
    world.source.run("UPDATE orders SET price = 10 WHERE id = 1")
    assert world.run("2024-03-03").manifest.rows_landed == 1
    world.source.run("UPDATE orders SET price = 11 WHERE id = 1")
    assert world.run("2024-03-04").manifest.rows_landed == 1
    assert world.run("2024-03-05").manifest is None
    assert [(row["id"], row.get("price")) for row in world.rows()] == [(1, None), (2, None), (1, 10), (1, 11)]

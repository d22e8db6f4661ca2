"""Rows that a rule kept out are landed after all: as they were read, once, and only if the rules let them in."""

import json
from datetime import date

import pytest

from snowpipe_platform.errors import LakeError, SourceError
from snowpipe_platform.execution import stored_rules
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.letter_rows import land_rows, plan_rows
from snowpipe_platform.execution.withdrawal import carry_out
from snowpipe_platform.spec.bronze_log import incomplete_days
from snowpipe_platform.spec.extraction import QueryRule
from snowpipe_platform_tests.kit import Faulty, Killed, bronze_rows

ANN = Author(by="ann", reason="refunds are fine", identity=RunIdentity(run_id="cli-1", job="test"))
ORDERS = "CREATE TABLE orders (id INTEGER, total DECIMAL(9, 2), updated_at TIMESTAMP_NS)"
STRICT = {"name": "positive", "expression": "total >= 0", "on_violation": "dead_letter"}
BOTH = pytest.mark.parametrize("world", ["id", None], ids=["with key", "without key"], indirect=True)
LENIENT = {**STRICT, "expression": "total >= -10"}


@pytest.fixture(params=["id"])
def world(request, make_world):
    """Two orders are landed, and two kept out for a total below zero."""
    world = make_world(primary_key=request.param, rules=[STRICT], lookback="9d")
    world.source.run(
        ORDERS,
        "INSERT INTO orders VALUES (1, 5, '2024-03-01 10:00'), (2, -5, '2024-03-01 11:00:00.123456789'),"
        "(3, -50, '2024-03-01 12:00'), (4, 7, '2024-03-01 13:00')",
    )
    world.run("2024-03-01")
    return world


def with_rule(world, rule):
    return world.query.model_copy(update={"rules": (QueryRule(**rule),) if rule else ()})


def retry(world, *, rule=STRICT, anyway=False, letters=None):
    waiting = world.ground.dead_letters.all() if letters is None else letters
    fates = land_rows(with_rule(world, rule), waiting, world.ground, ANN, anyway=anyway)
    return {int(json.loads(fate.letter.rows[0])["id"]): (fate.outcome, fate.reason) for fate in fates}


def waiting(world):
    return sorted(json.loads(letter.rows[0])["id"] for letter in world.ground.dead_letters.all())


@pytest.mark.case("A31")
@BOTH
def test_a_row_that_meets_the_rules_now_is_landed_and_one_that_does_not_waits(world):
    assert retry(world, rule=LENIENT) == {2: ("landed", ""), 3: ("kept", "still breaks positive")}
    assert world.column("id") == [1, 2, 4]
    assert waiting(world) == ["3"]
    assert retry(world, anyway=True) == {3: ("landed", "")}
    assert (world.column("id"), waiting(world)) == ([1, 2, 3, 4], [])


def as_extracted(world, entity="orders"):
    """Rows with all the platform knows of them but their place in the extraction."""
    rows = bronze_rows(world.bronze_folder, entity)
    told = [{name: repr(value) for name, value in row.items() if name != "_row_number"} for row in rows]
    return sorted(told, key=lambda row: row["id"])


def again(world, **changes):
    """The same query without rules, into a log of its own."""
    return world.query.model_copy(update={"rules": (), "name": "again", "entity": "again", **changes})


def test_it_is_the_row_an_extraction_would_have_landed(world):
    retry(world, anyway=True)
    world.run("2024-03-01", query=again(world))
    assert as_extracted(world) == as_extracted(world, "again")


def test_every_type_is_landed_exactly(make_world, file_format):
    world = make_world(primary_key=None, rules=[{**STRICT, "expression": "false"}], output_format=file_format)
    world.source.run(
        """CREATE TABLE orders (id INTEGER, big HUGEINT, price DECIMAL(38, 8), day DATE, seen_at TIMESTAMP_NS,
        zoned TIMESTAMPTZ, paid BOOLEAN, share DOUBLE, small FLOAT, raw BLOB, text VARCHAR, list INTEGER[], spent TIME,
        updated_at TIMESTAMP)""",
        """INSERT INTO orders VALUES
        (1, 170141183460469231731687303715884105727 // 100, 0.00000001, '9999-12-31', '1969-12-31 23:59:59.999999999',
         '2024-03-01 10:00:00+05:30', true, 'nan', 0.1, '\\x00\\xFF', 'ß "quoted" \n', [1, NULL], '10:00:00.5',
         '2024-03-01'),
        (2, NULL, NULL, '0001-01-01', '2262-01-01', '1900-01-01 00:00:00+00', false, '-0.0', '-inf', '', '', [], NULL,
         '2024-03-01'),
        (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2024-03-01')""",
    )
    world.run("2024-03-01")
    assert (world.rows(), len(waiting(world))) == ([], 3)
    retry(world, anyway=True)
    world.run("2024-03-01", query=again(world))
    assert as_extracted(world) == as_extracted(world, "again")
    assert world.run("2024-03-01", query=with_rule(world, None)).manifest is None


@BOTH
@pytest.mark.parametrize("rule", [LENIENT, STRICT], ids=["a rule it meets", "a rule it breaks"])
def test_an_extraction_afterwards_lands_no_row_twice_and_keeps_none_out(world, rule):
    retry(world, anyway=True)
    again = world.run("2024-03-02", query=with_rule(world, rule)).manifest
    assert (again.rows_read, again.rows_known, again.rows_dropped) == (4, 4, 0)
    assert (world.column("id"), waiting(world)) == ([1, 2, 3, 4], [])


@pytest.mark.case("A31")
def test_a_row_that_an_extraction_landed_meanwhile_is_known(world):
    letters = world.ground.dead_letters.all()
    world.run("2024-03-02", query=with_rule(world, None))
    assert retry(world, letters=letters) == {2: ("known", ""), 3: ("known", "")}
    assert (world.column("id"), waiting(world)) == ([1, 2, 3, 4], [])


@pytest.mark.case("A31")
@pytest.mark.parametrize("step", ["commit", "advance_watermark", "close"])
def test_after_a_crash_at_any_step_the_next_retry_makes_the_rows_exact(world, step):
    whole = world.ground
    part = {"commit": "bronze", "advance_watermark": "state", "close": "dead_letters"}[step]
    world.swap(**{part: Faulty(getattr(whole, part), Killed(), {step: [1]})})
    if step == "advance_watermark":
        whole.state.advance_watermark("orders", expected=whole.state.watermark("orders"), new="2024-03-01T00:00:00")
    with pytest.raises(Killed):
        retry(world, anyway=True)
    world.ground = whole
    retry(world, anyway=True)
    assert (world.column("id"), waiting(world)) == ([1, 2, 3, 4], [])
    world.run("2024-03-02")
    assert world.files() == sorted(file["path"] for manifest in world.manifests() for file in manifest["files"])


def test_each_row_is_landed_for_the_load_day_that_read_it_last(make_world):
    world = make_world(primary_key="id", rules=[STRICT])
    world.source.run(ORDERS)
    for day, orders in (
        (1, "(1, -1, '2024-03-01 10:00'), (2, -1, '2024-03-01 11:00:00.5')"),
        (2, "(3, -1, '2024-03-02')"),
    ):
        world.source.run(f"INSERT INTO orders VALUES {orders}")
        world.run(f"2024-03-0{day}")
    retry(world, anyway=True)
    entries = world.ground.bronze.log("orders")[-2:]
    assert [(e.kind, e.load_day, e.rows_landed, e.by, e.reason) for e in entries] == [
        ("extraction", date(2024, 3, 1), 2, "ann", "refunds are fine"),
        ("extraction", date(2024, 3, 2), 1, "ann", "refunds are fine"),
    ]
    assert [(f.watermark_min, f.watermark_max) for f in entries[0].files] == [
        ("2024-03-01T10:00:00.000000", "2024-03-01T11:00:00.500000")
    ]
    assert world.ground.state.watermark("orders") == "2024-03-03T00:00:00.000000"


def test_who_landed_them_is_kept_with_the_letters(world):
    retry(world, rule=LENIENT)
    (closed,) = world.ground.dead_letters.closed()
    assert (closed.closing.outcome, closed.closing.by, closed.closing.reason) == ("landed", "ann", "refunds are fine")


def test_a_day_that_was_cut_short_stays_so(make_world):
    world = make_world(rules=[STRICT], batch_size=1, max_batches=1)
    world.source.run(
        ORDERS,
        "INSERT INTO orders VALUES (1, -1, '2024-03-01'), (2, 1, '2024-03-01 01:00'), (3, 1, '2024-03-01 02:00')",
    )
    world.run("2024-03-01")
    retry(world, anyway=True)
    assert incomplete_days(world.ground.bronze.log("orders")) == [date(2024, 3, 1)]
    world.run_until_complete("2024-03-01")
    assert world.column("id") == [1, 2, 3]


def test_rows_withdrawn_after_they_were_landed_wait_again_when_they_are_read(world):
    retry(world, anyway=True)
    carry_out("orders", 2, ANN, world.ground)
    assert world.counted("id") == [(1,), (4,)]
    world.run("2024-03-02")
    assert (world.counted("id"), waiting(world)) == ([(1,), (4,)], ["2", "3"])


def test_files_are_cut_at_batch_size(make_world, monkeypatch):
    monkeypatch.setattr(stored_rules, "ROWS_PER_STATEMENT", 2)
    world = make_world(rules=[STRICT], batch_size=2)
    world.source.run(ORDERS, "INSERT INTO orders SELECT i, i - 20, TIMESTAMP '2024-03-01' FROM range(20) r(i)")
    world.run("2024-03-01")
    found = retry(world, rule=LENIENT)
    assert {order for order, (outcome, _) in found.items() if outcome == "landed"} == set(range(10, 20))
    assert [file["rows"] for file in world.manifests()[-1]["files"]] == [2] * 5
    assert sorted(row["_row_number"] for row in world.rows(platform=True)) == list(range(10))


SNAPSHOT = {"mode": "full", "watermark_column": None, "sql": "SELECT * FROM orders", "primary_key": "id"}


@pytest.fixture
def snapshot(make_world):
    """Of three orders one is kept out."""
    world = make_world(**SNAPSHOT, rules=[STRICT])
    world.source.run(
        "CREATE TABLE orders (id INTEGER, total INTEGER)", "INSERT INTO orders VALUES (1, 5), (2, -5), (3, 7)"
    )
    world.run("2024-03-01")
    return world


@pytest.mark.parametrize("rule", [None, STRICT], ids=["let in", "kept out"])
def test_a_row_of_a_snapshot_is_landed_and_known_to_the_next(snapshot, rule):
    assert retry(snapshot, anyway=True) == {2: ("landed", "")}
    assert snapshot.run("2024-03-02", query=with_rule(snapshot, rule)).manifest is None
    assert sorted((row["id"], row["_operation"]) for row in snapshot.rows(platform=True)) == [
        (1, "upsert"),
        (2, "upsert"),
        (3, "upsert"),
    ]
    snapshot.source.run("DELETE FROM orders WHERE id = 2")
    assert snapshot.run("2024-03-03").manifest.rows_deleted == 1


@pytest.mark.parametrize(
    "later",
    ["UPDATE orders SET total = 6 WHERE id = 2", "UPDATE orders SET total = 6 WHERE id = 2; DELETE FROM orders"],
)
def test_a_row_of_a_snapshot_whose_key_has_a_later_state_is_not_landed_over_it(snapshot, later):
    for day, statement in enumerate(later.split("; "), start=2):
        snapshot.source.run(statement)
        snapshot.run(f"2024-03-0{day}")
    before = snapshot.rows()
    assert retry(snapshot, anyway=True) == {2: ("kept", "a later snapshot landed another state of its key")}
    assert (snapshot.rows(), waiting(snapshot)) == (before, ["2"])


@pytest.mark.parametrize(
    ("table", "values", "keys", "reason"),
    [
        (
            "tags INTEGER[]",
            "[1]",
            {"rule": "len(tags) > 1"},
            "cannot be judged by r: bronze keeps tags in another form",
        ),
        (
            "local_at TIMESTAMP",
            "'2024-03-01 10:00'",
            {"rule": "local_at > TIMESTAMP '2024-04-01'", "time_zones": {"local_at": "Europe/Oslo"}},
            "cannot be judged by r: bronze keeps local_at in another form",
        ),
        (
            "zoned TIMESTAMPTZ",
            "'2024-03-01 10:00:00+02'",
            {"rule": "zoned > TIMESTAMPTZ '2024-04-01'"},
            "still breaks r",
        ),
        ("n INTEGER", "NULL", {"rule": "n > 0"}, "still breaks r"),
        ("n INTEGER", "1", {"rule": "1 = 0"}, "still breaks r"),
        ('"Odd Name" VARCHAR', "'x'", {"rule": "\"Odd Name\" = 'y'"}, "still breaks r"),
    ],
)
def test_a_rule_is_judged_by_the_source_where_it_can_be(make_world, table, values, keys, reason):
    rule, zones = keys["rule"], keys.get("time_zones", {})
    world = make_world(rules=[{"name": "r", "expression": rule, "on_violation": "dead_letter"}], time_zones=zones)
    world.source.run(
        f"CREATE TABLE orders (id INTEGER, {table}, updated_at TIMESTAMP)",
        f"INSERT INTO orders VALUES (1, {values}, '2024-03-01')",
    )
    world.run("2024-03-01")
    plan = plan_rows(
        world.query, world.ground.dead_letters.all(), world.ground.bronze.log("orders"), world.ground, anyway=False
    )
    assert [(fate.outcome, fate.reason) for fate in plan.fates] == [("kept", reason)]


def test_a_rule_whose_column_is_gone_is_the_sources_error(world):
    with pytest.raises(SourceError, match="refused the query"):
        retry(world, rule={**STRICT, "expression": "gone > 0"})
    assert waiting(world) == ["2", "3"]


def test_a_column_that_only_a_withdrawn_extraction_had_is_not_landed(make_world):
    world = make_world(rules=[STRICT], lookback="9d")
    world.source.run(ORDERS, "INSERT INTO orders VALUES (1, 5, '2024-03-01')")
    world.run("2024-03-01")
    world.source.run(
        "ALTER TABLE orders ADD COLUMN oops INTEGER",
        "INSERT INTO orders VALUES (2, -5, '2024-03-02', 9), (3, 5, '2024-03-02', 9)",
    )
    world.run("2024-03-02")
    carry_out("orders", 2, ANN, world.ground)
    assert retry(world, anyway=True) == {2: ("kept", "has columns that bronze does not keep any more: oops")}
    assert world.counted("id") == [(1,)]


def test_before_an_extraction_counts_there_is_nothing_to_join(world):
    carry_out("orders", 1, ANN, world.ground)
    with pytest.raises(LakeError, match=r"query 'orders' has landed nothing its rows could join\. Run 'snowpipe run'"):
        retry(world, anyway=True)

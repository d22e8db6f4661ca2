"""A person sets the live watermark: what runs read after that, and what is refused."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from snowpipe_platform.errors import CommitConflictError, ConfigurationError, LakeError
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.watermark_moves import carry_out, plan_rewind, plan_set
from snowpipe_platform_tests.kit import Faulty, Killed, SmallBatches, World, moment, query

ANN = Author(by="ann", reason="a load of test rows", identity=RunIdentity(run_id="cli-1", job="test"))
ORDERS = "CREATE TABLE orders (id INTEGER, updated_at TIMESTAMP)"


def one_day(world):
    """One order an hour, from midnight of 2024-03-01 to noon of the 2nd; its id is the hour. The first day is landed,
    with half a day of lookback."""
    world.source.run(
        ORDERS, "INSERT INTO orders SELECT i, TIMESTAMP '2024-03-01' + INTERVAL (i) HOUR FROM range(37) r(i)"
    )
    world.run("2024-03-01")
    world.source.set_clock("2024-03-02 13:00")
    return world


@pytest.fixture
def world(make_world):
    return one_day(make_world(primary_key="id", lookback="12h"))


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """Nothing changes it any more."""
    return one_day(World(tmp_path_factory.mktemp("settled"), query(primary_key="id", lookback="12h")))


def set_to(world, text, author=ANN):
    move = plan_set(world.query, text, world.ground)
    return move, carry_out(world.query, move, author, world.ground)


def rewind(world, *, to=None, by=None):
    move = plan_rewind(world.query, world.ground, to=to, by=by)
    return move, carry_out(world.query, move, ANN, world.ground)


def test_set_forward_skips_exactly_what_lies_between(world):
    move, _ = set_to(world, "2024-03-02T06:00:00")
    assert (move.before, move.to, move.is_forward, move.rows) == (
        datetime(2024, 3, 2),
        datetime(2024, 3, 2, 6),
        True,
        6,
    )
    assert move.start == datetime(2024, 3, 1, 18)
    for hour in (13, 16):
        world.source.run(f"INSERT INTO orders VALUES ({hour + 24}, '2024-03-02 {hour}:00')")
        world.run("2024-03-02", at=f"2024-03-02 {hour + 1}:00")
    assert world.column("id") == [*range(24), *range(30, 38), 40]


def test_a_run_that_looks_back_behind_what_was_skipped_takes_late_rows_from_before_it(world):
    set_to(world, "2024-03-02T06:00:00")
    world.source.run("INSERT INTO orders VALUES (100, '2024-03-01 20:00'), (101, '2024-03-02 03:00')")
    world.run("2024-03-02", at="2024-03-02 13:00")
    assert world.column("id") == [*range(24), *range(30, 37), 100]


@pytest.mark.parametrize("day", ["2024-03-01", "2024-03-02"])
def test_a_run_of_a_load_day_does_not_read_what_was_skipped_of_it(world, day):
    world.source.set_clock("2024-03-03")
    set_to(world, "2024-03-03")
    world.run(day, at="2024-03-03 01:00")
    assert world.column("id") == list(range(24))
    world.source.run("INSERT INTO orders VALUES (48, '2024-03-03 00:00')")
    world.run("2024-03-03", at="2024-03-03 02:00")
    assert world.column("id") == [*range(24), 48]


def test_what_was_skipped_is_cut_by_max_batches_on_both_sides_of_it(world):
    set_to(world, "2024-03-02T06:00:00")
    world.source.run("INSERT INTO orders VALUES (100, '2024-03-01 20:00'), (101, '2024-03-01 21:00')")
    world.swap(warehouse=SmallBatches(world.ground.warehouse, 2))
    cut = query(primary_key="id", lookback="12h", batch_size=1, max_batches=1)
    results = world.run_until_complete("2024-03-02", at="2024-03-02 13:00", query=cut)
    assert {result.manifest.rows_landed for result in results} == {1}
    assert world.column("id") == [*range(24), *range(30, 37), 100, 101]


@pytest.mark.parametrize("key", ["id", None], ids=["with key", "without key"])
def test_rewind_reads_again_and_lands_nothing_twice(make_world, key):
    world = one_day(make_world(primary_key=key, lookback="12h"))
    move, _ = rewind(world, by="18h")
    assert (move.to, move.start, move.is_forward, move.rows) == (
        datetime(2024, 3, 1, 6),
        datetime(2024, 2, 29, 18),
        False,
        24,
    )
    world.source.run("INSERT INTO orders VALUES (100, '2024-03-01 01:00')")
    manifest = world.run("2024-03-02", at="2024-03-02 13:00").manifest
    assert (manifest.rows_landed, manifest.rows_known) == (14, 24)
    assert world.column("id") == [*range(37), 100]
    assert world.ground.state.watermark("orders") == "2024-03-02T13:00:00.000000"


def test_rewound_into_what_was_skipped_it_is_read_after_all(world):
    set_to(world, "2024-03-02T06:00:00")
    world.run("2024-03-02", at="2024-03-02 13:00")
    rewind(world, to="2024-03-02 03:00")
    world.run("2024-03-02", at="2024-03-02 13:30")
    assert world.column("id") == [*range(24), *range(27, 37)]
    rewind(world, to="2024-03-02")
    world.run("2024-03-02", at="2024-03-02 14:00")
    assert world.column("id") == list(range(37))


def test_the_entry_says_who_and_why_and_the_index_follows(world):
    _, entry = set_to(world, "2024-03-02T06:00:00+01:00")
    assert (entry.kind, entry.number, entry.by, entry.reason) == ("watermark", 2, "ann", "a load of test rows")
    assert (entry.load_day, entry.rows_landed, entry.has_rows) == (date(2024, 3, 1), 0, False)
    assert world.manifests()[1]["coverage"]["upper"] == "2024-03-02T05:00:00.000000"
    assert world.ground.state.watermark("orders") == "2024-03-02T05:00:00.000000"


@pytest.mark.case("A8")
def test_a_crash_between_the_entry_and_the_index_is_mended_by_the_next_run(world):
    whole = world.ground
    move = plan_set(world.query, "2024-03-02T06:00:00", whole)
    world.swap(state=Faulty(whole.state, Killed(), {"advance_watermark": [1]}))
    with pytest.raises(Killed):
        carry_out(world.query, move, ANN, world.ground)
    world.ground = whole
    assert whole.state.watermark("orders") == "2024-03-02T00:00:00.000000"
    world.run("2024-03-02", at="2024-03-02 13:00")
    assert world.column("id") == [*range(24), *range(30, 37)]
    assert whole.state.watermark("orders") == "2024-03-02T13:00:00.000000"


def test_a_watermark_that_a_run_moved_meanwhile_is_not_set(world):
    move = plan_set(world.query, "2024-03-02T06:00:00", world.ground)
    world.run("2024-03-02", at="2024-03-02 13:00")
    with pytest.raises(CommitConflictError, match=r"query 'orders': a run has moved the watermark to 2024-03-02 13:00"):
        carry_out(world.query, move, ANN, world.ground)
    assert len(world.manifests()) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "noon",
            "query 'orders': its watermark updated_at is a timestamp; 'noon' is none. Give an instant in UTC, such",
        ),
        ("120", "query 'orders': its watermark updated_at is a timestamp; '120' is none."),
        (
            "2024-03-02T13:00:01",
            "query 'orders': 2024-03-02 13:00:01 is ahead of the source, whose clock says 2024-03-02 13:00 UTC.",
        ),
    ],
)
def test_a_value_it_cannot_have_is_refused(settled, text, message):
    with pytest.raises(ConfigurationError) as told:
        plan_set(settled.query, text, settled.ground)
    assert str(told.value).startswith(message)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"to": "2024-03-02"}, "2024-03-02 00:00 is not behind the watermark, which is at 2024-03-02 00:00. To skip"),
        (
            {"by": "6 parsecs"},
            "its watermark updated_at is a timestamp; '6 parsecs' is none. Give a duration such as 6h.",
        ),
        ({"by": "0h"}, "its watermark updated_at is a timestamp; '0h' is none."),
    ],
)
def test_a_rewind_that_is_none_is_refused(settled, given, message):
    with pytest.raises(ConfigurationError, match=message):
        plan_rewind(settled.query, settled.ground, **{"to": None, "by": None, **given})


def test_before_the_first_run_the_queries_file_is_the_place(make_world):
    world = make_world()
    world.source.run(ORDERS)
    with pytest.raises(ConfigurationError, match=r"query 'orders' has not run yet\. .* initial_value"):
        plan_set(world.query, "2024-03-01", world.ground)


def test_a_snapshot_has_no_watermark_to_set(make_world):
    world = make_world(mode="full", watermark_column=None, sql="SELECT * FROM orders", primary_key="id")
    world.source.run(ORDERS)
    world.run("2024-03-01")
    with pytest.raises(ConfigurationError, match=r"query 'orders' has no watermark: .* \(mode: full\)"):
        plan_set(world.query, "2024-03-01", world.ground)


def test_a_log_that_is_gone_takes_no_decision(world):
    move = plan_set(world.query, "2024-03-02T06:00:00", world.ground)
    bronze = Faulty(world.ground.bronze, OSError("x"), {})
    bronze.log = lambda _entity: []
    with pytest.raises(LakeError, match="bronze/orders has no extraction yet"):
        carry_out(world.query, move, ANN, world.swap(bronze=bronze).ground)


def numbered(make_world, column="INTEGER"):
    world = make_world(sql="SELECT * FROM orders WHERE n > ?", watermark_column="n", lookback=1)
    world.source.run(f"CREATE TABLE orders (n {column})", "INSERT INTO orders SELECT i FROM range(10) r(i)")
    world.run("2024-03-01")
    world.source.run("INSERT INTO orders SELECT i FROM range(10, 20) r(i)")
    return world


def test_a_number_is_set_up_to_the_highest_there_is(make_world):
    world = numbered(make_world)
    with pytest.raises(ConfigurationError, match=r"21 is ahead of the source, whose highest is 19"):
        plan_set(world.query, "21", world.ground)
    move, _ = set_to(world, "15")
    assert (move.before, move.rows, move.start) == (Decimal(10), 5, Decimal(9))
    world.run("2024-03-02")
    assert world.column("n") == [*range(10), *range(15, 20)]
    move, _ = rewind(world, by="8")
    assert (move.to, move.start, move.rows) == (Decimal(12), Decimal(12), 8)
    world.run("2024-03-03")
    assert world.column("n") == [*range(10), *range(12, 20)]


def test_a_number_the_column_cannot_hold_is_refused(make_world):
    world = numbered(make_world, "DECIMAL(9, 1)")
    assert plan_set(world.query, "12.5", world.ground).to == Decimal("12.5")
    with pytest.raises(ConfigurationError, match=r"'12\.55' is none\. Give a number its column can hold"):
        plan_set(world.query, "12.55", world.ground)
    with pytest.raises(ConfigurationError, match=r"'six' is none\. Give a number\."):
        plan_rewind(world.query, world.ground, to=None, by="six")


def test_nothing_can_be_skipped_of_a_source_that_is_empty(make_world):
    world = numbered(make_world)
    world.source.run("DELETE FROM orders")
    with pytest.raises(ConfigurationError, match=r"12 is ahead of the source, which has no row"):
        plan_set(world.query, "12", world.ground)


def test_a_date_is_set_to_a_day(make_world):
    world = make_world(lookback="1 day")
    world.source.run("CREATE TABLE orders (id INTEGER, updated_at DATE)")
    world.source.insert("orders", [(n, moment(f"2024-03-0{n}")) for n in range(1, 9)])
    world.run("2024-03-01")
    world.source.set_clock("2024-03-08 10:00")
    for text, refused in (
        ("2024-03-05T10:00:00", r"is a date; .* Give a day"),
        ("2024-03-09", "is ahead of the source"),
    ):
        with pytest.raises(ConfigurationError, match=refused):
            plan_set(world.query, text, world.ground)
    move, _ = set_to(world, "2024-03-05")
    assert (move.before, move.rows) == (date(2024, 3, 2), 3)
    world.run("2024-03-07", at="2024-03-08 10:00")
    assert world.column("id") == [1, 5, 6, 7]

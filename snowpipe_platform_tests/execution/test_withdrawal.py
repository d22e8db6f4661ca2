"""A bad extraction is taken back: what it landed does not count, and what it had read is read again."""

from datetime import date, datetime

import pytest

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.withdrawal import carry_out, plan_withdrawal
from snowpipe_platform.spec.bronze_log import incomplete_days
from snowpipe_platform_tests.kit import Faulty, Killed, World, query

ANN = Author(by="ann", reason="read during a restore", identity=RunIdentity(run_id="cli-1", job="test"))
ORDERS = "CREATE TABLE orders (id INTEGER, total INTEGER, updated_at TIMESTAMP)"


def withdraw(world, number):
    return carry_out(world.query.entity, number, ANN, world.ground)


GOOD = "INSERT INTO orders SELECT i, 10, TIMESTAMP '2024-03-01' + INTERVAL (6 * i) HOUR FROM range({}, {}) r(i)"


def three_days(world):
    """One order every six hours of three days, each day extracted at its end; of the second day all but the last order
    had a wrong total then. The third day's run looked back over the second."""
    world.source.run(ORDERS, GOOD.format(0, 4))
    world.run("2024-03-01")
    world.source.run(GOOD.format(4, 8), "UPDATE orders SET total = -1 WHERE id BETWEEN 4 AND 6")
    world.run("2024-03-02")
    world.source.run("UPDATE orders SET total = 10", GOOD.format(8, 12))
    world.run("2024-03-03")
    return world


@pytest.fixture
def world(make_world):
    return three_days(make_world(primary_key="id", lookback="1 day"))


@pytest.fixture(scope="module")
def withdrawn(tmp_path_factory):
    """Entry 4 landed nothing, entry 5 withdrew entry 2. Nothing changes it any more."""
    world = three_days(World(tmp_path_factory.mktemp("withdrawn"), query(primary_key="id", lookback="1 day")))
    world.run("2024-03-04")
    withdraw(world, 2)
    return world


RIGHT = [(i, 10) for i in range(12)]


@pytest.mark.parametrize("key", ["id", None], ids=["with key", "without key"])
def test_what_was_good_of_it_is_landed_anew_and_nothing_else(make_world, key):
    world = three_days(make_world(primary_key=key, lookback="1 day"))
    assert world.counted("id", "total") == sorted([*RIGHT, (4, -1), (5, -1), (6, -1)])
    withdraw(world, 2)
    assert world.counted("id", "total") == [pair for pair in RIGHT if pair[0] != 7]
    again = world.run("2024-03-04").manifest
    assert (again.rows_landed, again.rows_read) == (1, 12)
    assert world.counted("id", "total") == RIGHT
    assert world.run("2024-03-04").manifest is None


def test_its_own_load_day_takes_the_rows_back_and_later_days_go_on_where_they_were(world):
    withdraw(world, 2)
    log = world.ground.bronze.log("orders")
    assert incomplete_days(log) == [date(2024, 3, 2)]
    again = world.run("2024-03-02", at="2024-03-04 12:00").manifest
    assert (again.load_day, again.rows_landed, again.moves_watermark) == (date(2024, 3, 2), 1, True)
    assert incomplete_days(world.ground.bronze.log("orders")) == []
    assert world.ground.state.watermark("orders") == "2024-03-04T00:00:00.000000"
    assert world.counted("id", "total") == RIGHT


def test_the_plan_says_what_follows_and_writes_nothing(world):
    plan = plan_withdrawal("orders", 2, world.ground.bronze.log("orders"))
    assert (plan.entry.rows_landed, plan.before, plan.after) == (4, datetime(2024, 3, 4), datetime(2024, 3, 2))
    assert (plan.incomplete, plan.corrections) == ((date(2024, 3, 2),), ())
    assert len(world.manifests()) == 3


def test_the_entry_says_who_why_and_of_which_day_and_no_file_goes(world):
    files = world.files()
    entry = withdraw(world, 2)
    assert world.files() == files
    assert (entry.kind, entry.number, entry.withdraws, entry.load_day) == ("withdrawal", 4, 2, date(2024, 3, 2))
    assert (entry.by, entry.reason, entry.rows_landed) == ("ann", "read during a restore", 0)
    assert world.ground.state.watermark("orders") == "2024-03-02T00:00:00.000000"


def test_the_first_extraction_withdrawn_is_read_from_the_beginning_again(world):
    withdraw(world, 1)
    assert world.ground.state.watermark("orders") is None
    again = world.run("2024-03-04").manifest
    assert (again.coverage.lower, again.rows_landed) == (None, 4)
    assert world.counted("id", "total") == sorted([*RIGHT, (4, -1), (5, -1), (6, -1)])


def test_a_column_of_a_withdrawn_extraction_is_unknown_again(make_world):
    world = make_world(primary_key="id")
    world.source.run(ORDERS, GOOD.format(0, 4))
    world.run("2024-03-01")
    world.source.run(GOOD.format(4, 8), "ALTER TABLE orders ADD COLUMN oops TEXT")
    world.run("2024-03-02")
    world.source.run("ALTER TABLE orders DROP COLUMN oops")
    withdraw(world, 2)
    assert world.run("2024-03-03").manifest.column_names == ("id", "total", "updated_at")
    assert world.counted("id") == [(i,) for i in range(8)]


def test_a_snapshot_withdrawn_is_compared_with_what_was_before(make_world):
    world = make_world(mode="full", watermark_column=None, sql="SELECT * FROM orders", primary_key="id")
    world.source.run(ORDERS, GOOD.format(0, 3))
    world.run("2024-03-01")
    world.source.run("DELETE FROM orders WHERE id = 0", "UPDATE orders SET total = -1 WHERE id = 1")
    world.run("2024-03-02")
    withdraw(world, 2)
    assert incomplete_days(world.ground.bronze.log("orders")) == [date(2024, 3, 2)]
    world.source.run("UPDATE orders SET total = 10 WHERE id = 1")
    again = world.run("2024-03-02", at="2024-03-03").manifest
    assert (again.rows_landed, again.rows_deleted) == (1, 1)
    assert world.counted("id", "_operation") == [(0, "delete"), (0, "upsert"), (1, "upsert"), (2, "upsert")]
    assert incomplete_days(world.ground.bronze.log("orders")) == []


def test_a_withdrawn_snapshot_of_which_nothing_is_left_to_land_is_done_once_it_was_looked_at(make_world):
    world = make_world(mode="full", watermark_column=None, sql="SELECT * FROM orders", primary_key="id")
    world.source.run(ORDERS, GOOD.format(0, 3))
    world.run("2024-03-01")
    world.source.run("UPDATE orders SET total = -1")
    world.run("2024-03-02")
    withdraw(world, 2)
    world.source.run("UPDATE orders SET total = 10")
    assert world.run("2024-03-02", at="2024-03-03").manifest.rows_landed == 0
    assert incomplete_days(world.ground.bronze.log("orders")) == []
    assert world.run("2024-03-02", at="2024-03-03").manifest is None


def test_an_old_number_withdrawn_is_read_again_by_its_day_and_no_more(make_world):
    world = make_world(sql="SELECT * FROM orders WHERE n > ?", watermark_column="n")
    world.source.run("CREATE TABLE orders (n INTEGER)")
    for day in (1, 2, 3):
        world.source.run(f"INSERT INTO orders SELECT i FROM range({day * 10 - 10}, {day * 10}) r(i)")
        world.run(f"2024-03-0{day}")
    withdraw(world, 2)
    world.source.run("INSERT INTO orders SELECT i FROM range(30, 40) r(i)")
    assert world.run("2024-03-02").manifest.rows_landed == 10
    assert world.counted("n") == [(i,) for i in range(30)]
    assert world.run("2024-03-04").manifest.rows_landed == 10
    with pytest.raises(ConfigurationError, match="2024-03-02 cannot be backfilled"):
        world.run("2024-03-02")


def test_a_withdrawn_backfill_is_read_again_by_its_day(make_world):
    world = make_world(primary_key="id", initial_value="2024-03-01")
    world.source.run(ORDERS, GOOD.format(-8, 8))
    world.run("2024-03-01")
    world.run("2024-03-02")
    world.run("2024-02-28", at="2024-03-03")
    assert world.counted("id") == [(i,) for i in (-8, -7, -6, -5, *range(8))]
    withdraw(world, 3)
    assert incomplete_days(world.ground.bronze.log("orders")) == [date(2024, 2, 28)]
    assert world.ground.state.watermark("orders") == "2024-03-03T00:00:00.000000"
    world.run("2024-02-28", at="2024-03-03")
    assert incomplete_days(world.ground.bronze.log("orders")) == []


@pytest.mark.case("A8")
@pytest.mark.parametrize("step", ["commit", "advance_watermark"])
def test_a_crash_of_the_withdrawal_at_any_step_leaves_it_done_or_not_begun(world, step):
    whole = world.ground
    part = "bronze" if step == "commit" else "state"
    world.swap(**{part: Faulty(getattr(whole, part), Killed(), {step: [1]})})
    with pytest.raises(Killed):
        withdraw(world, 2)
    world.ground = whole
    if step == "commit":
        withdraw(world, 2)
    world.run("2024-03-04")
    assert world.counted("id", "total") == RIGHT
    assert whole.state.watermark("orders") == "2024-03-05T00:00:00.000000"


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (9, "bronze/orders has no entry 9. The nearest is 5. Look: snowpipe bronze log orders"),
        (0, "bronze/orders has no entry 0. The nearest is 1. Look: snowpipe bronze log orders"),
        (2, "entry 2 of bronze/orders is withdrawn already, in entry 5 by ann: read during a restore"),
        (4, "entry 4 of bronze/orders (extraction) brought no rows; there is nothing to withdraw."),
        (5, "entry 5 of bronze/orders (withdrawal) brought no rows; there is nothing to withdraw."),
    ],
)
def test_what_cannot_be_withdrawn_is_refused(withdrawn, number, message):
    with pytest.raises(ConfigurationError) as told:
        withdraw(withdrawn, number)
    assert str(told.value).startswith(message)
    assert len(withdrawn.manifests()) == 5

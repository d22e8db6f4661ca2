"""Which steps a run has, in which order, and what a failure stops."""

from datetime import date

import pytest

from snowpipe_platform.errors import SourceError
from snowpipe_platform.execution.ground import RunIdentity
from snowpipe_platform.execution.outcome import Outcome, Status, Step
from snowpipe_platform.execution.run import Run, blocker, plan_rebuild, plan_steps, run_steps
from snowpipe_platform.spec.pipeline import load_pipeline
from snowpipe_platform_tests.kit import Faulty, make_ground
from snowpipe_platform_tests.tiny import CUSTOMER_LIST, QUERIES, TinyShop

FIRST, SECOND = date(2024, 3, 1), date(2024, 3, 2)
IDENTITY = RunIdentity(run_id="r", job="test")


@pytest.fixture
def shop(tmp_path, monkeypatch):
    return TinyShop(tmp_path, monkeypatch)


@pytest.fixture
def pipeline(shop):
    return load_pipeline(shop.package)


def outcomes_of(shop, steps, *, ground=None, override=None):
    ground = ground or make_ground(shop.home, shop.source.path)
    run = Run(pipeline=load_pipeline(shop.package), steps=steps, identity=IDENTITY, override=override)
    return {outcome.step.title: outcome for outcome in run_steps(run, ground)}


def everything(shop, *days):
    pipeline = load_pipeline(shop.package)
    return plan_steps(pipeline, pipeline.names, days, ended=max(days))


def test_a_run_extracts_each_day_then_its_changes_and_derives_once_after_the_last(pipeline):
    steps = plan_steps(pipeline, pipeline.names, [FIRST, SECOND], ended=SECOND)
    daily = ["bronze/orders", "bronze/customers", "silver/customer_changes", "silver/order_changes"]
    derived = ["silver/customer_list", "silver/fct_orders", "gold/daily_totals"]
    assert [(step.name, step.day) for step in steps] == [
        *((name, FIRST) for name in daily),
        *((name, SECOND) for name in daily),
        *((name, None) for name in derived),
    ]


def test_a_run_of_some_tables_has_no_step_for_others(pipeline):
    steps = plan_steps(pipeline, {"gold/daily_totals", "bronze/orders"}, [FIRST], ended=FIRST)
    assert steps == (Step("bronze/orders", FIRST), Step("gold/daily_totals"))


def test_a_rebuild_leaves_bronze_out_and_takes_every_day_at_once(pipeline):
    steps = plan_rebuild(pipeline, pipeline.names, dates={})
    assert [step.name for step in steps] == list(pipeline.by_name)
    assert all(step.rebuild and step.day is None for step in steps)


ORDERS, NEXT_ORDERS = Step("bronze/orders", FIRST), Step("bronze/orders", SECOND)
CHANGES, NEXT_CHANGES = Step("silver/order_changes", FIRST), Step("silver/order_changes", SECOND)
FACTS, TOTALS, CUSTOMERS = Step("silver/fct_orders"), Step("gold/daily_totals"), Step("silver/customer_list")


@pytest.mark.parametrize(
    ("done", "status", "step", "expected"),
    [
        pytest.param(ORDERS, Status.FAILED, NEXT_ORDERS, ORDERS.title, id="a later day of a failed extraction"),
        pytest.param(ORDERS, Status.FAILED, CHANGES, ORDERS.title, id="the changes of a failed extraction"),
        pytest.param(ORDERS, Status.FAILED, Step("bronze/customers", FIRST), None, id="another entity"),
        pytest.param(CHANGES, Status.HELD, NEXT_CHANGES, None, id="the next day of held changes"),
        pytest.param(CHANGES, Status.HELD, FACTS, CHANGES.title, id="what reads held changes"),
        pytest.param(CHANGES, Status.HELD, CUSTOMERS, None, id="another branch"),
        pytest.param(CHANGES, Status.WARNED, FACTS, None, id="what reads warned changes"),
        pytest.param(FACTS, Status.HELD, TOTALS, FACTS.title, id="gold behind a held fact"),
    ],
)
def test_a_step_is_blocked_by_what_it_needs_and_by_nothing_else(pipeline, done, status, step, expected):
    assert blocker(step, pipeline, [Outcome(done, status)]) == expected


def test_a_block_names_its_root(pipeline):
    done = [
        Outcome(Step("silver/order_changes", FIRST), Status.HELD),
        Outcome(Step("silver/fct_orders"), Status.BLOCKED, blocked_by="silver/order_changes of 2024-03-01"),
    ]
    assert blocker(Step("gold/daily_totals"), pipeline, done) == "silver/order_changes of 2024-03-01"


@pytest.mark.case("A10")
@pytest.mark.case("A16")
def test_a_run_over_an_unchanged_source_writes_nothing_and_says_so(shop):
    shop.one_day()
    ground = make_ground(shop.home, shop.source.path)
    outcomes_of(shop, everything(shop, FIRST), ground=ground)
    files = sorted(path for path in shop.home.rglob("*") if path.is_file() and "state.db" not in path.name)
    again = outcomes_of(shop, everything(shop, FIRST), ground=ground)
    assert {outcome.status for outcome in again.values()} == {Status.UNCHANGED}
    assert again["bronze/orders of 2024-03-01"].note == "nothing new at the source"
    assert sorted(path for path in shop.home.rglob("*") if path.is_file() and "state.db" not in path.name) == files


@pytest.mark.case("A32")
def test_held_rows_stop_their_branch_and_the_other_goes_on(shop):
    shop.orders(("o1", "1.00", "2024-03-01 10:00"), ("o2", "two", "2024-03-01 10:00"))
    shop.end_day("2024-03-01")
    found = outcomes_of(shop, everything(shop, FIRST))
    assert {title: outcome.status.value for title, outcome in found.items()} == {
        "bronze/orders of 2024-03-01": "ok",
        "bronze/customers of 2024-03-01": "ok",
        "silver/customer_changes of 2024-03-01": "ok",
        "silver/order_changes of 2024-03-01": "held",
        "silver/customer_list": "ok",
        "silver/fct_orders": "blocked",
        "gold/daily_totals": "blocked",
    }
    assert found["silver/order_changes of 2024-03-01"].note == "amount is a decimal(18, 2): 1 row"


@pytest.mark.case("A61")
def test_what_follows_stops_behind_rows_held_by_an_earlier_run_until_a_person_publishes_them(shop):
    shop.orders(("o1", "1.00", "2024-03-01 10:00"), ("o2", "two", "2024-03-01 10:00"))
    shop.end_day("2024-03-01")
    outcomes_of(shop, everything(shop, FIRST))
    shop.orders(("o3", "3.00", "2024-03-02 10:00"))
    shop.end_day("2024-03-02")
    found = outcomes_of(shop, everything(shop, SECOND))
    assert found["silver/order_changes of 2024-03-02"].status is Status.OK
    assert found["silver/fct_orders"].note == "blocked by rows held back in silver/order_changes"
    outcomes_of(shop, (Step("silver/order_changes", FIRST),), override="ana: known outage")
    found = outcomes_of(shop, (Step("silver/fct_orders"),))
    assert (found["silver/fct_orders"].status, found["silver/fct_orders"].rows) == (Status.OK, 2)


REFERRING_LIST = CUSTOMER_LIST.replace(
    "pa.Field(unique=True)",
    'pa.Field(unique=True, metadata={"references": "silver/fct_orders.order_id", "error_above": 0.6})',
)
"""Customers whose ids are orders: silver/customer_list looks at silver/fct_orders, and reads nothing of it."""


@pytest.fixture
def referring(tmp_path, monkeypatch):
    return TinyShop(tmp_path, monkeypatch, silver__customer_list=REFERRING_LIST)


def test_a_table_runs_after_what_its_rules_look_at_and_stops_behind_it(referring):
    pipeline = load_pipeline(referring.package)
    assert plan_steps(pipeline, pipeline.names, [FIRST], ended=FIRST)[-3:] == (FACTS, CUSTOMERS, TOTALS)
    for status in (Status.HELD, Status.FAILED, Status.BLOCKED):
        assert blocker(CUSTOMERS, pipeline, [Outcome(FACTS, status)]) == FACTS.title
    assert blocker(CUSTOMERS, pipeline, [Outcome(FACTS, Status.WARNED)]) is None


def test_a_table_waits_for_what_its_rules_look_at(referring):
    referring.one_day()
    daily = tuple(step for step in everything(referring, FIRST) if step.day is not None)
    outcomes_of(referring, daily)
    found = outcomes_of(referring, (CUSTOMERS,))["silver/customer_list"]
    assert (found.status, found.note) == (Status.BLOCKED, "waits for silver/fct_orders")
    referring.orders(("c1", "1.00", "2024-03-01 10:00"))
    assert outcomes_of(referring, everything(referring, FIRST))["silver/customer_list"].status is Status.WARNED


def test_rows_held_back_in_what_its_rules_look_at_stop_a_table(referring):
    referring.orders(("o1", "5000.00", "2024-03-01 10:00"))
    referring.end_day("2024-03-01")
    outcomes_of(referring, everything(referring, FIRST))
    found = outcomes_of(referring, (CUSTOMERS,))["silver/customer_list"]
    assert (found.status, found.note) == (Status.BLOCKED, "blocked by rows held back in silver/fct_orders")


def test_a_failed_extraction_stops_the_entitys_later_days_and_no_other_entity(shop):
    shop.one_day()
    shop.end_day("2024-03-02")
    ground = make_ground(shop.home, shop.source.path)
    refusing = Faulty(ground.warehouse, SourceError("the password is wrong"), {"schema": [1]})
    found = outcomes_of(
        shop, everything(shop, FIRST, SECOND), ground=make_ground(shop.home, shop.source.path, warehouse=refusing)
    )
    assert found["bronze/orders of 2024-03-01"].note.endswith("the password is wrong")
    assert {t: o.status.value for t, o in found.items() if "order" in t} == {
        "bronze/orders of 2024-03-01": "FAILED",
        "silver/order_changes of 2024-03-01": "blocked",
        "bronze/orders of 2024-03-02": "blocked",
        "silver/order_changes of 2024-03-02": "blocked",
        "silver/fct_orders": "blocked",
    }
    assert found["silver/customer_list"].status is Status.OK


def test_a_table_whose_inputs_have_never_run_is_blocked_by_them(shop):
    found = outcomes_of(shop, (Step("silver/fct_orders"),))["silver/fct_orders"]
    assert (found.status, found.note) == (Status.BLOCKED, "waits for silver/order_changes")


@pytest.mark.case("A62")
def test_a_window_that_max_batches_cuts_short_is_continued_in_the_same_run(tmp_path, monkeypatch):
    cut = QUERIES.replace("lookback: 1 day", "lookback: 1 day\n    batch_size: 2\n    max_batches: 1")
    shop = TinyShop(tmp_path, monkeypatch, source__queries=cut)
    shop.orders(*((f"o{n}", "1.00", f"2024-03-01 10:0{n}") for n in range(7)))
    shop.end_day("2024-03-01")
    found = outcomes_of(shop, everything(shop, FIRST))
    landed = found["bronze/orders of 2024-03-01"]
    assert (landed.status, landed.rows, landed.new, len(landed.extractions)) == (Status.OK, 7, 7, 4)
    assert (
        found["silver/fct_orders"].rows,
        len(make_ground(shop.home, shop.source.path).lake.history("silver/order_changes")),
    ) == (7, 1)

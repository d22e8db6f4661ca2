"""`snowpipe run`: what it prints, what it answers with, and what it tells Dagster."""

from datetime import date, timedelta

import dagster as dg
import pytest

from snowpipe_platform.backends.sqlite_state import SqliteState
from snowpipe_platform.commands.instance import ensure_instance
from snowpipe_platform.settings import read_settings
from snowpipe_platform_tests.tiny import FCT_ORDERS

KEYS = {
    "table",
    "day",
    "status",
    "rows",
    "new",
    "quarantined",
    "rules_passed",
    "rules_total",
    "seconds",
    "note",
    "blocked_by",
    "held_on",
    "findings",
}


@pytest.fixture
def bad_day(shop):
    """Half of the day's orders have an amount that is no number."""
    shop.orders(("o1", "1.00", "2024-03-01 10:00"), ("o2", "two", "2024-03-01 10:00"))
    shop.end_day("2024-03-01")
    return shop


def test_one_aligned_line_per_table_and_nothing_on_stderr(shop):
    shop.one_day()
    answer = shop.type("run", "bronze/orders", "order_changes")
    title, *lines = answer.stdout.splitlines()
    assert title.split() == ["table", "rows", "new", "quarantined", "rules", "took"]
    assert [(line.split()[:4], line.split()[-1]) for line in lines] == [
        (["bronze/orders", "2", "2", "-"], "ok"),
        (["silver/order_changes", "2", "2", "-"], "ok"),
    ]
    assert len({line.rindex("ok") for line in lines}) == 1
    assert (answer.stderr, answer.exit_code) == ("", 0)


def test_no_line_is_wider_than_eighty_columns(bad_day):
    assert max(len(line) for line in bad_day.type("run").stdout.splitlines()) <= 80


@pytest.mark.case("A10")
def test_nothing_new_is_said_in_a_line(shop):
    shop.one_day()
    shop.type("run")
    answer = shop.type("run")
    assert answer.exit_code == 0
    assert answer.stdout.splitlines()[-1] == "nothing new: every table is as it was"
    assert {line.split()[-1] for line in answer.stdout.splitlines()[1:-1]} == {"unchanged"}


def test_held_rows_end_with_the_command_that_shows_them(bad_day):
    answer = bad_day.type("run")
    lines = answer.stdout.splitlines()
    assert answer.exit_code == 1
    held = next(number for number, line in enumerate(lines) if line.startswith("silver/order_changes"))
    assert lines[held].endswith("held")
    assert lines[held + 1].strip() == "amount is a decimal(18, 2): 1 row"
    assert lines[-1] == 'next: snowpipe show silver/order_changes --failing "amount is a decimal(18, 2)"'


def test_json_has_stable_keys_and_nothing_else_is_on_stdout(bad_day):
    told = bad_day.json("run")
    assert set(told) == {"status", "outcomes", "next"}
    assert told["status"] == "held"
    assert all(set(outcome) == KEYS for outcome in told["outcomes"])
    held = next(outcome for outcome in told["outcomes"] if outcome["table"] == "silver/order_changes")
    assert (held["day"], held["held_on"], held["rules_passed"], held["rules_total"]) == (
        "2024-03-01",
        "held-2024-03-01",
        2,
        3,
    )
    assert held["findings"] == [
        {"rule": "amount.is_decimal", "description": "amount is a decimal(18, 2)", "verdict": "failed", "rows": 1}
    ]


def test_a_range_sums_its_days_and_names_the_day_that_was_held(bad_day):
    bad_day.orders(("o3", "3.00", "2024-03-02 10:00"))
    bad_day.end_day("2024-03-02")
    lines = bad_day.type("run", "--from", "2024-03-01", "--to", "2024-03-02").stdout.splitlines()
    assert lines[1].split()[:3] == ["bronze/orders", "3", "3"]
    assert "    2024-03-01: amount is a decimal(18, 2): 1 row" in lines


@pytest.mark.parametrize(
    ("days", "message"),
    [
        (["--partition", "2024-03-01", "--to", "2024-03-02"], "--partition names one day, --from and --to a range."),
        (["--to", "2024-03-01"], "--to needs --from"),
        (["--from", "2024-03-01", "--to", "2024-02-28"], "the range ends on 2024-02-28, before it starts"),
        (["--partition", "2024-03-09"], "2024-03-09 has not begun at the source"),
        (["--partition", "2024-02-29"], "2024-02-29 is before the pipeline's first day, 2024-03-01"),
        (["--rebuild", "--partition", "2024-03-01"], "--rebuild takes in everything a table reads."),
        (["--rebuild", "bronze/orders"], "bronze/orders: bronze is a log of what was extracted and is never rebuilt."),
    ],
)
def test_days_and_tables_that_cannot_be_run_are_refused_before_anything_runs(shop, days, message):
    shop.one_day()
    answer = shop.type("run", *days)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.startswith(f"error: {message}")
    assert not (shop.home / "bronze").exists()


def test_a_rebuild_gives_the_same_rows_in_one_more_commit(shop):
    shop.one_day()
    shop.type("run")
    before = shop.rows("select * from silver.fct_orders order by 1")
    found = shop.outcomes("--rebuild", "silver/order_changes", "silver/fct_orders")
    assert [(outcome["status"], outcome["rows"]) for outcome in found.values()] == [("ok", 2), ("ok", 2)]
    assert shop.rows("select * from silver.fct_orders order by 1") == before
    assert len(shop.json("show", "silver/fct_orders")["commits"]) == 2


OLD_CODE = "its code changed: rows are as the old code made them"
REBUILD = "snowpipe run silver/fct_orders --rebuild"


def test_a_run_after_an_edit_of_a_table_says_that_its_rows_are_of_the_old_code(shop):
    shop.one_day()
    shop.type("run")
    shop.edit("silver/fct_orders.py", FCT_ORDERS.replace("lt=1000", "lt=20_000"))
    lines = shop.type("run").stdout.splitlines()
    assert lines[lines.index(f"    {OLD_CODE}") - 1].split()[0] == "silver/fct_orders"
    assert lines[-1] == f"next: {REBUILD}"
    told = shop.json("run")
    notes = {outcome["table"]: outcome["note"] for outcome in told["outcomes"]}
    assert (notes["silver/fct_orders"], told["next"]) == (OLD_CODE, REBUILD)
    shop.orders(("o3", "3.00", "2024-03-02 10:00"))
    shop.end_day("2024-03-02")
    told = shop.outcomes()["silver/fct_orders"]
    assert (told["status"], told["new"], told["note"]) == ("ok", 1, OLD_CODE)
    assert shop.json("run", "fct_orders", "--rebuild", "--yes")["next"] is None
    assert OLD_CODE not in shop.type("run").stdout


def test_a_table_that_is_held_under_new_code_is_to_be_rebuilt_and_its_rebuild_looked_into(shop):
    shop.one_day()
    shop.type("run")
    shop.edit("silver/fct_orders.py", FCT_ORDERS.replace("lt=1000", "lt=10"))
    shop.orders(("o3", "30.00", "2024-03-02 10:00"))
    shop.end_day("2024-03-02")
    told = shop.json("run")
    held = next(outcome for outcome in told["outcomes"] if outcome["table"] == "silver/fct_orders")
    assert (held["status"], held["note"].endswith(f"2 rows; {OLD_CODE}")) == ("held", True)
    assert told["next"] == REBUILD
    assert shop.json("run", "fct_orders", "--rebuild", "--yes")["next"].startswith("snowpipe show silver/fct_orders ")


def test_a_rebuild_says_that_bronze_stays(shop):
    shop.one_day()
    shop.type("run")
    answer = shop.type("run", "--rebuild", "bronze/orders", "order_changes")
    assert answer.stderr == "bronze/orders: bronze is never rebuilt, left as it is\n"


def test_on_a_terminal_a_rebuild_asks_and_shows_what_it_replaces(shop, monkeypatch):
    shop.one_day()
    shop.type("run")
    monkeypatch.setattr("snowpipe_platform.commands.run._is_asked", lambda: True)
    answer = shop.type("run", "--rebuild", "silver/fct_orders")
    assert answer.exit_code == 1
    assert answer.stderr.splitlines()[0].split() == ["silver/fct_orders", "2", "rows", "will", "be", "rebuilt"]
    assert len(shop.json("show", "silver/fct_orders")["commits"]) == 1
    assert shop.type("run", "--rebuild", "silver/fct_orders", "--yes").exit_code == 0


def test_a_table_that_another_process_writes_is_refused_with_who_it_is(shop):
    shop.one_day()
    with SqliteState(read_settings().state_path).lease("bronze/orders", holder="nightly"):
        found = shop.outcomes("bronze/orders")["bronze/orders"]
    assert found["status"] == "FAILED"
    assert "run nightly" in found["note"]


@pytest.mark.slow
@pytest.mark.case("A37")
def test_sixty_days_run_in_one_process_with_one_commit_a_day_each_reported_to_dagster(shop):
    days = [date(2024, 3, 1) + timedelta(days=n) for n in range(60)]
    shop.orders(*((f"o{n}", "1.00", f"{day} 10:00") for n, day in enumerate(days)))
    shop.end_day("2024-04-29")
    home = ensure_instance(read_settings())
    told = shop.json(
        "run", "bronze/orders", "order_changes", "fct_orders", "--from", "2024-03-01", "--to", "2024-04-29"
    )
    assert (told["status"], len(told["outcomes"])) == ("ok", 121)
    assert {outcome["new"] for outcome in told["outcomes"][:-1]} == {1}
    assert told["outcomes"][-1]["rows"] == 60
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for name in ("bronze/orders", "silver/order_changes"):
            assert instance.get_materialized_partitions(dg.AssetKey(name.split("/"))) == {
                day.isoformat() for day in days
            }
        assert instance.get_latest_materialization_event(dg.AssetKey(["silver", "fct_orders"])) is not None
        assert instance.get_runs_count() == 0
    commits = shop.rows("select count(*) as n, count(distinct load_day) as load_days from silver.order_changes")
    assert commits == [{"n": 60, "load_days": 60}]


def test_what_dagster_cannot_be_told_is_said_and_the_run_stands(shop, monkeypatch):
    shop.one_day()
    ensure_instance(read_settings())

    def broken(*_args):
        raise OSError("disk full")

    monkeypatch.setattr("snowpipe_platform.orchestration.reporting.report_extraction", broken)
    answer = shop.type("run", "bronze/orders")
    assert (answer.exit_code, answer.stderr) == (
        0,
        "bronze/orders of 2024-03-01: done, but not reported to Dagster: disk full\n",
    )


def test_a_range_says_on_stderr_how_each_day_went(shop):
    shop.one_day()
    shop.end_day("2024-03-02")
    answer = shop.type("run", "bronze/orders", "order_changes", "--from", "2024-03-01", "--to", "2024-03-02")
    assert answer.stderr.splitlines() == ["2024-03-01: 2 rows landed, ok", "2024-03-02: 0 rows landed, unchanged"]

"""Analysis dates on the command line: made with their day, stale when changes come late, made again."""

import re

import dagster as dg
import pytest

from snowpipe_platform.commands.instance import ensure_instance
from snowpipe_platform.settings import read_settings
from snowpipe_platform_tests.tiny import TinyShop

ORDER_STATES = """
from datetime import date

import ibis.expr.datatypes as dt
import pandera.ibis as pa
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.history import latest

class OrderStates(pa.DataFrameModel):
    order_id: str
    amount: dt.Decimal(18, 2)
    analysis_date: dt.date

    class Config:
        unique = ("order_id", "analysis_date")

TABLE = AsOfTable(name="gold/order_states", contract=OrderStates, description="Orders as of a date.",
    inputs=("silver/order_changes",), restate_days=2,
    build=lambda inputs, on: latest(inputs["silver/order_changes"], key=["order_id"]))
"""
STATES = "gold/order_states"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    return TinyShop(tmp_path, monkeypatch, more={"gold/order_states.py": ORDER_STATES})


def four_days(shop):
    """An order a day."""
    shop.orders(*((f"o{day}", f"{day}.00", f"2024-03-0{day} 10:00") for day in range(1, 5)))
    shop.end_day("2024-03-04")
    assert shop.type("run", "--from", "2024-03-01", "--to", "2024-03-04").exit_code == 0


def counts(shop):
    found = shop.rows("select analysis_date, count(*) as n from gold.order_states group by all order by all")
    return {row["analysis_date"]: row["n"] for row in found}


def test_a_day_and_its_date_are_made_in_one_run(shop):
    four_days(shop)
    assert counts(shop) == {"2024-03-01": 1, "2024-03-02": 2, "2024-03-03": 3, "2024-03-04": 4}


@pytest.mark.case("A56")
def test_the_next_run_makes_recent_dates_anew_and_status_names_the_older_ones_and_how_to_mend_them(shop):
    four_days(shop)
    shop.orders(("late", "9.00", "2024-03-02 12:00"))
    backfilled = shop.json("run", "--partition", "2024-03-02")
    made = [one["day"] for one in backfilled["outcomes"] if one["table"] == STATES]
    assert made == ["2024-03-02", "2024-03-03", "2024-03-04"]
    assert counts(shop) == {"2024-03-01": 1, "2024-03-02": 3, "2024-03-03": 4, "2024-03-04": 5}

    shop.orders(("later", "9.00", "2024-03-01 12:00"))
    shop.type("run", "bronze/orders", "order_changes", "--partition", "2024-03-01")
    (states,) = [one for one in shop.json("status")["tables"] if one["table"] == STATES]
    assert (states["status"], states["analysis_dates"]) == ("stale", 4)
    assert states["stale_dates"] == ["2024-03-01", "2024-03-02", "2024-03-03", "2024-03-04"]
    assert "a late change came for 2024-03-03 to 2024-03-04; the next run makes them anew" in states["note"]
    assert "late changes came for 2024-03-01 to 2024-03-02, older than 2 days" in states["note"]

    shop.type("run", STATES, "--from", "2024-03-01", "--to", "2024-03-02")
    assert counts(shop) == {"2024-03-01": 2, "2024-03-02": 4, "2024-03-03": 5, "2024-03-04": 6}
    (states,) = [one for one in shop.json("status")["tables"] if one["table"] == STATES]
    assert (states["status"], states["stale_dates"]) == ("ok", [])


BUT_STATES = ("bronze/orders", "order_changes", "fct_orders", "daily_totals")


def next_of(shop):
    return shop.type("status").stdout.splitlines()[-1]


def test_status_names_the_dates_that_no_run_makes_unasked_and_its_command_makes_them(shop):
    four_days(shop)
    shop.orders(("late", "9.00", "2024-03-01 12:00"))
    shop.type("run", *BUT_STATES, "--partition", "2024-03-01")
    assert next_of(shop) == f"next: snowpipe run {STATES} --from 2024-03-01 --to 2024-03-02"
    shop.type("run")
    assert next_of(shop) == f"next: snowpipe run {STATES} --from 2024-03-01 --to 2024-03-02"
    shop.type("run", STATES, "--partition", "2024-03-01")
    assert next_of(shop) == f"next: snowpipe run {STATES} --partition 2024-03-02"
    shop.type(*next_of(shop).removeprefix("next: snowpipe ").split())
    assert (set(counts(shop).values()), next_of(shop).startswith("next:")) == ({2, 3, 4, 5}, False)


def test_dagster_is_told_of_the_older_dates_that_a_run_made_stale_and_of_those_made_anew(shop):
    home = ensure_instance(read_settings())
    four_days(shop)
    assert red(home) == set()
    shop.orders(("late", "9.00", "2024-03-01 12:00"))
    shop.type("run", "--partition", "2024-03-01")
    assert red(home) == {"2024-03-02"}, "the run made its own date and the last two anew"
    shop.type("run", STATES, "--partition", "2024-03-02")
    assert red(home) == set()


def red(home):
    """Dates whose check up_to_date last failed."""
    key = dg.AssetCheckKey(dg.AssetKey(STATES.split("/")), "up_to_date")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        records = instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    latest = {record.evaluation.partition: record.evaluation.passed for record in reversed(records)}
    return {day for day, passed in latest.items() if not passed}


def test_status_sends_for_a_plain_run_while_that_makes_recent_dates_anew(shop):
    four_days(shop)
    shop.orders(("late", "9.00", "2024-03-04 12:00"))
    shop.type("run", *BUT_STATES, "--partition", "2024-03-04")
    assert next_of(shop) == "next: snowpipe run"


def test_status_names_an_ended_date_that_was_never_made(shop):
    four_days(shop)
    shop.end_day("2024-03-06")
    shop.type("run", *BUT_STATES, "--from", "2024-03-05", "--to", "2024-03-06")
    assert next_of(shop) == f"next: snowpipe run {STATES} --from 2024-03-05 --to 2024-03-06"
    shop.type(*next_of(shop).removeprefix("next: snowpipe ").split())
    assert list(counts(shop)) == [f"2024-03-0{day}" for day in range(1, 7)]


def test_a_day_that_is_not_over_has_no_state_yet(shop):
    four_days(shop)
    shop.source.set_clock("2024-03-05 12:00")
    found = shop.json("run", "--partition", "2024-03-05")
    assert STATES not in [one["table"] for one in found["outcomes"]]
    assert found["status"] != "FAILED"


def test_a_date_whose_day_is_not_loaded_waits_and_says_for_what(shop):
    four_days(shop)
    shop.end_day("2024-03-05")
    done = shop.type("run", STATES, "--partition", "2024-03-05")
    assert done.exit_code == 1
    assert "waits for silver/order_changes up to 2024-03-05" in " ".join(done.stdout.split())
    assert "next: snowpipe run silver/order_changes" in done.stdout


def test_a_held_day_stops_the_dates_from_it_on_and_not_those_before(shop):
    four_days(shop)
    shop.orders(*((f"bad{n}", "many", "2024-03-04 20:00") for n in range(9)))
    shop.end_day("2024-03-05")
    assert shop.type("run", "--partition", "2024-03-05").exit_code == 1
    blocked = shop.outcomes(STATES, "--partition", "2024-03-05")[STATES]
    assert (blocked["status"], blocked["blocked_by"]) == ("blocked", "rows held back in silver/order_changes")
    assert shop.outcomes(STATES, "--partition", "2024-03-03")[STATES]["status"] == "unchanged"


def test_a_rebuild_makes_every_date_anew(shop):
    four_days(shop)
    rebuilt = shop.json("run", STATES, "--rebuild", "--yes")
    assert [one["day"] for one in rebuilt["outcomes"]] == [f"2024-03-0{day}" for day in range(1, 5)]
    assert counts(shop) == {"2024-03-01": 1, "2024-03-02": 2, "2024-03-03": 3, "2024-03-04": 4}


def test_a_range_says_how_each_date_went(shop):
    four_days(shop)
    ran = shop.type("run", STATES, "--from", "2024-03-01", "--to", "2024-03-02")
    assert "2024-03-02: gold/order_states, unchanged" in ran.stderr


def test_commits_show_the_date_they_are_for(shop):
    four_days(shop)
    assert [commit["day"] for commit in shop.json("show", STATES)["commits"]] == [
        f"2024-03-0{day}" for day in range(1, 5)
    ]


def test_a_plan_says_what_making_the_dates_anew_would_take_when_the_code_has_changed(shop):
    four_days(shop)
    assert shop.json("plan", STATES, "--no-count")["stale"] == []
    shop.edit("gold/order_states.py", ORDER_STATES.replace("Decimal(18, 2)", "Decimal(18, 2) = pa.Field(ge=0)"))
    (stale,) = shop.json("plan", STATES, "--no-count")["stale"]
    assert (stale["table"], stale["dates"], stale["day"], stale["rewrites"]["rows"]) == (STATES, 4, "2024-03-04", 4)
    told = " ".join(shop.type("plan", STATES, "--no-count").stdout.split())
    assert "its code changed; 4 dates like 2024-03-04" in told
    assert "next: snowpipe run gold/order_states --rebuild" in told
    anew = shop.type("plan", STATES, "--rebuild", "--no-count").stdout
    assert re.search(r"4 days; rebuild; reads \d+ KB; takes [\d.]+ s", " ".join(anew.split())), anew
    made = shop.json("run", STATES, "--rebuild", "--yes")["outcomes"]
    assert len(made) == 4
    assert shop.json("plan", STATES, "--no-count")["stale"] == []


def test_the_newest_date_is_shown_first(shop):
    four_days(shop)
    assert {row["analysis_date"] for row in shop.json("show", STATES, "--limit", "4")["rows"]} == {"2024-03-04"}


@pytest.fixture
def with_history(tmp_path, monkeypatch):
    """A shop whose first load day brought an order from before it."""
    begins = "from datetime import date\n\nFIRST_DAY = date(2024, 3, 1)\nFIRST_ANALYSIS_DATE = date(2024, 2, 20)\n"
    shop = TinyShop(tmp_path, monkeypatch, more={"__init__.py": begins, "gold/order_states.py": ORDER_STATES})
    shop.orders(("old", "1.00", "2024-02-22 10:00"), ("new", "2.00", "2024-03-01 10:00"))
    shop.end_day("2024-03-01")
    assert shop.type("run", "--partition", "2024-03-01").exit_code == 0
    return shop


def test_dates_from_before_the_first_load_day_are_made_one_in_so_many(with_history):
    answer = with_history.type("run", STATES, "--from", "2024-02-21", "--to", "2024-02-29", "--every", "3")
    assert answer.exit_code == 0, answer.output
    assert counts(with_history) == {"2024-02-24": 1, "2024-02-27": 1, "2024-03-01": 2}
    again = with_history.outcomes(STATES, "--from", "2024-02-21", "--to", "2024-02-29", "--every", "3")
    assert {outcome["status"] for outcome in again.values()} == {"unchanged"}  # the 21st, without an order, is made too


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--from", "2024-02-21"],
            "2024-02-21 is before the pipeline's first day, 2024-03-01 (FIRST_DAY of its package). Tables of analysis ",
        ),
        (
            [STATES, "--from", "2024-02-19"],
            "2024-02-19 is before the pipeline's first analysis date, 2024-02-20 (FIRST_ANALYSIS_DATE of its package).",
        ),
        (["--from", "2024-03-01", "--every", "2"], "--every leaves days out, and bronze/orders needs each."),
    ],
)
def test_days_that_only_some_tables_can_have_are_refused_with_their_names(with_history, words, message):
    answer = with_history.type("run", *words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.startswith(f"error: {message}")

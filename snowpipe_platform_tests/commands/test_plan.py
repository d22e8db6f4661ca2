"""`snowpipe plan`: what a run would do, looked at without doing it."""

import json

import pytest

from snowpipe_platform.backends.sqlite_state import SqliteState
from snowpipe_platform_tests.tiny import FCT_ORDERS, TinyShop

EXTRACTION_KEYS = {
    "table",
    "day",
    "kind",
    "interval",
    "rows",
    "certainty",
    "compared_with",
    "schema_changes",
    "problem",
    "blocked_by",
}
TABLE_KEYS = {
    "table",
    "day",
    "operation",
    "reason",
    "certainty",
    "after",
    "inputs",
    "keys",
    "rows_appended",
    "rows_appended_at_most",
    "reads",
    "rewrites",
    "seconds",
    "seconds_recorded",
    "problem",
    "blocked_by",
}
ORDERS = ("bronze/orders", "silver/order_changes", "silver/fct_orders", "gold/daily_totals")


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    """A day that is everywhere, and a second one that is landed and in the changes, no further."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SNOWPIPE_THREADS", "1")  # one file for each commit
        shop = TinyShop(tmp_path_factory.mktemp("planned"), environment)
        shop.one_day()
        shop.type("run")
        shop.orders(("o1", "20.00", "2024-03-02 10:00"), ("o3", "1.00", "2024-03-02 11:00"))
        shop.end_day("2024-03-02")
        shop.type("run", "bronze/orders", "order_changes")
        shop.orders(("o4", "2.00", "2024-03-03 10:00"))
        shop.end_day("2024-03-03")
        yield shop


def steps(shop, *words):
    return {step["table"]: step for step in shop.json("plan", *words)["steps"]}


def home_of(shop):
    """Every file of the home with its bytes and the time it was written."""
    found = [path for path in sorted(shop.home.rglob("*")) if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def test_a_person_reads_what_comes_and_what_it_touches(landed):
    answer = landed.type("plan", *ORDERS)
    lines = [" ".join(line.split()) for line in answer.stdout.splitlines()]
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert lines == [
        "a run of 2024-03-03 would do this; nothing is done yet",
        "",
        "extraction rows landed",
        "bronze/orders 3 2 live 2024-03-02 to 2024-03-04",
        "",
        "table changed keys rewritten files size",
        "silver/order_changes ≤3 - - - - follows",
        *[line for line in lines if line.startswith("silver/fct_orders ≥2 ≥2 ≥2 ≥1")],
        "silver/order_changes -0 +2; after silver/order_changes",
        "gold/daily_totals ? - - - - follows",
        "",
        "follows, ≥, ≤: known once the steps above have run",
        f"next: snowpipe run {' '.join(ORDERS)}",
    ]


@pytest.mark.parametrize(
    "words", [(), ("--from", "2024-03-01", "--to", "2024-03-03"), ("--rebuild",), ("--no-count",)], ids=str
)
def test_no_line_is_wider_than_eighty_columns(landed, words):
    answer = landed.type("plan", *words)
    assert answer.exit_code == 0
    assert max(len(line) for line in answer.stdout.splitlines()) <= 80


def test_a_program_reads_everything(landed):
    told = landed.json("plan", *ORDERS)
    assert set(told) == {"days", "rebuild", "source_counted", "steps", "stale", "next", "next_rebuild"}
    assert (told["days"], told["stale"]) == (["2024-03-03"], [])
    extraction, *tables = told["steps"]
    assert set(extraction) == EXTRACTION_KEYS
    assert all(set(table) == TABLE_KEYS for table in tables)
    assert extraction["interval"] == {"lower": "2024-03-02T00:00:00.000000", "upper": "2024-03-04T00:00:00.000000"}
    assert (extraction["rows"], extraction["compared_with"]) == (3, [2])
    fct = next(table for table in tables if table["table"] == "silver/fct_orders")
    assert fct["inputs"] == [{"table": "silver/order_changes", "before": 0, "after": 2}]
    assert (fct["keys"], fct["certainty"], fct["after"]) == (2, "at_least", ["silver/order_changes of 2024-03-03"])
    assert fct["rewrites"]["rows"] == 2


def test_what_is_foretold_without_steps_above_is_what_the_run_does(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch)
    shop.one_day()
    shop.type("run", *ORDERS)
    shop.orders(("o1", "20.00", "2024-03-02 10:00"), ("o3", "1.00", "2024-03-02 11:00"))
    shop.end_day("2024-03-02")
    for table in ORDERS:
        foretold = steps(shop, table)[table]
        outcome = shop.outcomes(table)[table]
        assert foretold["certainty"] == "exact"
        if table == "bronze/orders":
            manifest = json.loads((shop.home / "bronze/orders/_log/000000002.json").read_text())
            assert foretold["rows"] == manifest["rows_read"]
        elif foretold["operation"] == "append":
            assert foretold["rows_appended"] == outcome["new"]
        else:
            assert foretold["keys"] == {"silver/fct_orders": 2, "gold/daily_totals": 2}[table]


def test_planning_writes_nothing_and_takes_no_lease(landed, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a plan takes no lease")

    monkeypatch.setattr(SqliteState, "lease", refuse)
    monkeypatch.setattr(SqliteState, "_transaction", refuse)
    before, source = home_of(landed), landed.source.path.read_bytes()
    for words in ((), ("--from", "2024-03-01", "--to", "2024-03-03"), ("--rebuild",), ("--no-count",)):
        assert landed.type("plan", *words).exit_code == 0
    assert home_of(landed) == before
    assert landed.source.path.read_bytes() == source


def test_planning_the_first_run_makes_no_home(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch)
    shop.one_day()
    found = steps(shop)
    assert not shop.home.exists()
    assert (found["bronze/orders"]["rows"], found["bronze/orders"]["interval"]["lower"]) == (2, None)
    assert found["silver/order_changes"]["rows_appended_at_most"] == 2
    assert {found[name]["certainty"] for name in ("silver/fct_orders", "gold/daily_totals")} == {"unknown"}


def test_several_days_are_one_line_and_a_later_one_is_at_least(landed):
    told = landed.json("plan", "bronze/orders", "--from", "2024-03-02", "--to", "2024-03-03")
    assert [(step["day"], step["kind"], step["rows"]) for step in told["steps"]] == [
        ("2024-03-02", "backfill", 2),
        ("2024-03-03", "live", 3),
    ]
    lines = landed.type("plan", "bronze/orders", "--from", "2024-03-02", "--to", "2024-03-03").stdout.splitlines()
    assert [line.split()[:4] for line in lines if line.startswith("bronze/")] == [
        ["bronze/orders", "5", "2", "backfill/live"]
    ]
    assert told["next"] == "snowpipe run bronze/orders --from 2024-03-02 --to 2024-03-03"


def test_without_the_source_it_plans_what_is_landed(landed, monkeypatch):
    monkeypatch.setenv("SNOWPIPE_WAREHOUSE", str(landed.folder / "gone.duckdb"))
    answer = landed.type("plan", "fct_orders")
    assert (answer.exit_code, "To plan without it: snowpipe plan --no-count" in answer.stderr) == (1, True)
    told = landed.json("plan", "bronze/orders", "fct_orders", "--partition", "2024-03-03", "--no-count")
    extraction, fct = told["steps"]
    assert (extraction["rows"], extraction["certainty"], extraction["kind"]) == (None, "unknown", "live")
    assert (fct["keys"], fct["certainty"], told["source_counted"]) == (2, "exact", False)
    # The source's clock, when it was last asked, showed the end of the second of March.
    assert landed.json("plan", "--no-count")["days"] == ["2024-03-02"]


def test_what_stops_a_run_is_said_and_is_no_failure_of_the_plan(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch)
    shop.one_day()
    shop.source.run("ALTER TABLE orders RENAME order_id TO number")
    found = steps(shop, *ORDERS)
    assert "primary_key 'order_id' is not returned by its SQL" in found["bronze/orders"]["problem"]
    blocked = [found[name]["blocked_by"] for name in ORDERS[1:]]
    assert blocked == ["bronze/orders of 2024-03-01"] * 3
    answer = shop.type("plan", *ORDERS)
    words = [line.split()[-1] for line in answer.stdout.splitlines() if line.startswith(ORDERS)]
    assert (answer.exit_code, words) == (0, ["FAILED", "blocked", "blocked", "blocked"])


def test_a_changed_rule_makes_its_table_stale_and_what_reads_it(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch)
    shop.one_day()
    shop.type("run")
    assert shop.json("plan")["stale"] == []
    shop.edit("silver/fct_orders.py", FCT_ORDERS.replace("lt=1000", "lt=20_000"))
    told = shop.json("plan", "bronze/customers")
    assert [(one["table"], one["because_of"], one["rewrites"]["rows"]) for one in told["stale"]] == [
        ("silver/fct_orders", "silver/fct_orders", 2),
        ("gold/daily_totals", "silver/fct_orders", 1),
    ]
    assert [one["reads"]["rows"] for one in told["stale"]] == [2, 2]
    assert all(one["seconds_recorded"] and one["seconds"] > 0 for one in told["stale"])
    assert told["next"] == "snowpipe run bronze/customers"
    assert told["next_rebuild"] == "snowpipe run silver/fct_orders gold/daily_totals --rebuild"
    text = " ".join(shop.type("plan", "customer_list").stdout.split())
    assert "stale its code changed gold/daily_totals" in text
    assert "stale reads silver/fct_orders" in text
    shop.type("run", "silver/fct_orders", "gold/daily_totals", "--rebuild", "--yes")
    assert shop.json("plan", "customer_list")["stale"] == []


def test_where_a_run_would_do_nothing_the_plan_offers_only_the_rebuild(shop):
    shop.one_day()
    shop.type("run")
    assert shop.json("plan", "fct_orders")["next"] == "snowpipe run fct_orders"
    shop.edit("silver/fct_orders.py", FCT_ORDERS.replace("lt=1000", "lt=20_000"))
    assert shop.json("plan", "fct_orders")["next"] is None
    lines = shop.type("plan", "fct_orders").stdout.splitlines()
    offered = [line for line in lines if line.startswith("next:")]
    assert offered == ["next: snowpipe run silver/fct_orders gold/daily_totals --rebuild"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fct_oders"], "Did you mean 'silver/fct_orders'?"),
        (["--partition", "2024-03-09"], "2024-03-09 has not begun at the source"),
        (["--rebuild", "--partition", "2024-03-01"], "Leave the days out"),
        (["--rebuild", "bronze/orders"], "is never rebuilt"),
        (["--to", "2024-03-02"], "--to needs --from"),
    ],
)
def test_what_a_run_would_refuse_a_plan_refuses_alike(landed, words, message):
    answer = landed.type("plan", *words)
    assert (answer.exit_code, message in answer.stderr) == (2, True)


def test_help_has_an_example(landed):
    answer = landed.type("plan", "--help")
    assert (answer.exit_code, "snowpipe plan gold/daily_sales --rebuild" in answer.stdout) == (0, True)

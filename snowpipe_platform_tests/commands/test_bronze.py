"""`snowpipe bronze`: the log, and taking an entry back."""

import getpass

import pytest

from snowpipe_platform_tests.tiny import TinyShop


def two_days(shop):
    """Two days are landed; of the second day a total was wrong when it was read."""
    shop.orders(("o1", "1.00", "2024-03-01 10:00"), ("o2", "2.00", "2024-03-01 20:00"))
    shop.end_day("2024-03-01")
    shop.type("run", "bronze/orders")
    shop.orders(("o3", "999.00", "2024-03-02 06:00"), ("o4", "4.00", "2024-03-02 18:00"))
    shop.end_day("2024-03-02")
    shop.type("run", "bronze/orders")
    shop.source.run("UPDATE orders SET amount = '3.00' WHERE order_id = 'o3'")
    return shop


@pytest.fixture
def landed(shop):
    return two_days(shop)


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """Nothing changes it any more."""
    with pytest.MonkeyPatch.context() as patched:
        yield two_days(TinyShop(tmp_path_factory.mktemp("settled"), patched))


def orders(shop):
    rows = shop.rows("select order_id, amount from bronze.orders order by all")
    return [(row["order_id"], row["amount"]) for row in rows]


def withdraw(shop, *words):
    return shop.type("bronze", "withdraw", "orders", "2", "--reason", "read during a restore", *words)


def test_the_log_has_every_entry_with_what_it_covered(settled):
    answer = settled.type("bronze", "log", "orders")
    lines = answer.stdout.splitlines()
    assert (answer.exit_code, lines[0]) == (0, "bronze/orders: 2 entries, 4 rows that count")
    assert lines[1].split() == ["entry", "kind", "load", "day", "rows", "files", "size", "at", "(UTC)"]
    assert lines[2].split()[:5] == ["1", "extraction", "2024-03-01", "2", "1"]
    assert [line.strip() for line in lines[3::2]] == [
        "[beginning, 2024-03-02 00:00)",
        "[2024-03-01 00:00, 2024-03-03 00:00)",
    ]
    assert max(len(line) for line in lines) <= 80


def test_what_a_person_decided_stands_in_the_log_with_who_and_why(landed):
    landed.type("state", "set", "orders", "2024-03-03", "--reason", "sure")
    landed.type("state", "rewind", "orders", "--by", "1h", "--reason", "late rows")
    withdraw(landed)
    lines = landed.type("bronze", "log", "bronze/orders").stdout.splitlines()
    me = getpass.getuser()
    assert lines[0] == "bronze/orders: 4 entries, 2 rows that count"
    assert lines[4].split()[-1] == "withdrawn"
    assert [line.strip() for line in lines[5::2]] == [
        "[2024-03-01 00:00, 2024-03-03 00:00); withdrawn in entry 4",
        f"set to 2024-03-02 23:00; by {me}: late rows",
        f"of entry 2; by {me}: read during a restore",
    ]


def test_the_log_in_json_has_stable_keys_and_the_newest_under_a_limit(landed):
    withdraw(landed)
    told = landed.json("bronze", "log", "orders", "--limit", "2")
    assert (told["entity"], told["count"], [entry["number"] for entry in told["entries"]]) == ("orders", 3, [2, 3])
    assert set(told["entries"][0]) == {
        "number",
        "kind",
        "load_day",
        "rows",
        "interval",
        "complete",
        "files",
        "bytes",
        "at",
        "query",
        "run",
        "by",
        "reason",
        "withdraws",
        "withdrawn_in",
    }
    assert (told["entries"][0]["withdrawn_in"], told["entries"][1]["withdraws"]) == (3, 2)
    last = landed.type("bronze", "log", "orders", "--limit", "2").stdout.splitlines()[-1]
    assert last.strip() == "the last 2 of 3 entries; --limit for more"


def test_a_log_that_is_not_there_says_what_to_type(shop):
    assert shop.type("bronze", "log", "orders").stdout.splitlines() == [
        "bronze/orders has no entry yet",
        "next: snowpipe run bronze/orders",
    ]


def test_a_dry_run_says_what_follows_and_writes_nothing(settled):
    answer = withdraw(settled, "--dry-run")
    assert [line.strip() for line in answer.stdout.splitlines()] == [
        "bronze/orders: withdraw entry 2, extraction of load day 2024-03-02",
        "2 rows will not count any more; no file goes",
        "the watermark goes back from 2024-03-03 00:00 to 2024-03-02 00:00 (UTC)",
        "to be extracted again: 2024-03-02",
        "stale until they run: silver/order_changes, silver/fct_orders,",
        "gold/daily_totals",
        "dry run: nothing was written",
        "next: snowpipe bronze withdraw orders 2 --reason 'read during a restore'",
    ]
    told = settled.json("bronze", "withdraw", "orders", "2", "--reason", "x", "--dry-run")
    assert (told["rows"], told["incomplete_days"], told["entry"], told["dry_run"]) == (2, ["2024-03-02"], None, True)
    assert told["stale"] == ["silver/order_changes", "silver/fct_orders", "gold/daily_totals"]
    assert settled.json("bronze", "log", "orders")["count"] == 2


def test_nothing_that_reads_the_log_sees_a_withdrawn_entry(landed):
    assert withdraw(landed).stdout.splitlines()[-1] == "next: snowpipe run --partition 2024-03-02"
    assert orders(landed) == [("o1", "1.00"), ("o2", "2.00")]
    view = landed.json("show", "bronze/orders")
    assert ({row["order_id"] for row in view["rows"]}, len(view["commits"])) == ({"o1", "o2"}, 1)
    standing = next(one for one in landed.json("status")["bronze"] if one["table"] == "bronze/orders")
    assert (standing["rows"], standing["load_days"], standing["watermark"]) == (2, 1, "2024-03-02T00:00:00.000000")
    assert (standing["status"], standing["incomplete_days"]) == ("incomplete", ["2024-03-02"])
    assert standing["note"] == "withdrawn, to be extracted again: 2024-03-02"


def test_its_day_extracted_again_is_as_if_the_bad_one_had_never_been(landed):
    withdraw(landed)
    found = landed.outcomes("bronze/orders", "--partition", "2024-03-02")["bronze/orders"]
    assert (found["new"], found["rows"]) == (2, 4)
    assert orders(landed) == [("o1", "1.00"), ("o2", "2.00"), ("o3", "3.00"), ("o4", "4.00")]
    standing = next(one for one in landed.json("status")["bronze"] if one["table"] == "bronze/orders")
    assert (standing["status"], standing["load_days"], standing["watermark"]) == (
        "ok",
        2,
        "2024-03-03T00:00:00.000000",
    )


def test_a_withdrawal_reaches_every_table_made_from_it_and_the_day_read_again_too(landed):
    def totals():
        return [(row["ordered_on"], row["total"]) for row in landed.rows("select * from gold.daily_totals order by 1")]

    tables = ("silver/order_changes", "silver/fct_orders", "gold/daily_totals")
    landed.type("run", *tables)
    assert totals() == [("2024-03-01", "3.00"), ("2024-03-02", "1003.00")]
    withdraw(landed)
    made = landed.outcomes(*tables)
    assert made["silver/fct_orders"]["rows"] == 2
    assert totals() == [("2024-03-01", "3.00")]
    assert landed.type("run", "--partition", "2024-03-02").exit_code == 0
    assert totals() == [("2024-03-01", "3.00"), ("2024-03-02", "7.00")]
    changes = landed.rows("select order_id, amount from silver.order_changes order by all")
    assert [tuple(row.values()) for row in changes] == [(f"o{n}", f"{n}.00") for n in (1, 2, 3, 4)]
    again = landed.json("run")["outcomes"]
    assert {outcome["status"] for outcome in again} == {"unchanged"}


def test_a_log_of_which_everything_is_withdrawn_is_an_empty_table(landed):
    for number in ("1", "2"):
        landed.type("bronze", "withdraw", "orders", number, "--reason", "all of it")
    assert orders(landed) == []


def test_on_a_terminal_it_asks_and_a_no_writes_nothing(landed, monkeypatch):
    monkeypatch.setattr("snowpipe_platform.commands.deciding._is_asked", lambda: True)
    answer = withdraw(landed)
    assert answer.exit_code == 1
    assert "Withdraw entry 2 of bronze/orders, 2 rows?" in answer.stderr
    assert landed.json("bronze", "log", "orders")["count"] == 2
    assert withdraw(landed, "--yes").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["withdraw", "orders", "7", "--reason", "x"], "bronze/orders has no entry 7. The nearest is 2."),
        (["withdraw", "order", "2", "--reason", "x"], "there is no bronze/order. Did you mean 'orders'?"),
        (["withdraw", "orders", "two", "--reason", "x"], "Invalid value for 'NUMBER'"),
        (["log", "silver/fct_orders"], "there is no bronze/silver/fct_orders."),
    ],
)
def test_what_cannot_be_is_refused(settled, words, message):
    answer = settled.type("bronze", *words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.startswith(f"error: {message}")

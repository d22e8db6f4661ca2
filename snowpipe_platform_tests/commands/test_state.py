"""`snowpipe state`: what it prints, answers with and refuses."""

import getpass
import os

import pytest

from snowpipe_platform.backends.sqlite_state import SqliteState
from snowpipe_platform.settings import read_settings
from snowpipe_platform_tests.tiny import TinyShop


def one_day_landed(shop):
    """Orders of two days; the first is landed."""
    shop.orders(("o1", "1.00", "2024-03-01 10:00"), ("o2", "2.00", "2024-03-01 20:00"))
    shop.end_day("2024-03-01")
    shop.type("run", "bronze/orders", "bronze/customers")
    shop.orders(("o3", "3.00", "2024-03-02 06:00"), ("o4", "4.00", "2024-03-02 18:00"))
    shop.end_day("2024-03-02")
    return shop


@pytest.fixture
def landed(shop):
    return one_day_landed(shop)


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """Nothing changes it any more."""
    with pytest.MonkeyPatch.context() as patched:
        yield one_day_landed(TinyShop(tmp_path_factory.mktemp("settled"), patched))


def ids(shop):
    return [row["order_id"] for row in shop.rows("select order_id from bronze.orders order by 1")]


def state():
    return SqliteState(read_settings().state_path)


def test_show_has_a_line_for_each_query_and_says_who_writes(settled):
    answer = settled.type("state", "show")
    lines = answer.stdout.splitlines()
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert lines[1].split() == ["orders", "2024-03-02", "00:00", "2024-03-01", "20:00", "2024-03-01", "00:00", "ok"]
    assert lines[2].strip() == "lookback 1d"
    assert lines[-1] == "no lease is held: nothing is being written"
    assert max(len(line) for line in lines) <= 80


def test_show_before_any_run_says_so_and_makes_no_file(shop):
    found = shop.json("state", "show")
    assert [(q["query"], q["status"], q["next_start"]) for q in found["queries"]] == [
        ("orders", "never run", None),
        ("customers", "ok", None),
    ]
    assert not shop.home.exists()


def test_show_in_json_has_stable_keys(settled):
    with state().lease("bronze/orders", holder="nightly"):
        found = settled.json("state", "show")
    orders = found["queries"][0]
    assert set(orders) == {
        "query",
        "table",
        "status",
        "watermark",
        "stored",
        "newest_landed",
        "lookback",
        "next_start",
        "skipped",
        "note",
    }
    assert (orders["watermark"], orders["next_start"]) == ("2024-03-02T00:00:00.000000", "2024-03-01T00:00:00.000000")
    assert [(lease["resource"], lease["holder"], lease["pid"], lease["is_alive"]) for lease in found["leases"]] == [
        ("bronze/orders", "nightly", os.getpid(), True)
    ]


def test_an_index_ahead_of_the_log_is_shown_with_its_mend_and_rebuilt(landed):
    state().advance_watermark("orders", expected="2024-03-02T00:00:00.000000", new="2024-03-09T00:00:00.000000")
    lines = landed.type("state", "show").stdout.splitlines()
    assert lines[1].split()[-1] == "differs"
    told = " ".join(line.strip() for line in lines[2:4])
    assert told.startswith("the state store says 2024-03-09 00:00: snowpipe state rebuild orders; lookback 1d")
    assert lines[-1] == "next: snowpipe state rebuild orders"
    rebuilt = landed.type("state", "rebuild", "orders").stdout.splitlines()[1]
    assert rebuilt.split() == ["orders", "2024-03-09", "00:00", "2024-03-02", "00:00", "mended"]
    assert landed.json("state", "show")["queries"][0]["status"] == "ok"


@pytest.mark.case("A8")
def test_a_deleted_state_is_rebuilt_from_the_log_as_it_was(landed):
    landed.type("state", "set", "orders", "2024-03-02T12:00", "--reason", "test rows")
    before = landed.json("state", "show")["queries"]
    read_settings().state_path.unlink()
    assert landed.json("state", "show")["queries"][0]["status"] == "differs"
    told = landed.json("state", "rebuild")["queries"]
    assert [(q["query"], q["was"], q["is"], q["mended"]) for q in told] == [
        ("orders", None, "2024-03-02T12:00:00.000000", True),
        ("customers", None, None, False),
    ]
    assert landed.json("state", "show")["queries"] == before


@pytest.mark.parametrize("damage", ["cut short", "not ours"])
def test_a_damaged_state_is_set_aside_and_rebuilt(landed, damage):
    path = read_settings().state_path
    before, whole = landed.json("state", "show")["queries"], path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3] if damage == "cut short" else b"no database" * 1000)
    answer = landed.type("state", "show")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "snowpipe state rebuild" in answer.stderr
    lines = " ".join(landed.type("state", "rebuild", "orders").stdout.split())
    (aside,) = path.parent.glob("state.db.damaged-*")
    assert f"the state store could not be read and now lies in {path.parent}" in lines
    assert lines.endswith("customers - - unchanged")
    assert aside.stat().st_size < len(whole)
    assert landed.json("state", "show")["queries"] == before
    assert landed.json("state", "rebuild")["set_aside"] is None


def test_a_rebuild_waits_for_nobody_who_writes(settled):
    with state().lease("bronze/orders", holder="nightly"):
        answer = settled.type("state", "rebuild", "orders")
    assert (answer.exit_code, answer.stderr.splitlines()[-1]) == (1, "next: snowpipe status")
    assert "run nightly" in answer.stderr


def test_set_says_how_much_is_skipped_and_the_next_run_skips_it(landed):
    answer = landed.type("state", "set", "orders", "2024-03-02T12:00", "--reason", "a load of test rows")
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert lines[0] == "orders: watermark from 2024-03-02 00:00 to 2024-03-02 12:00 (UTC)"
    assert lines[1].strip().startswith("SKIPS 1 row of the source")
    assert lines[-2:] == [
        f"written: entry 2 of bronze/orders, by {getpass.getuser()}: a load of test rows",
        "next: snowpipe run bronze/orders",
    ]
    landed.type("run", "bronze/orders")
    assert ids(landed) == ["o1", "o2", "o4"]
    shown = landed.type("state", "show").stdout
    assert "no run reads 2024-03-02 00:00 to 2024-03-02 12:00" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        (["set", "orders", "2024-03-02T12:00"], ("rows_skipped", 1)),
        (["rewind", "orders", "--by", "12h"], ("rows_read_again", 2)),
        (["rewind", "orders", "--to", "2024-03-01"], ("rows_read_again", 2)),
    ],
)
def test_a_dry_run_writes_nothing_and_ends_with_the_command(settled, words, rows):
    command = ["state", *words, "--reason", "why not", "--dry-run"]
    told = settled.json(*command)
    assert (told["entry"], told["dry_run"], told[rows[0]]) == (None, True, rows[1])
    assert told["next"] == f"snowpipe state {' '.join(words)} --reason 'why not'"
    assert settled.type(*command).stdout.splitlines()[-2:] == [
        "dry run: nothing was written",
        f"next: snowpipe state {' '.join(words)} --reason 'why not'",
    ]
    assert settled.json("bronze", "log", "orders")["count"] == 1


def test_a_rewind_reads_again_and_lands_nothing_twice(landed):
    landed.type("run", "bronze/orders")
    told = landed.json("state", "rewind", "bronze/orders", "--to", "2024-03-01", "--reason", "restored")
    assert (told["from"], told["to"], told["rows_read_again"], told["entry"]) == (
        "2024-03-03T00:00:00.000000",
        "2024-03-01T00:00:00.000000",
        4,
        3,
    )
    assert landed.outcomes("bronze/orders")["bronze/orders"]["new"] == 0
    assert ids(landed) == ["o1", "o2", "o3", "o4"]


def test_set_where_it_is_already_writes_nothing(settled):
    answer = settled.type("state", "set", "orders", "2024-03-02", "--reason", "sure")
    assert (answer.exit_code, answer.stdout) == (0, "orders: the watermark is at 2024-03-02 00:00 already\n")


def test_on_a_terminal_it_asks_and_a_no_writes_nothing(landed, monkeypatch):
    monkeypatch.setattr("snowpipe_platform.commands.deciding._is_asked", lambda: True)
    words = ["state", "set", "orders", "2024-03-02T12:00", "--reason", "sure"]
    answer = landed.type(*words)
    assert (answer.exit_code, answer.stdout.splitlines()[-1].strip()) == (1, "nothing was written")
    assert "Skip 1 row of orders?" in answer.stderr
    assert landed.json("bronze", "log", "orders")["count"] == 1
    assert landed.type(*words, "--yes").exit_code == 0


def test_history_has_every_entry_that_moved_it_with_who_and_why(landed):
    landed.type("state", "set", "orders", "2024-03-02T12:00", "--reason", "test rows")
    landed.type("run", "bronze/orders")
    landed.type("bronze", "withdraw", "orders", "3", "--reason", "too early")
    told = landed.json("state", "history", "orders")
    assert [(e["entry"], e["kind"], e["before"], e["after"], e["rows"]) for e in told["entries"]] == [
        (1, "extraction", None, "2024-03-02T00:00:00.000000", 2),
        (2, "watermark", "2024-03-02T00:00:00.000000", "2024-03-02T12:00:00.000000", 0),
        (3, "extraction", "2024-03-02T12:00:00.000000", "2024-03-03T00:00:00.000000", 1),
        (4, "withdrawal", "2024-03-03T00:00:00.000000", "2024-03-02T12:00:00.000000", 0),
    ]
    answer = landed.type("state", "history", "orders", "--limit", "3")
    lines = answer.stdout.splitlines()
    (run,) = {entry["run"] for entry in told["entries"] if entry["entry"] == 3}
    assert f"2024-03-02 12:00 to 2024-03-03 00:00, by run {run}" in " ".join(answer.stdout.split())
    assert f"    2024-03-02 00:00 to 2024-03-02 12:00, by {getpass.getuser()}: test rows" in lines
    assert lines[-1].strip() == "the last 3 of 4 entries; --limit for more"
    assert max(len(line) for line in lines) <= 80


def test_history_of_a_query_that_has_not_run_says_what_to_type(shop):
    assert shop.type("state", "history", "orders").stdout.splitlines() == [
        "orders has not run yet",
        "next: snowpipe run bronze/orders",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["set", "ordrs", "1", "--reason", "x"], "there is no query 'ordrs'. Did you mean 'orders'?"),
        (["set", "orders", "2024-03-02", "--reason", " "], "--reason takes why, in a few words: it is kept with the"),
        (["set", "orders", "2024-03-02"], "Missing option '--reason'."),
        (["set", "customers", "2024-03-02", "--reason", "x"], "query 'customers' has no watermark: every run reads"),
        (["history", "customers"], "query 'customers' has no watermark: every run reads"),
        (["rewind", "orders", "--reason", "x"], "give one of --to VALUE and --by DURATION."),
        (["rewind", "orders", "--by", "1h", "--to", "2024-03-01", "--reason", "x"], "give one of --to VALUE and --by"),
        (["set", "orders", "2024-03-09", "--reason", "x"], "query 'orders': 2024-03-09 00:00 is ahead of the source"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(settled, words, message):
    answer = settled.type("state", *words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.startswith(f"error: {message}")
    assert answer.stderr.splitlines()[-1] == f"next: snowpipe state {words[0]} --help"


def test_nothing_is_coloured_where_no_colour_is_wanted(settled, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[3" not in settled.type("state", "show").stdout

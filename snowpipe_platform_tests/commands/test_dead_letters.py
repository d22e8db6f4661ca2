"""`snowpipe dead-letters`: what waits, and what a person does about it."""

import getpass
from dataclasses import replace
from datetime import datetime

import pytest

from snowpipe_platform.backends.sqlite_state import SqliteState
from snowpipe_platform.commands.dead_letters_lines import abbreviated
from snowpipe_platform.records import DeadLetter
from snowpipe_platform.settings import read_settings
from snowpipe_platform_tests.tiny import QUERIES, TinyShop

RULES = """    rules:
      - {name: priced, expression: "amount IS NOT NULL AND amount NOT LIKE '-%'", on_violation: dead_letter}
"""
STRICT = QUERIES.replace("    lookback: 1 day\n", f"    lookback: 1 day\n{RULES}")
LENIENT = STRICT.replace("amount NOT LIKE '-%'", "amount NOT LIKE '-5%'")


def some_letters(folder, patched):
    """An order is landed, two are kept out, and the extraction of the customers has failed."""
    shop = TinyShop(folder, patched, source__queries=STRICT)
    shop.orders(
        ("o1", "1.00", "2024-03-01 10:00"), ("o2", "-2.00", "2024-03-01 11:00"), ("o3", "-5", "2024-03-01 12:00")
    )
    shop.end_day("2024-03-01")
    shop.source.run("ALTER TABLE customers RENAME TO clients")
    assert shop.type("run", "bronze/orders", "bronze/customers").exit_code == 1
    shop.source.run("ALTER TABLE clients RENAME TO customers")
    return shop


@pytest.fixture
def shop(tmp_path, monkeypatch):
    return some_letters(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """Two more letters with ids a test can write; nothing changes them any more."""
    with pytest.MonkeyPatch.context() as patched:
        shop = some_letters(tmp_path_factory.mktemp("settled"), patched)
        letter = DeadLetter("abcdef00" + "0" * 24, "extraction", "files", "x", datetime(2024, 3, 1), {})
        SqliteState(read_settings().state_path).put(letter, replace(letter, id="abcdef01" + "0" * 24))
        yield shop


def use(shop, queries):
    (shop.folder / shop.package / "source" / "queries.yaml").write_text(queries)


def letters(shop, *words):
    """By order, or by query: abbreviated ids."""
    found = shop.json("dead-letters", "list", *words)["letters"]
    return {letter["rows"][0]["order_id"] if letter["rows"] else letter["query"]: letter["id"][:7] for letter in found}


def landed(shop):
    return [row["order_id"] for row in shop.rows("select order_id from bronze.orders order by 1")]


def test_one_line_each_with_the_beginning_of_its_id_and_why(shop):
    answer = shop.type("dead-letters", "list")
    title, *lines, last = answer.stdout.splitlines()
    assert title.split() == ["id", "kind", "query", "load", "day", "failed", "why"]
    assert sorted(line.split()[1:4] for line in lines) == [
        ["extraction", "customers", "2024-03-01"],
        ["rows", "orders", "2024-03-01"],
        ["rows", "orders", "2024-03-01"],
    ]
    assert all("breaks priced: " in line for line in lines if " rows " in line)
    assert max(len(line) for line in answer.stdout.splitlines()) <= 80
    assert last == f"next: snowpipe dead-letters show {lines[-1].split()[0]}"


def test_a_run_that_keeps_rows_out_goes_on_to_the_dead_letters(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch, source__queries=STRICT)
    shop.orders(("o1", "-1.00", "2024-03-01 10:00"))
    shop.end_day("2024-03-01")
    assert shop.json("run", "bronze/orders")["next"] == "snowpipe dead-letters list"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--kind", "rows"], {"o2", "o3"}),
        (["--query", "customers"], {"customers"}),
        (["--kind", "rows", "--query", "customers"], set()),
        (["--limit", "1", "--kind", "extraction"], {"customers"}),
    ],
)
def test_the_list_is_filtered(settled, words, expected):
    assert set(letters(settled, *words)) == expected


def test_an_empty_list_says_so(shop):
    shop.type("dead-letters", "discard", "--all", "--reason", "all of it")
    assert shop.type("dead-letters", "list").stdout == "no dead letter waits\n"


def test_show_says_everything_about_one(settled):
    lines = [
        line.split(maxsplit=1)
        for line in settled.type("dead-letters", "show", letters(settled)["o2"]).stdout.splitlines()
    ]
    assert ["load_day", "2024-03-01"] in lines
    assert ["instant", "2024-03-01T11:00:00"] in lines
    assert ["row", "amount                -2.00"] in lines
    assert lines[-1] == ["next:", f"snowpipe dead-letters retry {letters(settled)['o2']}"]
    told = settled.json("dead-letters", "show", letters(settled)["customers"])
    assert set(told) == {"id", "kind", "query", "error", "failed_at", "request", "rows", "waits", "closed"}
    assert (told["kind"], told["waits"], told["closed"], told["rows"]) == ("extraction", True, [], [])
    assert "customers" in told["error"]


def test_an_extraction_is_run_again_and_its_letter_is_gone(shop):
    answer = shop.type("dead-letters", "retry", letters(shop)["customers"])
    lines = answer.stdout.splitlines()
    assert (answer.exit_code, lines[1].split()[1:]) == (
        0,
        ["extraction", "customers", "2024-03-01", "ok", "2", "new", "rows", "landed"],
    )
    assert lines[-1] == "next: snowpipe run --partition 2024-03-01"
    assert shop.rows("select count(*) as n from bronze.customers") == [{"n": 2}]
    assert "customers" not in letters(shop)
    (closed,) = shop.json("dead-letters", "list", "--closed")["letters"]
    assert (closed["query"], closed["closed"]["outcome"]) == ("customers", "done")


def test_an_extraction_that_fails_again_waits_on(shop):
    shop.source.run("DROP TABLE customers")
    answer = shop.type("dead-letters", "retry", letters(shop)["customers"])
    assert (answer.exit_code, answer.stdout.splitlines()[1].split()[-1]) == (1, "FAILED")
    assert answer.stdout.splitlines()[-1] == f"next: snowpipe dead-letters show {letters(shop)['customers']}"


def test_a_later_run_of_the_day_takes_the_letter_off_the_list(shop):
    shop.type("run", "bronze/customers")
    assert set(letters(shop)) == {"o2", "o3"}


@pytest.mark.case("A31")
def test_rows_land_once_the_rule_lets_them_in_and_a_second_retry_does_nothing(shop):
    use(shop, LENIENT)
    told = shop.json("dead-letters", "retry", "--all", "--kind", "rows")
    assert sorted((one["status"], one["note"]) for one in told["letters"]) == [
        ("ok", "landed"),
        ("waits", "still breaks priced"),
    ]
    assert told["next"] == "snowpipe run --partition 2024-03-01"
    assert landed(shop) == ["o1", "o2"]
    again = shop.type("dead-letters", "retry", "--all", "--kind", "rows")
    assert (again.exit_code, landed(shop), set(letters(shop))) == (1, ["o1", "o2"], {"o3", "customers"})
    shop.type("run")
    assert [row["order_id"] for row in shop.rows("from silver.fct_orders order by 1")] == ["o1", "o2"]
    assert landed(shop) == ["o1", "o2"]


def test_a_person_lands_a_row_anyway_and_that_is_kept(shop):
    answer = shop.type("dead-letters", "retry", letters(shop)["o3"], "--anyway", "a refund, it is right")
    assert answer.exit_code == 0
    assert landed(shop) == ["o1", "o3"]
    entry = shop.json("bronze", "log", "orders")["entries"][-1]
    assert (entry["by"], entry["reason"], entry["rows"]) == (getpass.getuser(), "a refund, it is right", 1)
    shop.type("run", "bronze/orders")
    assert (landed(shop), set(letters(shop))) == (["o1", "o3"], {"o2", "customers"})


def test_a_row_a_person_landed_is_no_word_of_the_sources_clock(shop):
    assert shop.json("plan", "--no-count")["days"] == ["2024-03-01"]
    shop.type("dead-letters", "retry", letters(shop)["o3"], "--anyway", "a refund, it is right")
    assert shop.json("plan", "--no-count")["days"] == shop.json("plan")["days"] == ["2024-03-01"]


def test_a_dry_run_says_what_would_become_of_each_and_does_nothing(shop):
    use(shop, LENIENT)
    told = shop.json("dead-letters", "retry", "--all", "--dry-run")["letters"]
    assert sorted((one["status"], one["note"]) for one in told) == [
        ("waits", "still breaks priced"),
        ("waits", "would be landed"),
        ("waits", "would extract bronze/customers of 2024-03-01"),
    ]
    answer = shop.type("dead-letters", "retry", "--all", "--dry-run")
    assert (answer.exit_code, answer.stdout.splitlines()[-1]) == (0, "dry run: nothing was written")
    assert (landed(shop), set(letters(shop))) == (["o1"], {"o2", "o3", "customers"})


def test_letters_that_fared_alike_share_a_line_when_there_are_many(shop):
    shop.orders(*((f"m{n}", "-1.00", "2024-03-01 13:00") for n in range(25)))
    shop.type("run", "bronze/orders")
    lines = shop.type("dead-letters", "retry", "--all", "--kind", "rows", "--anyway", "fine").stdout.splitlines()
    assert [line.split() for line in lines[:2]] == [
        ["kind", "and", "query", "letters"],
        ["rows", "of", "orders", "27", "ok", "landed"],
    ]
    assert len(landed(shop)) == 28


def test_what_is_given_up_leaves_the_list_for_good_and_who_and_why_is_kept(shop):
    answer = shop.type("dead-letters", "discard", letters(shop)["o2"], "--reason", "a test order")
    assert answer.stdout.splitlines()[-2:] == [
        f"gave up 1 dead letter, by {getpass.getuser()}: a test order",
        "next: snowpipe dead-letters list --closed",
    ]
    shop.end_day("2024-03-02")
    shop.type("run", "bronze/orders")
    assert set(letters(shop)) == {"o3", "customers"}
    line = shop.type("dead-letters", "list", "--closed").stdout.splitlines()[1]
    assert line.split()[5:7] == ["discarded", "by"]
    (closed,) = shop.json("dead-letters", "list", "--closed")["letters"]
    assert (closed["closed"]["by"], closed["closed"]["reason"]) == (getpass.getuser(), "a test order")
    shown = " ".join(shop.type("dead-letters", "show", closed["id"]).stdout.split())
    assert "waits no more" in shown
    assert f"by {getpass.getuser()}: a test order" in shown


def test_discarding_asks_on_a_terminal_and_has_a_dry_run(shop, monkeypatch):
    words = ["dead-letters", "discard", "--all", "--query", "orders", "--reason", "test orders"]
    assert shop.type(*words, "--dry-run").stdout.splitlines()[-1] == "dry run: nothing was written"
    assert shop.json(*words, "--dry-run") == {"dry_run": True, "count": 2, "discarded": []}
    monkeypatch.setattr("snowpipe_platform.commands.deciding._is_asked", lambda: True)
    answer = shop.type(*words)
    assert (answer.exit_code, "Give up 2 dead letters?" in answer.stderr) == (1, True)
    assert len(letters(shop)) == 3
    assert shop.type(*words, "--yes").exit_code == 0
    assert set(letters(shop)) == {"customers"}


def test_a_letter_whose_query_is_not_declared_any_more_can_only_be_given_up(shop):
    use(shop, STRICT.replace("name: customers", "name: people\n    entity: customers"))
    answer = shop.type("dead-letters", "retry", letters(shop)["customers"])
    assert answer.exit_code == 1
    assert "the queries file has no query 'customers' any more: discard it" in " ".join(answer.stdout.split())


def test_ids_are_as_long_as_it_takes_to_tell_them_apart():
    assert abbreviated([]) == {}
    assert abbreviated(["aaaaaaaa1", "aaaaaaaa2", "b00000000"]) == {
        "aaaaaaaa1": "aaaaaaaa1",
        "aaaaaaaa2": "aaaaaaaa2",
        "b00000000": "b00000000",
    }
    assert abbreviated(["1" * 32]) == {"1" * 32: "1111111"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "zzzz"], "there is no dead letter 'zzzz'. See: snowpipe dead-letters list"),
        (["show", "abc"], "'abc' begins abcdef00, abcdef01. Write more of it."),
        (["retry"], "give ids, as snowpipe dead-letters list shows them, or --all"),
        (["retry", "abcdef00", "--all"], "give ids, as snowpipe dead-letters list shows them, or --all"),
        (["retry", "--all", "--kind", "row"], "there is no kind 'row' of dead letter. Did you mean 'rows'?"),
        (["list", "--query", "order"], "there is no query 'order'. Did you mean 'orders'?"),
        (
            ["discard", "--all", "--kind", "extraction", "--query", "orders", "--reason", "x"],
            "no dead letter waits that",
        ),
        (["discard", "abcdef00", "--reason", ""], "--reason takes why"),
        (["retry", "abcdef00", "--anyway", " "], "--anyway takes why"),
        (["retry", "abcdef00", "--anyway", "x"], "--anyway lands rows, and abcdef0 is the extraction of files. Leave"),
        (["retry", "--all", "--anyway", "x", "--dry-run"], "--anyway lands rows, and "),
    ],
)
def test_what_cannot_be_is_refused(settled, words, message):
    answer = settled.type("dead-letters", *words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.startswith(f"error: {message}")


def test_a_letter_that_waits_no_more_says_how_it_ended(shop):
    name = letters(shop)["o2"]
    shop.type("dead-letters", "discard", name, "--reason", "a test order")
    answer = shop.type("dead-letters", "retry", name)
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"error: dead letter '{name}' waits no more: discarded on ")

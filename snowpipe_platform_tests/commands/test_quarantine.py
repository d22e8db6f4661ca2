"""`snowpipe quarantine`: what a person sees of bad rows, and what comes of what they decide."""

import csv
import getpass
import json
import shlex
from dataclasses import replace
from datetime import date

import dagster as dg
import pytest

from snowpipe_platform.commands import quarantine_choice
from snowpipe_platform.commands.instance import ensure_instance
from snowpipe_platform.commands.quarantine import next_command
from snowpipe_platform.execution.quarantine import QuarantineCounts
from snowpipe_platform.settings import read_settings
from snowpipe_platform_tests.kit import Killed, make_ground
from snowpipe_platform_tests.ledger import CHANGES
from snowpipe_platform_tests.tiny import ORDER_CHANGES, TinyShop

TABLE = "silver/order_changes"
DAY, NEXT_DAY = "2024-03-01", "2024-03-02"
WORDS_TOO = ORDER_CHANGES.replace('types={"amount": "decimal(18, 2)"}', "types={}").replace(
    "clean=lambda rows: {}", 'clean=lambda rows: {"amount": rows.amount.replace("two", "2").cast("decimal(18, 2)")}'
)


@pytest.fixture
def bad(shop):
    """Orders o1 and o3 to o5 are good; o2, row 1 of entry 1, has no number for an amount."""
    return with_bad_rows(shop)


def with_bad_rows(shop):
    amounts = ("1.00", "two", "3.00", "4.00", "5.00")
    shop.orders(*((f"o{n}", amount, f"{DAY} 10:0{n}") for n, amount in enumerate(amounts, start=1)))
    shop.end_day(DAY)
    shop.type("run", "bronze/orders", TABLE)
    return shop


def hold_next_day(shop):
    """A day with two bad rows and a good one, held beside the table. Under lookback the five of the day before are read
    first, so they are rows 5 to 7 of entry 2."""
    shop.orders(*((f"p{n}", amount, f"{NEXT_DAY} 10:0{n}") for n, amount in enumerate(("six", "seven", "8.00"))))
    shop.end_day(NEXT_DAY)
    shop.type("run", "bronze/orders", TABLE)
    return shop


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    """One row in quarantine, two more held with their day; nothing here changes it."""
    with pytest.MonkeyPatch.context() as environment:
        yield hold_next_day(with_bad_rows(TinyShop(tmp_path_factory.mktemp("looked"), environment)))


def bronze_log(shop):
    return make_ground(shop.home, shop.source.path).bronze.log("orders")


def counts(shop):
    """Valid, quarantined, discarded rows of the table."""
    names = ("order_changes", "order_changes_quarantine", "order_changes_discarded")
    return tuple(shop.rows(f"select count(*) as n from silver.{name}")[0]["n"] for name in names)


def edit(path, **amounts):
    """Set amounts in an export, by order."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        names, *rows = csv.reader(file)
    for row in rows:
        row[names.index("amount")] = amounts.get(row[names.index("order_id")], row[names.index("amount")])
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    return str(path)


def exported(shop, name="bad.csv", *words):
    answer = shop.type("quarantine", "export", TABLE, "--to", str(shop.folder / name), *words)
    assert answer.exit_code == 0, answer.stderr
    return shop.folder / name


def replayed(shop, *words):
    return shop.json("quarantine", "replay", TABLE, *words)


# --- looking


def test_a_line_a_table_says_how_much_waits_since_when_and_the_worst_rule(looked_at):
    told = looked_at.json("quarantine", "list")
    orders = next(table for table in told["tables"] if table["table"] == TABLE)
    assert orders == {
        "table": TABLE,
        "quarantined": 3,
        "held": 2,
        "settled": 0,
        "discarded": 0,
        "oldest_load_day": DAY,
        "rules": [{"rule": "amount.is_decimal", "description": "amount is a decimal(18, 2)", "rows": 3}],
    }
    lines = looked_at.type("quarantine", "list").stdout.splitlines()
    assert [line.split() for line in lines[1:3]] == [
        ["silver/customer_changes", "0", "-", "-", "-", "ok"],
        [TABLE, "3", "2", "-", DAY, "held"],
    ]
    assert lines[3:] == ["    amount is a decimal(18, 2): 3 rows", f"next: snowpipe quarantine show {TABLE}"]
    assert max(map(len, lines)) <= 80


def test_rows_are_shown_with_id_rules_and_payload_and_those_held_are_marked(looked_at):
    told = looked_at.json("quarantine", "show", "order_changes")
    assert [(row["id"], row["load_day"], row["held_on"]) for row in told["rows"]] == [
        ("1:1", DAY, None), ("2:5", NEXT_DAY, f"held-{NEXT_DAY}"), ("2:6", NEXT_DAY, f"held-{NEXT_DAY}"),
    ]  # fmt: skip
    assert told["rows"][0]["rules"] == [{"rule": "amount.is_decimal", "description": "amount is a decimal(18, 2)"}]
    assert told["rows"][0]["payload"]["amount"] == "two"
    text = looked_at.type("quarantine", "show", TABLE, "--limit", "1").stdout
    assert text.splitlines()[0] == f"{TABLE}: 3 rows in quarantine"
    assert "not: amount is a decimal(18, 2)\n" in text
    assert "extracted as order_id 'o2', amount 'two'" in text
    assert "1 of 3 rows; --limit for more" in text
    assert all(len(line) <= 80 for line in text.splitlines()[:-1])


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--day", NEXT_DAY], ["2:5", "2:6"]),
        (["--rule", "amount.is_decimal", "--day", DAY], ["1:1"]),
        (["--rule", "AMOUNT is a decimal(18, 2)"], ["1:1", "2:5", "2:6"]),
        (["--rule", "order_id.not_null"], []),
    ],
)
def test_rows_are_chosen_by_rule_and_day(looked_at, words, ids):
    told = looked_at.json("quarantine", "show", TABLE, *words)
    assert ([row["id"] for row in told["rows"]], told["count"]) == (ids, len(ids))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "silver/fct_orders"], "silver/fct_orders keeps no quarantine; changes tables do: silver/customer_"),
        (["show", TABLE, "--rule", "amount.is_decimals"], "has no rule 'amount.is_decimals'. Did you mean"),
        (["show", TABLE, "--rule", "note.str_contains"], "rule 'note.str_contains' warns, and quarantines no row."),
        (["discard", TABLE, "--reason", "x"], "say which rows: --rows with their ids, or --rule"),
        (["discard", TABLE, "--rows", "1-1", "--reason", "x"], "'1-1' is no row id."),
        (["discard", TABLE, "--rows", "1:1", "--day", DAY, "--reason", "x"], "--rows names the rows. Leave --rule"),
        (["discard", TABLE, "--rows", "1:1,1:7", "--reason", "x"], f"{TABLE} has no row 1:7. Nothing was done."),
        (["discard", TABLE, "--rows", "1:1"], "--reason is missing"),
        (["discard", TABLE, "--rows", "1:1", "--reason", " "], "--reason is missing"),
        (["replay", TABLE, "--edited", "x.csv"], "--reason is missing"),
        (["replay", TABLE, "--edited", "x.csv", "--day", DAY, "--reason", "x"], "--edited takes the rows of the file."),
        (["replay", TABLE, "--edited", "none.csv", "--dry-run"], "none.csv cannot be read: No such file"),
        (["replay", TABLE, "--edited", "x.xlsx", "--dry-run"], "x.xlsx: a file that ends with .csv or .jsonl"),
    ],
)
def test_what_was_typed_wrongly_is_answered_in_a_line_and_nothing_is_done(looked_at, words, message):
    answer = looked_at.type("quarantine", *words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert message in answer.stderr
    assert answer.stderr.splitlines()[-1] == f"next: snowpipe quarantine {words[0]} --help"
    assert len(bronze_log(looked_at)) == 2


def test_the_next_command_exports_the_rows_that_are_shown(looked_at):
    shown = looked_at.type("quarantine", "show", TABLE, "--rule", "AMOUNT is a decimal(18, 2)", "--day", NEXT_DAY)
    following = shown.stdout.splitlines()[-1].removeprefix("next: snowpipe ")
    words = shlex.split(following)
    assert words == [
        *["quarantine", "export", TABLE, "--rule", "AMOUNT is a decimal(18, 2)", "--day", NEXT_DAY],
        *["--to", "order_changes.csv"],
    ]
    path = looked_at.folder / "my bad.csv"
    exported = looked_at.json(*words[:-1], str(path))
    assert exported["rows"] == 2
    edited = shlex.split(exported["next"])
    assert edited[1:6] == ["quarantine", "replay", TABLE, "--edited", str(path)]


def test_without_a_row_nothing_is_exported(looked_at):
    path = looked_at.folder / "none.csv"
    words = ("quarantine", "export", TABLE, "--rule", "order_id.not_null", "--to", str(path))
    answer = looked_at.type(*words)
    told = f"nothing to export: no row of {TABLE} that was asked for is in quarantine\n"
    assert (answer.exit_code, answer.stdout, path.exists()) == (0, told, False)
    assert looked_at.json(*words) == {"table": TABLE, "file": None, "rows": 0, "next": None}


def test_a_table_that_is_held_is_looked_into_first():
    def waiting(quarantined, held):
        return QuarantineCounts(quarantined, held, settled=0, discarded=0, oldest_day=None, broken={})

    other = replace(CHANGES, name="silver/other_changes")
    assert next_command([(CHANGES, waiting(9, 0)), (other, waiting(2, 1))]).endswith(" silver/other_changes")
    assert next_command([(CHANGES, waiting(9, 0)), (other, waiting(2, 0))]).endswith(f" {CHANGES.name}")


def test_the_family_typed_alone_answers_with_its_help(looked_at):
    answer = looked_at.type("quarantine")
    assert answer.stderr == ""
    for command in ("list", "show", "export", "replay", "discard"):
        assert f" {command} " in answer.stdout
        assert f"snowpipe quarantine {command}" in looked_at.type("quarantine", command, "--help").stdout


# --- replay of edited rows


def test_an_edited_row_counts_once_in_the_run_in_status_and_in_the_log(bad):
    replayed(bad, "--edited", edit(exported(bad), o2="2.00"), "--reason", "x")
    (of_status,) = [one["rows"] for one in bad.json("status")["bronze"] if one["table"] == "bronze/orders"]
    assert (bad.outcomes("bronze/orders")["bronze/orders"]["rows"], of_status) == (5, 5)
    assert bad.type("bronze", "log", "orders").stdout.startswith("bronze/orders: 2 entries, 5 rows that count")


@pytest.mark.case("A31")
def test_an_edited_row_becomes_valid_once_and_is_kept_with_who_and_why(bad):
    path = edit(exported(bad), o2="2.00")
    told = replayed(bad, "--edited", path, "--reason", "asked the shop")
    assert (told["valid"], told["stays"], told["entries"], told["next"]) == (1, 0, [2], "snowpipe run")
    assert told["rows"] == [{"id": "1:1", "load_day": DAY, "becomes": "valid", "details": ["amount 'two' -> '2.00'"]}]
    entry = bronze_log(bad)[-1]
    assert (entry.kind, entry.by, entry.reason, entry.load_day, entry.supersedes) == (
        "correction", getpass.getuser(), "asked the shop", date(2024, 3, 1), {1: "1"},
    )  # fmt: skip
    assert counts(bad) == (5, 0, 0)
    bad.type("run", "silver/fct_orders", "gold/daily_totals")
    assert bad.rows("select total from gold.daily_totals") == [{"total": "15.00"}]
    again = replayed(bad, "--edited", path, "--reason", "asked the shop")
    assert (again["skipped"], again["valid"], again["rows"][0]["details"]) == (1, 0, ["edited before"])
    assert len(bronze_log(bad)) == 2


@pytest.mark.case("A16")
def test_an_edited_row_does_not_make_the_sources_own_row_new(bad):
    replayed(bad, "--edited", edit(exported(bad), o2="2.00"), "--reason", "x")
    found = bad.outcomes("bronze/orders", TABLE)
    assert (found["bronze/orders"]["new"], found["bronze/orders"]["rows"]) == (0, 5)
    assert found[TABLE]["status"] == "unchanged"
    assert bad.rows("select count(*) as n from bronze.orders") == [{"n": 5}]


def test_what_was_typed_lands_in_bronzes_types_beside_what_was_extracted(bad):
    path = exported(bad)
    path.write_text(path.read_text("utf-8-sig").replace(f"{DAY} 10:02:00", "2024-03-02"), "utf-8")
    replayed(bad, "--edited", edit(path, o2="2.00"), "--reason", "x")
    (row,) = bad.rows("select *, changed_at::varchar as at from silver.order_changes where manifest_number = 2")
    assert (row["order_id"], row["amount"], row["note"], row["at"]) == ("o2", "2.00", "so", "2024-03-02 00:00:00")
    assert (row["source_row"], row["load_day"]) == (0, DAY)
    assert row["source_file"].startswith("orders/year=2024/month=03/day=01/extraction=correction-cli-")
    hashes = bad.rows(f"select distinct _content_hash from read_parquet('{bad.home}/bronze/orders/**/*.parquet')")
    assert len(hashes) == 6


def test_a_dry_run_says_what_would_be_and_does_nothing(bad):
    path = edit(exported(bad), o2="zwei")
    text = bad.type("quarantine", "replay", TABLE, "--edited", path, "--dry-run").stdout
    assert text.splitlines() == [
        "id   load day    becomes",
        f"1:1  {DAY}  stays",
        "    amount 'two' -> 'zwei'",
        "    not: amount is a decimal(18, 2)",
        "",
        "would be: 1 still in quarantine",
        f"next: snowpipe quarantine show {TABLE}",
    ]
    told = replayed(bad, "--edited", edit(bad.folder / "bad.csv", o2="2.00"), "--dry-run")
    assert (told["dry_run"], told["valid"], told["next"]) == (True, 1, "the same command without --dry-run")
    assert (len(bronze_log(bad)), counts(bad)) == (1, (4, 1, 0))


def test_an_edit_that_is_bad_too_is_recorded_and_stays(bad):
    told = replayed(bad, "--edited", edit(exported(bad), o2="zwei"), "--reason", "x")
    assert (told["valid"], told["stays"], told["entries"]) == (0, 1, [2])
    (row,) = bad.json("quarantine", "show", TABLE)["rows"]
    assert (row["id"], row["payload"]["amount"]) == ("2:0", "zwei")


def test_an_export_that_nobody_edited_changes_nothing(bad):
    for name in ("bad.csv", "bad.jsonl"):
        told = replayed(bad, "--edited", str(exported(bad, name)), "--reason", "x")
        assert (told["stays"], told["entries"], told["run"]["outcomes"], told["dry_run"]) == (1, [], [], False)
    assert len(bronze_log(bad)) == 1
    answer = bad.type("quarantine", "replay", TABLE)
    assert answer.exit_code == 0
    assert answer.stdout.splitlines()[-2:] == [
        "nothing to do: 1 still in quarantine",
        f"next: snowpipe quarantine show {TABLE}",
    ]


def test_on_a_terminal_it_asks_first(bad, monkeypatch):
    monkeypatch.setattr(quarantine_choice, "is_asked", lambda: True)
    path = edit(exported(bad), o2="2.00")
    for words in (["replay", TABLE, "--edited", path], ["discard", TABLE, "--rows", "1:1"]):
        answer = bad.type("quarantine", *words, "--reason", "x")
        assert (answer.exit_code, len(bronze_log(bad))) == (1, 1)
        assert answer.stderr.splitlines()[-1].endswith("? [y/N]:")
    assert bad.type("quarantine", "discard", TABLE, "--rows", "1:1", "--reason", "x", "--yes").exit_code == 0
    assert counts(bad) == (4, 0, 1)


@pytest.mark.case("A58")
def test_a_stop_after_the_edit_was_recorded_is_mended_by_the_next_run_on_whatever_day(bad, monkeypatch):
    path = edit(exported(bad), o2="2.00")
    with monkeypatch.context() as stopped:
        stopped.setattr("snowpipe_platform.commands.quarantine_replay.bring_up_to_date", killed)
        with pytest.raises(Killed):
            bad.type("quarantine", "replay", TABLE, "--edited", path, "--reason", "x")
    orders = bad.json("quarantine", "list")["tables"][1]
    assert (orders["quarantined"], orders["settled"]) == (0, 1)
    assert "1 row decided about, which the next run takes in" in bad.type("quarantine", "list").stdout
    bad.end_day("2024-03-09")
    assert bad.outcomes(TABLE, "silver/fct_orders")["silver/fct_orders"]["rows"] == 5
    assert counts(bad) == (5, 0, 0)


def killed(*_args, **_kwargs):
    raise Killed


# --- replay under mended rules


@pytest.mark.case("A31")
def test_rows_that_pass_mended_rules_are_accepted_in_their_own_place_once(bad):
    told = replayed(bad)
    assert (told["stays"], told["run"]["outcomes"]) == (1, [])
    bad.mend(silver__order_changes=WORDS_TOO)
    told = replayed(bad, "--reason", "words too")
    assert (told["valid"], told["stays"], told["entries"]) == (1, 0, [])
    assert bad.rows("select manifest_number as m, source_row as r from silver.order_changes where order_id = 'o2'") == [
        {"m": 1, "r": 1}
    ]
    state = make_ground(bad.home, bad.source.path).lake.state(TABLE)
    assert json.loads(state.properties["snowpipe.replay"]) == {
        "by": getpass.getuser(), "reason": "words too", "rows": 1,
    }  # fmt: skip
    assert replayed(bad)["rows"] == []
    assert len(make_ground(bad.home, bad.source.path).lake.history(TABLE)) == 2


# --- discard


@pytest.mark.case("A30")
def test_discarded_rows_are_counted_apart_and_kept_with_why(bad):
    told = bad.json("quarantine", "discard", TABLE, "--rule", "amount.is_decimal", "--reason", "a test order")
    assert (told["discarded"], told["entries"], told["rows"][0]["becomes"]) == (1, [2], "discarded")
    entry = bronze_log(bad)[-1]
    assert (entry.kind, entry.reason, entry.supersedes, entry.rows_landed) == ("discard", "a test order", {1: "1"}, 0)
    assert counts(bad) == (4, 0, 1)
    orders = next(table for table in bad.json("status")["tables"] if table["table"] == TABLE)
    assert (orders["rows"], orders["quarantined"], orders["discarded"]) == (5, 0, 1)
    assert bad.json("quarantine", "list")["tables"][1]["discarded"] == 1
    assert bad.json("show", TABLE, "--failing", "amount.is_decimal")["count"] == 0
    assert bad.rows("select order_id from silver.order_changes_discarded") == [{"order_id": "o2"}]
    again = bad.json("quarantine", "discard", TABLE, "--rows", "1:1,1:0", "--reason", "x")
    assert [row["details"] for row in again["rows"]] == [["valid already"], ["discarded before"]]
    assert len(bronze_log(bad)) == 2


# --- held load days


def test_rows_of_a_held_day_are_mended_and_the_day_is_published(bad):
    hold_next_day(bad)
    path = edit(exported(bad, "held.csv", "--day", NEXT_DAY), p0="6.00")
    told = replayed(bad, "--edited", path, "--reason", "x")
    assert (told["valid"], told["stays"]) == (1, 1)
    assert counts(bad) == (6, 2, 0)
    assert bad.json("quarantine", "list")["tables"][1]["held"] == 0


def test_a_held_day_that_stays_beyond_the_tolerance_keeps_what_was_decided_waiting(bad):
    bad.orders(("p3", "nine", f"{NEXT_DAY} 10:09"))
    hold_next_day(bad)
    path = edit(exported(bad, "held.csv", "--day", NEXT_DAY), p0="6.00")
    answer = bad.type("quarantine", "replay", TABLE, "--edited", path, "--reason", "x")
    assert answer.exit_code == 1
    lines = answer.stdout.splitlines()
    assert lines[-2] == "now: 2 still in quarantine, 1 waiting for their load day to be published"
    assert lines[-1] == f'next: snowpipe show {TABLE} --failing "amount is a decimal(18, 2)"'
    waiting = bad.json("quarantine", "discard", TABLE, "--day", NEXT_DAY, "--reason", "x")
    assert (waiting["discarded"], waiting["run"]["status"]) == (2, "ok")
    assert counts(bad) == (6, 1, 2)


# --- Dagster


def test_what_was_done_is_reported_to_dagster(bad):
    home = ensure_instance(read_settings())
    bad.type("quarantine", "discard", TABLE, "--rows", "1:1", "--reason", "x")
    key = dg.AssetKey(TABLE.split("/"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.get_materialized_partitions(key) == {DAY}
        told = instance.get_latest_materialization_event(key).asset_materialization.metadata
        assert (told["rows_replaced"].value, told["dagster/row_count"].value) == (1, 5)

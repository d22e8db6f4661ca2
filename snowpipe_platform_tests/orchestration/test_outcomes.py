"""What a check's result carries: count, share, examples, the command that shows the rows, and how the share went."""

import base64
import re
import shlex
from dataclasses import replace
from datetime import date
from xml.etree import ElementTree as ET

import dagster as dg
import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest

from snowpipe_platform.execution.decisions import Author, decision, record
from snowpipe_platform.orchestration.bronze_outcomes import bronze_outcomes
from snowpipe_platform.orchestration.outcomes import table_outcomes
from snowpipe_platform.spec.pipeline import load_pipeline
from snowpipe_platform_tests.kit import make_ground
from snowpipe_platform_tests.ledger import CHANGES, DIM, FCT, IDENTITY, FctItems, Ledger, change
from snowpipe_platform_tests.tiny import QUERIES, TinyShop

SVG = "{http://www.w3.org/2000/svg}"
CARRIED = {"rows_broken", "rows", "share", "tolerated", "rule", "counts_from", "show_all", "trend"}


def chart(markdown: str) -> tuple[list[float], list[str]]:
    """The heights of the bars, the highest being 1, and the texts."""
    svg = ET.fromstring(base64.b64decode(re.search(r"base64,([^)]*)\)", markdown)[1]))
    heights = [float(bar.get("height")) for bar in svg.findall(f"{SVG}rect")]
    return [round(height / max(heights), 3) for height in heights], [text.text for text in svg.findall(f"{SVG}text")]


def outcome(ledger, table, rule_id, day=None, *, run_id=IDENTITY.run_id) -> dg.AssetCheckResult:
    name = rule_id.replace(".", "__").replace("+", "_and_")
    (found,) = table_outcomes(
        table, None if day is None else date.fromisoformat(day), names={name}, run_id=run_id, ground=ledger.ground
    )
    return found


def values(result):
    return {name: value.value for name, value in result.metadata.items() if name != "examples"}


def items(day, good, bad):
    """Bad ones have an amount that is no number."""
    kept = [change(f"{day}-{n}", name="n", amount="1") for n in range(good)]
    return [*kept, *(change(f"{day}-bad-{n}", name="n", amount="abc") for n in range(bad))]


# --- a changes table, by load day


@pytest.fixture
def days(tmp_path):
    ledger = Ledger(tmp_path)
    for day, good, bad in (("2024-03-01", 9, 1), ("2024-03-02", 10, 0), ("2024-03-03", 6, 4)):
        ledger.land(day, *items(day, good, bad))
        ledger.run(CHANGES.name, day)
    return ledger


def test_a_rule_of_a_changes_table_tells_of_its_day(days):
    result = outcome(days, CHANGES, "amount.is_int64", "2024-03-03")
    told = values(result)
    assert set(result.metadata) == CARRIED | {"examples", "sql"}
    assert (told["rows_broken"], told["rows"], told["share"]) == (4, 10, 0.4)
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert result.description == "4 of 10 rows (40.00%) break it"
    assert (told["rule"], told["tolerated"]) == ("amount.is_int64: amount is an int64", "0.00% / 50.00%")
    assert told["show_all"] == "snowpipe show silver/item_changes --failing amount.is_int64 --partition 2024-03-03"
    assert told["sql"] == (
        'snowpipe sql "SELECT * FROM silver.item_changes_quarantine '
        "WHERE list_contains(failed_rules, 'amount.is_int64') AND load_day = DATE '2024-03-03'\""
    )
    assert [record.data["id"] for record in result.metadata["examples"].records] == [
        f"2024-03-03-bad-{n}" for n in range(4)
    ]
    assert chart(told["trend"]) == (
        [0.25, 0.0, 1.0],
        ["share that breaks amount.is_int64, at most 40 %", "2024-03-01", "2024-03-03"],
    )


def test_a_day_in_two_parts_is_one_point_and_a_rebuild_starts_anew(days):
    days.land("2024-03-02", *items("2024-03-02-late", 0, 12))
    days.run(CHANGES.name, "2024-03-02")
    held = outcome(days, CHANGES, "amount.is_int64", "2024-03-02")
    assert values(held)["share"] == 12 / 22, "of the whole day"
    assert chart(values(held)["trend"])[0] == [0.183, 1.0, 0.733], "the point just judged is there though it is held"
    assert "sql" not in held.metadata, "no statement sees rows that are held"
    body = {"__annotations__": {"amount": dt.int64}, "amount": pa.Field(nullable=True, metadata={"error_above": 1.0})}
    tolerant = replace(CHANGES, contract=type("Tolerant", (CHANGES.contract,), body))
    days.use(tolerant, DIM)
    days.run(CHANGES.name, "2024-03-02")
    alone = values(outcome(days, tolerant, "amount.is_int64", "2024-03-02", run_id="another"))
    assert (alone["rows"], alone["share"], alone["counts_from"]) == (22, 12 / 22, "counted anew")
    days.run(CHANGES.name, rebuild=True)
    other = values(outcome(days, tolerant, "amount.is_int64", "2024-03-01", run_id="another"))
    assert chart(other["trend"])[0] == [0.183, 1.0, 0.733]


def test_a_day_whose_rows_were_taken_back_is_one_point_of_what_is_left(days):
    wrong = days.land("2024-03-02", *items("2024-03-02-late", 6, 4))
    days.run(CHANGES.name, "2024-03-02")
    assert chart(values(outcome(days, CHANGES, "amount.is_int64", "2024-03-03"))["trend"])[0] == [0.25, 0.5, 1.0]
    days.withdraw(wrong)
    days.run(CHANGES.name)
    assert chart(values(outcome(days, CHANGES, "amount.is_int64", "2024-03-03"))["trend"])[0] == [0.25, 0.0, 1.0]


def test_an_old_day_is_in_its_own_trend(tmp_path):
    ledger = Ledger(tmp_path)
    for number in range(1, 29):
        for month in ("03", "04"):
            ledger.land(f"2024-{month}-{number:02}", *items(f"{month}-{number}", 9, 1 if month == "03" else 0))
    ledger.run(CHANGES.name)
    _, texts = chart(values(outcome(ledger, CHANGES, "amount.is_int64", "2024-03-02"))["trend"])
    assert texts[1:] == ["2024-03-02", "2024-04-03"]
    assert values(outcome(ledger, CHANGES, "amount.is_int64", "2024-04-28"))["trend"].startswith("![share that breaks")


# --- derived tables, by commit


class KnownItems(FctItems):
    id: str = pa.Field(unique=True, metadata={"references": "silver/dim_items.id", "error_above": 0.4})


KNOWN = replace(FCT, contract=KnownItems)


@pytest.fixture
def facts(tmp_path):
    ledger = Ledger(tmp_path, tables=(CHANGES, DIM, KNOWN))
    ledger.land("2024-03-01", *items("a", 3, 0))
    ledger.run_all()
    ledger.land("2024-03-02", *items("b", 1, 0))
    ledger.run(CHANGES.name)
    ledger.run(KNOWN.name)
    return ledger


def test_a_reference_tells_of_the_whole_table_and_its_commits(facts):
    result = outcome(facts, KNOWN, "id.references")
    told = values(result)
    assert set(result.metadata) == CARRIED | {"examples"}
    assert (told["rows_broken"], told["rows"], told["share"]) == (1, 4, 0.25)
    assert told["rule"] == "id.references: id is in silver/dim_items"
    assert told["show_all"] == "snowpipe show silver/fct_items --failing id.references"
    assert [record.data for record in result.metadata["examples"].records] == [{"id": "b-0"}]
    heights, texts = chart(told["trend"])
    assert (heights, texts[0]) == ([0.0, 1.0], "share that breaks id.references, at most 25 %")


def test_rows_that_are_held_are_the_last_point_of_the_trend(facts):
    facts.land("2024-03-03", *items("c", 9, 0))
    facts.run(CHANGES.name)
    assert not facts.run(KNOWN.name).published
    result = outcome(facts, KNOWN, "id.references")
    assert (result.passed, result.severity, values(result)["rows_broken"]) == (False, dg.AssetCheckSeverity.ERROR, 10)
    assert chart(values(result)["trend"])[0] == pytest.approx([0.0, 0.25 / (10 / 13), 1.0], abs=0.005)


def test_what_is_counted_anew_is_a_point_of_now(facts):
    facts.run(DIM.name)
    result = outcome(facts, KNOWN, "id.references", run_id="another")
    told = values(result)
    assert (result.passed, told["rows_broken"], told["counts_from"]) == (True, 0, "counted anew")
    heights, texts = chart(told["trend"])
    assert (heights, texts[-1]) == ([0.0, 1.0, 0.0], "now")


def test_every_check_of_a_table_has_a_trend(facts):
    names = {f"{column}__not_null" for column in ("id", "effective_at", "exists_now")} | {"id_and_effective_at__unique"}
    found = table_outcomes(DIM, None, names=names, run_id=IDENTITY.run_id, ground=facts.ground)
    assert {one.check_name: values(one)["trend"] for one in found} == dict.fromkeys(names, "no row broke it: 1 point")


# --- rules of a query, and the commands that show the rows

RULED = QUERIES.replace(
    "lookback: 1 day", "lookback: 1 day\n    rules:\n      - {name: has_a_note, expression: note <> ''}"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with pytest.MonkeyPatch.context() as environment:
        yield _two_days(TinyShop(tmp_path_factory.mktemp("ruled"), environment, source__queries=RULED))


def _two_days(shop):
    """The second has an order without a note, one whose note warns, and one whose amount is no number."""
    shop.one_day()
    shop.type("run", "bronze/orders", "silver/order_changes")
    shop.orders(
        ("o3", "3.00", "2024-03-02 10:00"), ("o4", "four", "2024-03-02 11:00"), ("o5", "5.00", "2024-03-02 12:00")
    )
    shop.source.run(
        "UPDATE orders SET note = '' WHERE order_id = 'o3'", "UPDATE orders SET note = 'why' WHERE order_id = 'o5'"
    )
    shop.end_day("2024-03-02")
    shop.type("run", "bronze/orders", "silver/order_changes", "--partition", "2024-03-02")
    return shop


def bronze_outcome(shop, name, day="2024-03-02", **settings):
    query = load_pipeline(shop.package).queries_by_entity["orders"]
    rule = query.rules[0].model_copy(update=settings)
    query = query.model_copy(update={"rules": (rule,)})
    with dg.DagsterInstance.ephemeral() as instance:
        (found,) = bronze_outcomes(
            query,
            date.fromisoformat(day),
            names={name},
            ground=make_ground(shop.home, shop.source.path),
            instance=instance,
        )
    return found


def test_a_rule_of_a_query_tells_of_its_day(shop):
    result = bronze_outcome(shop, "has_a_note")
    told = values(result)
    assert (told["rows_broken"], told["rows"], told["share"]) == (1, 5, 0.2)
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert result.description == "1 of 5 rows read (20.00%) break note <> ''"
    assert (told["rule"], told["on_violation"]) == ("has_a_note: note <> ''", "land")
    assert chart(told["trend"]) == (
        [0.0, 1.0],
        ["share that breaks has_a_note, at most 20 %", "2024-03-01", "2024-03-02"],
    )
    assert values(bronze_outcome(shop, "has_a_note", "2024-03-01"))["trend"].startswith(
        "![share that breaks has_a_note"
    )
    assert values(bronze_outcome(shop, "has_a_note", "2024-05-01"))["rows"] == 0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"on_violation": "dead_letter"}, "snowpipe dead-letters list"),
        ({"on_violation": "fail"}, "no row was landed: the run that met one failed and named the rule"),
        ({"expression": "note ->> !!"}, None),
    ],
    ids=["dead letters", "failed", "SQL of the warehouse alone"],
)
def test_where_the_rows_of_a_querys_rule_are(shop, settings, told):
    assert values(bronze_outcome(shop, "has_a_note", **settings)).get("show_all") == told


def test_an_extraction_that_was_withdrawn_does_not_count(tmp_path, monkeypatch):
    shop = _two_days(TinyShop(tmp_path, monkeypatch, source__queries=RULED))
    ground = make_ground(shop.home, shop.source.path)
    author = Author(by="ana", reason="a test of the source", identity=IDENTITY)
    second = ground.bronze.log("orders")[-1]
    record("orders", ground, author, lambda log: [
        decision(log, "withdrawal", author, load_day=second.load_day, withdraws=second.number)
    ])  # fmt: skip
    told = values(bronze_outcome(shop, "has_a_note"))
    assert (told["rows_broken"], told["rows"], told["trend"]) == (0, 0, "no row broke it: 2 points")


def test_the_commands_of_a_result_show_its_rows(shop):
    table = load_pipeline(shop.package).table("silver/order_changes")
    ground = make_ground(shop.home, shop.source.path)
    names = {"amount__is_decimal", "note__str_contains"}
    found = table_outcomes(table, date(2024, 3, 2), names=names, run_id="another", ground=ground)
    results = {one.check_name: values(one) for one in found}
    commands = {
        results["amount__is_decimal"]["sql"]: ["o4"],
        results["note__str_contains"]["sql"]: ["o3", "o5"],
        values(bronze_outcome(shop, "has_a_note"))["show_all"]: ["o3"],
    }
    shown = {command: shop.json(*shlex.split(command)[1:])["rows"] for command in commands}
    assert {c: sorted(row["order_id"] for row in rows) for c, rows in shown.items()} == commands
    shows = shop.json(*shlex.split(results["note__str_contains"]["show_all"])[1:])
    assert sorted(row["order_id"] for row in shows["rows"]) == ["o3", "o5"]

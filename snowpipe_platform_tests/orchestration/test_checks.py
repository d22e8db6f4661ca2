"""One check per rule that stops nothing, and one blocking check that says whether downstream may go on."""

import dagster as dg
import pytest

from snowpipe_platform.backends.duckdb_engine import DuckDBSession
from snowpipe_platform.records import LakeRows

CHANGES = "silver/customer_changes"
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


@pytest.fixture
def files_read(monkeypatch):
    """Paths of the lake files that checks open."""
    paths = []
    bind = DuckDBSession.bind

    def recording(self, name, rows):
        if isinstance(rows, LakeRows):
            paths.extend(rows.paths)
        bind(self, name, rows)

    monkeypatch.setattr(DuckDBSession, "bind", recording)
    return paths


def test_only_published_and_window_complete_block(shop):
    specs = [spec for checks in shop.definitions.asset_checks for spec in checks.check_specs]
    assert {spec.name for spec in specs if spec.blocking} == {"published", "window_complete"}


@pytest.mark.case("A32")
def test_half_a_percent_of_bad_rows_warns_and_downstream_runs(shop):
    shop.customers("2024-03-01", good=199, bad=1)

    result = shop.run(day="2024-03-01")

    found = shop.evaluations(result)
    rule = found[f"{CHANGES}:email__str_contains"]
    assert (rule.passed, rule.severity, rule.partition) == (False, WARN, "2024-03-01")
    assert found[f"{CHANGES}:published"].passed
    assert result.success
    assert "gold/customer_count" in shop.materialized(result)


@pytest.mark.case("A32")
def test_five_percent_of_bad_rows_are_held_back_and_stop_downstream(shop, automation):
    automation.tick()
    shop.customers("2024-03-01", good=190, bad=10)

    result = shop.run(day="2024-03-01")

    found = shop.evaluations(result)
    rule, published = found[f"{CHANGES}:email__str_contains"], found[f"{CHANGES}:published"]
    assert (rule.passed, rule.severity, rule.blocking) == (False, ERROR, False)
    assert (published.passed, published.severity, published.blocking) == (False, ERROR, True)
    assert published.description == "200 rows are held back by email.str_contains; the table is as it was"
    assert "snowpipe show silver/customer_changes --failing email.str_contains" in published.metadata["next"].value
    assert set(shop.materialized(result)) == {"bronze/customers", CHANGES}
    metadata = shop.materialized(result)[CHANGES].metadata
    assert (metadata["status"].value, metadata["held_on"].value) == ("held", "held-2024-03-01")
    assert shop.rows(CHANGES) == []
    assert automation.tick() == set()
    assert automation.tick() == set()
    assert shop.sensor_requests("sweep") == []


@pytest.mark.case("A33")
def test_a_check_of_a_day_run_alone_reads_that_day_and_only_it_turns_red(shop, files_read):
    bad = {"2024-03-01": 0, "2024-03-02": 1, "2024-03-03": 0}
    by_day = {}
    for day, count in bad.items():
        shop.customers(day, good=100 - count, bad=count)
        shop.run("bronze/customers", CHANGES, day=day)
        known = {path for paths in by_day.values() for path in paths}
        files = shop.ground.lake.files(CHANGES, snapshot_id=shop.ground.lake.state(CHANGES).snapshot_id)
        by_day[day] = {file.path for file in files} - known
    files_read.clear()

    results = {day: shop.check((CHANGES, "email__str_contains"), day=day) for day in bad}

    found = {day: shop.evaluations(result)[f"{CHANGES}:email__str_contains"] for day, result in results.items()}
    assert {day: (one.passed, one.partition) for day, one in found.items()} == {
        "2024-03-01": (True, "2024-03-01"),
        "2024-03-02": (False, "2024-03-02"),
        "2024-03-03": (True, "2024-03-03"),
    }
    assert {day: one.metadata["rows"].value for day, one in found.items()} == dict.fromkeys(bad, 100)
    files_read.clear()
    shop.check((CHANGES, "email__str_contains"), day="2024-03-02")
    assert set(files_read) == by_day["2024-03-02"]


@pytest.mark.case("A33")
def test_a_red_day_is_red_by_itself(shop):
    for day, bad in {"2024-03-01": 0, "2024-03-02": 50, "2024-03-03": 0}.items():
        shop.customers(day, good=100 - bad, bad=bad)
        shop.run("bronze/customers", CHANGES, day=day)

    days = ["2024-03-01", "2024-03-02", "2024-03-03"]
    alone = {day: shop.evaluations(shop.check((CHANGES, "published"), day=day)) for day in days}

    assert [alone[day][f"{CHANGES}:published"].passed for day in days] == [True, False, True]


def test_a_check_in_the_run_of_its_table_reads_no_row_again(shop, files_read, monkeypatch):
    shop.customers("2024-03-01", good=3)
    shop.run("bronze/customers", day="2024-03-01")
    opened = []
    monkeypatch.setattr(
        "snowpipe_platform.orchestration.judged.bind_rows", lambda *args: opened.append(args) or pytest.fail("reads")
    )

    result = shop.run(CHANGES, day="2024-03-01")

    counts = {one.metadata["counts_from"].value for name, one in shop.evaluations(result).items() if "__" in name}
    assert counts == {"the commit's own record"}
    assert opened == []


def test_a_check_run_alone_counts_anew(shop):
    shop.customers("2024-03-01", good=3)
    shop.run(day="2024-03-01")

    found = shop.evaluations(shop.check((CHANGES, "email__str_contains"), day="2024-03-01"))

    assert list(found) == [f"{CHANGES}:email__str_contains"]
    assert found[f"{CHANGES}:email__str_contains"].metadata["counts_from"].value == "counted anew"


def test_checks_of_a_whole_table_run_alone(shop):
    shop.customers("2024-03-01", good=3)
    shop.run(day="2024-03-01")

    name = "silver/dim_customers"
    found = shop.evaluations(shop.check((name, "customer_id_and_effective_at__unique"), (name, "published")))

    assert {key: (one.passed, one.partition) for key, one in found.items()} == {
        f"{name}:customer_id_and_effective_at__unique": (True, None),
        f"{name}:published": (True, None),
    }


def test_a_whole_table_that_is_held_back_stays_red_when_checked_alone(shop):
    shop.customers("2024-03-01", good=3)
    shop.run(day="2024-03-01")
    shop.customers("2024-03-02", good=5_000)

    result = shop.run(day="2024-03-02")

    gold, rule = "gold/customer_count", "customers__less_than_or_equal_to"
    for found in (shop.evaluations(result), shop.evaluations(shop.check((gold, "published"), (gold, rule)))):
        assert not found[f"{gold}:published"].passed
        assert (found[f"{gold}:{rule}"].passed, found[f"{gold}:{rule}"].severity) == (False, ERROR)
        assert found[f"{gold}:{rule}"].metadata["examples"].records[0].data == {
            "domain": "example.com",
            "customers": "5003",
        }
    assert shop.rows(gold) == [{"domain": "example.com", "customers": 3}]
    assert shop.sensor_requests("sweep") == []


def test_a_failed_check_shows_a_few_rows_and_how_to_see_all(shop):
    shop.customers("2024-03-01", good=493, bad=7)

    result = shop.run("bronze/customers", CHANGES, day="2024-03-01")

    metadata = shop.evaluations(result)[f"{CHANGES}:email__str_contains"].metadata
    assert metadata["rows_broken"].value == 7
    assert metadata["share"].value == pytest.approx(0.014)
    command = "snowpipe show silver/customer_changes --failing email.str_contains --partition 2024-03-01"
    assert metadata["show_all"].value == command
    records = [record.data for record in metadata["examples"].records]
    assert [record["customer_id"] for record in records] == [f"2024-03-01-{i}" for i in range(5)]
    assert records[0]["email"] == "nowhere"
    assert '"email":"nowhere"' in records[0]["payload"]
    assert metadata["trend"].value.startswith("![share that breaks email.str_contains](data:image/svg+xml;base64,")


def test_a_warning_rule_never_holds_rows_back(shop):
    shop.customers("2024-03-01", good=3)
    shop.sql("UPDATE customers SET nickname = 'much too long'")

    result = shop.run(day="2024-03-01")

    found = shop.evaluations(result)[f"{CHANGES}:nickname__str_length"]
    assert (found.passed, found.severity) == (False, WARN)
    assert result.success


def test_a_rule_of_a_query_is_a_check_of_its_bronze_table(make_shop):
    shop = make_shop("rules: [{name: known_address, expression: email LIKE '%@%', on_violation: land}]")
    shop.customers("2024-03-01", good=1, bad=2)

    result = shop.run("bronze/customers", day="2024-03-01")

    found = shop.evaluations(result)["bronze/customers:known_address"]
    assert (found.passed, found.severity, found.metadata["rows_broken"].value) == (False, WARN, 2)
    assert result.success

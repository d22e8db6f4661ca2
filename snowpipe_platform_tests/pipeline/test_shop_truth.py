"""The shop's tables equal its truth, row by row.

What they are compared with is plain SQL over truth.duckdb alone; nothing of the platform's expressions is used. The
platform sees the source on the evening of each day, the first time on the first day's: earlier states of what the first
day changed are not there to be seen.
"""

import random
import shutil
from datetime import date, datetime, timedelta

import pytest

from snowpipe_platform.execution.execute import TableResult, run_table
from snowpipe_platform.execution.extraction import ExtractionRequest, execute_extraction
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.orchestration.pending import due_dates
from snowpipe_platform.pipeline.source.generator import advance_day, build_warehouse
from snowpipe_platform.spec.as_of import AsOfTable, DatedTable
from snowpipe_platform.spec.pipeline import Pipeline, load_pipeline
from snowpipe_platform.spec.quality import Verdict
from snowpipe_platform.spec.table import ChangesTable, DerivedTable
from snowpipe_platform_tests.kit import make_ground
from snowpipe_platform_tests.pipeline.truth import (
    AS_OF,
    DAILY_SALES,
    DIM_PRODUCTS,
    SEEN_CUSTOMERS,
    SEEN_LINES,
    TRUTH,
    differences,
    open_truth,
    rows_of,
)

DAYS = 5
CUSTOMERS = 1_000
IDENTITY = RunIdentity(run_id="truth", job="test")
NOW = datetime(2026, 1, 1)


class Shop:
    """Two lakes of one source. `daily` is brought up to date every evening; `late`, of JSON bronze, at the end, its
    days in another order."""

    def __init__(self, folder, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.days = [pipeline.first_day + timedelta(days=n) for n in range(DAYS)]
        self.source = folder / "source"
        self.daily = make_ground(folder / "daily", self.source / "warehouse.duckdb")
        self.late = make_ground(folder / "late", self.source / "warehouse.duckdb")
        self.results: dict[tuple[str, date], TableResult] = {}
        self.made: list[tuple[str, date]] = []
        for day in self.days:
            advance_day(self.source) if day > pipeline.first_day else build_warehouse(self.source, customers=CUSTOMERS)
            self._extract(day, self.daily, "parquet")
            self._extract(day, self.late, "json")
            self._build_all(day)
        self._build_shuffled()
        self.connection = open_truth(self.source, {day: day for day in self.days})

    def rows(self, ground: Ground, table: str) -> str:
        """A query of the table's rows as they lie on disk."""
        return rows_of(ground, table)

    def differences(self, found: str, expected: str) -> list[tuple[object, ...]]:
        return differences(self.connection, found, expected)

    def all(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        return self.connection.execute(query, list(parameters)).fetchall()

    def _extract(self, day: date, ground: Ground, file_format: str) -> None:
        for query in self.pipeline.queries_by_entity.values():
            asked = query.model_copy(update={"output_format": file_format})
            execute_extraction(ExtractionRequest(asked, "shop", Window(day), IDENTITY), ground)

    def _build_all(self, day: date) -> None:
        for table in self.pipeline.tables:
            if not isinstance(table, DatedTable):
                load_day = day if isinstance(table, ChangesTable) else None
                self.results[table.name, day] = self._run(table, self.daily, load_day)
        self._make_due_dates(self.daily)

    def _make_due_dates(self, ground: Ground) -> None:
        for table in self.pipeline.tables:
            if isinstance(table, AsOfTable):
                for on in due_dates(self.pipeline, table, ground, now=NOW).due:
                    self.made.append((table.name, on))
                    self._run(table, ground, on)

    def _build_shuffled(self) -> None:
        derived = [table for table in self.pipeline.tables if isinstance(table, DerivedTable)]
        steps = [(t, day) for t in self.pipeline.tables if isinstance(t, ChangesTable) for day in self.days]
        random.Random(7).shuffle(steps)
        for number, (table, day) in enumerate(steps):
            self._run(table, self.late, day)
            if number == len(steps) // 2:
                for half_way in derived:
                    self._run(half_way, self.late, None, override="totals of orders whose lines are not here yet")
        for table in derived:
            self._run(table, self.late, None)
        self._make_due_dates(self.late)

    def _run(self, table, ground: Ground, load_day: date | None, override: str | None = None) -> TableResult:
        request = TableRequest(self.pipeline, table, IDENTITY, day=load_day, override=override)
        result = run_table(request, ground)
        assert result.published
        return result


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("shop")
    built = Shop(folder, load_pipeline("snowpipe_platform.pipeline"))
    yield built
    built.connection.close()
    shutil.rmtree(folder, ignore_errors=True)


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("table", TRUTH)
def test_a_table_kept_up_daily_equals_the_truth(shop, table: str):
    assert shop.differences(shop.rows(shop.daily, table), TRUTH[table]) == []


@pytest.mark.case("A22")
@pytest.mark.parametrize("table", TRUTH)
def test_another_order_of_days_over_json_bronze_gives_the_same_table(shop, table: str):
    assert shop.differences(shop.rows(shop.late, table), TRUTH[table]) == []


def test_rules_of_dimensions_facts_and_gold_hold_every_day_but_for_what_the_source_is_known_for(shop):
    known = {"lines_add_up_to_the_order_total", "product_key.references"}
    broken = {(table, rule) for (table, _), result in shop.results.items() if table in TRUTH
              for rule in result.quality.total.broken}  # fmt: skip
    assert broken == {("silver/fct_order_lines", rule) for rule in known}
    for day in shop.days:
        lines = shop.pipeline.table("silver/fct_order_lines")
        assert {shop.results[lines.name, day].quality.total.verdict(rule) for rule in lines.rules} == {Verdict.OK}


@pytest.mark.case("A22")
@pytest.mark.parametrize("table", TRUTH)
def test_a_rebuild_equals_the_table_kept_up_daily(shop, table: str):
    kept_up = shop.rows(shop.daily, table)
    rebuilt = run_table(TableRequest(shop.pipeline, shop.pipeline.table(table), IDENTITY, rebuild=True), shop.daily)
    assert rebuilt.plan.operation == "replace_all"
    assert shop.differences(shop.rows(shop.daily, table), kept_up) == []


def _of(shop, ground: Ground, table: str, on: date) -> str:
    return f"SELECT * FROM ({shop.rows(ground, table)}) WHERE analysis_date = DATE '{on}'"


@pytest.mark.case("A56")
@pytest.mark.parametrize("table", AS_OF)
def test_every_analysis_date_equals_the_truth_of_its_end_whenever_it_was_made(shop, table: str):
    for on in shop.days:
        assert shop.differences(_of(shop, shop.daily, table, on), AS_OF[table](on)) == []
        assert shop.differences(_of(shop, shop.late, table, on), AS_OF[table](on)) == []


def test_dates_were_made_on_their_own_evening_and_some_again_when_changes_came_late(shop):
    for table in AS_OF:
        evenings = [on for name, on in shop.made[: -2 * DAYS] if name == table]
        assert set(evenings) == set(shop.days)
        assert len(evenings) > DAYS, "no date was restated"


def test_the_truth_has_what_these_tests_are_about(shop):
    moved = "SELECT count(*) FROM (SELECT product_id FROM ({}) GROUP BY 1 HAVING count(DISTINCT category) > 1)"
    assert shop.all(moved.format(DIM_PRODUCTS))[0][0] > 0, "no product changed its category"
    for kind in (
        "late_change",
        "text_quantity",
        "null_key",
        "delete",
        "bad_email",
        "bad_phone",
        "bad_zip",
        "duplicate",
    ):
        assert shop.all("SELECT count(*) FROM truth.dirt WHERE kind = ?", kind)[0][0] > 0, kind
    assert shop.all(f"SELECT count(*) FROM ({DIM_PRODUCTS}) WHERE NOT is_active")[0][0] > 0
    assert shop.all(f"SELECT sum(cancelled_orders) FROM ({DAILY_SALES})")[0][0] > 0


@pytest.mark.case("A27")
def test_quarantined_lines_are_the_truths_texts_with_their_text(shop):
    found = f"""
        SELECT payload ->> 'order_id' AS order_id, (payload ->> 'line_number')::INT AS line_number,
            payload ->> 'quantity' AS source_quantity, changed_at, load_day
        FROM ({shop.rows(shop.daily, "silver/order_line_changes")}) WHERE change_status = 'quarantined'"""
    expected = f"""
        SELECT order_id, line_number, source_quantity, changed_at, greatest(committed_on, first_day) AS load_day
        FROM ({SEEN_LINES}) WHERE quantity IS NULL"""
    assert shop.differences(found, expected) == []
    ledger = """
        SELECT key FROM truth.dirt WHERE kind = 'text_quantity' AND key NOT IN (
            SELECT order_id || '/' || line_number FROM truth.order_line_versions, truth.generator
            WHERE committed_on = first_day AND changed_at::DATE = first_day AND quantity IS NOT NULL)"""
    assert shop.differences(f"SELECT order_id || '/' || line_number AS key FROM ({found})", ledger) == []


@pytest.mark.case("A23")
def test_quarantined_customers_are_the_ledgers_rows_without_a_key(shop):
    rows = shop.rows(shop.daily, "silver/customer_changes")
    found = f"SELECT payload ->> 'email' AS key, load_day FROM ({rows}) WHERE change_status = 'quarantined'"
    expected = """
        SELECT key, greatest(committed_on, first_day) AS load_day
        FROM truth.dirt, truth.generator WHERE kind = 'null_key'"""
    assert shop.differences(found, expected) == []


@pytest.mark.parametrize(
    ("rule", "column", "kinds"),
    [
        ("email_is_an_address", "email", ["bad_email"]),
        ("phone_is_a_number", "phone", ["missing_phone", "bad_phone"]),
        ("zip_code_has_five_digits", "zip_code", ["bad_zip"]),
    ],
)
def test_warnings_of_each_day_are_the_rows_without_a_usable_value(shop, rule: str, column: str, kinds: list[str]):
    seen = dict(
        shop.all(
            f"SELECT greatest(committed_on, first_day), count(*) FROM ({SEEN_CUSTOMERS}) "
            f"WHERE {column} IS NULL GROUP BY 1"
        )
    )
    for day in shop.days:
        counts = shop.results["silver/customer_changes", day].quality.by_partition[str(day)]
        assert counts.broken.get(rule, 0) == seen.get(day, 0)
    warned = f"SELECT customer_id, load_day FROM ({shop.rows(shop.daily, 'silver/customer_changes')}) "
    warned += f"WHERE list_contains(failed_rules, '{rule}')"
    injected = "SELECT key, committed_on FROM truth.dirt, truth.generator WHERE kind IN ? AND committed_on > first_day"
    assert shop.all(f"({injected}) EXCEPT ({warned})", kinds) == []


@pytest.mark.case("A30")
def test_valid_and_quarantined_rows_of_each_day_are_the_landed_ones(shop):
    for ground in (shop.daily, shop.late):
        for table in shop.pipeline.tables:
            if not isinstance(table, ChangesTable):
                continue
            counted = f"SELECT load_day, change_status, count(*) FROM ({shop.rows(ground, table.name)}) GROUP BY ALL"
            by_day: dict[object, int] = {}
            for day, status, rows in shop.all(counted):
                assert status in {"valid", "quarantined"}
                by_day[day] = by_day.get(day, 0) + rows
            landed: dict[object, int] = {}
            for manifest in ground.bronze.log(table.source):
                landed[manifest.load_day] = landed.get(manifest.load_day, 0) + manifest.rows_landed
            assert by_day == {day: rows for day, rows in landed.items() if rows}


@pytest.mark.case("A55")
def test_the_sum_of_sales_is_the_sum_of_lines(shop):
    sales = shop.all(f"SELECT sum(gross_amount), sum(net_amount) FROM ({shop.rows(shop.daily, 'gold/daily_sales')})")[0]
    lines, orders = (shop.rows(shop.daily, f"silver/fct_{name}") for name in ("order_lines", "orders"))
    kept = "sum(line_amount) FILTER (status <> 'cancelled')"
    assert sales == shop.all(f"SELECT sum(line_amount), {kept} FROM ({lines}) JOIN ({orders}) USING (order_id)")[0]

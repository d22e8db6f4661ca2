"""The shop's tables equal its truth, row by row.

What they are compared with is plain SQL over truth.duckdb alone; nothing of the platform's expressions is used. The
platform sees the source on the evening of each day, the first time on the first day's: earlier states of what the first
day changed are not there to be seen.
"""

import hashlib
import random
import shutil
from datetime import date, timedelta

import duckdb
import pytest

from snowpipe_platform.execution.execute import TableResult, run_table
from snowpipe_platform.execution.extraction import ExtractionRequest, execute_extraction
from snowpipe_platform.execution.extraction_plan import Window
from snowpipe_platform.execution.ground import Ground, RunIdentity
from snowpipe_platform.execution.plan import TableRequest
from snowpipe_platform.pipeline.source.generator import advance_day, build_warehouse
from snowpipe_platform.spec.pipeline import Pipeline, load_pipeline
from snowpipe_platform.spec.quality import Verdict
from snowpipe_platform.spec.table import ChangesTable
from snowpipe_platform_tests.kit import make_ground

DAYS = 5
CUSTOMERS = 1_000
IDENTITY = RunIdentity(run_id="truth", job="test")

# What was visible on the evening of a day the platform looked.
SEEN = """
    SELECT * EXCLUDE (nth) FROM (
        SELECT *, row_number() OVER (PARTITION BY {key}, {on} <= first_day ORDER BY {at} DESC) AS nth
        FROM truth.{table}, (SELECT first_day FROM truth.generator))
    WHERE {on} > first_day OR nth = 1"""
SEEN_CUSTOMERS = SEEN.format(table="customer_versions", key="customer_id", on="committed_on", at="changed_at")
SEEN_ORDERS = SEEN.format(table="order_versions", key="order_id", on="committed_on", at="changed_at")
SEEN_LINES = SEEN.format(table="order_line_versions", key="(order_id, line_number)", on="committed_on", at="changed_at")
SEEN_PRODUCTS = SEEN.format(table="product_versions", key="product_id", on="seen_on", at="seen_on")
MANIFEST = "greatest(date_diff('day', first_day, {on}) + 1, 1)"

DIM_CUSTOMERS = f"""
    WITH seen AS (
        SELECT *, first_name || ' ' || last_name AS full_name,
            {{'street': street, 'city': city, 'state': state, 'zip_code': zip_code, 'country': 'US'}} AS address,
            lag(changed_at) OVER one IS NULL AS is_first,
            (first_name, last_name, email, phone, street, city, state, zip_code)
                IS NOT DISTINCT FROM lag((first_name, last_name, email, phone, street, city, state, zip_code)) OVER one
                AS is_same
        FROM ({SEEN_CUSTOMERS}) WINDOW one AS (PARTITION BY customer_id ORDER BY changed_at)
    ), versions AS (
        SELECT *, CASE WHEN is_first THEN least(created_at, changed_at) ELSE changed_at END AS starts,
            lead(changed_at) OVER (PARTITION BY customer_id ORDER BY changed_at) AS ends
        FROM seen WHERE is_first OR NOT is_same
    )
    SELECT k.key AS customer_key, customer_id, full_name, email AS email_normalized, phone AS phone_normalized,
        address AS address_standardized,
        (2 + (email IS NOT NULL)::INT + (phone IS NOT NULL)::INT + (zip_code IS NOT NULL)::INT) / 5.0::DOUBLE
            AS data_quality_score,
        true AS is_active, created_at::DATE AS created_date, changed_at::DATE AS last_updated_date,
        starts::DATE AS effective_date, ends::DATE AS expiration_date, ends IS NULL AS is_current,
        starts AS effective_at, ends AS expires_at, {MANIFEST.format(on="committed_on")} AS manifest_number,
        year(starts) AS year, month(starts) AS month
    FROM versions JOIN keys AS k ON k.id = customer_id"""
DIM_PRODUCTS = f"""
    WITH seen AS (
        SELECT *, greatest(seen_on, first_day)::TIMESTAMP + INTERVAL 1 DAY AS changed_at,
            row_number() OVER (PARTITION BY product_id ORDER BY seen_on) = 1 AS is_first
        FROM ({SEEN_PRODUCTS})
    ), versions AS (
        SELECT *, CASE WHEN is_first THEN least(created_at, changed_at) ELSE changed_at END AS starts,
            lead(changed_at) OVER (PARTITION BY product_id ORDER BY changed_at) AS ends,
            bool_or(is_deleted) OVER (PARTITION BY product_id) AS is_gone
        FROM seen
    )
    SELECT k.key AS product_key, product_id, product_name, category, list_price, NOT is_gone AS is_active,
        starts AS effective_at, ends AS expires_at, ends IS NULL AS is_current,
        {MANIFEST.format(on="seen_on")} AS manifest_number, year(starts) AS year, month(starts) AS month
    FROM versions JOIN keys AS k ON k.id = product_id WHERE NOT is_deleted"""
FCT_ORDERS = f"""
    SELECT order_id, k.key AS customer_key, customer_id, status, currency, order_total, ordered_at,
        ordered_at::DATE AS sales_date, changed_at AS last_changed_at, year(ordered_at) AS year,
        month(ordered_at) AS month
    FROM ({SEEN_ORDERS}) JOIN keys AS k ON k.id = customer_id
    QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY changed_at DESC) = 1"""
FCT_ORDER_LINES = f"""
    SELECT order_id, line_number, k.key AS product_key, product_id, quantity, unit_price,
        (quantity * unit_price)::DECIMAL(18, 2) AS line_amount, changed_at AS last_changed_at
    FROM ({SEEN_LINES}) JOIN keys AS k ON k.id = product_id WHERE quantity IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY order_id, line_number ORDER BY changed_at DESC) = 1"""
DAILY_SALES = f"""
    WITH sold AS (
        SELECT o.order_id, o.sales_date, o.status, l.quantity, l.line_amount,
            coalesce(p.category, 'Unknown') AS category,
            CASE WHEN state IN ('CT', 'ME', 'MA', 'NH', 'RI', 'VT', 'NJ', 'NY', 'PA') THEN 'Northeast'
                 WHEN state IN ('IL', 'IN', 'MI', 'OH', 'WI', 'IA', 'KS', 'MN', 'MO', 'NE', 'ND', 'SD') THEN 'Midwest'
                 WHEN state IN ('AZ', 'CO', 'ID', 'MT', 'NV', 'NM', 'UT', 'WY', 'AK', 'CA', 'HI', 'OR', 'WA')
                    THEN 'West'
                 WHEN state IS NOT NULL THEN 'South' ELSE 'Unknown' END AS region
        FROM ({FCT_ORDER_LINES}) AS l JOIN ({FCT_ORDERS}) AS o USING (order_id)
        LEFT JOIN (SELECT *, address_standardized.state AS state FROM ({DIM_CUSTOMERS})) AS c
            ON c.customer_id = o.customer_id AND o.ordered_at >= c.effective_at
            AND o.ordered_at < coalesce(c.expires_at, TIMESTAMP 'infinity')
        LEFT JOIN ({DIM_PRODUCTS}) AS p
            ON p.product_id = l.product_id AND o.ordered_at >= p.effective_at
            AND o.ordered_at < coalesce(p.expires_at, TIMESTAMP 'infinity')
    )
    SELECT sales_date, category, region, count(DISTINCT order_id) AS orders,
        count(DISTINCT order_id) FILTER (status = 'cancelled') AS cancelled_orders,
        coalesce(sum(quantity) FILTER (status <> 'cancelled'), 0) AS units, sum(line_amount) AS gross_amount,
        coalesce(sum(line_amount) FILTER (status = 'cancelled'), 0) AS cancelled_amount,
        coalesce(sum(line_amount) FILTER (status <> 'cancelled'), 0) AS net_amount,
        year(sales_date) AS year, month(sales_date) AS month
    FROM sold GROUP BY ALL"""
TRUTH = {
    "silver/dim_customers": DIM_CUSTOMERS,
    "silver/dim_products": DIM_PRODUCTS,
    "silver/fct_orders": FCT_ORDERS,
    "silver/fct_order_lines": FCT_ORDER_LINES,
    "gold/daily_sales": DAILY_SALES,
}


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
        for day in self.days:
            advance_day(self.source) if day > pipeline.first_day else build_warehouse(self.source, customers=CUSTOMERS)
            self._extract(day, self.daily, "parquet")
            self._extract(day, self.late, "json")
            self._build_all(day)
        self._build_shuffled()
        self.connection = self._truth()

    def rows(self, ground: Ground, table: str) -> str:
        """A query of the table's rows as they lie on disk."""
        state = ground.lake.state(table)
        files = [file.path for file in ground.lake.files(table, snapshot_id=state.snapshot_id)]
        return f"SELECT * FROM read_parquet({files}, union_by_name = true, hive_partitioning = false)"

    def differences(self, found: str, expected: str) -> list[tuple[object, ...]]:
        """Rows that one of two queries has more often; columns are matched by name."""
        columns = ", ".join(name for name, *_ in self.connection.execute(f"DESCRIBE {expected}").fetchall())
        left, right = f"SELECT {columns} FROM ({found})", f"SELECT {columns} FROM ({expected})"
        more = f"SELECT 'found' AS side, * FROM ({left} EXCEPT ALL {right}) "
        return self.connection.execute(
            f"{more} UNION ALL SELECT 'expected', * FROM ({right} EXCEPT ALL {left}) ORDER BY ALL LIMIT 5"
        ).fetchall()

    def all(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        return self.connection.execute(query, list(parameters)).fetchall()

    def _extract(self, day: date, ground: Ground, file_format: str) -> None:
        for query in self.pipeline.queries_by_entity.values():
            asked = query.model_copy(update={"output_format": file_format})
            execute_extraction(ExtractionRequest(asked, "shop", Window(day), IDENTITY), ground)

    def _build_all(self, day: date) -> None:
        for table in self.pipeline.tables:
            load_day = day if isinstance(table, ChangesTable) else None
            self.results[table.name, day] = self._run(table, self.daily, load_day)

    def _build_shuffled(self) -> None:
        derived = [table for table in self.pipeline.tables if not isinstance(table, ChangesTable)]
        steps = [(t, day) for t in self.pipeline.tables if isinstance(t, ChangesTable) for day in self.days]
        random.Random(7).shuffle(steps)
        for number, (table, day) in enumerate(steps):
            self._run(table, self.late, day)
            if number == len(steps) // 2:
                for half_way in derived:
                    self._run(half_way, self.late, None, override="half of the days are not there yet")
        for table in derived:
            self._run(table, self.late, None)

    def _run(self, table, ground: Ground, load_day: date | None, *, override: str | None = None) -> TableResult:
        request = TableRequest(self.pipeline, table, IDENTITY, day=load_day, override=override)
        result = run_table(request, ground)
        assert result.published
        return result

    def _truth(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        connection.execute(f"ATTACH '{self.source}/truth.duckdb' AS truth (READ_ONLY)")
        ids = connection.execute(
            "SELECT DISTINCT customer_id FROM truth.customer_versions UNION SELECT DISTINCT product_id "
            "FROM truth.product_versions"
        ).fetchall()
        connection.execute("CREATE TABLE keys (id VARCHAR, key BIGINT)")
        connection.executemany(
            "INSERT INTO keys VALUES (?, ?)", [(i, int(hashlib.md5(i.encode()).hexdigest()[:15], 16)) for (i,) in ids]
        )
        return connection


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

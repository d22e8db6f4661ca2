"""The pipeline of docs/retail.md over the real file, against plain SQL on the same Parquet.

The oracle counts money in tenths of a penny, as integers, and tells services from products by a list of codes.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from snowpipe_platform.spec.quality import QUALITY_PROPERTY, Quality
from snowpipe_platform_tests.docs.retail import (
    DATA,
    FENCES,
    LANDED,
    PAGE,
    ROOT,
    SERVICES,
    Shop,
    loader,
    needs_data,
    open_shop,
)

GOLD = ("gold.monthly_sales", "gold.product_sales", "gold.customers")
DATED = ("gold.customer_activity", "gold.customer_analytics")
FACTS = ("silver.fct_invoice_lines", "silver.fct_invoices")


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Shop]:
    """The whole file, run once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        opened = open_shop(tmp_path_factory.mktemp("retail"), monkeypatch)
        _, results = opened.run()
        assert all(result.published for result in results)
        yield opened


@needs_data
def test_every_line_lands_exactly_once(shop):
    (manifest,) = shop.ground.bronze.log("invoice_lines")

    assert manifest.rows_landed == LANDED
    assert shop.rows("SELECT count(*) FROM silver.invoice_line_changes") == [(LANDED,)]


@needs_data
@pytest.mark.parametrize(
    ("expected", "ours", "oracle"),
    [
        pytest.param(
            6_865,
            "SELECT count(*) - count(DISTINCT line_id) FROM silver.invoice_line_changes",
            "SELECT (SELECT count(*) FROM raw) - (SELECT count(*) FROM (SELECT DISTINCT * FROM raw))",
            id="exact duplicates",
        ),
        pytest.param(
            10_206,
            "SELECT count(*) FROM silver.invoice_line_changes WHERE is_cancellation",
            "SELECT count(*) FROM raw WHERE invoice_no LIKE 'C%'",
            id="cancellation lines",
        ),
        pytest.param(
            3_690,
            "SELECT count(*) FROM silver.invoice_line_changes WHERE change_status = 'quarantined'",
            "SELECT count(*) FROM raw WHERE unit_price <= 0",
            id="lines at or below zero",
        ),
        pytest.param(
            12_326,
            "SELECT count(*) FROM silver.invoice_line_changes WHERE quantity < 0",
            "SELECT count(*) FROM raw WHERE quantity < 0",
            id="negative quantities",
        ),
        pytest.param(
            41,
            "SELECT count(*) FROM silver.fct_invoices WHERE entry_times = 2",
            "SELECT count(*) FROM (SELECT 1 FROM raw GROUP BY invoice_no HAVING count(DISTINCT invoice_ts) > 1)",
            id="invoices with two times",
        ),
        pytest.param(
            107_927,
            "SELECT count(*) FROM silver.invoice_line_changes WHERE customer_id IS NULL",
            "SELECT count(*) FROM raw WHERE customer_id IS NULL",
            id="guest lines",
        ),
    ],
)
def test_the_known_dirt_is_counted(shop, expected, ours, oracle):
    assert shop.rows(ours) == shop.rows(oracle) == [(expected,)]


CLASSES = {
    "product sold": 509_260,
    "product returned": 9_582,
    "service sold": 2_305,
    "service returned": 623,
    "cancellation that charges": 1,
    "stock written off": 2_121,
    "stock found, no text": 1_101,
    "no price, to nobody": 434,
    "no price, to a customer": 31,
    "bad debt": 3,
}

OUR_CLASSES = """
    SELECT CASE
      WHEN invoice_no LIKE 'A%' THEN 'bad debt'
      WHEN list_contains(failed_rules, 'negative_quantity_is_a_return') THEN 'stock written off'
      WHEN list_contains(failed_rules, 'price_is_above_zero') AND customer_id IS NOT NULL THEN 'no price, to a customer'
      WHEN list_contains(failed_rules, 'price_is_above_zero') AND description IS NULL THEN 'stock found, no text'
      WHEN list_contains(failed_rules, 'price_is_above_zero') THEN 'no price, to nobody'
      WHEN change_status <> 'valid' THEN 'unexplained'
      WHEN list_contains(failed_rules, 'cancellation_takes_back') THEN 'cancellation that charges'
      ELSE if(is_product, 'product ', 'service ') || if(is_cancellation, 'returned', 'sold')
    END AS class, count(*)
    FROM silver.invoice_line_changes GROUP BY class
"""

RAW_CLASSES = f"""
    SELECT CASE
      WHEN unit_price < 0 THEN 'bad debt'
      WHEN unit_price = 0 AND quantity < 0 THEN 'stock written off'
      WHEN unit_price = 0 AND customer_id > 0 THEN 'no price, to a customer'
      WHEN unit_price = 0 AND description IS NULL THEN 'stock found, no text'
      WHEN unit_price = 0 THEN 'no price, to nobody'
      WHEN quantity > 0 AND invoice_no LIKE 'C%' THEN 'cancellation that charges'
      WHEN upper(trim(stock_code)) IN {SERVICES} THEN if(quantity > 0, 'service sold', 'service returned')
      ELSE if(quantity > 0, 'product sold', 'product returned')
    END AS class, count(*)
    FROM raw GROUP BY class
"""


@needs_data
def test_every_line_is_of_one_explained_class(shop):
    assert dict(shop.rows(OUR_CLASSES)) == dict(shop.rows(RAW_CLASSES)) == CLASSES
    assert sum(CLASSES.values()) == LANDED


@needs_data
def test_lines_reconcile_from_landing_to_the_fact(shop):
    by_status = dict(shop.rows("FROM silver.invoice_line_changes SELECT change_status, count(*) GROUP BY ALL"))
    lines, entered = shop.rows("SELECT count(*), sum(copies) FROM silver.fct_invoice_lines")[0]
    in_quarantine = shop.rows(
        "SELECT count(*) - count(DISTINCT line_id) FROM silver.invoice_line_changes WHERE change_status = 'quarantined'"
    )[0][0]

    assert by_status == {"valid": 521_771, "quarantined": 3_690}
    assert entered == by_status["valid"]
    assert (entered - lines, in_quarantine) == (6_859, 6)
    assert shop.rows("SELECT count(*) FROM sold") == [(lines,)]


@needs_data
def test_the_commits_record_what_warns(shop):
    states = [shop.ground.lake.state(table.name) for table in shop.pipeline.tables]
    counted: dict[str, int] = {}
    for state in states:
        counted |= Quality.decode(state.properties[QUALITY_PROPERTY]).total.broken

    assert counted == {
        "price_is_above_zero": 3_690,
        "negative_quantity_is_a_return": 2_121,
        "invoice_no.str_matches": 3,
        "cancellation_takes_back": 1,
        "customer_is_known": 107_927,
        "entered_once": 6_412,
        "lines_share_one_time": 41,
    }


@needs_data
def test_local_time_becomes_utc(shop):
    shop.connection.execute("SET TimeZone = 'UTC'")
    of_a_summer_and_a_winter_line = """
        SELECT DISTINCT invoiced_local::VARCHAR, invoiced_at::VARCHAR FROM silver.fct_invoices
        WHERE invoice_no IN ('489434', '513813') ORDER BY 1
    """

    assert shop.rows(of_a_summer_and_a_winter_line) == [
        ("2009-12-01 07:45:00", "2009-12-01 07:45:00"),
        ("2010-06-29 09:51:00", "2010-06-29 08:51:00"),
    ]
    others = """
        SELECT count(*) FROM silver.fct_invoices
        WHERE invoiced_at::TIMESTAMPTZ <> timezone('Europe/London', invoiced_local)
    """
    assert shop.rows(others) == [(0,)]


@needs_data
def test_an_invoice_counts_at_its_first_time(shop):
    ours = "SELECT invoice_no, invoiced_local FROM silver.fct_invoices WHERE entry_times > 1 ORDER BY ALL"
    oracle = """
        SELECT invoice_no, min(invoice_ts) FROM sold
        GROUP BY invoice_no HAVING count(DISTINCT invoice_ts) > 1 ORDER BY ALL
    """

    assert shop.rows(ours) == shop.rows(oracle)


@needs_data
def test_monthly_sales_by_country(shop):
    ours = """
        SELECT sales_month, country, invoices, guest_invoices, cancellations, customers, gross_revenue_gbp * 1000,
          returned_gbp * 1000, net_revenue_gbp * 1000, service_gbp * 1000
        FROM gold.monthly_sales ORDER BY ALL
    """
    oracle = """
        SELECT sales_month, country,
          count(DISTINCT invoice_no) FILTER (NOT is_return),
          count(DISTINCT invoice_no) FILTER (NOT is_return AND customer_id IS NULL),
          count(DISTINCT invoice_no) FILTER (is_return),
          count(DISTINCT customer_id) FILTER (NOT is_return),
          coalesce(sum(tenth_pence) FILTER (NOT is_return), 0),
          -coalesce(sum(tenth_pence) FILTER (is_return), 0),
          sum(tenth_pence),
          coalesce(sum(tenth_pence) FILTER (NOT is_product), 0)
        FROM sold GROUP BY ALL ORDER BY ALL
    """

    assert shop.rows(ours) == shop.rows(oracle)
    assert shop.rows("SELECT sum(net_revenue_gbp)::VARCHAR FROM gold.monthly_sales") == [("9642327.584",)]


@needs_data
def test_product_sales(shop):
    ours = """
        SELECT sales_month, stock_code, units, revenue_gbp * 1000, returned_units, returned_gbp * 1000
        FROM gold.product_sales ORDER BY ALL
    """
    oracle = """
        SELECT sales_month, code,
          coalesce(sum(quantity) FILTER (NOT is_return), 0), coalesce(sum(tenth_pence) FILTER (NOT is_return), 0),
          -coalesce(sum(quantity) FILTER (is_return), 0), -coalesce(sum(tenth_pence) FILTER (is_return), 0)
        FROM sold WHERE is_product GROUP BY ALL ORDER BY ALL
    """

    assert shop.rows(ours) == shop.rows(oracle)


@needs_data
def test_the_top_twenty_products(shop):
    top = "SELECT {code}, sum({money}) AS money FROM {table} GROUP BY ALL ORDER BY money DESC LIMIT 20"
    ours = top.format(code="stock_code", money="revenue_gbp * 1000", table="gold.product_sales")
    oracle = top.format(code="code", money="tenth_pence", table="sold WHERE is_product AND NOT is_return")

    assert shop.rows(ours) == shop.rows(oracle)
    assert shop.rows(ours)[0] == ("22423", 169_912_760)


@needs_data
def test_customers(shop):
    ours = """
        SELECT customer_id, first_purchase_on, last_purchase_on, invoices, cancellations, net_revenue_gbp * 1000
        FROM gold.customers ORDER BY ALL
    """
    oracle = """
        SELECT customer_id,
          min(invoice_ts::DATE) FILTER (NOT is_return), max(invoice_ts::DATE) FILTER (NOT is_return),
          count(DISTINCT invoice_no) FILTER (NOT is_return), count(DISTINCT invoice_no) FILTER (is_return),
          sum(tenth_pence)
        FROM sold WHERE customer_id IS NOT NULL GROUP BY ALL ORDER BY ALL
    """

    assert shop.rows(ours) == shop.rows(oracle)


@needs_data
def test_half_the_file_and_then_the_rest_gives_the_same_tables(shop, tmp_path, monkeypatch):
    halves = open_shop(tmp_path, monkeypatch)
    first, _ = halves.run("--until", "2010-06-30", day=date(2010, 6, 30))
    second, results = halves.run()
    third, unchanged = halves.run()

    assert (first.rows_landed, second.rows_landed) == (257_045, 268_416)
    assert third is None
    operations = ["append", *["replace_date"] * 2, *["replace_touched"] * 5]
    assert sorted(result.plan.operation for result in results) == operations
    assert not any(result.committed for result in unchanged)
    for name in (*FACTS, *GOLD):
        assert fingerprint(halves, name) == fingerprint(shop, name), name


def fingerprint(shop: Shop, name: str) -> tuple:
    """Equal for equal bags of rows."""
    return shop.rows(f"SELECT count(*), sum(hash(each)) FROM {name} AS each")[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "is no file. Give the path of online_retail_2010.parquet.", id="no file"),
        pytest.param("invoice_no", "cannot be read as Parquet", id="no Parquet"),
    ],
)
def test_the_loader_says_what_is_wrong(tmp_path, capsys, content, said):
    file = tmp_path / "lines.parquet"
    if content is not None:
        file.write_text(content)

    assert loader().main([str(file), str(tmp_path / "warehouse.duckdb")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_the_loader_names_the_columns_it_misses(tmp_path, capsys):
    file = tmp_path / "lines.parquet"
    duckdb.execute(f"COPY (SELECT 1 AS invoice_no, 2 AS price) TO '{file}'")

    assert loader().main([str(file), str(tmp_path / "warehouse.duckdb")]) == 2
    assert "has no column stock_code, description" in capsys.readouterr().err


@needs_data
@pytest.mark.slow
def test_the_page_shows_what_its_commands_print(tmp_path):
    """As a user has it: the repository's `docs` in the current folder, the data beside the repository."""
    home = tmp_path / "main"
    home.mkdir()
    (home / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "shared").symlink_to(DATA.parents[1])
    blocks = FENCES.findall(PAGE.read_text())
    mark = "=== end of block"
    script = "set -eu\n" + "".join(f"{commands}\necho '{mark}'\n" for commands, _ in blocks)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SNOWPIPE_", "DAGSTER_"))}

    ran = subprocess.run(
        ["bash", "-c", script], cwd=home, env=clean | {"PATH": path}, capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    printed = ran.stdout.split(f"{mark}\n")[:-1]
    for text, (_, shown) in zip(printed, blocks, strict=True):
        if shown:
            assert without_times(text) == without_times(shown)


def without_times(text: str) -> str:
    """What a step took differs, and how wide it is may move the columns."""
    timeless = re.sub(r"(\d+ m )?\d+(\.\d)? s\b", "T s", text)
    return "\n".join(" ".join(line.split()) for line in timeless.strip().splitlines())

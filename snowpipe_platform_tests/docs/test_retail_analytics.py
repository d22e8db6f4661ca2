"""The retail shop's customers as of several dates, some computed again after lines came late, against plain SQL."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from snowpipe_platform.execution.as_of_plan import made_dates
from snowpipe_platform_tests.docs.retail import LAST_DAY, Shop, needs_data, open_shop

ACTIVITY, ANALYTICS = "gold/customer_activity", "gold/customer_analytics"
CHANGES = "silver/invoice_line_changes"
DATES = (date(2009, 12, 31), date(2010, 6, 15), date(2010, 6, 30), date(2010, 11, 30), LAST_DAY)
LATE_DAY = date(2010, 6, 10)

KNOWN = """
    lines AS (
        SELECT *, quantity * round(unit_price * 1000)::BIGINT AS thousandths FROM sold
        WHERE customer_id IS NOT NULL AND invoice_ts < DATE '{on}' + INTERVAL 1 DAY
    ),
    invoices AS (
        SELECT customer_id, invoice_no, is_return, sum(thousandths) AS money, min(invoice_ts) AS moment,
            min(invoice_ts)::DATE AS day, max(country) AS country
        FROM lines GROUP BY ALL
    )"""


def activity(on: date) -> str:
    windows = ", ".join(
        f"""count(*) FILTER (NOT is_return AND day > DATE '{on}' - {days}) AS orders_{days}d,
            coalesce(sum(money) FILTER (NOT is_return AND day > DATE '{on}' - {days}), 0) AS spend_{days}d"""
        for days in (30, 90, 365)
    )
    return f"""
        WITH {KNOWN.format(on=on)},
        counted AS (
            SELECT customer_id AS customer_key, {windows},
                -coalesce(sum(money) FILTER (is_return AND day > DATE '{on}' - 365), 0) AS returned_365d,
                DATE '{on}' - max(day) FILTER (NOT is_return) AS recency_days, DATE '{on}' - min(day) AS tenure_days
            FROM invoices GROUP BY ALL
        )
        SELECT counted.*, (SELECT count(DISTINCT code) FROM lines WHERE customer_id = customer_key AND is_product
                AND NOT is_return AND invoice_ts::DATE > DATE '{on}' - 365) AS products_365d
        FROM counted"""


ACTIVITY_FOUND = """
    SELECT customer_key, orders_30d, spend_30d * 1000 AS spend_30d, orders_90d, spend_90d * 1000 AS spend_90d,
        orders_365d, spend_365d * 1000 AS spend_365d, returned_365d * 1000 AS returned_365d, recency_days,
        tenure_days, products_365d
    FROM gold.customer_activity WHERE analysis_date = DATE '{on}'"""


def analytics(on: date) -> str:
    return f"""
        WITH {KNOWN.format(on=on)},
        counted AS (
            SELECT customer_id, sum(money) / 1000 AS net, sum(money) FILTER (NOT is_return) / 1000 AS gross,
                count(*) FILTER (NOT is_return) AS orders, min(day) FILTER (NOT is_return) AS first_on,
                max(day) FILTER (NOT is_return) AS last_on, arg_max(country, row(moment, invoice_no)) AS country,
                count(*) FILTER (NOT is_return AND day > DATE '{on}' - 365) AS orders_year,
                coalesce(sum(money) FILTER (NOT is_return AND day > DATE '{on}' - 365), 0) / 1000 AS spend_year
            FROM invoices GROUP BY ALL
        ),
        liked AS (
            SELECT customer_id, code[:2] AS family FROM lines WHERE is_product AND NOT is_return
            GROUP BY customer_id, family
            QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY sum(thousandths) DESC, family) = 1
        ),
        scored AS (
            SELECT *, (orders_year >= 4)::INT + (orders_year >= 12)::INT + (spend_year >= 500)::INT
                + (spend_year >= 2000)::INT AS worth
            FROM counted
        )
        SELECT customer_id AS customer_key,
            CASE WHEN last_on IS NULL THEN 'Prospect'
                 WHEN last_on >= DATE '{on}' - 30 AND worth = 4 THEN 'Champion'
                 WHEN first_on >= DATE '{on}' - 90 THEN 'New'
                 WHEN last_on >= DATE '{on}' - 90 THEN if(worth >= 2, 'Loyal', 'Occasional')
                 ELSE if(worth >= 2, 'At risk', 'Lapsed') END AS customer_segment,
            net::DOUBLE AS lifetime_value, orders::INT AS total_orders, gross / orders AS avg_order_value,
            last_on AS last_order_date, NULL::DOUBLE AS churn_probability, family AS preferred_category,
            country AS geographic_region
        FROM scored LEFT JOIN liked USING (customer_id)"""


ANALYTICS_FOUND = "SELECT * EXCLUDE (analysis_date) FROM gold.customer_analytics WHERE analysis_date = DATE '{on}'"
QUERIES = {ACTIVITY: (ACTIVITY_FOUND, activity), ANALYTICS: (ANALYTICS_FOUND, analytics)}


def differences(shop: Shop, table: str, on: date) -> list[tuple]:
    """Rows that one side has and the other not; columns are matched by name."""
    ours, oracle = QUERIES[table][0].format(on=on), QUERIES[table][1](on)
    columns = ", ".join(name for name, *_ in shop.rows(f"DESCRIBE {ours}"))
    found, expected = f"SELECT {columns} FROM ({ours})", f"SELECT {columns} FROM ({oracle})"
    assert shop.rows(f"SELECT count(*) > 500 FROM ({ours})") == [(True,)]
    return shop.rows(f"({found} EXCEPT ALL {expected}) UNION ALL ({expected} EXCEPT ALL {found}) LIMIT 5")


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Shop]:
    """All lines but those of one day in June for every other customer; the first dates were made without them. Then
    they came, and what was stale was made again."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        opened = open_shop(tmp_path_factory.mktemp("analytics"), monkeypatch)
        opened.load()
        opened.withhold(f"invoice_ts::DATE = DATE '{LATE_DAY}' AND customer_id % 2 = 0")
        opened.extract(LAST_DAY)
        opened.make(CHANGES, LAST_DAY)
        for table in QUERIES:
            for on in DATES:
                assert opened.make(table, on).plan.operation == "replace_date"
        yield opened


@needs_data
@pytest.mark.slow
@pytest.mark.case("A56")
def test_dates_equal_the_truth_before_and_after_lines_came_late(shop):
    with_the_late_day = [on for on in DATES if on >= LATE_DAY]
    for table in QUERIES:
        assert differences(shop, table, DATES[0]) == []
        assert all(differences(shop, table, on) for on in with_the_late_day), "the oracle knows the late lines"

    shop.load()
    late = shop.extract(LATE_DAY)
    assert late is not None
    assert 0 < late.rows_landed < 1_000
    shop.make(CHANGES, LAST_DAY)

    for table in QUERIES:
        made_again = [on for on in DATES if shop.make(table, on).plan.operation == "replace_date"]
        assert made_again == with_the_late_day
        for on in DATES:
            assert differences(shop, table, on) == []
        assert not made_dates(shop.ground.lake.state(table)).stale


@needs_data
def test_the_dates_are_those_asked_for(shop):
    assert made_dates(shop.ground.lake.state(ACTIVITY)).all == set(DATES)
    assert LATE_DAY + timedelta(days=1) not in DATES

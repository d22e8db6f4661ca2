"""The shop on a real instance with webserver and daemon, as its users drive it."""

import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pytest

from snowpipe_platform.pipeline.source.generator import advance_day, build_warehouse

sys.path.insert(0, str(Path(__file__).parent))
from live import LiveDagster, live_dagster, wait_for

DAYS = 2
FIRST_DAY = date(2024, 3, 1)
BAD_DAY = FIRST_DAY + timedelta(days=DAYS)
BRONZE = ["bronze/customers", "bronze/orders", "bronze/order_lines", "bronze/products"]
CHANGES = [f"silver/{name}_changes" for name in ("customer", "order", "order_line", "product")]
WHOLE = [
    "silver/dim_customers",
    "silver/dim_products",
    "silver/fct_orders",
    "silver/fct_order_lines",
    "gold/daily_sales",
]
DATED = ["gold/customer_activity", "gold/customer_analytics"]
LEARNED = [
    *("features/customer_activity", "models/churn_training_set", "models/churn", "models/churn_approved"),
    *("models/churn_endpoint", "gold/customer_churn"),
]


def _day(number: int) -> str:
    return (FIRST_DAY + timedelta(days=number)).isoformat()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop on its first day."""
    folder = tmp_path_factory.mktemp("live")
    build_warehouse(folder / "source", customers=1_000)
    return folder


@pytest.fixture(scope="module")
def live(home: Path):
    with live_dagster(home) as running:
        yield running


def _spoil_lines(home: Path, count: int) -> None:
    """The next day, on which many lines have a quantity that is no number."""
    advance_day(home / "source")
    with duckdb.connect(str(home / "source" / "warehouse.duckdb")) as warehouse:
        warehouse.execute(
            "UPDATE order_lines SET quantity = 'many', updated_at = ? WHERE order_id IN "
            "(SELECT order_id FROM orders ORDER BY order_id LIMIT ?)",
            [datetime.combine(BAD_DAY, time(12)), count],
        )


@pytest.mark.slow
def test_the_graph_is_grouped_by_layer(live: LiveDagster):
    groups = {"/".join(node["assetKey"]["path"]): node["groupName"] for node in live.graph()}
    assert groups == {name: name.split("/")[0] for name in [*BRONZE, *CHANGES, *WHOLE, *DATED, *LEARNED]}


@pytest.mark.slow
def test_materialize_all_then_a_backfill_then_a_broken_rule_blocks_downstream_also_on_later_ticks(
    live: LiveDagster, home: Path
):
    assert live.materialize(job="everything", partition=_day(0)) == "SUCCESS"
    for table in DATED:  # which no job but the sensor's has run yet
        made = wait_for(lambda table=table: live.check(table, "up_to_date") or None, seconds=300)
        assert {day: one["success"] for day, one in made.items()} == {_day(0): True}
    assert live.materialize(job="analysis", partition=_day(0)) == "SUCCESS"

    for _ in range(DAYS - 1):
        advance_day(home / "source")
    days = [_day(number) for number in range(DAYS)]
    assert live.backfill([*BRONZE, *CHANGES], days) == "COMPLETED_SUCCESS"
    green = live.check("silver/order_line_changes", "published")
    assert {day: one["success"] for day, one in green.items()} == dict.fromkeys(days, True)
    live.wait_for_ticks(2)

    _spoil_lines(home, 200)
    downstream = {name: live.runs_of(name) for name in ("silver/fct_order_lines", "gold/daily_sales")}
    assert live.backfill([*BRONZE, *CHANGES], [BAD_DAY.isoformat()]) == "COMPLETED_SUCCESS"
    published = live.check("silver/order_line_changes", "published")
    red = [day for day, one in published.items() if not one["success"] and one["severity"] == "ERROR"]
    assert red == [BAD_DAY.isoformat()]
    broken = live.check("silver/order_line_changes", "quantity__is_int64")[BAD_DAY.isoformat()]
    assert (broken["success"], broken["severity"]) == (False, "ERROR")

    live.wait_for_ticks(2)
    assert {name: live.runs_of(name) for name in downstream} == downstream

"""`snowpipe demo`: a shop through Dagster, and the next day."""

from datetime import date
from types import SimpleNamespace

import dagster as dg
import pytest

from snowpipe_platform.backends.local_bronze import LocalBronze
from snowpipe_platform.commands.demo import _landed_days
from snowpipe_platform.settings import read_settings
from snowpipe_platform_tests.contracts.bronze_store import manifest
from snowpipe_platform_tests.tiny import TinyShop


@pytest.mark.slow
@pytest.mark.case("A35")
def test_the_demo_runs_its_days_through_dagster_and_again_the_next_one(tmp_path, monkeypatch):
    shop = TinyShop(tmp_path, monkeypatch)
    for variable in ("SNOWPIPE_PIPELINE", "SNOWPIPE_WAREHOUSE"):
        monkeypatch.delenv(variable)
    first = shop.type("demo", "--days", "1")
    assert first.exit_code == 0, first.output
    assert first.stdout.startswith("day 1: 2024-03-01, the history and the first day\ntable ")
    assert max(len(line) for line in first.stdout.splitlines() if not line.startswith("next:")) <= 80
    assert 'next: snowpipe show silver/order_line_changes --failing "quantity is an int64"' in first.stdout

    again = shop.json("demo")
    assert [day["day"] for day in again["days"]] == ["2024-03-02"]
    outcomes = {outcome["table"]: outcome for outcome in again["days"][0]["outcomes"]}
    assert outcomes["bronze/orders"]["new"] == 107
    assert all(outcome["status"] in {"ok", "warned", "unchanged"} for outcome in outcomes.values())
    assert outcomes["silver/dim_customers"]["rules_passed"] == outcomes["silver/dim_customers"]["rules_total"] > 10
    with dg.DagsterInstance.from_config(str(read_settings().dagster_home)) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey(["bronze", "orders"])) == {"2024-03-01", "2024-03-02"}
        done = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))
        found = [(run.job_name, run.tags["dagster/partition"]) for run in reversed(done)]
    dates = [("analysis", "2024-03-01"), ("analysis", "2024-03-02")]  # a late change makes the first anew
    assert found == [("everything", "2024-03-01"), dates[0], ("everything", "2024-03-02"), *dates]
    assert shop.rows("select count(*) > 1000 as some from silver.dim_customers") == [{"some": True}]


def test_the_demo_leaves_a_pipeline_of_ones_own_alone(shop):
    answer = shop.type("demo")
    assert answer.exit_code == 2
    assert answer.stderr.startswith("error: the demo runs the shop's own pipeline over its own warehouse.")


def test_a_day_that_only_a_dropped_file_was_loaded_for_is_still_to_be_run(tmp_path):
    store = LocalBronze(tmp_path)
    store.commit(manifest(1))
    store.commit(manifest(2).model_copy(update={"kind": "arrival", "load_day": date(2024, 3, 2)}))
    pipeline = SimpleNamespace(queries_by_entity={"orders": None})
    assert _landed_days(SimpleNamespace(ground=SimpleNamespace(bronze=store), pipeline=pipeline)) == {date(2024, 3, 1)}

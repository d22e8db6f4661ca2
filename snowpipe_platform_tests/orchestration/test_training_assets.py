"""A training set as a Dagster asset."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from snowpipe_platform.orchestration.build import build_definitions
from snowpipe_platform.orchestration.resources import GroundResource
from snowpipe_platform.orchestration.training_assets import training_set_asset
from snowpipe_platform.settings import Settings
from snowpipe_platform_tests.grouped import D1, GROUP, make, training_ledger
from snowpipe_platform_tests.ledger import CHANGES, change

KEY = dg.AssetKey(["models", "silence_training_set"])


@pytest.fixture
def shop(tmp_path):
    ledger = training_ledger(tmp_path)
    ledger.land("2024-01-04", change("a", 0.5, name="A"), change("b", 1.2, name="B"), change("a", 2.9))
    return ledger


def materialized(ledger):
    asset = training_set_asset(ledger.pipeline.training_sets[0], ledger.pipeline)
    ground = GroundResource.of(Settings(home=ledger.folder))
    with dg.DagsterInstance.ephemeral(tempdir=str(ledger.folder)) as instance:
        return dg.materialize([asset], resources={"ground": ground}, instance=instance, raise_on_error=False)


def test_its_materialization_says_what_is_in_it_and_where_it_is(shop):
    make(shop, *(D1 + timedelta(days=n) for n in range(4)))
    (event,) = materialized(shop).get_asset_materialization_events()
    found = event.step_materialization_data.materialization
    told = {name: value.value for name, value in found.metadata.items()}
    record = shop.ground.training_sets.all("silence")[0]
    assert (told["hash"], told["dagster/row_count"]) == (record.hash, record.rows)
    assert found.tags["dagster/data_version"] == record.hash
    assert Path(told["dagster/uri"]).name == f"{record.hash}.parquet"
    assert told["positive_share"] == pytest.approx(told["positive"] / record.rows, abs=1e-4)
    assert [one.data["table"] for one in found.metadata["inputs"].records] == [GROUP, CHANGES.name]


def test_without_a_label_it_fails_and_says_what_is_missing(shop):
    make(shop, D1)
    (event,) = materialized(shop).get_step_failure_events()
    assert event.step_failure_data.user_failure_data.description.startswith("training set silence: no label yet.")


def test_it_is_of_no_partition_reads_what_it_is_made_of_and_is_in_no_daily_job(shop):
    definitions = build_definitions(shop.pipeline, GroundResource.of(Settings(home=shop.folder)))
    graph = definitions.get_repository_def().asset_graph
    assert graph.get(KEY).parent_keys == {dg.AssetKey(name.split("/")) for name in (GROUP, CHANGES.name)}
    assert graph.get(KEY).partitions_def is None
    for job in ("everything", "analysis"):
        assert KEY not in definitions.resolve_job_def(job).asset_layer.selected_asset_keys

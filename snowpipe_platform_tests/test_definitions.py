"""What Dagster loads when it starts."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import dagster as dg
import pytest
import yaml

ROOT = Path(__file__).parent.parent
HEAVY = ("pyiceberg", "pyspark", "sklearn", "joblib", "starlette", "uvicorn", "boto3", "snowflake", "sagemaker")
BUDGET_SECONDS = 1.0


def _loaded(tmp_path):
    """Load the definitions in a process of their own, as Dagster does; its modules, keys and sockets.

    seconds: of CPU, which other work on the machine does not stretch.
    """
    code = f"""
        import json, socket, sys, time
        import dagster, ibis, pandera.ibis
        opened = []
        watched = {{"socket.connect", "sqlite3.connect"}}
        sys.addaudithook(lambda event, args: opened.append(event) if event in watched else None)
        started = time.process_time()
        from snowpipe_platform.definitions import definitions
        repository = definitions().get_repository_def()
        seconds = time.process_time() - started
        keys = sorted(key.to_user_string() for key in repository.asset_graph.get_all_asset_keys())
        heavy = [name for name in {HEAVY} if name in sys.modules]
        print(json.dumps({{"seconds": seconds, "heavy": heavy, "keys": keys, "opened": opened}}))
    """
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        env={"SNOWPIPE_HOME": str(tmp_path / "home"), "PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    return json.loads(result.stdout)


@pytest.mark.case("A35")
@pytest.mark.case("A38")
def test_loading_opens_nothing_and_imports_nothing_heavy(tmp_path):
    loaded = _loaded(tmp_path)

    assert loaded["heavy"] == []
    assert loaded["opened"] == []
    assert not (tmp_path / "home").exists()
    assert {"bronze/customers", "silver/customer_changes", "silver/dim_customers", "gold/daily_sales"} <= set(
        loaded["keys"]
    )


@pytest.mark.case("A38")
def test_loading_takes_at_most_a_second_more_than_the_libraries(tmp_path):
    fastest = min(_loaded(tmp_path)["seconds"] for _ in range(3))
    assert fastest <= BUDGET_SECONDS


def test_the_workspace_names_a_location_that_loads():
    location = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    assert location == {"module_name": "snowpipe_platform.definitions", "location_name": "snowpipe_platform"}


def test_every_job_and_sensor_resolves_as_when_dagster_loads_the_location():
    from snowpipe_platform.definitions import definitions  # noqa: PLC0415 - a missing module fails this test alone

    dg.Definitions.validate_loadable(definitions())


def test_every_asset_says_what_it_is():
    from snowpipe_platform.definitions import definitions  # noqa: PLC0415 - a missing module fails this test alone

    graph = definitions().get_repository_def().asset_graph
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert node.owners, key
        assert node.kinds, key
        assert node.group_name == key.path[0]
        if node.is_executable:
            assert node.code_version, key
            assert node.pools == {key.to_user_string()}


def test_the_instance_is_one_that_dagster_takes(tmp_path):
    (tmp_path / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.global_op_concurrency_default_limit == 1
        assert instance.telemetry_enabled is False
        assert instance.run_retries_enabled
        assert instance.run_monitoring_enabled
        assert type(instance.run_launcher).__name__ == "LocalRunLauncher"
        assert instance.auto_materialize_enabled
        assert instance.auto_materialize_use_sensors
        assert type(instance.run_storage).__name__ == "SqliteRunStorage"

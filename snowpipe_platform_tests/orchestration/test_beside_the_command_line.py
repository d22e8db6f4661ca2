"""A run of Dagster and one of the command line on the same table, each in its own process."""

import os
import re
import sys

import pytest
from typer.testing import CliRunner

from snowpipe_platform.backends.iceberg_lake import IcebergLake
from snowpipe_platform.cli import app
from snowpipe_platform_tests.killing import Paused
from snowpipe_platform_tests.tiny import TinyShop

CHANGED = "silver/order_changes"


def in_dagster(folder, environment, day):
    """Whether the run went well, its id, and what it said where it did not."""
    import dagster as dg  # noqa: PLC0415 - the children that do not need it start sooner

    from snowpipe_platform.definitions import definitions  # noqa: PLC0415

    settle(folder, environment)
    with dg.DagsterInstance.ephemeral(tempdir=str(folder)) as instance:
        job = definitions().resolve_job_def("everything")
        result = job.execute_in_process(
            partition_key=day,
            asset_selection=[dg.AssetKey(CHANGED.split("/"))],
            instance=instance,
            raise_on_error=False,
        )
    failed = [] if result.success else [result.failure_data_for_node("silver__order_changes").user_failure_data]
    return result.success, result.run_id, "".join(one.description for one in failed)


def on_the_command_line(folder, environment, day):
    """As `in_dagster`; the command gives its run an id of its own."""
    settle(folder, environment)
    done = CliRunner().invoke(app, ["run", CHANGED, "--partition", day])
    return done.exit_code == 0, "cli-", " ".join(done.output.split())


def settle(folder, environment):
    """A child has neither the test's environment nor its path."""
    os.environ.update(environment)
    sys.path[:0] = [str(folder)]


@pytest.mark.case("A18")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(in_dagster, on_the_command_line, id="Dagster first"),
        pytest.param(on_the_command_line, in_dagster, id="the command line first"),
    ],
)
def test_the_second_is_told_who_writes_and_does_its_work_when_it_is_repeated(tmp_path, monkeypatch, first, second):
    shop = TinyShop(tmp_path, monkeypatch)
    shop.one_day()
    assert shop.type("run", "bronze/orders", "--partition", "2024-03-01").exit_code == 0
    at_home = tmp_path, shop.environment
    with Paused(first, *at_home, "2024-03-01", at=(IcebergLake, "commit")) as writing:
        shop.orders(("o3", "1.00", "2024-03-02 10:00"))
        shop.end_day("2024-03-02")
        assert shop.type("run", "bronze/orders", "--partition", "2024-03-02").exit_code == 0
        is_done, _, told = second(*at_home, "2024-03-02")
        assert not is_done
        assert shop.type("maintain", CHANGED).exit_code == 0, "skipped, which is no failure"
        is_done, holder, said = writing.go_on()
        assert is_done, said
    named = rf"{CHANGED}: run {holder}\S* \(process \d+ on \S+\) is writing it\. Try again when it is done\."
    assert re.search(named, told), told
    is_done, _, told = second(*at_home, "2024-03-02")
    assert is_done, told
    found = shop.rows(f"SELECT order_id, count(*) AS times FROM {CHANGED.replace('/', '.')} GROUP BY 1 ORDER BY 1")
    assert found == [{"order_id": order, "times": 1} for order in ("o1", "o2", "o3")]

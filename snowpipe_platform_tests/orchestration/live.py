"""A real Dagster instance with webserver and daemon on loopback, driven through GraphQL as the UI drives it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

SNOWPIPE = Path(sys.executable).with_name("snowpipe")
POLL_SECONDS = 0.5
REPOSITORY = "__repository__"

_LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on InvalidSubsetError { message } ... on RunConfigValidationInvalid { errors { message } } } }"""
_BACKFILL = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_BACKFILL_STATUS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status } } }"""
_RUN_STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
_RUNS = "{ runsOrError { ... on Runs { results { runId status assetSelection { path } tags { key value } } } } }"
_CHECK = """query($key: AssetKeyInput!, $name: String!) {
  assetCheckExecutions(assetKey: $key, checkName: $name, limit: 100) {
    runId status evaluation { success severity partition metadataEntries { label } } } }"""
_TICKS = """query($selector: SensorSelector!) { sensorOrError(sensorSelector: $selector) {
  ... on Sensor { sensorState { ticks(limit: 100) { status timestamp runIds } } } } }"""
_LOCATION = "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }"
_GRAPH = "{ assetNodes { assetKey { path } groupName isPartitioned kinds dependencyKeys { path } } }"


@dataclass(frozen=True)
class LiveDagster:
    """The webserver's address, and what the tests ask it."""

    port: int
    group: int
    """The process group of everything that was started."""

    def kill(self) -> None:
        """At once and all of it, as when the machine goes down."""
        os.killpg(self.group, signal.SIGKILL)

    @cached_property
    def location(self) -> str:
        """The name the code location goes by."""
        return self.query(_LOCATION)["repositoriesOrError"]["nodes"][0]["location"]["name"]

    def query(self, text: str, **variables: object) -> Any:
        """The `data` of a GraphQL answer."""
        body = json.dumps({"query": text, "variables": variables}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/graphql", body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            found = json.load(answer)
        assert "errors" not in found, found
        return found["data"]

    def graph(self) -> list[dict[str, Any]]:
        return self.query(_GRAPH)["assetNodes"]

    def materialize(self, *, job: str, partition: str) -> str:
        """Launch a job for a day; the run's final status."""
        return self.finished(self.launch(job=job, tags={"dagster/partition": partition}))

    def launch(self, *, job: str, tags: Mapping[str, str], assets: Sequence[str] = ()) -> str:
        """Launch a job, for some of its assets or all; the run's id."""
        selector = {"repositoryLocationName": self.location, "repositoryName": REPOSITORY, "jobName": job}
        if assets:
            selector["assetSelection"] = [asset(name) for name in assets]
        listed = [{"key": key, "value": value} for key, value in tags.items()]
        params = {"selector": selector, "executionMetadata": {"tags": listed}, "mode": "default", "runConfigData": {}}
        launched = self.query(_LAUNCH, params=params)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    def finished(self, run_id: str) -> str:
        def status() -> str | None:
            found = self.query(_RUN_STATUS, id=run_id)["runOrError"]["status"]
            return found if found in {"SUCCESS", "FAILURE", "CANCELED"} else None

        return wait_for(status, seconds=300)

    def backfill(self, assets: Sequence[str], partitions: Sequence[str]) -> str:
        """Launch a backfill as the asset graph does; its final status."""
        params = {"assetSelection": [asset(name) for name in assets], "partitionNames": list(partitions)}
        launched = self.query(_BACKFILL, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched

        def status() -> str | None:
            found = self.query(_BACKFILL_STATUS, id=launched["backfillId"])["partitionBackfillOrError"]["status"]
            return found if found in {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"} else None

        return wait_for(status, seconds=600)

    def check(self, table: str, name: str) -> dict[str, dict[str, Any]]:
        """The latest evaluation of a check by partition."""
        executions = self.query(_CHECK, key=asset(table), name=name)["assetCheckExecutions"]
        evaluations = [one["evaluation"] for one in executions[::-1] if one["evaluation"] is not None]
        return {one["partition"]: one for one in evaluations}

    def runs(self) -> list[dict[str, Any]]:
        """All runs, newest first."""
        return self.query(_RUNS)["runsOrError"]["results"]

    def runs_of(self, table: str) -> list[str]:
        """Ids of the runs that were to materialize the table."""
        return [run["runId"] for run in self.runs() if asset(table) in (run["assetSelection"] or [])]

    def automation_ticks(self) -> int:
        """How often the automation has been evaluated so far."""
        selector = {
            "repositoryLocationName": self.location,
            "repositoryName": REPOSITORY,
            "sensorName": "default_automation_condition_sensor",
        }
        ticks = self.query(_TICKS, selector=selector)["sensorOrError"]["sensorState"]["ticks"]
        return sum(tick["status"] in {"SUCCESS", "SKIPPED"} for tick in ticks)

    def wait_for_ticks(self, count: int) -> None:
        """Until the automation was evaluated `count` more times and nothing it asked for is under way."""
        before = self.automation_ticks()
        wait_for(lambda: self.automation_ticks() >= before + count or None, seconds=60 * count + 180)
        wait_for(lambda: all(run["status"] in {"SUCCESS", "FAILURE"} for run in self.runs()) or None, seconds=300)


def asset(name: str) -> dict[str, list[str]]:
    return {"path": name.split("/")}


def wait_for(found: Callable[[], Any], *, seconds: float) -> Any:
    """The first answer that is not None. Fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = found()
        if answer is not None:
            return answer
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"nothing after {seconds} s")


@contextmanager
def live_dagster(home: Path, **environment: str) -> Iterator[LiveDagster]:
    """`snowpipe dev` over a home folder, ended with everything it started. environment: more variables."""
    port = free_port()
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "DAGSTER_", "SNOWFLAKE_"))}
    variables = {**inherited, "SNOWPIPE_HOME": str(home), **environment}
    with (home / "dev.log").open("ab") as log:
        process = subprocess.Popen(
            [SNOWPIPE, "dev", "--port", str(port)], env=variables, stdout=log, stderr=log, start_new_session=True
        )
        try:
            live = LiveDagster(port, process.pid)
            wait_for(lambda: _answers(live), seconds=180)
            yield live
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """A process group, at first by asking."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
            return


def _answers(live: LiveDagster) -> bool | None:
    try:
        return bool(live.graph()) or None
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

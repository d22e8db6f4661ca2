"""A run whose process is gone is found, and one of another machine is left alone."""

import os
import subprocess
import sys

import dagster as dg
import pytest
from dagster._core.launcher.base import WorkerStatus

from snowpipe_platform.orchestration.run_launcher import LocalRunLauncher

HERE = {".dagster/grpc_info": '{"host": "localhost", "socket": "/tmp/x"}'}
ELSEWHERE = {".dagster/grpc_info": '{"host": "code", "port": 4000}'}


@pytest.fixture
def gone() -> int:
    """The id of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def _health(shop, tags, *pids):
    """Of a run that its worker, and a second one after a resume, said it started."""
    job = shop.definitions.resolve_job_def("extract")
    run = shop.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    for pid in pids:
        event = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, job_name="extract", pid=pid)
        shop.instance.report_dagster_event(event, run_id=run.run_id)
    launcher = LocalRunLauncher()
    launcher.register_instance(shop.instance)
    assert launcher.supports_check_run_worker_health
    return launcher.check_run_worker_health(run)


def test_a_run_whose_process_is_gone_has_failed(shop, gone):
    found = _health(shop, HERE, gone)
    assert (found.status, found.msg) == (WorkerStatus.FAILED, f"process {gone} is gone")


def test_a_run_whose_process_lives_is_running(shop):
    assert _health(shop, HERE, os.getpid()).status is WorkerStatus.RUNNING


def test_the_last_process_counts(shop, gone):
    assert _health(shop, HERE, gone, os.getpid()).status is WorkerStatus.RUNNING


def test_a_run_that_has_not_said_it_started_is_left_alone(shop):
    assert _health(shop, HERE).status is WorkerStatus.RUNNING


@pytest.mark.parametrize("tags", [ELSEWHERE, {}], ids=["another host", "unknown"])
def test_a_run_of_another_machine_is_left_alone(shop, gone, tags):
    assert _health(shop, tags, gone).status is WorkerStatus.RUNNING

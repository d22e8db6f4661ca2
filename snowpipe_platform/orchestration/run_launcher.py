"""How a run is started on one machine, and how one whose process is gone is found."""

import json

import dagster as dg

# What a launcher answers, which Dagster exports nowhere.
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

from snowpipe_platform.backends.processes import is_running


class LocalRunLauncher(dg.DefaultRunLauncher):
    """Dagster's own launcher, a process for each run, which also says whether a run's process is alive.

    A run's code server reports when the run dies. Killed together, as when the machine goes down, nobody does: in
    Dagster 1.13 the run then counts as started for ever, holds its pools, and what waits for it is requested no more.
    With this launcher `run_monitoring` ends such a run, and `run_retries` repeats it.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Of a run that started on another machine nothing is known, and it is left alone. A process id given out again
        since counts as alive."""
        if not _is_of_this_machine(run):
            return CheckRunHealthResult(WorkerStatus.RUNNING, "not of this machine")
        return process_health(self._instance, run)


def process_health(instance: dg.DagsterInstance, run: dg.DagsterRun) -> CheckRunHealthResult:
    """Whether the process of this machine that last started the run is alive."""
    started = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_START)
    events = [entry.dagster_event for entry in started if entry.dagster_event is not None]
    pid = events[-1].pid if events else None
    if pid is None or is_running(pid):
        return CheckRunHealthResult(WorkerStatus.RUNNING)
    return CheckRunHealthResult(WorkerStatus.FAILED, f"process {pid} is gone")


def _is_of_this_machine(run: dg.DagsterRun) -> bool:
    """Its code server listens on a socket of the file system, as those do that `dagster dev` and the daemon start."""
    return "socket" in json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))

"""A launcher for the simulated month: runs in the daemon's own process, which pays for no process and no imports."""

import dagster as dg
import pyiceberg.catalog.sql  # noqa: F401 - before the daemon's threads, which trip over each other's half-done imports
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._utils.hosted_user_process import recon_repository_from_origin

from snowpipe_platform.orchestration.run_launcher import process_health


class InMemoryRunLauncher(SyncInMemoryRunLauncher):
    """Dagster's launcher for tests, with the definitions built once. A run that died with the daemon is found as the
    launcher of `deploy/dagster.yaml` finds it."""

    def launch_run(self, context: LaunchRunContext) -> None:
        origin = context.job_code_origin
        assert origin is not None
        if self._repository is None:
            self._repository = recon_repository_from_origin(origin.repository_origin).get_definition()
        execute_run(InMemoryJob(self._repository.get_job(origin.job_name)), context.dagster_run, self._instance)

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        return process_health(self._instance, run)

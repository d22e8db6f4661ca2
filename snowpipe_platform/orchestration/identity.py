"""Who writes when Dagster runs."""

import dagster as dg

from snowpipe_platform.execution.ground import RunIdentity


def run_identity(run: dg.DagsterRun) -> RunIdentity:
    """The Dagster run and its job: what a commit records, and what a check of the same run looks for."""
    return RunIdentity(run_id=run.run_id, job=run.job_name)

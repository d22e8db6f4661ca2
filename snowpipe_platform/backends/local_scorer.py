"""Batch scores as a process of this machine."""

import os
import subprocess
import sys

from snowpipe_platform.errors import ServingError
from snowpipe_platform.spec.model import ScoringJob


class LocalScorer:
    """The `Scorer` of a laptop: the model's own serving script, in a process of its own, goes over the files once.

    pipeline: the package whose `models.<model>.serve` is that script. No library of models is loaded here.
    """

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline

    def score(self, job: ScoringJob) -> None:
        script = f"{self._pipeline}.models.{job.model}.serve"
        paths = [str(path) for path in (job.answers, *job.rows)]
        places = {"SM_MODEL_DIR": str(job.artefact), "MODEL_VERSION": str(job.version)}
        path = os.pathsep.join(filter(None, sys.path))
        done = subprocess.run(  # noqa: S603 - the pipeline's own script
            [sys.executable, "-m", script, "--score", job.key, *paths],
            env=os.environ | places | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not job.answers.is_file():
            said = done.stderr.strip().splitlines()
            reason = said[-1] if said else f"{script} ended with {done.returncode} and wrote no answers"
            raise ServingError(f"{job.model} version {job.version} gave no scores: {reason}")

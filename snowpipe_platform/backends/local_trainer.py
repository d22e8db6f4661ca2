"""Training jobs as processes of this machine."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from snowpipe_platform.backends.folders import make_folder
from snowpipe_platform.errors import ModelError, TrainingFailedError, openable
from snowpipe_platform.spec.model import TrainingJob

LAST_LINES = 10
"""Of a failed script's output, in the error."""
KEPT_JOBS = 10
"""Of a model, with the one that starts: what went wrong last is looked up in their logs."""
GRACE_SECONDS = 5.0
"""Between asking a script to end and killing it."""


class LocalTrainer:
    """The `Trainer` of a laptop: a job is `python -m <script>` in a folder of its own, `<model>/<job>`, which keeps its
    log. The folders of a model's last ten jobs are kept.

    What the script inherits of the environment is what a process needs; no setting of the platform and no credential.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def train(self, job: TrainingJob, *, log: Callable[[str], None]) -> Path:
        folder = self._folder / job.model / job.id
        model, output = folder / "model", folder / "output" / "data"
        if folder.exists():
            raise ModelError(f"training job {job.id}: {openable(folder)} is there already. Give the job another id.")
        _remove_old(folder.parent, keep=KEPT_JOBS - 1)
        for each in (model, output):
            make_folder(each)
        try:
            self._run(job, folder, _environment(job, _channels(job, folder), model=model, output=output), log)
        except BaseException:
            shutil.rmtree(model)
            raise
        finally:
            shutil.rmtree(folder / "input", ignore_errors=True)
        if not any(model.iterdir()):
            model.rmdir()
            raise TrainingFailedError(f"{job.script} ended well and wrote no artefact. Log: {openable(_log(folder))}")
        return model

    def _run(self, job: TrainingJob, folder: Path, environment: dict[str, str], log: Callable[[str], None]) -> None:
        last: deque[str] = deque(maxlen=LAST_LINES)
        with _log(folder).open("w", encoding="utf-8") as kept, _process(job.script, environment) as process:
            for line in process.stdout or ():
                kept.write(line)
                kept.flush()
                last.append(line.rstrip())
                log(line.rstrip())
        if process.returncode:
            raise TrainingFailedError(_told(job, process.returncode, folder, last))


def _remove_old(folder: Path, *, keep: int) -> None:
    """All jobs but the last to write to their logs; another training may do the same at this moment."""
    jobs = [job for job in folder.iterdir() if job.is_dir()] if folder.is_dir() else []
    for job in sorted(jobs, key=_wrote_last, reverse=True)[keep:]:
        shutil.rmtree(job, ignore_errors=True)


def _wrote_last(job: Path) -> float:
    """One that starts has no log yet."""
    for path in (_log(job), job):
        with suppress(FileNotFoundError):
            return path.stat().st_mtime
    return 0.0


@contextmanager
def _process(script: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """In a group of its own, so that what it starts ends with it, and an interrupt reaches it once."""
    process = subprocess.Popen(  # noqa: S603 - the script that the model declares
        [sys.executable, "-m", script],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    with process:
        try:
            yield process
        except BaseException:
            _end(process)
            raise


def _end(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)


def _channels(job: TrainingJob, folder: Path) -> dict[str, str]:
    """A folder for each channel, with copies: the files that they are of never change, whatever the script does."""
    variables = {}
    for name, files in job.channels.items():
        channel = folder / "input" / "data" / name
        make_folder(channel)
        for file in files:
            shutil.copyfile(file, channel / file.name)
        variables[f"SM_CHANNEL_{name.upper()}"] = str(channel.resolve())
    return variables


def _environment(job: TrainingJob, channels: dict[str, str], *, model: Path, output: Path) -> dict[str, str]:
    """Of this process what every process needs, and the variables of the container contract."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return {
        **kept,
        **channels,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONUNBUFFERED": "1",
        "SM_MODEL_DIR": str(model.resolve()),
        "SM_OUTPUT_DATA_DIR": str(output.resolve()),
        "SM_HPS": json.dumps(dict(job.hyperparameters)),
    }


def _told(job: TrainingJob, code: int, folder: Path, last: deque[str]) -> str:
    """What the script says in the contract's failure file, or else its last lines."""
    failure = folder / "output" / "failure"
    reason = failure.read_text(encoding="utf-8").strip() if failure.is_file() else "\n".join(last)
    ended = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
    told = reason or "it said nothing"
    return f"training {job.model} failed, {job.script} {ended}: {told}\nlog: {openable(_log(folder))}"


def _log(folder: Path) -> Path:
    return folder / "log.txt"

"""Training jobs on this machine, run for real."""

import sys
import uuid

import pytest

from snowpipe_platform.backends import local_trainer
from snowpipe_platform.backends.local_trainer import LocalTrainer
from snowpipe_platform.errors import ModelError, TrainingFailedError
from snowpipe_platform_tests.contracts.trainer import ECHO, WRITES_AND_FAILS, TrainerContract, job


@pytest.fixture
def trainer(tmp_path):
    return LocalTrainer(tmp_path / "jobs")


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def write(body):
        name = f"script_{uuid.uuid4().hex[:8]}"
        (tmp_path / f"{name}.py").write_text(body)
        return name

    return write


class TestLocalTrainer(TrainerContract):
    pass


def test_the_log_is_kept_and_named_when_a_script_fails(trainer, script, tmp_path):
    with pytest.raises(TrainingFailedError, match=r"\nlog: .*jobs/churn-1/log\.txt$"):
        trainer.train(job(script("print('ß'); raise SystemExit('no')")), log=lambda _: None)
    assert (tmp_path / "jobs/churn-1/log.txt").read_text() == "ß\nno\n"


def test_a_job_id_is_used_once(trainer, script):
    module = script(ECHO)
    kept = trainer.train(job(module), log=print)
    with pytest.raises(ModelError, match=r"training job churn-1: .* is there already\. Give the job another id\."):
        trainer.train(job(module), log=print)
    assert (kept / "told.json").is_file()


def test_a_script_is_given_no_setting_and_no_credential(trainer, script, monkeypatch):
    for name in ("SNOWPIPE_HOME", "AWS_SECRET_ACCESS_KEY", "SNOWFLAKE_PASSWORD"):
        monkeypatch.setenv(name, "secret")
    lines = []
    trainer.train(
        job(script(ECHO + "print([name for name, v in os.environ.items() if v == 'secret'])")), log=lines.append
    )
    assert lines[-1] == "[]"


def test_a_script_that_does_not_end_when_asked_is_killed(trainer, script, monkeypatch):
    monkeypatch.setattr(local_trainer, "GRACE_SECONDS", 0.2)
    stubborn = WRITES_AND_FAILS + (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"
    )

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.train(job(script(stubborn)), log=interrupt)

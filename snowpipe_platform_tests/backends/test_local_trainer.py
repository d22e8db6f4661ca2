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
    with pytest.raises(TrainingFailedError, match=r"\nlog: .*jobs/churn/churn-1/log\.txt$"):
        trainer.train(job(script("print('ß'); raise SystemExit('no')")), log=lambda _: None)
    assert (tmp_path / "jobs/churn/churn-1/log.txt").read_text() == "ß\nno\n"


def test_the_last_ten_jobs_of_a_model_are_kept(trainer, script, tmp_path):
    module = script("raise SystemExit('no')")
    for model, jobs in (("churn_value", 2), ("churn", 12)):
        for number in range(jobs):
            with pytest.raises(TrainingFailedError):
                trainer.train(job(module, model=model, id=f"{model}-{number}"), log=lambda _: None)
    kept = {path.parent.name for path in (tmp_path / "jobs").rglob("log.txt")}
    assert kept == {"churn_value-0", "churn_value-1", *(f"churn-{number}" for number in range(2, 12))}
    assert not (tmp_path / "jobs/churn/churn-0").exists()


def test_a_job_that_has_just_started_is_not_taken_for_an_old_one(trainer, script, tmp_path):
    module = script(ECHO)
    for number in range(local_trainer.KEPT_JOBS):
        trainer.train(job(module, id=f"churn-{number}"), log=lambda _: None)
    started = tmp_path / "jobs/churn/churn-started/model"
    started.mkdir(parents=True)
    trainer.train(job(module, id="churn-last"), log=lambda _: None)
    assert started.is_dir()
    assert len(list((tmp_path / "jobs/churn").iterdir())) == local_trainer.KEPT_JOBS


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

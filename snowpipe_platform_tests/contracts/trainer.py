"""What every Trainer promises. A backend's test gives the fixtures `trainer` and `script`, which takes the body of a
script and gives the module's name: `script("print('hello')")`."""

import pytest

from snowpipe_platform.backends.processes import is_running
from snowpipe_platform.errors import TrainingFailedError
from snowpipe_platform.spec.model import TrainingJob

ECHO = """
import json, os, pathlib
read = {name: sorted(p.name for p in pathlib.Path(value).iterdir())
        for name, value in os.environ.items() if name.startswith("SM_CHANNEL_")}
told = {"channels": read, "given": json.loads(os.environ["SM_HPS"])}
pathlib.Path(os.environ["SM_MODEL_DIR"], "told.json").write_text(json.dumps(told))
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "report.txt").touch()
print("first")
print("second", flush=True)
"""
WRITES_AND_FAILS = """
import os, pathlib, sys
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.joblib").write_text("half a model")
"""
SAYS_WHY = """
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"]).parent.joinpath("failure").write_text("too few")
print("more")
sys.exit(1)
"""


def job(script, **changed) -> TrainingJob:
    known = {"id": "churn-1", "model": "churn", "script": script, "channels": {}, "hyperparameters": {}}
    return TrainingJob(**(known | changed))


class TrainerContract:
    def test_the_script_reads_its_channels_and_leaves_an_artefact(self, trainer, script, tmp_path):
        for name in ("a.txt", "b.txt", "c.txt"):
            (tmp_path / name).write_text(name)
        channels = {"train": (tmp_path / "a.txt", tmp_path / "b.txt"), "champion": (tmp_path / "c.txt",)}
        lines = []
        wanted = job(script(ECHO), channels=channels, hyperparameters={"seed": 7, "rate": 0.5})
        folder = trainer.train(wanted, log=lines.append)
        assert lines == ["first", "second"]
        assert (folder / "told.json").read_text() == (
            '{"channels": {"SM_CHANNEL_TRAIN": ["a.txt", "b.txt"], "SM_CHANNEL_CHAMPION": ["c.txt"]}, '
            '"given": {"seed": 7, "rate": 0.5}}'
        )

    def test_what_a_script_does_to_its_input_reaches_no_file_of_ours(self, trainer, script, tmp_path):
        (tmp_path / "a.txt").write_text("as it was")
        spoils = "for p in pathlib.Path(os.environ['SM_CHANNEL_TRAIN']).iterdir(): p.write_text('spoilt'); p.unlink()"
        trainer.train(job(script(ECHO + spoils), channels={"train": (tmp_path / "a.txt",)}), log=lambda _: None)
        assert (tmp_path / "a.txt").read_text() == "as it was"

    def test_jobs_have_folders_of_their_own(self, trainer, script):
        module = script(ECHO)
        folders = {trainer.train(job(module, id=name), log=print) for name in ("a", "b")}
        assert len(folders) == 2
        assert all((folder / "told.json").is_file() for folder in folders)

    @pytest.mark.parametrize(
        ("ending", "reason"),
        [
            ("sys.exit('no such column')", "no such column"),
            ("raise ValueError('a bug')", "ValueError: a bug"),
            ("os.kill(os.getpid(), 9)", "SIGKILL"),
            ("[print(f'line {n}') for n in range(30)]; sys.exit(3)", "ended with 3: line 20\nline 21"),
            (SAYS_WHY, "ended with 1: too few\n"),
        ],
        ids=["exit", "exception", "killed", "last lines", "failure file"],
    )
    def test_a_failed_script_says_why_and_leaves_no_artefact(self, trainer, script, ending, reason, tmp_path):
        with pytest.raises(TrainingFailedError) as told:
            trainer.train(job(script(WRITES_AND_FAILS + ending)), log=lambda _: None)
        assert reason in str(told.value)
        assert list(tmp_path.rglob("model.joblib")) == []

    def test_a_script_that_writes_nothing_has_failed(self, trainer, script):
        with pytest.raises(TrainingFailedError, match="ended well and wrote no artefact"):
            trainer.train(job(script("print('done')")), log=lambda _: None)

    def test_an_interrupt_ends_the_script_and_leaves_no_artefact(self, trainer, script, tmp_path):
        waiting = (
            WRITES_AND_FAILS
            + f"""
import signal, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("ended", file=open({str(tmp_path / "ended")!r}, "w"))))
print(os.getpid(), flush=True)
time.sleep(60)
"""
        )

        def interrupt(line):
            raise KeyboardInterrupt(line)

        with pytest.raises(KeyboardInterrupt) as told:
            trainer.train(job(script(waiting)), log=interrupt)
        assert (tmp_path / "ended").read_text() == "ended\n"
        assert not is_running(int(told.value.args[0]))
        assert list(tmp_path.rglob("model.joblib")) == []

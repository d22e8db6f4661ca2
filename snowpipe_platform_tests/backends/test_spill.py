"""Spill folders of killed runs."""

import os
import subprocess
import sys

import pytest

from snowpipe_platform.backends import spill
from snowpipe_platform.backends.spill import spill_folder

DEAD = 2**22 + 1
"""Above the largest process id Linux gives."""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_what_a_killed_process_left_is_removed_by_the_next(temporary):
    script = (
        "import os; from snowpipe_platform.backends.spill import spill_folder\n"
        "folder = spill_folder(); open(folder.name + '/duckdb.tmp', 'w').close(); os._exit(9)"
    )
    killed = subprocess.run([sys.executable, "-c", script], env={**os.environ, "TMPDIR": str(temporary)}, check=False)
    assert killed.returncode == 9
    (left,) = temporary.iterdir()
    with spill_folder() as folder:
        assert [str(path) for path in temporary.iterdir()] == [folder]
    assert not left.exists()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(f"snowpipe-spill-{os.getpid()}-x", id="of a process that runs"),
        pytest.param("snowpipe-spill-x", id="of no process"),
        pytest.param(f"other-spill-{DEAD}-x", id="not ours"),
    ],
)
def test_other_folders_stay(temporary, name):
    (temporary / name).mkdir()
    spill_folder().cleanup()
    assert (temporary / name).exists()


def test_what_another_user_left_stays(temporary, monkeypatch):
    left = temporary / f"snowpipe-spill-{DEAD}-x"
    left.mkdir()
    monkeypatch.setattr(spill.os, "getuid", lambda: left.stat().st_uid + 1)
    spill_folder().cleanup()
    assert left.exists()

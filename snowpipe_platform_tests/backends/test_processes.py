"""What this machine says about its processes."""

import os
import subprocess
import sys

import pytest

from snowpipe_platform.backends.processes import is_running


def test_this_process_is_running():
    assert is_running(os.getpid())


def test_a_process_that_ended_is_not():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not is_running(ended.pid)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")
def test_a_killed_process_that_nobody_has_asked_for_is_not_running():
    killed = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    killed.kill()
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
    assert not is_running(killed.pid)
    killed.communicate()

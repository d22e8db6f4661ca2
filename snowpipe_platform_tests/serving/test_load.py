"""The endpoint under load while versions are swapped; the long form is `python benchmarks/serving.py`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "serving.py"


@pytest.mark.slow
@pytest.mark.case("A42")
def test_no_request_fails_and_each_answer_is_its_versions_own_during_swaps(tmp_path):
    done = subprocess.run(
        [sys.executable, BENCHMARK, "--seconds", "6", "--rate", "100"],
        env=os.environ | {"PYTHONPATH": ":".join(filter(None, [str(BENCHMARK.parents[1]), *sys.path]))},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["requests"] >= 600
    assert (told["failed"], told["answered_wrongly"]) == (0, 0)
    assert (told["swaps"] >= 3, told["refused_deployments"] >= 1) == (True, True)
    assert len(told["versions"]) > 1
    assert told["log"]["records"] == told["requests"]

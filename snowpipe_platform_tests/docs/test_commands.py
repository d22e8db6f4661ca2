"""The commands that README and docs show do what they are shown for."""

import math
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from snowpipe_platform.cli import app

ROOT = Path(__file__).parents[2]
SNOWPIPE = Path(sys.executable).with_name("snowpipe")
TYPED_ELSEWHERE = {"retail.md", "your-first-table.md"}
"""Pages with a test of their own: their commands work in other homes than the demo's."""
PAGES = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").glob("*.md") if p.name not in TYPED_ELSEWHERE)]
IN_A_TABLE = re.compile(r"^\| `(snowpipe [^`]+)` \|", re.MULTILINE)
IN_A_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        text = page.read_text(encoding="utf8")
        for command in IN_A_TABLE.findall(text):
            yield page.name, command
        for block in IN_A_BLOCK.findall(text):
            for command in filter(None, block.splitlines()):
                yield page.name, command


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The home that `make demo` leaves behind, and what it printed in eighty columns."""
    folder = tmp_path_factory.mktemp("documented")
    done = subprocess.run(
        [SNOWPIPE, "demo"],
        env=os.environ | {"SNOWPIPE_HOME": str(folder), "COLUMNS": "80"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("page", "command"), list(_commands()))
def test_a_documented_command_works(
    page: str, command: str, demonstrated: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
):
    """In this process: a process for each command would import for most of its time."""
    name, *arguments = shlex.split(command)
    assert name == "snowpipe"
    monkeypatch.setenv("SNOWPIPE_HOME", str(demonstrated[0]))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(demonstrated[0])  # where a command leaves a file
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert done.stdout.strip()


@pytest.mark.slow
def test_the_readme_shows_what_the_demo_prints(demonstrated: tuple[Path, str]):
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    shown = re.search(r"^```\n(model churn.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert shown is not None
    found = demonstrated[1][demonstrated[1].index("model churn") :]
    assert _words(shown[1]) == _words(found)
    pairs = zip(_figures(shown[1]), _figures(found), strict=True)
    assert [pair for pair in pairs if not math.isclose(*pair, abs_tol=ABOUT)] == []


ABOUT = 0.03
"""How far a model's measures may lie from those that are shown: another processor may add floats in another order."""
OF_THE_MODEL = ("lowest ROC AUC:", "log-odds:")
"""Lines whose names depend on the model's figures."""


def _lines(text: str) -> list[str]:
    """Without durations, which differ, and the spaces that align them; of what the model names, that it does."""
    lines = re.sub(r" +", " ", re.sub(r"[0-9.]+ s\b", "", text)).strip().splitlines()
    named = ((line, next((start for start in OF_THE_MODEL if start in line), None)) for line in lines)
    return [line if start is None else start for line, start in named]


def _words(text: str) -> list[str]:
    return [re.sub(r"\d\.\d+", "#", line) for line in _lines(text)]


def _figures(text: str) -> list[float]:
    return [float(figure) for line in _lines(text) for figure in re.findall(r"\d\.\d+", line)]


def test_the_pages_show_commands():
    shown = {page for page, _ in _commands()}
    assert shown == {"README.md", *(page.name for page in PAGES if "```sh" in page.read_text(encoding="utf8"))}

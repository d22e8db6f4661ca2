"""The commands that README and docs show do what they are shown for."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    """The home that `make demo` leaves behind, and what it printed."""
    folder = tmp_path_factory.mktemp("documented")
    done = _run(["demo"], folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def _run(arguments: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SNOWPIPE_HOME": str(home), "COLUMNS": "100"}
    return subprocess.run(
        [SNOWPIPE, *arguments],
        env=environment,
        cwd=home,  # where a command leaves a file
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("page", "command"), list(_commands()))
def test_a_documented_command_works(page: str, command: str, demonstrated: tuple[Path, str]):
    name, *arguments = shlex.split(command)
    assert name == "snowpipe"
    done = _run(arguments, demonstrated[0])
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.slow
def test_the_readme_shows_what_the_demo_prints(demonstrated: tuple[Path, str]):
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    shown = re.search(r"^```\n(model churn.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert _timeless(shown[1]) in _timeless(demonstrated[1])


def _timeless(text: str) -> str:
    """Without durations, which differ, and the spaces that align them."""
    return re.sub(r" +", " ", re.sub(r"[0-9.]+ s\b", "", text))


def test_the_pages_show_commands():
    shown = {page for page, _ in _commands()}
    assert shown == {"README.md", *(page.name for page in PAGES if "```sh" in page.read_text(encoding="utf8"))}

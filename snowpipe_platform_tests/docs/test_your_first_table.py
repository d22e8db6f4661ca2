"""docs/your-first-table.md, typed as a new user types it: in an empty folder, block after block."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "your-first-table.md"
BLOCKS = re.compile(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", flags=re.DOTALL)
"""Commands of the page, and what it says they print, where it says so."""
MARK = "=== exit code"


def typed(folder: Path) -> list[tuple[str, int]]:
    """What each block prints, stdout and stderr as on a terminal, and the exit code of its last command."""
    script = "".join(f"{commands}echo '{MARK}' $?\n" for commands, _ in BLOCKS.findall(PAGE.read_text()))
    ours = ("SNOWPIPE_", "DAGSTER_", "PYTEST", "MAKE", "MFLAGS")
    clean = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", f"exec 2>&1\n{script}"],
        cwd=folder,
        env=clean | {"PATH": path, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    *answers, rest = re.split(rf"{MARK} (\d+)\n", ran.stdout)
    assert rest == ""
    return [(text, int(code)) for text, code in zip(answers[::2], answers[1::2], strict=True)]


@pytest.mark.slow
def test_the_page_shows_what_its_commands_print(tmp_path):
    blocks = BLOCKS.findall(PAGE.read_text())
    for (text, code), (commands, shown) in zip(typed(tmp_path), blocks, strict=True):
        is_mistake = "error: " in shown or "FAILED" in shown
        assert (code != 0) == is_mistake, f"{commands}\n{text}"
        if shown:
            assert timeless(text) == timeless(shown)


def timeless(text: str) -> str:
    """What a step took differs, and how wide it is may move the columns."""
    without = re.sub(r"\d+(\.\d+)? ?s\b", "T s", text)
    return "\n".join(" ".join(line.split()) for line in without.strip().splitlines())

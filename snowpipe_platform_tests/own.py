"""What `snowpipe init` writes, in a test's folder, which becomes the current one.

project = OwnProject(tmp_path, monkeypatch)
project.edit("gold/daily_revenue.py", "orders.amount", "orders.amuont")
assert project.type("run").exit_code == 2
"""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from snowpipe_platform.cli import app
from snowpipe_platform.commands.init import write_project


class OwnProject:
    """A fresh project whose package has a name of its own, so that nothing of another test is imported."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.package = f"shop_{uuid.uuid4().hex[:8]}"
        self.folder = folder / "project"
        write_project(self.package, self.folder)
        monkeypatch.chdir(self.folder)
        monkeypatch.setattr(sys, "path", [str(self.folder), *sys.path])
        monkeypatch.setenv("COLUMNS", "80")
        for name in [name for name in os.environ if name.startswith("SNOWPIPE_")]:
            monkeypatch.delenv(name)

    def path(self, name: str) -> Path:
        """A file of the package."""
        return self.folder / self.package / name

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that stands in a file of the package."""
        text = self.path(name).read_text()
        assert old in text
        self.path(name).write_text(text.replace(old, new))

    def write(self, name: str, text: str) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def seed(self) -> int:
        """The exit code of the project's seed.py."""
        return subprocess.run([sys.executable, "seed.py"], check=False).returncode

    def forget(self) -> None:
        """Let the package be imported anew."""
        for module in [module for module in sys.modules if module.partition(".")[0] == self.package]:
            del sys.modules[module]

    def type(self, *words: str) -> Result:
        """`snowpipe <words>` in this process."""
        return CliRunner().invoke(app, list(words))

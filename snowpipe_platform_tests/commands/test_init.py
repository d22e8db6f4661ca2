"""`snowpipe init`: a project that runs at once, or nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from snowpipe_platform.cli import app
from snowpipe_platform.commands.init import template


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*words: str):
    return CliRunner().invoke(app, ["init", *words])


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_it_lists_the_files_it_wrote_and_the_next_command(folder):
    answer = init("corner_shop")
    assert answer.exit_code == 0
    *listed, last = answer.stdout.splitlines()
    assert {path for path in files(folder) if Path(path).is_file()} == set(listed)
    assert {
        "corner_shop/snowpipe.toml",
        "corner_shop/Makefile",
        "corner_shop/.gitignore",
        "corner_shop/corner_shop/source/queries.yaml",
        "corner_shop/corner_shop/gold/daily_revenue.py",
        "corner_shop/tests/test_daily_revenue.py",
    } <= set(listed)
    assert last == "next: cd corner_shop && make demo"


def test_the_packages_name_is_everywhere_the_templates_was():
    init("corner_shop")
    assert not [path for path in Path("corner_shop").rglob("*") if path.is_file() and "my_shop" in path.read_text()]
    assert any("my_shop" in text for text in template().values())


def test_the_answer_as_json_has_the_same(folder):
    answer = json.loads(init("corner_shop", "--json").stdout)
    assert (answer["name"], answer["folder"]) == ("corner_shop", str(folder / "corner_shop"))
    assert (len(answer["files"]), answer["next"]) == (len(template()), "cd corner_shop && make demo")


def test_an_empty_folder_is_taken_also_the_current_one():
    Path("empty").mkdir()
    assert init("corner_shop", "--folder", "empty").exit_code == 0
    assert Path("empty/corner_shop/__init__.py").exists()


def test_the_current_folder_needs_no_cd(monkeypatch):
    Path("empty").mkdir()
    monkeypatch.chdir("empty")
    assert init("corner_shop", "--folder", ".").stdout.splitlines()[-1] == "next: make demo"


@pytest.mark.parametrize(
    ("name", "reason", "nearest"),
    [
        ("corner-shop", "takes lower-case letters", "corner_shop"),
        ("CornerShop", "takes lower-case letters", "corner_shop"),
        ("2nd shop", "a letter first", "nd_shop"),
        ("café", "takes lower-case letters", "cafe"),
        ("42", "a letter first", "my_shop"),
        ("json", "an installed package has it", "json_pipeline"),
        ("duckdb", "an installed package has it", "duckdb_pipeline"),
        ("class", "Python has the word for itself", "class_pipeline"),
        ("tests", "the project has a file or folder of that name", "tests_pipeline"),
        ("JSON", "takes lower-case letters", "json_pipeline"),
    ],
)
def test_a_name_that_is_none_is_answered_with_why_and_the_nearest(folder, name, reason, nearest):
    answer = init(name)
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"error: '{name}' cannot be the name of a package: ")
    assert reason in answer.stderr
    assert f"Try '{nearest}'." in answer.stderr
    assert files(folder) == set()


def test_a_folder_with_something_in_it_is_left_alone(folder):
    Path("corner_shop").mkdir()
    Path("corner_shop/mine.txt").write_text("mine")
    answer = init("corner_shop")
    assert answer.exit_code == 2
    assert "error: folder corner_shop is not empty (mine.txt). Name another with --folder." in answer.stderr
    assert files(folder) == {"corner_shop", "corner_shop/mine.txt"}


def test_a_file_of_the_name_is_left_alone(folder):
    Path("corner_shop").write_text("mine")
    assert "error: corner_shop is a file. Name another place with --folder." in init("corner_shop").stderr
    assert files(folder) == {"corner_shop"}


@pytest.mark.parametrize("is_there", [False, True], ids=["new folder", "empty folder"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["disk", "Ctrl+C"])
def test_nothing_stays_of_a_project_that_cannot_be_written(folder, monkeypatch, is_there, error):
    if is_there:
        Path("work").mkdir()
    write, written = Path.write_text, []

    def fail_in_the_middle(path, text, **options):
        written.append(path)
        if len(written) == 8:
            write(path, text[:10], **options)
            raise error
        return write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", fail_in_the_middle)
    answer = init("corner_shop", "--folder", "work" if is_there else "deep/work")
    assert answer.exit_code in {2, 130}
    assert files(folder) == ({"work"} if is_there else set())
    if isinstance(error, OSError):
        assert "cannot be written (No space left on device). Name another place with --folder." in answer.stderr


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In the project's folder, as a person whose environment is activated; no variable of the platform's is set."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("SNOWPIPE_", "DAGSTER_", "PYTEST"))
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    everything = clean | {"PATH": path, "COLUMNS": "80"} | environment
    return subprocess.run(words, cwd="corner_shop", env=everything, capture_output=True, text=True, check=False)


def rows(stdout: str) -> dict[str, list[str]]:
    """Of each table's line: rows, new, quarantined and status."""
    lines = [line.split() for line in stdout.splitlines() if line.startswith(("bronze/", "silver/", "gold/"))]
    return {line[0]: [*line[1:4], line[-1]] for line in lines}


@pytest.mark.slow
def test_the_project_runs_and_runs_the_next_day_and_its_tests_pass():
    init("corner_shop")

    first = run("make", "demo")
    assert first.returncode == 0, first.stderr
    assert rows(first.stdout) == {
        "bronze/orders": ["60", "60", "-", "ok"],
        "silver/order_changes": ["60", "60", "1", "warned"],
        "silver/fct_orders": ["59", "59", "-", "ok"],
        "gold/daily_revenue": ["3", "3", "-", "ok"],
    }
    # 20 orders come and yesterday's 20 change; of the day before one amount is mended, of the new ones one is none.
    second = run("make", "demo")
    assert second.returncode == 0, second.stderr
    assert rows(second.stdout) == {
        "bronze/orders": ["100", "40", "-", "ok"],
        "silver/order_changes": ["100", "40", "1", "warned"],
        "silver/fct_orders": ["79", "20", "-", "ok"],
        "gold/daily_revenue": ["4", "1", "-", "ok"],
    }
    tested = run("make", "test")
    assert tested.returncode == 0, tested.stdout
    assert "3 passed" in tested.stdout


def test_without_the_command_make_says_how_to_name_it():
    init("corner_shop")
    answer = run("make", "demo", PATH="/usr/bin:/bin")
    assert answer.returncode != 0
    assert "snowpipe is not found: activate the environment it is installed in, or give its path: make SNOWPIPE=/" in (
        answer.stderr
    )
    assert not Path("corner_shop/warehouse.duckdb").exists()


def test_the_command_can_be_named_with_its_path():
    init("corner_shop")
    command = Path(sys.executable).with_name("snowpipe")
    answer = run("make", "--dry-run", "demo", f"SNOWPIPE={command}", PATH="/usr/bin:/bin")
    assert answer.returncode == 0, answer.stderr
    assert f"{Path(sys.executable).parent}/python seed.py\n{command} run\n" in answer.stdout

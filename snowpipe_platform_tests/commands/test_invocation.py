"""How a command ends when nobody reads on."""

import os
import subprocess
import sys

import pytest

MAIN = "from snowpipe_platform.cli import main; import sys; sys.argv[0] = 'snowpipe'; main()"


@pytest.mark.parametrize(
    "words",
    [("sql", "from range(200000)", "--csv"), ("sql", "select 1", "--json"), ("sql", "from range(900)"), ("status",)],
    ids=["more than a pipe holds", "buffered until the end", "a table", "lines"],
)
def test_a_closed_pipe_ends_the_command_quietly(shop, words):
    """As `snowpipe ... | head` does, whose end of the pipe is closed before the first byte here."""
    shop.end_day("2024-03-01")
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-c", MAIN, *words],
            stdout=writing,
            stderr=subprocess.PIPE,
            cwd=shop.folder,
            env=os.environ,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert (ended.stderr, ended.returncode) == ("", 0)


def test_a_broken_pipe_that_is_not_stdout_is_an_error_like_any_other(shop, monkeypatch):
    def status(project, *, as_json):
        raise BrokenPipeError("the source's")

    monkeypatch.setattr("snowpipe_platform.commands.status.status", status)
    answer = shop.type("status")
    assert (answer.exit_code, answer.stderr.splitlines()[0]) == (1, "error: BrokenPipeError: the source's")

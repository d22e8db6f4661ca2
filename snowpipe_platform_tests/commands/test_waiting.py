"""A line that moves while a command is silent, and is gone before its first word."""

import io
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import pytest

from snowpipe_platform.commands import waiting as module
from snowpipe_platform.commands.terminal import activity
from snowpipe_platform.commands.waiting import AFTER_SECONDS, waiting

ERASED = "\x1b[2K"


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Timer:
    """Goes off when the test says so."""

    def __init__(self, seconds, act):
        self.seconds, self.go_off, self.daemon, self.is_cancelled = seconds, act, False, False
        Timer.last = self

    def start(self):
        """Nothing by itself."""

    def cancel(self):
        self.is_cancelled = True


@pytest.fixture(autouse=True)
def _timers(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(module.threading, "Timer", Timer)


@contextmanager
def at_terminal(title):
    """stderr is a terminal and stdout a file, while something is waited for."""
    with redirect_stdout(io.StringIO()) as result, redirect_stderr(Terminal()) as terminal, waiting(title):
        yield result, terminal


def test_after_two_seconds_a_line_says_what_is_going_on_and_the_first_word_ends_it():
    with at_terminal("snowpipe status") as (result, terminal):
        assert (Timer.last.seconds, Timer.last.daemon) == (AFTER_SECONDS, True)
        Timer.last.go_off()
        assert "snowpipe status" in terminal.getvalue()
        sys.stdout.write("the result")
        drawn = terminal.getvalue()
        assert drawn.rpartition("snowpipe status")[2].count(ERASED) == 1
    assert (result.getvalue(), terminal.getvalue(), Timer.last.is_cancelled) == ("the result", drawn, True)


@pytest.mark.parametrize("first", [lambda: sys.stderr.write("Go on? "), lambda: sys.stdout.write("rows\n")])
def test_what_was_said_already_is_not_drawn_over(first):
    with at_terminal("snowpipe status") as (_, terminal):
        first()
        Timer.last.go_off()
    assert "snowpipe status" not in terminal.getvalue()


def test_a_line_of_the_commands_own_takes_its_place():
    with at_terminal("snowpipe run") as (_, terminal):
        Timer.last.go_off()
        drawn = len(terminal.getvalue())
        with activity() as shown:
            shown.say("silver/fct_orders")
        Timer.last.go_off()
    ending, said, after = terminal.getvalue()[drawn:].partition("silver/fct_orders")
    assert (ERASED in ending, bool(said), "snowpipe run" in after) == (True, True, False)


def test_an_error_ends_it_too():
    drawn_on = []

    def work():
        with at_terminal("snowpipe status") as (_, terminal):
            drawn_on.append(terminal)
            Timer.last.go_off()
            raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        work()
    assert ERASED in drawn_on[0].getvalue().rpartition("snowpipe status")[2]


def test_in_a_pipe_nothing_moves():
    with redirect_stderr(io.StringIO()) as pipe, waiting("snowpipe status"):
        assert sys.stderr is pipe
    assert pipe.getvalue() == ""


def test_a_terminal_that_cannot_move_shows_nothing(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with at_terminal("snowpipe status") as (_, terminal):
        Timer.last.go_off()
    assert terminal.getvalue() == ""

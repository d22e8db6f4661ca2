"""How a command ends: with an exit code, and an error in one line with the next command to type.

Imports little: `snowpipe --help` comes through here.
"""

import os
import select
import sys
import traceback as tracebacks
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from snowpipe_platform.commands.waiting import waiting

if TYPE_CHECKING:
    from snowpipe_platform.commands.project import Project

USAGE = 2
INTERRUPTED = 130
"""As a shell reports a process that SIGINT ended."""


class OneLineErrors(TyperGroup):
    """What was typed wrongly is answered in a line, with the command that shows how it is typed."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,  # noqa: ANN401 - Typer's signature
    ) -> Any:  # noqa: ANN401 - Typer's signature
        given = partial(super().main, args, prog_name, complete_var, windows_expand_args=windows_expand_args, **extra)
        if not standalone_mode:
            return given(standalone_mode=False)
        try:
            sys.exit(given(standalone_mode=False) or 0)
        except TyperException as error:
            context, message = getattr(error, "ctx", None), error.format_message()
            if message:  # without words the help was asked for, and is shown
                _complain(message, f"{context.command_path if context else 'snowpipe'} --help")
            sys.exit(USAGE)
        except (typer.Abort, KeyboardInterrupt):
            sys.stderr.write("interrupted; what was committed stays\n")
            sys.exit(INTERRUPTED)


def answer(work: "Callable[[Project], int]", command: str, *, as_json: bool, traceback: bool) -> None:
    """Open the project, do the work, and exit with its code."""

    def opened() -> int:
        from snowpipe_platform.commands.project import open_project  # noqa: PLC0415 - help answers without it

        return work(open_project())

    guard(opened, command, as_json=as_json, traceback=traceback)


def guard(work: Callable[[], int], command: str, *, as_json: bool, traceback: bool) -> None:
    """Exit with the work's code. An error becomes a line on stderr, and with --json an object on stdout.

    A reader that has enough and closes the pipe, as `head` does, is no error.
    """
    try:
        code = _answered(work, command, as_json=as_json, traceback=traceback)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        code = 0
    raise typer.Exit(code)


def _answered(work: Callable[[], int], command: str, *, as_json: bool, traceback: bool) -> int:
    try:
        with waiting(f"snowpipe {command}"):
            return work()
    except (typer.Exit, typer.Abort, TyperException):
        raise
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads():
            raise
        from snowpipe_platform.commands.problems import describe  # noqa: PLC0415

        problem = describe(error, command=command)
        if traceback:
            tracebacks.print_exception(error)
        if as_json:
            from snowpipe_platform.commands.terminal import print_json  # noqa: PLC0415

            print_json({"error": problem.kind, "message": problem.message, "next": problem.next_command})
        _complain(problem.message, problem.next_command)
        return problem.exit_code


def _nobody_reads() -> bool:
    """Whether stdout is a pipe whose reader is gone; a source's own broken pipe is an error."""
    try:
        stdout = sys.stdout.fileno()
    except OSError:
        return False
    polled = select.poll()
    polled.register(stdout, 0)
    return bool(polled.poll(0))


def _drop_output() -> None:
    """What the interpreter flushes at its end goes nowhere. Source: Python's signal module, note on SIGPIPE."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _complain(message: str, next_command: str) -> None:
    sys.stderr.write(f"error: {message}\nnext: {next_command}\n")

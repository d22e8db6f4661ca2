"""A moving line on a terminal while a command is silent: nobody should wonder whether it still works."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from rich.live import Live

AFTER_SECONDS = 2.0


@contextmanager
def waiting(title: str) -> Iterator[None]:
    """Draws the title on stderr where that is a terminal, after two seconds. The first word that the work writes, a
    result, a question or a line of its own that moves, ends it for good."""
    if not sys.stderr.isatty():
        yield
        return
    line = _MovingLine(title, sys.stderr)
    stdout, stderr = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast("TextIO", _EndingStream(line, stdout)), cast("TextIO", _EndingStream(line, stderr))
    timer = threading.Timer(AFTER_SECONDS, line.draw)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        line.end()
        sys.stdout, sys.stderr = stdout, stderr


class _MovingLine:
    """Drawn by one thread and ended by another; what ended is not drawn any more."""

    def __init__(self, title: str, terminal: TextIO) -> None:
        self._title, self._terminal = title, terminal
        self._lock, self._is_over = threading.Lock(), False
        self._live: Live | None = None

    def draw(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - most commands are done before
        from rich.live import Live  # noqa: PLC0415
        from rich.spinner import Spinner  # noqa: PLC0415

        console = Console(file=self._terminal, highlight=False)
        with self._lock:
            if self._is_over or console.is_dumb_terminal:
                return
            # Redirected, what is written to stdout would go to the terminal, also where stdout is a file.
            self._live = Live(
                Spinner("dots", self._title),
                console=console,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)

    def end(self) -> None:
        with self._lock:
            self._is_over = True
            if self._live is not None:
                self._live.stop()
                self._live = None


class _EndingStream:
    """A stream whose first word ends the line; in everything else it is the stream."""

    def __init__(self, line: _MovingLine, stream: TextIO) -> None:
        self._line, self._stream = line, stream

    def write(self, text: str) -> int:
        self._line.end()
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)

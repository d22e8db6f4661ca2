"""One line of JSON for every prediction that was answered, for monitoring; a request never waits for the disk."""

import json
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

QUEUED_RECORDS = 20_000
"""Kept in memory while the disk is slow; then records are dropped and counted."""
FILE_BYTES = 32_000_000
FILES = 8
"""The oldest goes when another begins: the log never takes more than FILES of FILE_BYTES."""
PAUSE_SECONDS = 0.2
_NAME = "requests-{:08d}.jsonl"


class RequestLog:
    """Files of JSON lines in a folder, appended by a thread of its own. `put` never blocks and never raises.

    What could not be kept is counted, and said in `standing`, and in the log when it can be written again.
    """

    def __init__(self, folder: Path, *, file_bytes: int = FILE_BYTES, files: int = FILES) -> None:
        self._folder, self._file_bytes, self._files = folder, file_bytes, files
        self._queue: deque[Mapping[str, Any]] = deque()
        self._guard = threading.Lock()
        self._written = self._dropped = self._untold = 0
        self._error: str | None = None
        self._wake = threading.Event()
        self._ends = False
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Keep them, or count them as dropped."""
        with self._guard:
            for record in records:
                if len(self._queue) < QUEUED_RECORDS:
                    self._queue.append(record)
                else:
                    self._drop(1)

    def close(self) -> None:
        """Write what is queued, and end. Safe to call twice."""
        self._ends = True
        self._wake.set()
        self._thread.join()

    def standing(self) -> dict[str, object]:
        """How many records are written and dropped, and the last error, None once all is well again."""
        return {"written": self._written, "dropped": self._dropped, "error": self._error}

    def _run(self) -> None:
        while not self._ends:
            self._wake.wait(PAUSE_SECONDS)
            self._write()
        self._write()

    def _write(self) -> None:
        with self._guard:
            records, untold = list(self._queue), self._untold
            self._queue.clear()
            self._untold = 0
        if not records and not untold:
            return
        lines, unwritable = _lines(records)
        unwritten = len(records) - len(lines)
        told = _lines([{"dropped": untold + unwritten}])[0] if untold or unwritten else []
        try:
            self._append(b"".join((*told, *lines)))
        except OSError as error:
            self._error = error.strerror or str(error)
            with self._guard:
                self._drop(len(records))
                self._untold += untold
        else:
            self._error = unwritable
            self._written += len(lines)
            with self._guard:
                self._dropped += unwritten

    def _drop(self, records: int) -> None:
        self._dropped += records
        self._untold += records

    def _append(self, lines: bytes) -> None:
        """To the newest file, in one write. A line that a killed server tore is ended first."""
        self._folder.mkdir(parents=True, exist_ok=True)
        found = sorted(self._folder.glob("requests-*.jsonl"))
        newest = found[-1] if found else self._folder / _NAME.format(1)
        if found and newest.stat().st_size + len(lines) > self._file_bytes:
            newest = self._folder / _NAME.format(int(newest.stem.rpartition("-")[2]) + 1)
            for oldest in found[: len(found) + 1 - self._files]:
                oldest.unlink()
        with newest.open("a+b", buffering=0) as file:
            file.write((b"\n" if _is_torn(file) else b"") + lines)


def _lines(records: Iterable[Mapping[str, Any]]) -> tuple[list[bytes], str | None]:
    """Those that can be written, and why the last of the others cannot."""
    lines: list[bytes] = []
    unwritable = None
    for record in records:
        try:
            lines.append(json.dumps(record, ensure_ascii=False).encode() + b"\n")
        except (TypeError, ValueError) as error:
            unwritable = f"a record cannot be written ({type(error).__name__})"
    return lines, unwritable


def _is_torn(file: Any) -> bool:  # noqa: ANN401 - a raw file
    if file.seek(0, 2) == 0:
        return False
    file.seek(-1, 2)
    return bool(file.read(1) != b"\n")

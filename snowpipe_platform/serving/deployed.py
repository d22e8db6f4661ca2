"""What a server and whoever deploys tell each other: two small files in the endpoint's folder, one writer each.

`deployed.json` is every deployment, the last of which that was not refused is to be served; the endpoint writes it.
`serving.json` is what the server does about it; the server writes it. Both appear whole or not at all, so neither waits
for the other, and a server that starts again serves what the one before did. A server holds `server.lock` as long as it
lives.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from snowpipe_platform.errors import ServingError
from snowpipe_platform.records import Deployment

DEPLOYED, SERVING, LOCK = "deployed.json", "serving.json", "server.lock"
LOCK_TRIES, LOCK_PAUSE_SECONDS = 20, 0.025
"""Of a server that starts: whoever asks whether one lives holds the lock for a moment."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A deployment the server could not load, by its number, and why."""

    number: int
    version: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a server serves. number: of the deployment; None before the first. refused: a later one it could not
    load."""

    pid: int
    url: str
    number: int | None = None
    version: int | None = None
    refused: Refusal | None = None

    def has_settled(self, number: int) -> bool:
        """Whether it serves the deployment, or has refused it."""
        return self.number == number or (self.refused is not None and self.refused.number == number)


def read_deployments(folder: Path) -> list[Deployment]:
    """Oldest first. Raises ServingError when the file is damaged."""
    path = folder / DEPLOYED
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return [
            Deployment(**{**one, "deployed_at": datetime.fromisoformat(one["deployed_at"])})
            for one in read["deployments"]
        ]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        mend = "Restore it from a backup, or remove it and deploy again."
        raise ServingError(f"{path} is damaged ({error}). {mend}") from error


def deployed(deployments: Sequence[Deployment]) -> Deployment | None:
    """The one to be served: the last that was not refused."""
    return next((one for one in reversed(deployments) if one.refused is None), None)


def write_deployments(folder: Path, deployments: Sequence[Deployment]) -> None:
    written = [asdict(one) | {"deployed_at": one.deployed_at.isoformat()} for one in deployments]
    _write(folder / DEPLOYED, {"deployments": written})


def read_standing(folder: Path) -> Standing | None:
    """Of the server that runs, None when none does."""
    if not is_served(folder):
        return None
    try:
        read = json.loads((folder / SERVING).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None  # it is starting
    refused = read.pop("refused")
    return Standing(**read, refused=None if refused is None else Refusal(**refused))


def write_standing(folder: Path, standing: Standing) -> None:
    _write(folder / SERVING, asdict(standing))


def is_served(folder: Path) -> bool:
    """Whether a server of the endpoint lives; the system frees a dead one's lock."""
    try:
        with (folder / LOCK).open("rb") as file:
            return not _lock(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


@contextmanager
def only_server(folder: Path) -> Iterator[None]:
    """Be the endpoint's server while the block runs. Raises ServingError when another is."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("ab") as file:
        if not _lock_soon(file):
            other = read_standing(folder)
            where = f" (process {other.pid}, {other.url})" if other is not None else ""
            raise ServingError(f"another server of {folder} runs{where}. Ask that one, or end it first.")
        (folder / SERVING).unlink(missing_ok=True)
        try:
            yield
        finally:
            (folder / SERVING).unlink(missing_ok=True)


def _lock_soon(file: BinaryIO) -> bool:
    for _ in range(LOCK_TRIES):
        if _lock(file, fcntl.LOCK_EX):
            return True
        time.sleep(LOCK_PAUSE_SECONDS)
    return False


def _lock(file: BinaryIO, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(path: Path, payload: object) -> None:
    """Whole or not at all, and on the disk before it is seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.name}.{os.getpid()}")
    with written.open("wb") as file:
        file.write(json.dumps(payload, indent=2).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    written.replace(path)
    at = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(at)
    finally:
        os.close(at)

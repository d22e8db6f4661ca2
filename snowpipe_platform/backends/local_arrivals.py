"""Files that others drop into a local folder."""

import errno
import os
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from snowpipe_platform.errors import ArrivalError, LakeError
from snowpipe_platform.records import Arrival

ARRIVALS_FOLDER = "arrivals"
UNFINISHED_ENDINGS = (".tmp", ".part", ".crdownload")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC


class LocalArrivals:
    """The files under one folder. A link to a file among them counts as the file. One that leads elsewhere is listed,
    and refused when it is opened; a link to a folder is not followed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[Arrival]:
        """Oldest first, then by path."""
        found = (self._arrival(path) for path in self._paths())
        return sorted((one for one in found if one is not None), key=lambda one: (one.modified_at, one.path))

    def one(self, path: str) -> Arrival | None:
        self._refuse_elsewhere(path)
        return self._arrival(path)

    def open(self, path: str) -> BinaryIO:
        """Raises ArrivalError for a link to a file elsewhere: whoever may drop files need not be allowed to read it."""
        self._refuse_elsewhere(path)
        file = (self._folder / path).resolve()
        if not file.is_relative_to(self._folder.resolve()):
            msg = f"{self._folder / path} is a link to a file outside {self._folder}. Put the file itself there."
            raise ArrivalError(msg)
        return file.open("rb")

    def _paths(self) -> Iterator[str]:
        for folder, below, names in os.walk(self._folder, onerror=_refused):
            below[:] = [name for name in below if not _is_left_alone(name)]
            inside = PurePosixPath(Path(folder).relative_to(self._folder))
            yield from (str(inside / name) for name in names if not _is_left_alone(name))

    def _arrival(self, path: str) -> Arrival | None:
        """The version is made of size, modified time and the inode's change time. Every write and rename sets the last
        and nobody else can: a file of the same size that was put in place with its old time is told too."""
        try:
            found = (self._folder / path).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            return None  # a link that leads to itself
        if not stat.S_ISREG(found.st_mode):
            return None
        version = f"{found.st_size:x}-{found.st_mtime_ns:x}-{found.st_ctime_ns:x}"
        modified_at = _EPOCH + timedelta(microseconds=found.st_mtime_ns // 1000)
        return Arrival(path, version, found.st_size, modified_at)

    def _refuse_elsewhere(self, path: str) -> None:
        inside = PurePosixPath(path)
        if inside.is_absolute() or ".." in inside.parts or not inside.parts:
            raise LakeError(f"{path!r} is no path inside {self._folder}. Name the file as it lies below that folder.")


def _is_left_alone(name: str) -> bool:
    """Whether it is being written, or has a name that no manifest could hold: one that is not UTF-8."""
    is_text = name.encode(errors="replace").decode() == name
    return name.startswith((".", "_")) or name.lower().endswith(UNFINISHED_ENDINGS) or not is_text


def _refused(error: OSError) -> None:
    """No folder is no file; one that may not be looked into is an error."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise LakeError(f"{error.filename} cannot be listed ({error.strerror}). Let this user read it.") from error

"""Folders DuckDB spills to. Each is named for its process, so one that a killed run left behind can be told."""

import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from snowpipe_platform.backends.processes import is_running

_PREFIX = "snowpipe-spill-"
_NAME = re.compile(_PREFIX + r"(\d{1,9})-")


def spill_folder() -> tempfile.TemporaryDirectory[str]:
    """A new folder for one connection; the caller cleans it up. Removes what dead processes of this user left.

    Containers that share a temporary folder but not their process ids take each other for dead: give each its TMPDIR.
    """
    for folder in Path(tempfile.gettempdir()).glob(_PREFIX + "*"):
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True)


def _is_abandoned(folder: Path) -> bool:
    named = _NAME.match(folder.name)
    with suppress(OSError):
        return named is not None and folder.lstat().st_uid == os.getuid() and not is_running(int(named[1]))
    return False

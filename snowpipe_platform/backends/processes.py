"""What this machine says about its processes."""

import os
from contextlib import suppress
from pathlib import Path


def is_running(pid: int) -> bool:
    """Whether a process of this machine, anybody's, has the id now. Ids are given out again. One that has ended and
    that nobody has asked for since, as in a container without an init, is not running."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not _has_ended(pid)


def _has_ended(pid: int) -> bool:
    """Known on Linux alone; the state comes after the command's name, which stands in brackets."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False

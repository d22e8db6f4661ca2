"""What this machine says about its processes."""

import os


def is_running(pid: int) -> bool:
    """Whether a process of this machine, anybody's, has the id now. Ids are given out again."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True

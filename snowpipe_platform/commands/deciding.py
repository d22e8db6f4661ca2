"""What a person who decides is asked: why, and whether to go on."""

import getpass
import sys
import uuid
from contextlib import suppress

from snowpipe_platform.errors import ConfigurationError
from snowpipe_platform.execution.decisions import Author
from snowpipe_platform.execution.ground import RunIdentity

DRY_RUN = "dry run: nothing was written"
DECLINED = "nothing was written"


def author_of(reason: str, *, command: str, option: str = "--reason") -> Author:
    """Who types, and why. Raises ConfigurationError without a reason: it is all that a later reader has."""
    if not reason.strip():
        raise ConfigurationError(f"{option} takes why, in a few words: it is kept with the decision.")
    identity = RunIdentity(run_id=f"cli-{uuid.uuid4()}", job=f"snowpipe {command}")
    return Author(by=getpass.getuser(), reason=reason.strip(), identity=identity)


def agreed(question: str, *, confirmed: bool) -> bool:
    """Ask on a terminal; a script that pipes its input has decided already."""
    if confirmed or not _is_asked():
        return True
    import typer  # noqa: PLC0415 - asked on a terminal only

    with suppress(typer.Abort):
        return typer.confirm(question, err=True)
    return False


def insists(question: str) -> bool:
    """Whether a person on a terminal says so. A script says it with an option, or not at all."""
    return _is_asked() and agreed(question, confirmed=False)


def _is_asked() -> bool:
    return sys.stdin.isatty()

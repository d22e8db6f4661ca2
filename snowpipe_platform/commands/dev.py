"""`snowpipe dev`: the Dagster UI on this machine."""

import os
import sys
from typing import NoReturn

from snowpipe_platform.commands.instance import ensure_instance
from snowpipe_platform.commands.project import Project

DEFINITIONS = "snowpipe_platform.definitions"
DAGSTER_HOME = "DAGSTER_HOME"


def dev(project: Project, *, port: int) -> NoReturn:
    """Becomes `dagster dev` over the home's instance."""
    os.environ[DAGSTER_HOME] = str(ensure_instance(project.settings))
    command = [sys.executable, "-m", "dagster", "dev", "--module-name", DEFINITIONS, "--port", str(port)]
    sys.stderr.write(f"http://127.0.0.1:{port} shows the pipeline once it has loaded; Ctrl+C ends it\n")
    os.execv(sys.executable, command)  # noqa: S606 - the arguments are the platform's own

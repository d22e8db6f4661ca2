"""Serves the churn model under the SageMaker container contract: GET /ping and POST /invocations.

The model is in SM_MODEL_DIR, or /opt/ml/model; the port is SAGEMAKER_BIND_TO_PORT, or 8080; its version, where one is
set, MODEL_VERSION. `--check` loads it, asks it once and ends: exit code 0 when it can be served, else 1 and the reason
in the last line of stderr.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.serving.threads import compute_on_one_thread

MODEL_FOLDER = "/opt/ml/model"
PORT = "8080"
CHECK = "--check"


def main(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve until told to end; 1 when the model cannot be served."""
    compute_on_one_thread()
    from snowpipe_platform.serving.loaded import load_model  # noqa: PLC0415 - after the threads are set
    from snowpipe_platform.serving.server import listen, serve_model  # noqa: PLC0415 - as above

    folder = Path(environment.get("SM_MODEL_DIR", MODEL_FOLDER))
    version = environment.get("MODEL_VERSION", "")
    try:
        model = load_model(folder, version=int(version) if version.isdecimal() else None)
        if CHECK not in words:
            port = environment.get("SAGEMAKER_BIND_TO_PORT", PORT)
            serve_model(model, listen("0.0.0.0", int(port)))  # noqa: S104 - a container is reached from outside
    except SnowpipeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

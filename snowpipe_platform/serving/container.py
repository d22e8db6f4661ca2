"""A model's serving script under the SageMaker container contract: GET /ping and POST /invocations, or one pass over
files.

The model is in SM_MODEL_DIR, or /opt/ml/model; its version, where one is set, in MODEL_VERSION.

- without a word it serves, on the port SAGEMAKER_BIND_TO_PORT, or 8080, until told to end;
- `--check` loads the model, asks it once and ends;
- `--score KEY ANSWERS ROWS...` scores the Parquet files ROWS into the file ANSWERS, which keeps the column KEY.

The exit code is 0, or 1 with the reason in the last line of stderr.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from snowpipe_platform.errors import SnowpipeError
from snowpipe_platform.serving.threads import compute_on_one_thread

MODEL_FOLDER = "/opt/ml/model"
PORT = "8080"
CHECK, SCORE = "--check", "--score"


def main(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """1 when the model cannot be served, or the rows do not fit it."""
    if SCORE not in words:
        compute_on_one_thread()
    from snowpipe_platform.serving.loaded import load_model  # noqa: PLC0415 - after the threads are set

    folder = Path(environment.get("SM_MODEL_DIR", MODEL_FOLDER))
    version = environment.get("MODEL_VERSION", "")
    try:
        model = load_model(folder, version=int(version) if version.isdecimal() else None)
        if SCORE in words:
            from snowpipe_platform.serving.batch import score_files  # noqa: PLC0415 - a server does without

            _, key, answers, *rows = words
            count = score_files(model, [Path(row) for row in rows], key=key, answers=Path(answers))
            sys.stdout.write(f"{count:,} rows\n")
        elif CHECK not in words:
            from snowpipe_platform.serving.server import listen, serve_model  # noqa: PLC0415 - for requests alone

            port = environment.get("SAGEMAKER_BIND_TO_PORT", PORT)
            serve_model(model, listen("0.0.0.0", int(port)))  # noqa: S104 - a container is reached from outside
    except SnowpipeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0

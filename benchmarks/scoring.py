"""How fast a file of customers is scored, and in how much memory: `python benchmarks/scoring.py`.

The alternative is what a notebook does: pandas reads the file, fills missing values, asks the model and writes. Each
runs in a process of its own, in turns; quoted are medians and their ratio. The answers are compared row by row.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from serving import FEATURES, make_artefact

from snowpipe_platform.backends.local_scorer import LocalScorer
from snowpipe_platform.spec.model import ScoringJob

PIPELINE = "snowpipe_platform.pipeline"
KEY = "customer_key"
MISSING = 0.05
NOTEBOOK = """
import json, sys
import joblib, numpy as np, pandas as pd
folder, rows, answers = sys.argv[1:]
features = json.load(open(f"{folder}/signature.json"))["features"]
names = [one["name"] for one in features]
frame = pd.read_parquet(rows)
filled = frame[names].fillna({one["name"]: float(one["default"]) for one in features if one["default"] is not None})
frame["probability"] = joblib.load(f"{folder}/model.joblib").predict_proba(filled.to_numpy(dtype=np.float64))[:, 1]
frame[["customer_key", "probability"]].to_parquet(answers)
"""


def main() -> int:
    """0 when both gave the same answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_artefact(folder / "model", seed=1)
        write_rows(folder / "rows.parquet", options.rows)
        ours, theirs = [], []
        peaks = []
        for _ in range(options.rounds):
            ours.append(timed(lambda: score(folder)))
            peaks.append(peak_megabytes())
            theirs.append(timed(lambda: notebook(folder)))
            peaks.append(peak_megabytes())
        mine, other = (pq.read_table(folder / name).to_pydict() for name in ("ours.parquet", "theirs.parquet"))
        same = mine[KEY] == other[KEY] and bool(
            np.allclose(mine["probability"], other["probability"], atol=0, rtol=1e-12)
        )
    ours_median, theirs_median = statistics.median(ours), statistics.median(theirs)
    lines = (
        f"{options.rows:,} rows, {options.rounds} turns: {ours_median:.2f} s here, {theirs_median:.2f} s in a notebook",
        f"ratio {ours_median / theirs_median:.2f}; {options.rows / ours_median:,.0f} rows/s; answers the same: {same}",
        f"at most {peaks[0]:,.0f} MB here, {peaks[1]:,.0f} MB in a notebook",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if same else 1


def write_rows(path: Path, count: int) -> None:
    """In the types of the feature group; one value in twenty is missing."""
    drawn = np.random.default_rng(7)
    columns: dict[str, pa.Array] = {KEY: pa.array(np.arange(count))}
    for name in FEATURES:
        missing = drawn.random(count) < MISSING
        if name.startswith(("orders", "recency", "tenure")):
            columns[name] = pa.array(drawn.integers(0, 60, count), mask=missing)
        else:
            columns[name] = pa.array(drawn.uniform(0, 900, count), mask=missing)
    pq.write_table(pa.table(columns), path)


def score(folder: Path) -> None:
    """As a run of a score table does."""
    job = ScoringJob(
        model="churn",
        version=1,
        artefact=folder / "model",
        rows=(folder / "rows.parquet",),
        key=KEY,
        answers=folder / "ours.parquet",
    )
    LocalScorer(PIPELINE).score(job)


def notebook(folder: Path) -> None:
    """As a notebook does."""
    paths = [str(folder / name) for name in ("model", "rows.parquet", "theirs.parquet")]
    subprocess.run([sys.executable, "-c", NOTEBOOK, *paths], check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})


def peak_megabytes() -> float:
    """Of the largest process that has ended so far: the notebook comes second, and is the larger one."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def timed(work) -> float:  # noqa: ANN001 - a call without arguments
    """Seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())

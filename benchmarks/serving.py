"""How the endpoint does under load while versions are swapped: `python benchmarks/serving.py`.

A real server on loopback is asked at a fixed rate, whatever it does: a request's latency is counted from when it was
due, so that a server that stands still is seen to. Meanwhile versions are deployed and rolled back, and
one that cannot be loaded is tried. Every answer is compared with what its version says of that row. The exit code is 0
when no request failed, none was answered wrongly, and every swap was one.
"""

import argparse
import http.client
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import joblib
import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from threadpoolctl import threadpool_limits

from snowpipe_platform.backends.local_endpoint import LocalEndpoint
from snowpipe_platform.errors import ServingError
from snowpipe_platform.serving.loaded import load_model

WINDOWS = ("30d", "90d", "365d")
FEATURES = (
    *(f"orders_{window}" for window in WINDOWS),
    *(f"spend_{window}" for window in WINDOWS),
    *("average_basket_365d", "recency_days", "tenure_days"),
)
TRAINED_ROWS, ASKED_ROWS, ASKERS = 6_000, 64, 24
VERSIONS, TORN = (1, 2, 3), 4
ROUND = 4
"""Of what is done meanwhile: a deployment, a rollback, another deployment, and one that cannot be loaded."""
SNOWPIPE = (sys.executable, "-c", "from snowpipe_platform.cli import main; main()")
PIPELINE = "snowpipe_platform.pipeline"


@dataclass
class Seen:
    """What came of the requests; latencies in milliseconds, from when a request was due."""

    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    versions: Counter[int] = field(default_factory=Counter)
    wrong: int = 0


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=float, default=60)
    words.add_argument("--rate", type=float, default=200, help="requests a second")
    asked = words.parse_args()
    with threadpool_limits(1), tempfile.TemporaryDirectory(prefix="snowpipe-serving-") as folder:
        artefacts = {version: make_artefact(Path(folder) / str(version), seed=version) for version in VERSIONS}
        artefacts[TORN] = shutil.copytree(artefacts[VERSIONS[0]], Path(folder) / str(TORN))
        (artefacts[TORN] / "model.joblib").write_bytes(b"torn")
        expected = {version: answers(artefacts[version], version) for version in VERSIONS}
        home = Path(folder) / "home"
        endpoint = LocalEndpoint(home / "endpoint", artefact_of=lambda _model, n: artefacts[n], pipeline=PIPELINE)
        endpoint.deploy("churn", VERSIONS[0])
        with serving(home) as address:
            seen, swaps, refused = loaded(address, endpoint, expected, seconds=asked.seconds, rate=asked.rate)
        logs = [path.read_bytes() for path in (home / "endpoint" / "requests").iterdir()]
    told = report(seen) | {
        "requests_per_second": asked.rate,
        "swaps": swaps,
        "refused_deployments": refused,
        "log": {"records": sum(log.count(b"\n") for log in logs), "bytes": sum(map(len, logs))},
    }
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    is_whole = set(seen.statuses) == {"200"} and told["log"]["records"] == len(seen.latencies)
    return 0 if is_whole and not seen.wrong and swaps and refused else 1


def make_artefact(folder: Path, *, seed: int) -> Path:
    """As large a model as the shop's, of customers that never were."""
    drawn = np.random.default_rng(seed)
    rows = np.round(drawn.gamma(2.0, 20.0, (TRAINED_ROWS, len(FEATURES))))
    churned = rows[:, 8] + drawn.normal(0, 20, TRAINED_ROWS) > rows[:, 2] + rows[:, 0] * rows[:, 7] / 40
    trees = HistGradientBoostingClassifier(max_iter=200, max_leaf_nodes=15, learning_rate=0.05, random_state=seed)
    model = CalibratedClassifierCV(FrozenEstimator(trees.fit(rows, churned)), method="sigmoid").fit(rows, churned)
    folder.mkdir()
    joblib.dump(model, folder / "model.joblib", compress=3)
    signed = [{"name": name, "type": "float64", "default": 0, "min": 0, "max": 500} for name in FEATURES]
    signature = {"model": "churn", "label": "churned", "features": signed, "library": {}}
    (folder / "signature.json").write_text(json.dumps(signature))
    return folder


def asked_rows() -> list[dict[str, float]]:
    """Of customers of every kind: half of them have three features, the others all ten."""
    drawn = np.random.default_rng(0)
    values = np.round(drawn.gamma(2.0, 20.0, (ASKED_ROWS, len(FEATURES))))
    values[::2, 3:] = 0
    return [dict(zip(FEATURES, map(float, row), strict=True)) for row in values]


def answers(folder: Path, version: int) -> list[float]:
    """What the version says of each row that is asked."""
    model = load_model(folder, version=version)
    return list(map(float, model.probabilities(model.matrix([list(row.values()) for row in asked_rows()]))))


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, int]]:
    """`snowpipe serve` as a process of its own."""
    command = [*SNOWPIPE, "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, env=os.environ | {"SNOWPIPE_HOME": str(home)}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = urlsplit(json.loads(process.stdout.readline())["url"])
        try:
            yield str(url.hostname), int(url.port or 0)
        finally:
            process.terminate()


def loaded(
    address: tuple[str, int],
    endpoint: LocalEndpoint,
    expected: Mapping[int, Sequence[float]],
    *,
    seconds: float,
    rate: float,
) -> tuple[Seen, int, int]:
    """Ask at the rate for that long, and as long as the first round of swaps takes."""
    rows, seen, numbers, guard = asked_rows(), Seen(), itertools.count(), threading.Lock()
    is_swapped = threading.Event()
    began = time.perf_counter() + 0.5

    def asker() -> None:
        connection = http.client.HTTPConnection(*address, timeout=30)
        while (number := next(numbers)) < seconds * rate or not is_swapped.is_set():
            due = began + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            row = number % len(rows)
            try:
                status, told = ask(connection, "POST", "/invocations", rows[row])
            except OSError as error:
                status, told = type(error).__name__, {}
                connection.close()
            latency = (time.perf_counter() - due) * 1000
            with guard:
                seen.latencies.append(latency)
                seen.statuses[status] += 1
                if status == "200":
                    seen.versions[told["version"]] += 1
                    seen.wrong += not is_right(told, expected[told["version"]][row])

    askers = [threading.Thread(target=asker) for _ in range(ASKERS)]
    for one in askers:
        one.start()
    try:
        swaps, refused = swapped(endpoint, until=began + seconds)
    finally:
        is_swapped.set()
    for one in askers:
        one.join()
    return seen, swaps, refused


def is_right(told: Mapping[str, Any], expected: float) -> bool:
    """The very probability, and contributions that add up to it."""
    log_odds = told["base_log_odds"] + sum(told["contributions"].values())
    return bool(told["probability"] == expected and abs(1 / (1 + np.exp(-log_odds)) - expected) < 1e-9)  # noqa: PLR2004


def swapped(endpoint: LocalEndpoint, *, until: float) -> tuple[int, int]:
    """Deploy, roll back, and try what cannot be loaded, one after the other; swaps, and how many were refused."""
    swaps = refused = 0
    for number in itertools.count():
        if time.perf_counter() > until and number >= ROUND:
            return swaps, refused
        try:
            if number % ROUND == 1:
                endpoint.rollback()
            elif number % ROUND == ROUND - 1:
                endpoint.deploy("churn", TORN)
            else:
                current = endpoint.current()
                following = VERSIONS[0] if current is None else current.version % len(VERSIONS) + 1
                endpoint.deploy("churn", following)
            swaps += 1
        except ServingError:
            refused += 1
    raise AssertionError


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, row: Mapping[str, float] | None = None
) -> tuple[str, Any]:
    """The status, and the first line of the answer."""
    body = None if row is None else json.dumps(row)
    connection.request(method, path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return str(answer.status), json.loads(answer.read().splitlines()[0])


def report(seen: Seen) -> dict[str, Any]:
    parts = {"p50": 50, "p95": 95, "p99": 99, "p99_9": 99.9, "max": 100}
    return {
        "requests": len(seen.latencies),
        "failed": sum(count for status, count in seen.statuses.items() if status != "200"),
        "answered_wrongly": seen.wrong,
        "statuses": dict(seen.statuses),
        "versions": dict(sorted(seen.versions.items())),
        "latency_ms": {name: round(float(np.percentile(seen.latencies, part)), 1) for name, part in parts.items()},
    }


if __name__ == "__main__":
    sys.exit(main())

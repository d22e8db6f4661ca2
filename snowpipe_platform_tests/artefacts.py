"""A model's artefact made in a moment, its server, and what a client sees.

    folder = make_artefact(tmp_path / "1")
    with running(app) as client:
        assert client.get("/ping").status == 200

The model takes `orders`, `spend` and `recency`, and `region` where it is asked for; churn falls with orders. Another
`seed` is another model, whose answers differ.
"""

import http.client
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sklearn
import uvicorn
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from snowpipe_platform.errors import LakeError
from snowpipe_platform.records import Deployment
from snowpipe_platform.serving.artefact import folder_hash
from snowpipe_platform.serving.deployed import read_deployments, write_deployments
from snowpipe_platform.serving.server import listen
from snowpipe_platform.spec.consumption import UpstreamCommit

ROWS = 300
FEATURES = (
    {"name": "orders", "type": "int64", "default": 0, "min": 0, "max": 9},
    {"name": "spend", "type": "decimal(18, 2)", "default": "0.00", "min": "0.00", "max": "99.50"},
    {"name": "recency", "type": "int64", "default": None, "min": 0, "max": 365},
)
REGION = {"name": "region", "type": "string", "default": "north", "min": None, "max": None}
ROW = {"orders": 3, "spend": 20.5, "recency": 10}
SPEND_BOUND = 20


def make_artefact(folder: Path, *, seed: int = 0, with_region: bool = False, **signature: object) -> Path:
    """model.joblib and signature.json in a folder. signature: keys that say something else than is true."""
    frame = _training(seed)
    churned = (frame["orders"] + (frame["spend"] > SPEND_BOUND) - frame["recency"].fillna(300) / 200 < seed).to_numpy()
    model: Any = HistGradientBoostingClassifier(max_iter=10, random_state=seed, early_stopping=False)
    if with_region:
        encoded = make_column_transformer((OrdinalEncoder(), ["region"]), remainder="passthrough")
        model = make_pipeline(encoded, model).fit(frame, churned)
    else:
        model.fit(frame.drop(columns="region"), churned)
    folder.mkdir(parents=True)
    joblib.dump(model, folder / "model.joblib")
    told = {
        "model": "churn",
        "label": "churned",
        "features": [*FEATURES, *([REGION] if with_region else [])],
        "library": {"scikit-learn": sklearn.__version__},
    }
    (folder / "signature.json").write_text(json.dumps(told | signature))
    return folder


def _training(seed: int) -> pd.DataFrame:
    drawn = np.random.default_rng(seed)
    recency = drawn.integers(0, 366, ROWS).astype(float)
    recency[::10] = np.nan
    return pd.DataFrame(
        {
            "orders": drawn.integers(0, 10, ROWS).astype(float),
            "spend": drawn.uniform(0, 99.5, ROWS),
            "recency": recency,
            "region": pd.Series(drawn.choice(["north", "south"], ROWS), dtype=object),
        }
    )


def deploy(endpoint: Path, artefact: Path, version: int) -> Deployment:
    """As the endpoint writes it down."""
    known = read_deployments(endpoint)
    at = datetime(2024, 3, 1, 12, version)
    added = Deployment(
        number=len(known) + 1,
        action="deploy",
        model="churn",
        version=version,
        artefact=str(artefact),
        artefact_hash=folder_hash(artefact),
        deployed_at=at,
        before=known[-1].number if known else None,
    )
    write_deployments(endpoint, [*known, added])
    return added


@dataclass(frozen=True)
class Row:
    """Of the store; what the platform's has besides is not asked for."""

    event_time: datetime
    values: Mapping[str, object]


GROUP = "features/customer_activity"
REACHED = UpstreamCommit(1, 1, "content")


class Customers:
    """An online store in an SQLite file: customers by key, as of one instant."""

    def __init__(
        self, path: Path, rows: Mapping[int, Mapping[str, object]], reached: UpstreamCommit | None = REACHED
    ) -> None:
        self._path, self._reached = path, reached
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE rows (grouped TEXT, key INTEGER, told TEXT, PRIMARY KEY (grouped, key))")
            told = [(GROUP, key, json.dumps(values)) for key, values in rows.items()]
            database.executemany("INSERT INTO rows VALUES (?, ?, ?)", told)

    def get(self, group, keys):
        try:
            with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as database:
                marks = ", ".join("?" * len(keys))
                rows = database.execute(
                    f"SELECT key, told FROM rows WHERE grouped = ? AND key IN ({marks})", (group, *keys)
                )
                return {key: Row(datetime(2024, 3, 2), json.loads(told)) for key, told in rows}
        except sqlite3.Error as error:
            raise LakeError(f"{self._path.name} cannot be read ({error}).") from error

    def reached(self, group):
        return self._reached if group == GROUP else None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.text.splitlines()]


class Client:
    """Asks one address, over a connection for each question."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(self, body: Any, content_type: str | None = "application/json", **headers: str) -> Answer:
        raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        typed = {} if content_type is None else {"Content-Type": content_type}
        return self.ask("POST", "/invocations", raw, typed | {name.replace("_", "-"): v for name, v in headers.items()})

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection(*self._address, timeout=20)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())
        finally:
            connection.close()


@contextmanager
def running(app: Any) -> Iterator[Client]:
    """The application behind a real server, on a free port."""
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield Client(*listening.getsockname()[:2])
    finally:
        server.should_exit = True
        thread.join()
        listening.close()

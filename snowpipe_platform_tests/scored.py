"""A score table over the grouped ledger, and models of which `register` and `serve` make versions.

shop = scored_ledger(tmp_path)
serve(shop, register(shop, seed=1))
score(shop, D1)
"""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import ibis.expr.datatypes as dt
import joblib
import numpy as np
import pandera.ibis as pa
import sklearn
from sklearn.linear_model import LogisticRegression

from snowpipe_platform.execution.execute import TableResult
from snowpipe_platform.serving.batch import score_files
from snowpipe_platform.serving.loaded import load_model
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.model import ScoringJob
from snowpipe_platform.spec.model_version import ModelVersion, Served
from snowpipe_platform.spec.scores import ScoreTable
from snowpipe_platform_tests.evaluating import AT, candidate
from snowpipe_platform_tests.grouped import GROUP, STATES_TABLE, group, make
from snowpipe_platform_tests.ledger import CHANGES, Ledger

SCORES, JUDGED = "gold/item_scores", "gold/judged_items"


class ItemScores(pa.DataFrameModel):
    id: str
    gone: dt.float64 = pa.Field(in_range={"min_value": 0, "max_value": 1})
    model_version: dt.int32
    analysis_date: dt.date

    class Config:
        unique = ("id", "analysis_date")


class JudgedItems(pa.DataFrameModel):
    id: str
    gone: dt.float64 = pa.Field(nullable=True)
    analysis_date: dt.date


def scores(**declared: Any) -> ScoreTable:
    """`gold/item_scores`, unless `declared` says otherwise."""
    facts: dict[str, Any] = {
        "name": SCORES,
        "description": "Whether items go.",
        "contract": ItemScores,
        "source": GROUP,
        "model": "churn",
        "score": "gone",
        "defined_in": "shop/item_scores.py",
    }
    return ScoreTable(**{**facts, **declared})


def judged(inputs: Any, _on: date) -> Any:
    items, found = latest(inputs[CHANGES.name], key=["id"]), inputs[SCORES]
    return items.left_join(found.select("id", "gone"), "id").select("id", "gone")


JUDGED_TABLE = AsOfTable(
    name=JUDGED,
    description="Items, and whether they go.",
    contract=JudgedItems,
    inputs=(CHANGES.name,),
    scores=(SCORES,),
    build=judged,
    defined_in="shop/judged_items.py",
)


class InThisProcess:
    """The `Scorer` without a process of its own."""

    def score(self, job: ScoringJob) -> None:
        model = load_model(job.artefact, version=job.version)
        score_files(model, job.rows, key=job.key, answers=job.answers)


def scored_ledger(folder: Path) -> Ledger:
    ledger = Ledger(folder, (CHANGES, STATES_TABLE, group(), scores(), JUDGED_TABLE))
    ledger.ground = ledger.swap(models=replace(ledger.ground.models, scorer=InThisProcess()))
    return ledger


def make_model(folder: Path, *, seed: int = 1, **signature: Any) -> Path:
    """Items go the likelier the smaller their amount is; with another seed, by another amount."""
    amounts = np.arange(10.0).reshape(-1, 1)
    model = LogisticRegression().fit(amounts, amounts[:, 0] < 4 + seed)
    folder.mkdir(parents=True)
    joblib.dump(model, folder / "model.joblib")
    feature = {"name": "amount", "type": "int64", "default": 0, "min": 0, "max": 9}
    told = {"model": "churn", "label": "gone", "features": [feature], "library": {"scikit-learn": sklearn.__version__}}
    (folder / "signature.json").write_text(json.dumps(told | signature))
    return folder


def register(ledger: Ledger, *, seed: int = 1, **signature: Any) -> ModelVersion:
    registry = ledger.ground.models.registry
    folder = make_model(ledger.folder / f"artefact-{len(registry.versions('churn'))}", seed=seed, **signature)
    return registry.register(candidate(training_set=str(seed)), artefact=folder)


def serve(ledger: Ledger, version: ModelVersion) -> None:
    served = Served(version=version.number, action="deploy", by="ann", at=AT, reason="better")
    ledger.ground.models.registry.record_served("churn", served)


def score(ledger: Ledger, *dates: date) -> list[TableResult]:
    """The dates made, of the group too; the score table's results."""
    make(ledger, *dates)
    return [ledger.run(SCORES, on.isoformat()) for on in dates]

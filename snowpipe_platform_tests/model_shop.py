"""TinyShop with a model: a version is registered by hand, or trained by a script that fits nothing.

shop = ModelShop(tmp_path, monkeypatch)
shop.register()
assert shop.type("models", "approve", "churn", "1", "--reason", "good").exit_code == 0

bronze/orders > silver/order_changes > gold/order_states > features/orders > models/churn, which says of an order
whether it is left alone for a day. How good a version is says the script's hyperparameter roc_auc.
"""

import hashlib
import json
from datetime import datetime

from snowpipe_platform.backends.local_training import LocalTraining
from snowpipe_platform.backends.sqlite_registry import SqliteRegistry
from snowpipe_platform.records import TrainingSetRecord
from snowpipe_platform.settings import read_settings
from snowpipe_platform.spec.model_version import Served
from snowpipe_platform_tests.artefacts import deploy
from snowpipe_platform_tests.evaluating import AT, candidate, evaluation
from snowpipe_platform_tests.tiny import TinyShop

ORDER_STATES = """
import ibis.expr.datatypes as dt
import pandera.ibis as pa
from snowpipe_platform.spec.as_of import AsOfTable
from snowpipe_platform.spec.history import latest

class OrderStates(pa.DataFrameModel):
    order_id: str
    amount: dt.Decimal(18, 2) = pa.Field(nullable=True)
    analysis_date: dt.date

    class Config:
        unique = ("order_id", "analysis_date")

TABLE = AsOfTable(name="gold/order_states", contract=OrderStates, description="Orders as they were.",
    inputs=("silver/order_changes",), build=lambda i, _on: latest(i["silver/order_changes"], key=["order_id"]))
"""
ORDERS = """
from snowpipe_platform.spec.feature import Feature, FeatureGroup

TABLE = FeatureGroup(name="features/orders", description="What is known of an order.", source="gold/order_states",
    entity="order_id", entity_type="string", version=1,
    features=(Feature(name="amount", type="decimal(18, 2)", description="as it was", default=0),))
"""
TRAINING_SET = """
from datetime import timedelta
from snowpipe_platform.spec.history import latest
from snowpipe_platform.spec.label import Label, TrainingSet
from snowpipe_platform.spec.table import CHANGED_AT

CHANGES = "silver/order_changes"

def churned(known, later, at, until):
    changed = later[CHANGES].filter(later[CHANGES][CHANGED_AT] >= at)
    orders = latest(known[CHANGES], key=["order_id"])
    return orders.select("order_id", churned=orders.order_id.notin(changed.order_id))

def midnights(first, last):
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]

TRAINING_SET = TrainingSet(name="churn", description="Orders, and whether they are left alone.", owners=("team:crm",),
    group="features/orders", labels_at=midnights, max_age=timedelta(days=7),
    label=Label(name="churned", inputs=(CHANGES,), horizon=timedelta(days=1), build=churned))
"""
CHURN = """
from datetime import timedelta
from snowpipe_platform.spec.gates import AtLeast, NotWorseThanChampion
from snowpipe_platform.spec.model import Model

MODEL = Model(name="churn", description="Who leaves.", owners=("team:crm",), label="churned",
    horizon=timedelta(days=1), training=__name__.removesuffix("model") + "train", hyperparameters={"roc_auc": 0.8},
    gates=(AtLeast("roc_auc", 0.6), NotWorseThanChampion("roc_auc", by=0.01)))
"""
TRAIN = """
import json, os, pathlib, sys

def train():
    (record,) = (json.loads(p.read_text()) for p in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).glob("*.json"))
    given, folder = json.loads(os.environ["SM_HPS"]), pathlib.Path(os.environ["SM_MODEL_DIR"])
    print(f"fitting on {record['rows']} rows", flush=True)
    def measured(roc_auc):
        return {"roc_auc": roc_auc, "average_precision": 0.7, "brier": 0.15, "calibration_error": None}
    metrics = {"model": measured(given["roc_auc"]), "baseline": measured(0.61)}
    champion = None
    if given["champion_version"]:
        champion = {"version": given["champion_version"], "problem": ""}
        known = json.loads(pathlib.Path(os.environ["SM_CHANNEL_CHAMPION"], "evaluation.json").read_text())
        metrics["champion"] = known["metrics"]["model"]
    groups = [{"dimension": "region", "name": "North", "rows": 900, "positives": 400, "metrics": measured(0.71)}]
    told = {"model": "churn", "training_set": {"hash": record["hash"]}, "metrics": metrics, "groups": groups,
            "champion": champion}
    feature = {"name": "amount", "type": "decimal(18, 2)", "default": "0", "min": 1, "max": 9}
    signature = {"model": "churn", "label": "churned", "features": [feature]}
    written = {"evaluation.json": json.dumps(told), "signature.json": json.dumps(signature), "model.joblib": "",
               "roc.svg": "<svg/>", "card.md": "# Churn\\n\\n![ROC](roc.svg)\\n\\nFor all.\\n", "card.html": "<p>"}
    for name, text in written.items():
        (folder / name).write_text(text)

if __name__ == "__main__":
    train()
"""
SERVE = """
import os, pathlib, sys

sys.exit(None if pathlib.Path(os.environ["SM_MODEL_DIR"], "model.joblib").is_file() else "there is no model")
"""
FILES = {
    "gold/order_states.py": ORDER_STATES,
    "features/__init__.py": "",
    "features/orders.py": ORDERS,
    "models/__init__.py": "",
    "models/churn/__init__.py": "",
    "models/churn/model.py": CHURN,
    "models/churn/serve.py": SERVE,
    "models/churn/train.py": TRAIN,
    "models/churn/training_set.py": TRAINING_SET,
}
SIGNATURE = {
    "model": "churn",
    "label": "churned",
    "features": [{"name": "amount", "type": "decimal(18, 2)", "default": "0"}],
}
LINEAGE = {"feature_group": "features/orders", "feature_group_version": 1}


class ModelShop(TinyShop):
    """Whoever is asked says yes."""

    def __init__(self, folder, monkeypatch):
        super().__init__(folder, monkeypatch, more=FILES)
        monkeypatch.setattr("snowpipe_platform.commands.deciding._is_asked", lambda: False)

    @property
    def registry(self):
        return SqliteRegistry(read_settings().models_folder)

    def register(self, found=None, *, signature=SIGNATURE, **changed):
        folder = self.folder / "artefact"
        folder.mkdir(exist_ok=True)
        for name in ("card.html", "model.joblib"):
            (folder / name).touch()
        (folder / "signature.json").write_text(json.dumps(signature))
        (folder / "evaluation.json").write_text(json.dumps((found or evaluation()).document))
        made_of = f"{len(self.registry.versions('churn')) + 1:064x}"
        wanted = candidate(
            **{"evaluation": found or evaluation(), "training_set": made_of, "lineage": LINEAGE} | changed
        )
        return self.registry.register(wanted, artefact=folder)

    def serve(self, number):
        """As if it had been deployed on 2024-03-02."""
        deploy(self.home / "endpoint", self.home / "models" / "churn" / str(number), number)
        served = Served(version=number, action="deploy", by="ann", at=AT, reason="the first")
        self.registry.record_served("churn", served)

    def keep_training_set(self, content="rows", *, day=1):
        """A training set as if it had been made on a day; its hash."""
        digest = hashlib.sha256(content.encode()).hexdigest()
        record = TrainingSetRecord(
            name="churn",
            hash=digest,
            rows=40,
            first_label_at=datetime(2024, 3, 2),
            last_label_at=datetime(2024, 3, 3),
            inputs={},
            code_version="c0de",
            created_at=datetime(2024, 3, day),
            defaults={},
            **LINEAGE,
        )
        LocalTraining(read_settings().training_folder).put(record, content.encode())
        return digest

    def days(self):
        """Four days with orders, through every table: dates of which three have labels. o1 changes on the third."""
        self.orders(("o1", "13.50", "2024-03-03 12:00"))
        for day in range(1, 5):
            self.orders((f"o{day}", "12.50", f"2024-03-0{day} 10:00"))
            self.end_day(f"2024-03-0{day}")
        return self.type("run", "--from", "2024-03-01", "--to", "2024-03-04")

    def worsen(self, roc_auc):
        """What is trained from now on is as good as that."""
        self.edit("models/churn/model.py", CHURN.replace('{"roc_auc": 0.8}', f'{{"roc_auc": {roc_auc}}}'))
